//! Settings of TCP, with Linux's names, units and defaults.

use core::time::Duration;

use crate::tcp::CongestionControl;

/// Sizes of a connection's buffer in bytes: the vector of three of Linux's `tcp_rmem` and `tcp_wmem`.
///
/// A number alone, `65536.into()`, is a size that stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BufferSizes {
    /// What is left to a connection when memory runs low.
    pub min: usize,
    /// What a connection starts with.
    pub default: usize,
    /// How far tuning goes.
    pub max: usize,
}

impl From<usize> for BufferSizes {
    fn from(size: usize) -> BufferSizes {
        BufferSizes { min: size, default: size, max: size }
    }
}

impl From<[usize; 3]> for BufferSizes {
    fn from([min, default, max]: [usize; 3]) -> BufferSizes {
        BufferSizes { min, default, max }
    }
}

/// Settings of TCP: `net.ipv4.tcp_*` and `net.core.somaxconn`.
#[derive(Debug, Clone)]
pub struct TcpConfig {
    /// The receive buffer of a connection.
    pub tcp_rmem: BufferSizes,
    /// `tcp_moderate_rcvbuf`: whether receive buffers grow with what the application reads in a round trip.
    pub tcp_moderate_rcvbuf: bool,
    /// The send buffer of a connection: its size at the start, which grows to twice the congestion window up to `max`. Counted
    /// as in Linux: see [`SocketOptions::send_buffer`](crate::SocketOptions::send_buffer). With no more than `min` in it an
    /// orphan stays when memory runs low.
    pub tcp_wmem: BufferSizes,
    /// Bytes that all connections together may hold in copies: written and not acknowledged, or copied out of the
    /// device's buffers. Half of it in buffers of 512 bytes, half in buffers of 16 KiB.
    pub tcp_mem: usize,
    /// `tcp_window_scaling`.
    pub tcp_window_scaling: bool,
    /// `tcp_timestamps`.
    pub tcp_timestamps: bool,
    /// `tcp_sack`: whether both sides may tell by SACK blocks what arrived out of order.
    pub tcp_sack: bool,
    /// `tcp_dsack`: whether the peer is told by SACK blocks what arrived twice.
    pub tcp_dsack: bool,
    /// `tcp_ecn`: 0 no ECN, 1 asks for it and answers, 2 answers only.
    pub tcp_ecn: u8,
    /// `tcp_ecn_fallback`: a SYN that asks for ECN and is lost goes again without.
    pub tcp_ecn_fallback: bool,
    /// SYNs resent before an active opening gives up.
    pub tcp_syn_retries: u8,
    /// SYN-ACKs resent before a half-open connection is dropped.
    pub tcp_synack_retries: u8,
    /// Retransmissions without an answer before the way to the peer is doubted: its neighbour is asked for again.
    pub tcp_retries1: u8,
    /// Retransmissions without an answer before an open connection gives up, reckoned as a time that doubles from 200 ms up to
    /// `tcp_rto_max`: 15 are 924.6 s, whatever the path's RTO is.
    pub tcp_retries2: u8,
    /// The same for a connection that no application holds any more; 0 means 8 while its RTO grows, and none after that.
    pub tcp_orphan_retries: u8,
    /// The largest backlog of a listener.
    pub somaxconn: usize,
    /// Half-open connections of one listener, which has no more than its backlog either.
    pub tcp_max_syn_backlog: usize,
    /// SYN cookies: 0 never, 1 when the SYN queue is full, 2 always.
    pub tcp_syncookies: u8,
    /// Fast Open (RFC 7413), bits as in Linux: 1 client, 2 server, 4 client without a cookie, 0x200 server without a cookie, 0x400
    /// every listener has it. Off by default, where Linux has 1: data of a SYN may arrive twice.
    pub tcp_fastopen: u32,
    /// Answer with RST when the accept queue is full, instead of dropping the ACK.
    pub tcp_abort_on_overflow: bool,
    /// Idle time before the first keep-alive probe.
    pub tcp_keepalive_time: Duration,
    /// Between two probes.
    pub tcp_keepalive_intvl: Duration,
    /// Probes without an answer before the connection is dropped.
    pub tcp_keepalive_probes: u8,
    /// How long an orphaned connection stays in FIN-WAIT-2; at least 3.5 RTO.
    pub tcp_fin_timeout: Duration,
    /// How long a TIME-WAIT record is kept.
    pub tcp_timewait_len: Duration,
    /// TIME-WAIT records at most.
    pub tcp_max_tw_buckets: usize,
    /// Whether a connection opened from here may take the place of a TIME-WAIT record: 0 no, 1 once the record is a second old and
    /// both sides have timestamps, 2 only to this host, to which there are no connections: as 0.
    pub tcp_tw_reuse: u8,
    /// Whether TIME-WAIT ignores a RST (RFC 1337). Linux's default is `false`: a RST ends it, so that segments of the old
    /// connection may be taken for a new one's.
    pub tcp_rfc1337: bool,
    /// Connections without an application at most; those beyond are reset.
    pub tcp_max_orphans: usize,
    /// Bytes that were written and never sent, from which on no other frame begins (TCP_NOTSENT_LOWAT).
    pub tcp_notsent_lowat: u32,
    /// The first and the last ephemeral port.
    pub ip_local_port_range: (u16, u16),
    /// The congestion control of new connections (`tcp_congestion_control`).
    pub tcp_congestion_control: CongestionControl,
    /// How CUBIC leaves its first slow start, beside by a loss: 0 not at all, 1 by HyStart++ (RFC 9406), 2 by the HyStart before
    /// it, as Linux's tcp_cubic with its parameter `hystart`: it ends at once, also by a train of ACKs.
    pub hystart: u8,
    /// Whether a time-out is looked at as possibly spurious (F-RTO, RFC 5682; Linux's 1 and 2 are both on).
    pub tcp_frto: bool,
    /// Tail loss probes (RFC 8985 7; Linux's 3 is on).
    pub tcp_early_retrans: bool,
    /// Whether cwnd shrinks while nothing is sent for longer than an RTO (RFC 5681 4.1).
    pub tcp_slow_start_after_idle: bool,
    /// The smallest RTO.
    pub tcp_rto_min: Duration,
    /// The largest RTO.
    pub tcp_rto_max: Duration,
    /// The longest delay of an ACK. It is 40 ms unless the peer's segments come farther apart.
    pub tcp_delack_max: Duration,
    /// Whether the MTU of a path is found out by what arrives (RFC 4821): 0 never, 1 after `tcp_retries1` time-outs, 2 always. As in
    /// Linux it is 0; then a path that swallows long segments, and whose routers say nothing, stands still.
    pub tcp_mtu_probing: u8,
    /// Where that begins: payload bytes of a segment.
    pub tcp_base_mss: u16,
    /// No shorter segments are tried.
    pub tcp_mtu_probe_floor: u16,
    /// The search ends when its bounds are so near, in bytes.
    pub tcp_probe_threshold: u16,
    /// After this time it begins anew.
    pub tcp_probe_interval: Duration,
    /// At least this long between two ACKs sent for segments out of the window.
    pub tcp_invalid_ratelimit: Duration,
    /// Challenge ACKs a second, of all connections together (RFC 5961); half as many more or less, so that it can't be counted.
    /// Linux has no such limit since 6.0, only that of each connection; `u32::MAX` does the same here.
    pub tcp_challenge_ack_limit: u32,
    /// Segments of the initial congestion window (RFC 6928).
    pub initial_cwnd: u32,
    /// Segments of a frame at least, where a device cuts them and there is so much to send.
    pub tcp_min_tso_segs: u32,
    /// Where a device cuts segments: the part of the windows that is sent at once, and not held back for an ACK to make it more. 3 is a third.
    pub tcp_tso_win_divisor: u32,
    /// Connections at most, all states but TIME-WAIT. And as many of their RSTs as may wait for the device.
    pub max_connections: usize,
    /// Whether the segments that a connection expects, and those that it mostly sends, take a short way through the stack
    /// (Van Jacobson's header prediction). Without it the same segments go out, at a higher cost: for tests.
    pub header_prediction: bool,
}

