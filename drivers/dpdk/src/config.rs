//! What a user says of a DPDK device.

use crate::DpdkError;

/// Where packet memory comes from. It is EAL's, so the first device that a process opens decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Memory {
    /// Huge pages, as hardware needs them: so many MiB, or as many as the first device needs.
    HugePages(Option<u32>),
    /// Ordinary pages, so many MiB: for virtual devices within this process, without any set-up.
    Ordinary(Option<u32>),
}

/// What the device may do in the stack's place, if it can. What is switched off is done in software.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DpdkOffloads {
    /// Received TCP and UDP checksums are verified by the device. Default true.
    pub rx_checksum: bool,
    /// TCP and UDP checksums are filled in by the device. Default true.
    pub tx_checksum: bool,
    /// TCP segments are cut by the device; needs `tx_checksum` and `multi_segment`. Default true. Of virtio's devices frames that
    /// their host has not cut are taken too. `net_vhost` hands them to its guest with `tso=1` among its arguments: that guest must
    /// take them (VIRTIO_NET_F_GUEST_TSO4), as Linux's and corelane do.
    pub tso: bool,
    /// Received TCP segments are joined by the device. Default false: it holds ACKs back.
    pub lro: bool,
    /// Payload is sent from where it is, behind headers in a buffer of their own. Default true.
    pub multi_segment: bool,
    /// VLAN tags are put in and taken off by the device. Default true.
    pub vlan: bool,
    /// An idle thread sleeps on the device's interrupt. Default true; else, and where there is none, it looks once a millisecond.
    pub rx_interrupt: bool,
}

impl DpdkOffloads {
    /// All but `lro`.
    pub const ALL: DpdkOffloads = DpdkOffloads {
        rx_checksum: true,
        tx_checksum: true,
        tso: true,
        lro: false,
        multi_segment: true,
        vlan: true,
        rx_interrupt: true,
    };
    /// Everything in software, and each frame in one buffer.
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

/// A DPDK device; [`DpdkConfig::new`] has the defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DpdkConfig {
    /// A virtual device with its arguments, as in `net_tap0,iface=dtap0`, or the name of a port that EAL has found.
    pub device: String,
    /// Where packet memory comes from. Default: huge pages, as many as `queues` and `slots` need.
    pub memory: Memory,
    /// Queue pairs, each for a thread of its own. The port starts when all are open. Default 1.
    pub queues: u16,
    /// Buffers that each queue will be opened with: EAL's memory is derived from it. Default 8192.
    pub slots: usize,
    /// The largest IP packet in bytes. Default: what the device has.
    pub mtu: Option<u16>,
    /// Entries of the receive ring; the device may round. Default 1024.
    pub rx_descriptors: u16,
    /// Entries of the transmit ring; the device may round. Default 1024.
    pub tx_descriptors: u16,
    /// What the device does in the stack's place.
    pub offloads: DpdkOffloads,
    /// Frames are sent with this VLAN tag, and received only with it. Default: none.
    pub vlan: Option<u16>,
    /// Payload of up to so many bytes is copied behind its headers; longer one is sent from where it is. Default 2048.
    pub copy_below: usize,
    /// Further arguments for EAL.
    pub eal: Vec<String>,
}

impl DpdkConfig {
    /// The defaults for `device`.
    pub fn new(device: impl Into<String>) -> DpdkConfig {
        DpdkConfig {
            device: device.into(),
            memory: Memory::HugePages(None),
            queues: 1,
            slots: 8192,
            mtu: None,
            rx_descriptors: 1024,
            tx_descriptors: 1024,
            offloads: DpdkOffloads::ALL,
            vlan: None,
            copy_below: 2048,
            eal: Vec::new(),
        }
    }

    /// The device's name, without its arguments.
    pub fn name(&self) -> &str {
        self.device.split(',').next().unwrap_or_default()
    }

    /// The arguments of a virtual device.
    pub(crate) fn arguments(&self) -> &str {
        self.device.split_once(',').map_or("", |(_, arguments)| arguments)
    }

    /// Whether EAL makes the device, and does not find it.
    pub(crate) fn is_virtual(&self) -> bool {
        self.device.starts_with("net_")
    }

