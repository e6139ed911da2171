//! TCP_INFO: what a connection knows of itself and its path.

use core::time::Duration;

use super::Tcp;
use super::state::State;
use crate::error::Error;
use crate::event::SocketId;

/// What a connection knows of its path: fields of Linux's `tcp_info`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpInfo {
    /// The state.
    pub state: State,
    /// Smoothed round-trip time; zero before the first measurement.
    pub rtt: Duration,
    /// Its mean deviation.
    pub rttvar: Duration,
    /// The retransmission time-out, with back-off.
    pub rto: Duration,
    /// Times that it was doubled since the last answer.
    pub backoff: u8,
    /// The shortest round-trip time of the last five minutes; zero before the first measurement.
    pub min_rtt: Duration,
    /// What the path has delivered lately, in bytes a second; zero before the first measurement.
    pub delivery_rate: u64,
    /// That rate was as high as the application sent, and not as the path goes.
    pub delivery_rate_app_limited: bool,
    /// Bytes a second at which segments leave; `None` where nothing paces them.
    pub pacing_rate: Option<u64>,
    /// Congestion window in bytes.
    pub snd_cwnd: u32,
    /// Slow start threshold in bytes.
    pub snd_ssthresh: u32,
    /// Payload bytes of a full segment.
    pub snd_mss: u32,
    /// What the peer may still send, in bytes.
    pub rcv_wnd: u32,
    /// What the peer lets us send, in bytes.
    pub snd_wnd: u32,
    /// Bytes sent and not acknowledged.
    pub unacked: u64,
    /// Segments sent again.
    pub total_retrans: u64,
    /// Round-trip time as the receiver measures it; zero before it could.
    pub rcv_rtt: Duration,
    /// Bytes that the application reads in such a time.
    pub rcv_space: u32,
    /// Bytes received in order.
    pub bytes_received: u64,
    /// Bytes that the peer acknowledged.
    pub bytes_acked: u64,
}

impl Tcp {
    pub(crate) fn info(&self, id: SocketId) -> Result<TcpInfo, Error> {
        let c = self.socket(id)?;
        let (delivery_rate, delivery_rate_app_limited) = c.rate.delivery_rate().unwrap_or_default();
        Ok(TcpInfo {
            state: c.machine.get(),
            rtt: c.rtt.srtt().unwrap_or_default(),
            rttvar: c.rtt.rttvar().unwrap_or_default(),
            rto: Duration::from_nanos(c.rto(&self.config)),
            backoff: c.rtt.backoff(),
            min_rtt: Duration::from_nanos(c.rtt.min().unwrap_or(0)),
            delivery_rate,
            pacing_rate: c.pacing.as_ref().map(|pacing| pacing.rate()),
            delivery_rate_app_limited,
            snd_cwnd: c.cc.cwnd(),
            snd_ssthresh: c.cc.ssthresh(),
            snd_mss: u32::from(c.snd.mss),
            rcv_wnd: c.rcv.wnd(),
            snd_wnd: c.snd.wnd,
            unacked: u64::from(c.snd.flight()),
            total_retrans: c.snd.retransmits,
            rcv_rtt: Duration::from_micros(u64::from(c.rcv.space.rtt_micros())),
            rcv_space: c.rcv.space.space(),
            bytes_received: c.rcv.bytes,
            bytes_acked: c.snd.bytes_acked,
        })
    }
}
