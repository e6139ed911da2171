//! Settings, with Linux's names, units and defaults where Linux has them.

use alloc::vec::Vec;
use core::net::Ipv4Addr;
use core::time::Duration;

use corelane_nic::{Medium, NicInfo, Offloads};

/// An address with the length of its network's prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ipv4Cidr {
    /// The address.
    pub address: Ipv4Addr,
    /// Bits of the network part, 0 to 32.
    pub prefix_len: u8,
}

impl Ipv4Cidr {
    /// `None` when `prefix_len` exceeds 32.
    pub const fn new(address: Ipv4Addr, prefix_len: u8) -> Option<Ipv4Cidr> {
        if prefix_len <= 32 { Some(Ipv4Cidr { address, prefix_len }) } else { None }
    }

    /// The network mask as a number.
    pub const fn mask(&self) -> u32 {
        match self.prefix_len {
            0 => 0,
            n if n >= 32 => u32::MAX,
            n => u32::MAX << (32 - n),
        }
    }

    /// Whether `address` is in this network.
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        (u32::from(address) ^ u32::from(self.address)) & self.mask() == 0
    }

    /// The directed broadcast address; `None` for /31 and /32, which have none (RFC 3021).
    pub fn broadcast(&self) -> Option<Ipv4Addr> {
        (self.prefix_len < 31).then(|| Ipv4Addr::from(u32::from(self.address) | !self.mask()))
    }
}

impl core::str::FromStr for Ipv4Cidr {
    type Err = CidrError;
    /// Reads `10.0.0.2/24`.
    fn from_str(s: &str) -> Result<Ipv4Cidr, CidrError> {
        let (address, len) = s.split_once('/').ok_or(CidrError)?;
        let cidr =
            Ipv4Cidr::new(address.parse().map_err(|_| CidrError)?, len.parse().map_err(|_| CidrError)?);
        cidr.ok_or(CidrError)
    }
}

impl core::fmt::Display for Ipv4Cidr {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_len)
    }
}

/// The text is not ADDRESS/PREFIX, such as 10.0.0.2/24.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CidrError;

impl core::fmt::Display for CidrError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("expected an address with its prefix length, such as 10.0.0.2/24")
    }
}

impl core::error::Error for CidrError {}

/// A route besides those of the addresses' own networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteConfig {
    /// The network it leads to; 0.0.0.0/0 is the default route.
    pub destination: Ipv4Cidr,
    /// The next hop.
    pub gateway: Ipv4Addr,
}

/// What the stack must know of its device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Ethernet with our address, or bare IP.
    pub medium: Medium,
    /// The largest IP packet in bytes.
    pub mtu: u16,
    /// What the device does in the stack's place.
    pub offloads: Offloads,
}

impl From<&NicInfo> for Link {
    fn from(info: &NicInfo) -> Link {
        Link { medium: info.medium, mtu: info.mtu, offloads: info.offloads }
    }
}

/// All settings of a stack.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Our addresses. Without one nothing is received.
    pub addresses: Vec<Ipv4Cidr>,
    /// Routes besides those of the addresses' networks.
    pub routes: Vec<RouteConfig>,
    /// IP, ICMP and ARP.
    pub ip: IpConfig,
    /// TCP.
    pub tcp: TcpConfig,
}

/// Settings of IP, ICMP and ARP.
#[derive(Debug, Clone)]
pub struct IpConfig {
    /// `net.ipv4.ip_default_ttl`.
    pub default_ttl: u8,
    /// ICMP errors and echo replies sent a second, in all; a token bucket of this size too (`icmp_msgs_per_sec`).
    pub icmp_msgs_per_sec: u32,
    /// Whether pings are answered.
    pub echo_reply: bool,
    /// The most neighbours in the cache (`neigh.default.gc_thresh3`).
    pub neighbor_max: usize,
    /// How long a confirmed neighbour counts as reachable (`base_reachable_time`).
    pub neighbor_reachable: Duration,
    /// Between two ARP requests (`retrans_time`).
    pub neighbor_retransmit: Duration,
    /// ARP requests before a neighbour counts as unreachable (`mcast_solicit`, `ucast_solicit`).
    pub neighbor_solicits: u8,
    /// Packets that wait for one neighbour's address (`unres_qlen`). It must hold what a time-out sends at once: of more, the
    /// oldest would be lost, and with it what the peer waits for.
    pub neighbor_queue: usize,
}

impl Default for IpConfig {
    fn default() -> IpConfig {
        IpConfig {
            default_ttl: 64,
            icmp_msgs_per_sec: 1000,
            echo_reply: true,
            neighbor_max: 1024,
            neighbor_reachable: Duration::from_secs(30),
            neighbor_retransmit: Duration::from_secs(1),
            neighbor_solicits: 3,
            neighbor_queue: 101,
        }
    }
}

