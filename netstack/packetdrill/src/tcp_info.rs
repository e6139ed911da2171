//! Linux's `struct tcp_info`.

use corelane_netstack::{State, TcpInfo};

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
    let mss = u64::from(info.snd_mss.max(1));
    out.put(0, &[state(info.state)]);
    out.u32(8, info.rto.as_micros());
    out.u32(16, info.snd_mss);
    out.u32(24, info.unacked.div_ceil(mss));
    out.u32(68, info.rtt.as_micros());
    out.u32(72, info.rttvar.as_micros());
    out.u32(76, u64::from(info.snd_ssthresh) / mss);
    out.u32(80, u64::from(info.snd_cwnd) / mss);
    out.u32(100, info.total_retrans);
    out.u64(120, info.bytes_acked);
    out.u64(128, info.bytes_received);
    out.u32(228, info.snd_wnd);
    out.u32(232, info.rcv_wnd);
    out.0.to_vec()
}
