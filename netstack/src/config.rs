//! Settings, with Linux's names, units and defaults where Linux has them.

mod tcp;

use alloc::vec::Vec;
use core::net::Ipv4Addr;
use core::time::Duration;

use corelane_nic::{Medium, NicInfo, Offloads};

pub use tcp::{BufferSizes, TcpConfig};

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
    /// The smallest MTU of a path that is believed (`route.min_pmtu`).
    pub min_pmtu: u16,
    /// How long the MTU of a path is believed (`route.mtu_expires`).
    pub mtu_expires: Duration,
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
            min_pmtu: 552,
            mtu_expires: Duration::from_secs(600),
            echo_reply: true,
            neighbor_max: 1024,
            neighbor_reachable: Duration::from_secs(30),
            neighbor_retransmit: Duration::from_secs(1),
            neighbor_solicits: 3,
            neighbor_queue: 101,
        }
    }
}

#[cfg(test)]
mod tests;