/// Settings of TCP: `net.ipv4.tcp_*` and `net.core.somaxconn`.
#[derive(Debug, Clone)]
pub struct TcpConfig {
    /// The receive buffer of a connection in bytes. Linux's `tcp_rmem` has min, default and max; tuning between them comes later.
    pub tcp_rmem: usize,
    /// The send buffer of a connection in bytes (`tcp_wmem`, likewise).
    pub tcp_wmem: usize,
    /// Bytes that all connections together may hold in copies: written and not acknowledged, or copied out of the
    /// device's buffers. Half of it in buffers of 512 bytes, half in buffers of 16 KiB.
    pub tcp_mem: usize,
    /// `tcp_window_scaling`.
    pub tcp_window_scaling: bool,
    /// `tcp_timestamps`.
    pub tcp_timestamps: bool,
    /// `tcp_sack`: whether both sides may tell by SACK blocks what arrived out of order.
    pub tcp_sack: bool,
    /// SYNs resent before an active opening gives up.
    pub tcp_syn_retries: u8,
    /// SYN-ACKs resent before a half-open connection is dropped.
    pub tcp_synack_retries: u8,
    /// Retransmissions without an answer before an open connection gives up.
    pub tcp_retries2: u8,
    /// The same for a connection that no application holds any more.
    pub tcp_orphan_retries: u8,
    /// The largest backlog of a listener.
    pub somaxconn: usize,
    /// Half-open connections of one listener.
    pub tcp_max_syn_backlog: usize,
    /// Answer with RST when the accept queue is full, instead of dropping the ACK.
    pub tcp_abort_on_overflow: bool,
    /// Idle time before the first keep-alive probe.
    pub tcp_keepalive_time: Duration,
    /// Between two probes.
    pub tcp_keepalive_intvl: Duration,
    /// Probes without an answer before the connection is dropped.
    pub tcp_keepalive_probes: u8,
    /// How long an orphaned connection stays in FIN-WAIT-2.
    pub tcp_fin_timeout: Duration,
    /// How long a TIME-WAIT record is kept.
    pub tcp_timewait_len: Duration,
    /// TIME-WAIT records at most.
    pub tcp_max_tw_buckets: usize,
    /// Connections without an application at most.
    pub tcp_max_orphans: usize,
    /// The first and the last ephemeral port.
    pub ip_local_port_range: (u16, u16),
    /// The smallest RTO.
    pub tcp_rto_min: Duration,
    /// The largest RTO.
    pub tcp_rto_max: Duration,
    /// The longest delay of an ACK.
    pub tcp_delack_max: Duration,
    /// At least this long between two ACKs sent for segments out of the window.
    pub tcp_invalid_ratelimit: Duration,
    /// Segments of the initial congestion window (RFC 6928).
    pub initial_cwnd: u32,
    /// Connections at most, all states but TIME-WAIT.
    pub max_connections: usize,
    /// Whether the segments that a connection expects, and those that it mostly sends, take a short way through the stack
    /// (Van Jacobson's header prediction). Without it the same segments go out, at a higher cost: for tests.
    pub header_prediction: bool,
}

impl Default for TcpConfig {
    fn default() -> TcpConfig {
        TcpConfig {
            tcp_rmem: 1 << 20,
            tcp_wmem: 1 << 20,
            tcp_mem: 128 << 20,
            tcp_window_scaling: true,
            tcp_timestamps: true,
            tcp_sack: true,
            tcp_syn_retries: 6,
            tcp_synack_retries: 5,
            tcp_retries2: 15,
            tcp_orphan_retries: 8,
            somaxconn: 4096,
            tcp_max_syn_backlog: 4096,
            tcp_abort_on_overflow: false,
            tcp_keepalive_time: Duration::from_secs(7200),
            tcp_keepalive_intvl: Duration::from_secs(75),
            tcp_keepalive_probes: 9,
            tcp_fin_timeout: Duration::from_secs(60),
            tcp_timewait_len: Duration::from_secs(60),
            tcp_max_tw_buckets: 262_144,
            tcp_max_orphans: 65_536,
            ip_local_port_range: (32_768, 60_999),
            tcp_rto_min: Duration::from_millis(200),
            tcp_rto_max: Duration::from_secs(120),
            tcp_delack_max: Duration::from_millis(40),
            tcp_invalid_ratelimit: Duration::from_millis(500),
            initial_cwnd: 10,
            max_connections: 1 << 20,
            header_prediction: true,
        }
    }
}
