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
    /// DPDK: the device and what it is opened with.
    pub dpdk: DpdkSettings,
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
            dpdk: DpdkSettings::default(),
            tap: "corelane0".into(),
            tap_offloads: true,
        }
    }
}

/// Which DPDK device, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DpdkSettings {
    /// The PCI address of a card, or a virtual device with its arguments, as in `net_tap0,iface=dtap0`. Without one DPDK is not
    /// tried.
    pub device: Option<String>,
    /// MiB of packet memory, for all devices of the process. Default: what the queues need.
    pub memory: Option<u32>,
    /// Take packet memory from huge pages, as hardware needs it. Default true; virtual devices of this process do without.
    pub huge_pages: bool,
    /// Buffers that each queue will be opened with. Default 8192.
    pub slots: usize,
    /// Entries of the receive ring; the device may round. Default 1024.
    pub rx_descriptors: u16,
    /// Entries of the transmit ring; the device may round. Default 1024.
    pub tx_descriptors: u16,
    /// The VLAN that frames are sent in and received from. Default: none.
    pub vlan: Option<u16>,
    /// Payload of up to so many bytes is copied behind its headers; longer one is sent from where it is. Default 2048.
    pub copy_below: usize,
    /// What the device may do in the stack's place. Default: all but `lro`.
    pub offloads: DpdkOffloads,
    /// Further arguments for EAL.
    pub eal: Vec<String>,
}

impl Default for DpdkSettings {
    fn default() -> DpdkSettings {
        DpdkSettings {
            device: None,
            memory: None,
            huge_pages: true,
            slots: 8192,
            rx_descriptors: 1024,
            tx_descriptors: 1024,
            vlan: None,
            copy_below: 2048,
            offloads: DpdkOffloads::default(),
            eal: Vec::new(),
        }
    }
}

/// What a DPDK device may do in the stack's place, if it can; what is switched off is done in software.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DpdkOffloads {
    /// Verify the checksums of received frames.
    pub rx_checksum: bool,
    /// Fill in the checksums of sent frames.
    pub tx_checksum: bool,
    /// Cut TCP segments; needs `tx_checksum` and `multi_segment`.
    pub tso: bool,
    /// Join received TCP segments.
    pub lro: bool,
    /// Send payload from where it is, behind headers in a buffer of their own.
    pub multi_segment: bool,
    /// Put VLAN tags in and take them off.
    pub vlan: bool,
    /// Wake an idle thread.
    pub rx_interrupt: bool,
}

impl DpdkOffloads {
    /// Everything in software.
    pub const NONE: DpdkOffloads = DpdkOffloads {
        rx_checksum: false,
        tx_checksum: false,
        tso: false,
        lro: false,
        multi_segment: false,
        vlan: false,
        rx_interrupt: false,
    };
}

impl Default for DpdkOffloads {
    fn default() -> DpdkOffloads {
        DpdkOffloads {
            rx_checksum: true,
            tx_checksum: true,
            tso: true,
            lro: false,
            multi_segment: true,
            vlan: true,
            rx_interrupt: true,
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