impl Default for TcpConfig {
    fn default() -> TcpConfig {
        TcpConfig {
            tcp_rmem: BufferSizes { min: 4096, default: 131_072, max: 6 << 20 },
            tcp_moderate_rcvbuf: true,
            tcp_wmem: BufferSizes { min: 4096, default: 16 << 10, max: 4 << 20 },
            tcp_mem: 128 << 20,
            tcp_window_scaling: true,
            tcp_timestamps: true,
            tcp_sack: true,
            tcp_dsack: true,
            tcp_ecn: 2,
            tcp_ecn_fallback: true,
            tcp_syn_retries: 6,
            tcp_synack_retries: 5,
            tcp_retries1: 3,
            tcp_retries2: 15,
            tcp_orphan_retries: 0,
            somaxconn: 4096,
            tcp_max_syn_backlog: 4096,
            tcp_syncookies: 1,
            tcp_fastopen: 0,
            tcp_abort_on_overflow: false,
            tcp_keepalive_time: Duration::from_secs(7200),
            tcp_keepalive_intvl: Duration::from_secs(75),
            tcp_keepalive_probes: 9,
            tcp_fin_timeout: Duration::from_secs(60),
            tcp_timewait_len: Duration::from_secs(60),
            tcp_max_tw_buckets: 262_144,
            tcp_tw_reuse: 2,
            tcp_rfc1337: true,
            tcp_max_orphans: 65_536,
            tcp_notsent_lowat: u32::MAX,
            ip_local_port_range: (32_768, 60_999),
            tcp_congestion_control: CongestionControl::Cubic,
            hystart: 1,
            tcp_frto: true,
            tcp_early_retrans: true,
            tcp_slow_start_after_idle: true,
            tcp_rto_min: Duration::from_millis(200),
            tcp_rto_max: Duration::from_secs(120),
            tcp_delack_max: Duration::from_millis(200),
            tcp_mtu_probing: 0,
            tcp_base_mss: 1024,
            tcp_mtu_probe_floor: 48,
            tcp_probe_threshold: 8,
            tcp_probe_interval: Duration::from_secs(600),
            tcp_invalid_ratelimit: Duration::from_millis(500),
            tcp_challenge_ack_limit: 1000,
            initial_cwnd: 10,
            tcp_min_tso_segs: 2,
            tcp_tso_win_divisor: 3,
            max_connections: 1 << 20,
            header_prediction: true,
        }
    }
}
