//! Linux's `struct tcp_info`.

use corelane_netstack::{CaState, State, TcpInfo};

/// Bytes of the struct in linux/tcp.h of Linux 6.18, the counters of accurate ECN at its end included.
const LEN: usize = 280;

/// The numbers of the states in include/net/tcp_states.h.
fn state(state: State) -> u8 {
    match state {
        State::Established => 1,
        State::SynSent => 2,
        State::SynReceived => 3,
        State::FinWait1 => 4,
        State::FinWait2 => 5,
        State::TimeWait => 6,
        State::Closed => 7,
        State::CloseWait => 8,
        State::LastAck => 9,
        State::Listen => 10,
        State::Closing => 11,
    }
}

/// The numbers of `enum tcp_ca_state` in linux/tcp.h.
fn ca_state(state: CaState) -> u8 {
    match state {
        CaState::Open => 0,
        CaState::Disorder => 1,
        CaState::Cwr => 2,
        CaState::Recovery => 3,
        CaState::Loss => 4,
    }
}

/// A struct as bytes.
struct Struct([u8; LEN]);

impl Struct {
    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn u32(&mut self, at: usize, value: impl TryInto<u32>) {
        self.put(at, &value.try_into().unwrap_or(u32::MAX).to_ne_bytes());
    }

    fn u64(&mut self, at: usize, value: u64) {
        self.put(at, &value.to_ne_bytes());
    }
}

/// The struct's bytes; `None`: a socket that is not connected.
pub(crate) fn encode(info: Option<&TcpInfo>) -> Vec<u8> {
    let mut out = Struct([0; LEN]);
    let Some(info) = info else {
        out.put(0, &[state(State::Closed)]);
        return out.0.to_vec();
    };
    // Linux counts segments.
    let mss = info.snd_mss.max(1);
    let segments = |bytes: u32| bytes.div_ceil(mss);
    let ssthresh =
        if info.snd_ssthresh >= i32::MAX as u32 { i32::MAX as u32 } else { info.snd_ssthresh / mss };
    let options = u8::from(info.timestamps) | u8::from(info.sack) << 1 | u8::from(info.snd_wscale > 0) << 2;
    out.put(
        0,
        &[state(info.state), ca_state(info.ca_state), info.retransmits, info.probes, info.backoff, options],
    );
    out.put(6, &[info.snd_wscale | info.rcv_wscale << 4, u8::from(info.delivery_rate_app_limited)]);
    out.u32(8, info.rto.as_micros());
    out.u32(16, info.snd_mss);
    out.u32(20, info.rcv_mss);
    out.u32(24, info.unacked.div_ceil(mss.into()));
    out.u32(28, segments(info.sacked));
    out.u32(32, segments(info.lost + info.retrans)); // those that were sent again are among Linux's
    out.u32(36, segments(info.retrans));
    out.u32(44, info.last_data_sent.as_millis());
    out.u32(52, info.last_ack_recv.as_millis());
    out.u32(56, info.last_ack_recv.as_millis());
    out.u32(68, info.rtt.as_micros());
    out.u32(72, info.rttvar.as_micros());
    out.u32(76, ssthresh);
    out.u32(80, info.snd_cwnd / mss);
    out.u32(84, info.advmss);
    out.u32(88, info.reordering);
    out.u32(100, info.total_retrans);
    out.u64(104, info.pacing_rate.unwrap_or(u64::MAX));
    out.u64(120, info.bytes_acked);
    out.u64(128, info.bytes_received);
    out.u32(144, info.notsent_bytes);
    out.u32(148, info.min_rtt.as_micros());
    out.u64(160, info.delivery_rate);
    out.u64(168, info.busy_time.as_micros() as u64); // far below 2^63, as the next two
    out.u64(176, info.rwnd_limited.as_micros() as u64);
    out.u64(184, info.sndbuf_limited.as_micros() as u64);
    out.u32(192, info.delivered.div_ceil(mss.into()));
    out.u32(216, info.dsack_dups);
    out.u32(220, info.reord_seen);
    out.u32(228, info.snd_wnd);
    out.u32(232, info.rcv_wnd);
    out.0.to_vec()
}
