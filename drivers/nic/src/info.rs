//! What a device is and can do.

use std::fmt;

use crate::Rss;

/// An Ethernet address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    /// ff:ff:ff:ff:ff:ff
    pub const BROADCAST: MacAddress = MacAddress([0xff; 6]);

    /// Whether the group bit is set: multicast or broadcast.
    pub fn is_multicast(&self) -> bool {
        self.0[0] & 1 != 0
    }

    /// Whether a station can have it: neither a group address nor all zero.
    pub fn is_unicast(&self) -> bool {
        !self.is_multicast() && self.0 != [0; 6]
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a frame starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Medium {
    /// An Ethernet header; the device has this address.
    Ethernet(MacAddress),
    /// An IP header: TUN, packetdrill, a point-to-point link. No ARP, no NDP.
    Ip,
}

/// What the device does in the stack's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offloads {
    /// Received frames arrive with [`Checksum::Good`](crate::Checksum::Good), `Bad` or `Partial`.
    pub rx_checksum: bool,
    /// The device fills in TCP and UDP checksums when asked by [`TxOffload`](crate::TxOffload).
    pub tx_checksum: bool,
    /// The device cuts TCP segments: the most payload bytes of one frame; 0 = it can't.
    pub tso_max: u32,
    /// How many payload chunks a frame may have besides its headers; 0 = the stack copies payload in
    /// behind the headers.
    pub tx_chunks: u16,
    /// Payload of up to so many bytes is copied in behind the headers even where the device takes chunks: one descriptor is
    /// cheaper than two, and what is cheaper depends on the device.
    pub copy_below: u16,
    /// Segments with up to so many bytes of payload are summed by the stack even where the device would: while they are copied
    /// that costs less than to ask for it.
    pub sum_below: u16,
}

/// Nothing, and thresholds that suit most devices.
impl Default for Offloads {
    fn default() -> Offloads {
        Offloads {
            rx_checksum: false,
            tx_checksum: false,
            tso_max: 0,
            tx_chunks: 0,
            copy_below: COPY_BELOW,
            sum_below: SUM_BELOW,
        }
    }
}

/// [`Offloads::copy_below`] where nothing else was measured.
pub const COPY_BELOW: u16 = 256;

/// [`Offloads::sum_below`] where nothing else was measured.
pub const SUM_BELOW: u16 = 256;

/// What a device is and can do; fixed from its opening on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NicInfo {
    /// The device's name: an interface, a PCI address.
    pub name: String,
    /// Which backend: `sim`, `tap`, `xdp`, `dpdk`.
    pub driver: &'static str,
    /// Ethernet or bare IP.
    pub medium: Medium,
    /// The largest IP packet in bytes, without the Ethernet header.
    pub mtu: u16,
    /// How many queues can be opened.
    pub queues: u16,
    /// What the device does in the stack's place.
    pub offloads: Offloads,
    /// Flow steering, where the device tells.
    pub rss: Option<Rss>,
}
