//! What a user says of an AF_XDP device.

use std::net::Ipv4Addr;

use crate::XdpError;

/// Which frames come to us. Everything else stays with the kernel, so the host keeps its own traffic.
///
/// A frame that matches any part is ours.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// IPv4 packets to these addresses, and ARP requests for and replies to them. The kernel must not have
    /// these addresses, or it answers too. Broadcast and multicast stay with the kernel.
    pub addresses: Vec<Ipv4Addr>,
    /// TCP and UDP packets to these ports of any address. ARP, ICMP and fragments stay with the kernel: the
    /// address is shared with it, and the stack learns its neighbours from the frames that come.
    pub ports: Vec<u16>,
}

impl Filter {
    /// All IPv4 and ARP for `addresses`.
    pub fn addresses(addresses: impl IntoIterator<Item = Ipv4Addr>) -> Filter {
        Filter { addresses: addresses.into_iter().collect(), ports: Vec::new() }
    }

    /// TCP and UDP to `ports`, whatever the address.
    pub fn ports(ports: impl IntoIterator<Item = u16>) -> Filter {
        Filter { addresses: Vec::new(), ports: ports.into_iter().collect() }
    }
}

/// How frames get between the device and the packet memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum XdpMode {
    /// The best that can be had: zero-copy, then copy, then skb.
    #[default]
    Auto,
    /// The device reads and writes the packet memory itself. Needs support by its driver.
    ZeroCopy,
    /// The XDP program runs in the device's driver, and the kernel copies.
    Copy,
    /// The XDP program runs on finished kernel buffers (generic XDP), and the kernel copies. Any device can.
    Skb,
}

impl std::fmt::Display for XdpMode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            XdpMode::Auto => "auto",
            XdpMode::ZeroCopy => "zero-copy",
            XdpMode::Copy => "copy",
            XdpMode::Skb => "skb",
        })
    }
}

/// An AF_XDP device; [`XdpConfig::new`] has the defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XdpConfig {
    /// The interface's name, in the network namespace of the thread that opens it.
    pub interface: String,
    /// Which frames are ours.
    pub filter: Filter,
    /// Queues to be opened, from 0 on. Default 1.
    pub queues: u16,
    /// How frames get in and out. Default [`XdpMode::Auto`].
    pub mode: XdpMode,
    /// Bytes of one buffer: 2048 (default) or 4096. 256 of them are headroom that the kernel keeps.
    pub chunk_size: u32,
    /// Entries of the receive ring, a power of two. Default 4096: what a few thousand connections send at once.
    pub rx_ring: u32,
    /// Entries of the transmit ring, a power of two. Default 2048.
    pub tx_ring: u32,
    /// Entries of the ring of empty buffers, a power of two. Default 4096; half of the slots at most
    /// are used, and as many as four times the frames that pile up.
    pub fill_ring: u32,
    /// Entries of the ring of sent buffers, a power of two. Default 2048.
    pub completion_ring: u32,
    /// Whether the kernel says when it wants to be woken, so that a system call is made only then. Default true.
    pub need_wakeup: bool,
    /// Whether the thread that receives does the kernel's part of receiving too (`SO_PREFER_BUSY_POLL`), where otherwise a
    /// softirq does it: on the core that the device interrupts, or, for a veth, on the sender's. Default false.
    ///
    /// The interface has to defer its interrupts: `napi_defer_hard_irqs` of 2, and `gro_flush_timeout` of 10 ms, which is
    /// longer than a tick of the kernel's timer (in /sys/class/net). A receiver that sleeps is woken by interrupts all the same.
    pub busy_poll: bool,
}

/// What the verifier takes in reasonable time, and far more than a host has.
const MAX_FILTER: usize = 1024;

/// XDP_PACKET_HEADROOM: bytes that the kernel keeps in front of a received frame.
const KERNEL_HEADROOM: u32 = 256;
const ETHERNET_HEADER: u32 = 14;

impl XdpConfig {
    /// The defaults for `interface`.
    pub fn new(interface: impl Into<String>, filter: Filter) -> XdpConfig {
        XdpConfig {
            interface: interface.into(),
            filter,
            queues: 1,
            mode: XdpMode::Auto,
            chunk_size: 2048,
            rx_ring: 4096,
            tx_ring: 2048,
            fill_ring: 4096,
            completion_ring: 2048,
            need_wakeup: true,
            busy_poll: false,
        }
    }

    /// The largest IP packet in bytes that fits into a chunk of `chunk_size`, beside the kernel's headroom.
    pub fn max_mtu(chunk_size: u32) -> u16 {
        u16::try_from(chunk_size.saturating_sub(KERNEL_HEADROOM + ETHERNET_HEADER)).unwrap_or(u16::MAX)
    }

    /// Checks what can be checked without the system.
    ///
    /// # Errors
    /// [`XdpError::Config`] names the value.
    pub fn validate(&self) -> Result<(), XdpError> {
        let wrong = |what: String, remedy: &str| Err(XdpError::Config { what, remedy: remedy.into() });
        if self.interface.is_empty() || self.interface.len() >= libc::IFNAMSIZ {
            return wrong(
                format!("interface name {:?} is not 1 to {} bytes long", self.interface, libc::IFNAMSIZ - 1),
                "list the interfaces with `ip link`",
            );
        }
        if self.queues == 0 {
            return wrong("0 queues".into(), "ask for at least 1 queue");
        }
        if ![2048, 4096].contains(&self.chunk_size) {
            return wrong(format!("chunk size {}", self.chunk_size), "use 2048 or 4096");
        }
        let rings = [
            ("receive", self.rx_ring),
            ("transmit", self.tx_ring),
            ("fill", self.fill_ring),
            ("completion", self.completion_ring),
        ];
        for (name, entries) in rings {
            if !entries.is_power_of_two() || !(64..=1 << 16).contains(&entries) {
                return wrong(
                    format!("{entries} entries in the {name} ring"),
                    "use a power of two from 64 to 65536",
                );
            }
        }
        let filter = &self.filter;
        if filter.addresses.is_empty() && filter.ports.is_empty() {
            return wrong("the filter takes no frame".into(), "give at least one address or port");
        }
        if filter.addresses.len() > MAX_FILTER || filter.ports.len() > MAX_FILTER {
            return wrong(
                format!(
                    "{} addresses and {} ports in the filter",
                    filter.addresses.len(),
                    filter.ports.len()
                ),
                "give at most 1024 of each",
            );
        }
        if let Some(a) = filter.addresses.iter().find(|a| !is_host(**a)) {
            return wrong(
                format!("{a} in the filter is not the address of a host"),
                "give a unicast address",
            );
        }
        Ok(())
    }
}

fn is_host(a: Ipv4Addr) -> bool {
    !(a.is_unspecified() || a.is_multicast() || a.is_broadcast())
}

#[cfg(test)]
mod tests;