    /// Checks what can be checked without DPDK.
    ///
    /// # Errors
    /// [`DpdkError::Config`] names the value.
    pub fn validate(&self) -> Result<(), DpdkError> {
        let wrong = |what: String, remedy: &str| Err(DpdkError::Config { what, remedy: remedy.into() });
        if self.name().is_empty() || self.device.contains('\0') {
            return wrong(
                format!("the device {:?}", self.device),
                "give a PCI address such as 0000:03:00.0, or a virtual device such as net_tap0",
            );
        }
        if let Some(bad) = self.eal.iter().find(|argument| argument.contains('\0')) {
            return wrong(format!("the EAL argument {bad:?}"), "leave the zero byte out");
        }
        for (name, entries) in [("receive", self.rx_descriptors), ("transmit", self.tx_descriptors)] {
            if !(32..=32_768).contains(&entries) {
                return wrong(format!("{entries} descriptors in the {name} ring"), "use 32 to 32768");
            }
        }
        if let Memory::HugePages(Some(mib)) | Memory::Ordinary(Some(mib)) = self.memory
            && !(16..=1 << 20).contains(&mib)
        {
            return wrong(format!("{mib} MiB of packet memory"), "use 16 MiB to 1 TiB");
        }
        if !SLOTS.contains(&self.slots) {
            return wrong(format!("{} buffers a queue", self.slots), "use 256 to 1048576");
        }
        if !(1..=1024).contains(&self.queues) {
            return wrong(format!("{} queues", self.queues), "use 1 to 1024");
        }
        if let Some(mtu) = self.mtu.filter(|mtu| !(68..=MAX_MTU).contains(mtu)) {
            return wrong(format!("an MTU of {mtu} on {}", self.name()), "use 68 to 9600");
        }
        if let Some(tag) = self.vlan.filter(|tag| !(1..=4094).contains(tag)) {
            return wrong(format!("VLAN {tag}"), "use 1 to 4094");
        }
        if self.offloads.tso && !(self.offloads.tx_checksum && self.offloads.multi_segment) {
            return wrong(
                "tso without tx_checksum and multi_segment".into(),
                "switch tso off too: the device sums what it cuts, out of several buffers",
            );
        }
        Ok(())
    }

    /// Bytes of a buffer: a whole frame of the largest MTU that is asked for, behind headroom.
    pub(crate) fn room(&self) -> u16 {
        if let packed @ 1.. = self.packed() {
            return packed - MBUF;
        }
        let frame = self.mtu.unwrap_or(1500) + LINK;
        (frame.max(2048) + HEADROOM).next_multiple_of(64)
    }

    /// Bytes that each mbuf takes with its buffer where there must be no gap between them; 0: there may be some.
    ///
    /// net_af_xdp gives the kernel as much of the pool as all mbufs take, from the first one on. DPDK leaves gaps, so that none
    /// crosses a page, and then the last ones lie behind that (mended in DPDK 24.07). Each one that is sent from there stops all
    /// that come after it, until so many more have been sent.
    pub(crate) fn packed(&self) -> u16 {
        if self.name().starts_with("net_af_xdp") { PAGE } else { 0 }
    }

    /// The largest MTU of which a frame fits a buffer.
    pub(crate) fn max_mtu(&self) -> u16 {
        match self.packed() {
            0 => MAX_MTU,
            packed => packed - MBUF - HEADROOM - XDP_HEADROOM - LINK,
        }
    }

    /// Bytes that a buffer takes in a mempool.
    pub(crate) fn buffer_bytes(&self) -> usize {
        let bytes = usize::from(self.room() + MBUF);
        match self.memory {
            _ if self.packed() > 0 => bytes,
            Memory::HugePages(_) => bytes + PADDING,
            // None crosses a page.
            Memory::Ordinary(_) => (bytes + PADDING).next_multiple_of(PAGE.into()),
        }
    }

    /// MiB of memory: what was said, or what the queues take.
    pub(crate) fn mebibytes(&self) -> u32 {
        let (Memory::HugePages(said) | Memory::Ordinary(said)) = self.memory;
        said.unwrap_or_else(|| {
            let bytes = usize::from(self.queues) * (self.slots * self.buffer_bytes() + QUEUE_BYTES);
            // Rings of the device, and what is left over at the borders of pages.
            u32::try_from(bytes.div_ceil(1 << 20) + 32).unwrap_or(u32::MAX).next_multiple_of(2)
        })
    }
}

/// What all systems have in a page, or a multiple of it.
const PAGE: u16 = 4096;
/// What a buffer has in front in a mempool: the mempool's own header, the mbuf, and its private area.
const MBUF: u16 = 64 + 128 + 64;
/// What the kernel leaves free in front of a frame for XDP programs.
const XDP_HEADROOM: u16 = 256;
/// What a mempool may pad a buffer with.
const PADDING: usize = 64;

/// Bytes that a queue takes beside its buffers: mbufs for segments, caches and rings.
const QUEUE_BYTES: usize = SEGMENTS as usize * 320 + (1 << 20);

/// Parts of payload that may be on their way in a queue.
pub(crate) const SEGMENTS: u32 = 8192;
/// Buffers of a queue.
pub(crate) const SLOTS: std::ops::RangeInclusive<usize> = 256..=1 << 20;
/// What fits a frame that Ethernet cards call jumbo.
pub(crate) const MAX_MTU: u16 = 9600;
/// Bytes in front of a packet's data: RTE_PKTMBUF_HEADROOM, and what the stack's headers need.
pub(crate) const HEADROOM: u16 = 128;
pub(crate) const ETHERNET_HEADER: u16 = 14;
pub(crate) const VLAN_TAG: u16 = 4;
/// What drivers may want around an IP packet: Ethernet header, two tags, checksum, and virtio's header.
const LINK: u16 = 64;

#[cfg(test)]
mod tests;
