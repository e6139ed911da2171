//! What a user says of the device.

use std::net::Ipv4Addr;
use std::str::FromStr;

use crate::driver::{Driver, ParseError};

/// Which device to open, and how. Each driver takes what concerns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NicConfig {
    /// Which drivers to try. Default: all, the fastest first.
    pub driver: Driver,
    /// AF_XDP: the network interface. Without one AF_XDP is not tried.
    pub interface: Option<String>,
    /// AF_XDP: our IPv4 addresses, whose frames are taken from the interface.
    pub addresses: Vec<Ipv4Addr>,
    /// AF_XDP: TCP and UDP ports that are taken, whatever the address.
    pub ports: Vec<u16>,
    /// Queues that can be opened: one for each core. Default 1.
    pub queues: u16,
    /// The largest IP packet in bytes. TAP and sim set it; AF_XDP goes by the interface, and chooses its buffers by it.
    /// Default: what the device has.
    pub mtu: Option<u16>,
    /// AF_XDP: how frames get in and out. Default [`XdpMode::Auto`].
    pub xdp_mode: XdpMode,
    /// AF_XDP: the thread that receives does the kernel's part of receiving too. Default false; what the interface needs
    /// for it is said at `corelane_xdp::XdpConfig::busy_poll`.
    pub xdp_busy_poll: bool,
    /// DPDK: the PCI address of a card, or a virtual device with its arguments, as in `net_tap0,iface=dtap0`. Without one DPDK
    /// is not tried.
    pub dpdk_device: Option<String>,
    /// DPDK: MiB of packet memory, for all devices of the process. Default 256.
    pub dpdk_memory: u32,
    /// DPDK: take packet memory from huge pages, as hardware needs it. Default true; virtual devices of this process do
    /// without.
    pub dpdk_huge_pages: bool,
    /// DPDK: further arguments for EAL.
    pub dpdk_eal: Vec<String>,
    /// TAP: the interface, made if it is not there. Default `corelane0`.
    pub tap: String,
    /// TAP: leave checksums and segmentation to each other (vnet header). Default true.
    pub tap_offloads: bool,
}

impl Default for NicConfig {
    fn default() -> NicConfig {
        NicConfig {
            driver: Driver::Auto,
            interface: None,
            addresses: Vec::new(),
            ports: Vec::new(),
            queues: 1,
            mtu: None,
            xdp_mode: XdpMode::Auto,
            xdp_busy_poll: false,
            dpdk_device: None,
            dpdk_memory: 256,
            dpdk_huge_pages: true,
            dpdk_eal: Vec::new(),
            tap: "corelane0".into(),
            tap_offloads: true,
        }
    }
}

/// How frames get between an AF_XDP device and the packet memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum XdpMode {
    /// The best that can be had: zero-copy, then copy, then skb.
    #[default]
    Auto,
    /// The device reads and writes the packet memory itself.
    ZeroCopy,
    /// XDP in the device's driver, and a copy by the kernel.
    Copy,
    /// XDP on finished kernel buffers. Any device can.
    Skb,
}

/// `auto`, `zero-copy`, `copy` or `skb`.
impl FromStr for XdpMode {
    type Err = ParseError;

    fn from_str(name: &str) -> Result<XdpMode, ParseError> {
        match name {
            "auto" => Ok(XdpMode::Auto),
            "zero-copy" => Ok(XdpMode::ZeroCopy),
            "copy" => Ok(XdpMode::Copy),
            "skb" => Ok(XdpMode::Skb),
            _ => {
                let known = "auto, zero-copy, copy or skb";
                Err(ParseError { what: "AF_XDP mode", name: name.into(), known })
            }
        }
    }
}
