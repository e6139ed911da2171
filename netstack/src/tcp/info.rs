//! TCP_INFO: what a connection knows of itself and its path.

use core::time::Duration;

use super::congestion::{CongestionControl, Phase};
use super::state::State;
use super::{Tcp, output};
use crate::error::Error;
use crate::event::SocketId;

/// Where loss recovery stands (`tcpi_ca_state`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CaState {
    /// Nothing is out of the ordinary.
    Open,
    /// Duplicate ACKs or SACK blocks came: a loss, or reordering.
    Disorder,
    /// The window comes down because of ECN.
    Cwr,
    /// Fast recovery.
    Recovery,
    /// After a time-out.
    Loss,
}

impl From<Phase> for CaState {
    fn from(phase: Phase) -> CaState {
        match phase {
            Phase::Open => CaState::Open,
            Phase::Disorder => CaState::Disorder,
            Phase::Cwr => CaState::Cwr,
            Phase::Recovery => CaState::Recovery,
            Phase::Loss => CaState::Loss,
        }
    }
}

/// What a connection knows of itself and its path: fields of Linux's `tcp_info`, without `tcpi_`. Where Linux counts
/// segments (`unacked`, `sacked`, `lost`, `retrans`, `delivered`, both windows) this counts bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpInfo {
    /// The state.
    pub state: State,
    /// Where loss recovery stands.
    pub ca_state: CaState,
    /// The congestion control.
    pub congestion_control: CongestionControl,
    /// Time-outs in a row without an answer.
    pub retransmits: u8,
    /// Keep-alive probes in a row without an answer.
    pub probes: u8,
    /// Times that the time-out was doubled since the last answer.
    pub backoff: u8,
    /// Both sides use timestamps.
    pub timestamps: bool,
    /// Both sides use SACK.
    pub sack: bool,
    /// Both sides use ECN.
    pub ecn: bool,
    /// The shift of the peer's window; zero where no scaling was agreed on.
    pub snd_wscale: u8,
    /// The shift of our window; likewise.
    pub rcv_wscale: u8,
    /// The retransmission time-out, with back-off.
    pub rto: Duration,
    /// The estimated time between two of the peer's segments, by which ACKs are delayed; zero before the first one.
    pub ato: Duration,
    /// Smoothed round-trip time; zero before the first measurement.
    pub rtt: Duration,
    /// Its mean deviation.
    pub rttvar: Duration,
    /// The shortest round-trip time of the last five minutes; zero before the first measurement.
    pub min_rtt: Duration,
    /// The largest IP packet that is sent.
    pub pmtu: u32,
    /// Payload bytes of a full segment.
    pub snd_mss: u32,
    /// The largest payload that the peer has sent in a segment.
    pub rcv_mss: u32,
    /// The MSS that we have asked for.
    pub advmss: u32,
    /// Congestion window in bytes.
    pub snd_cwnd: u32,
    /// Slow start threshold in bytes.
    pub snd_ssthresh: u32,
    /// Bytes a second that are sent at most; `None`: not paced.
    pub pacing_rate: Option<u64>,
    /// The limit that was set (SO_MAX_PACING_RATE).
    pub max_pacing_rate: Option<u64>,
    /// What the path has delivered lately, in bytes a second; zero before the first measurement.
    pub delivery_rate: u64,
    /// That rate was as high as the application sent, and not as the path goes.
    pub delivery_rate_app_limited: bool,
    /// What the peer lets us send, in bytes.
    pub snd_wnd: u32,
    /// What the peer may still send, in bytes.
    pub rcv_wnd: u32,
    /// Bytes sent and not acknowledged.
    pub unacked: u64,
    /// Of these: bytes that the peer has, by its SACK blocks.
    pub sacked: u32,
    /// Of these: bytes that count as lost and were not sent again yet (in Linux those that were are among them).
    pub lost: u32,
    /// Of these: bytes that were sent again and are on their way.
    pub retrans: u32,
    /// Bytes written and never sent.
    pub notsent_bytes: u32,
    /// Segments that the path may reorder before a hole counts as a loss.
    pub reordering: u32,
    /// Times that the path has reordered segments.
    pub reord_seen: u32,
    /// Segments that the peer got twice, by its DSACKs.
    pub dsack_dups: u32,
    /// Segments sent again, in all.
    pub total_retrans: u64,
    /// Round-trip time as the receiver measures it; zero before it could.
    pub rcv_rtt: Duration,
    /// Bytes that the application reads in such a time.
    pub rcv_space: u32,
    /// How long something was written and not acknowledged.
    pub busy_time: Duration,
    /// Of this: how long the peer's window held it back.
    pub rwnd_limited: Duration,
    /// Of this: how long the application had more to write, all that the send buffer takes was out, and cwnd had room.
    pub sndbuf_limited: Duration,
    /// Bytes that have arrived at the peer, in order or not.
    pub delivered: u64,
    /// Bytes that the peer acknowledged.
    pub bytes_acked: u64,
    /// Bytes received in order.
    pub bytes_received: u64,
    /// Since data were sent last.
    pub last_data_sent: Duration,
    /// Since an acceptable segment of the peer came last: each has an ACK.
    pub last_ack_recv: Duration,
}

