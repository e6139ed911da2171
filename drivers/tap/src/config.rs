//! How a TAP device is opened.

use std::io;

use corelane_nic::MacAddress;

/// What is left to the other side of the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TapOffloads {
    /// TCP and UDP checksums are not filled in.
    pub checksum: bool,
    /// TCP over IPv4 is not cut to the MTU: frames have up to 64 KiB. Needs `checksum`.
    pub tso: bool,
}

impl TapOffloads {
    /// All that there is.
    pub const ALL: TapOffloads = TapOffloads { checksum: true, tso: true };
    /// Ordinary frames.
    pub const NONE: TapOffloads = TapOffloads { checksum: false, tso: false };
}

/// Which device, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TapConfig {
    /// The interface, at most 15 bytes. One that exists is attached to, else it is made and goes with the last
    /// queue. A `%d` in it is replaced by the first free number.
    pub name: String,
    /// A TUN device: bare IP packets, no MAC.
    pub tun: bool,
    /// The largest IP packet, set on the interface; `None` takes what the interface has.
    pub mtu: Option<u16>,
    /// Bytes of the virtio-net header in front of each frame: 12 or 10, or 0 for none (and so no offloads).
    pub vnet_header: u8,
    /// What the kernel may leave to us: partial checksums and large frames on receive.
    pub rx_offloads: TapOffloads,
    /// What the stack may leave to the kernel.
    pub tx_offloads: TapOffloads,
    /// Queues that can be opened. The kernel sends a flow to the queue that last sent for it. More than one needs an
    /// interface that is new or was made with `multi_queue`.
    pub queues: u16,
    /// Set the interface up; else it is left as it is, for the user's `ip link set NAME up`.
    pub up: bool,
    /// Our address. `None` derives one from the interface's name and address: the same again as long as these are.
    pub mac: Option<MacAddress>,
    /// Free bytes in front of the data of a new packet; at most 1024.
    pub headroom: u32,
    /// Buffers of each pool kept for control packets; an eighth of the pool at most.
    pub reserve: u32,
}

impl TapConfig {
    /// Interface `name` with all offloads, one queue, and set up.
    pub fn new(name: &str) -> TapConfig {
        TapConfig {
            name: name.to_string(),
            tun: false,
            mtu: None,
            vnet_header: 12,
            rx_offloads: TapOffloads::ALL,
            tx_offloads: TapOffloads::ALL,
            queues: 1,
            up: true,
            mac: None,
            headroom: 128,
            reserve: 64,
        }
    }

    pub(crate) fn check(&self) -> io::Result<()> {
        let name = &self.name;
        // dev_valid_name() of the kernel; IFNAMSIZ is 16 with the final 0.
        if name.is_empty() || name.len() > 15 {
            return invalid(format!("interface name `{name}` has {} bytes: 1 to 15 are allowed", name.len()));
        }
        let bad = |c: char| c == '/' || c == ':' || c == '\0' || c.is_whitespace();
        if name == "." || name == ".." || name.contains(bad) {
            return invalid(format!(
                "interface name `{name}`: no spaces, slashes or colons, and not . or .."
            ));
        }
        if self.mtu.is_some_and(|mtu| mtu < 68) {
            return invalid(format!("{name}: mtu must be 68 bytes or more (RFC 791)"));
        }
        if ![0, 10, 12].contains(&self.vnet_header) {
            return invalid(format!(
                "{name}: vnet_header is {}: give 12, 10, or 0 for none",
                self.vnet_header
            ));
        }
        for (field, offloads) in [("rx_offloads", self.rx_offloads), ("tx_offloads", self.tx_offloads)] {
            if self.vnet_header == 0 && offloads != TapOffloads::NONE {
                return invalid(format!("{name}: {field} need the vnet header: set vnet_header to 12"));
            }
            if offloads.tso && !offloads.checksum {
                return invalid(format!("{name}: {field}: tso needs checksum"));
            }
        }
        if self.queues == 0 || self.queues > MAX_QUEUES {
            return invalid(format!("{name}: queues is {}: 1 to {MAX_QUEUES} are allowed", self.queues));
        }
        if self.headroom > 1024 {
            return invalid(format!("{name}: headroom is {}: at most 1024 bytes", self.headroom));
        }
        if self.mac.is_some_and(|mac| !mac.is_unicast()) {
            return invalid(format!("{name}: mac must be the address of one station"));
        }
        Ok(())
    }
}

/// MAX_TAP_QUEUES of drivers/net/tun.c
const MAX_QUEUES: u16 = 256;

fn invalid(message: String) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::InvalidInput, message))
}

#[cfg(test)]
mod tests;