impl Tcp {
    pub(crate) fn info(&self, id: SocketId) -> Result<TcpInfo, Error> {
        let c = self.socket(id)?;
        let (delivery_rate, delivery_rate_app_limited) = c.rate.delivery_rate().unwrap_or_default();
        let times = c.chrono.times(self.now);
        Ok(TcpInfo {
            state: c.machine.get(),
            ca_state: c.recovery.phase.into(),
            congestion_control: c.cc.kind(),
            retransmits: c.snd.retries,
            probes: c.snd.keepalive_probes,
            backoff: c.rtt.backoff(),
            timestamps: c.timestamps.is_some(),
            sack: c.snd.sack,
            ecn: c.ecn.ok,
            snd_wscale: c.snd.scale,
            rcv_wscale: c.rcv.scale,
            rto: Duration::from_nanos(c.rto(&self.config)),
            ato: c.rcv.delayed.ato(),
            rtt: c.rtt.srtt().unwrap_or_default(),
            rttvar: c.rtt.rttvar().unwrap_or_default(),
            min_rtt: Duration::from_nanos(c.rtt.min().unwrap_or(0)),
            pmtu: u32::from(c.snd.mss + c.headers()),
            snd_mss: u32::from(c.snd.mss),
            rcv_mss: u32::from(c.rcv.mss),
            advmss: u32::from(c.within_maxseg(output::link_mss(&self.link))),
            snd_cwnd: c.cc.cwnd(),
            snd_ssthresh: c.cc.ssthresh(),
            pacing_rate: c.pacing.as_ref().map(|pacing| pacing.rate()),
            max_pacing_rate: c.own_options().and_then(|options| options.max_pacing_rate),
            delivery_rate,
            delivery_rate_app_limited,
            snd_wnd: c.snd.wnd,
            rcv_wnd: c.rcv.wnd(),
            unacked: u64::from(c.snd.flight()),
            sacked: c.flight.sacked_bytes(),
            lost: c.flight.lost_bytes(),
            retrans: c.flight.resent_bytes(),
            notsent_bytes: c.notsent(),
            reordering: c.recovery.reordering,
            reord_seen: c.recovery.reord_seen,
            dsack_dups: c.recovery.dsack_dups,
            total_retrans: c.snd.retransmits,
            rcv_rtt: Duration::from_micros(u64::from(c.rcv.space.rtt_micros())),
            rcv_space: c.rcv.space.space(),
            busy_time: times.busy,
            rwnd_limited: times.window,
            sndbuf_limited: times.buffer,
            delivered: c.rate.delivered(),
            bytes_acked: c.snd.bytes_acked,
            bytes_received: c.rcv.bytes,
            last_data_sent: self.now - c.snd.last_sent,
            last_ack_recv: self.now - c.rcv.heard,
        })
    }
}
