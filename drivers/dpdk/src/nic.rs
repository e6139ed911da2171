//! Opening a port and its queues.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use corelane_nic::{MacAddress, Medium, Nic, NicInfo, Offloads, Queue, QueueId, Rss, SUM_BELOW};
use dpdk_sys::PortSetup;

use crate::config::{HEADROOM, SEGMENTS, SLOTS};
use crate::ffi;
use crate::ffi::burst::Segments;
use crate::ffi::mempool::{Layout, Mempool};
use crate::ffi::port;
use crate::interrupt::Interrupt;
use crate::mbufs::Mbufs;
use crate::poll_size::PollSize;
use crate::port::{Port, SharedPort, control};
use crate::queue::DpdkQueue;
use crate::sender::{Limits, Sender};
use crate::{DpdkConfig, DpdkError, eal, precheck};

/// Names of mempools, which are EAL's.
static POOLS: AtomicU32 = AtomicU32::new(0);

/// A port of DPDK. The device goes when this and its queues are dropped; closing one queue stops all of them.
pub struct DpdkNic {
    config: DpdkConfig,
    info: NicInfo,
    /// The NUMA node, or -1.
    socket: i32,
    layout: Layout,
    poll_size: PollSize,
    reads_anywhere: bool,
    /// The bits of what the device does.
    granted: u32,
    port: Arc<SharedPort>,
}

impl DpdkNic {
    /// Starts EAL if it does not run yet, and makes or finds the device.
    ///
    /// # Errors
    /// [`DpdkError`] names what is missing and what would mend it.
    pub fn open(config: &DpdkConfig) -> Result<DpdkNic, DpdkError> {
        config.validate()?;
        precheck::device(config, Path::new("/sys"))?;
        eal::start(config)?;
        let _turn = control();
        let device = Port::open(config)?;
        let call = |call| move |reason| DpdkError::Call { call, device: config.name().to_owned(), reason };
        let found = port::info(device.number()).map_err(call("asking what it is"))?;
        let queues = found.max_rx_queues.min(found.max_tx_queues);
        if config.queues > queues {
            return Err(DpdkError::Config {
                what: format!("{} queues of {}", config.queues, config.name()),
                remedy: format!("use 1 to {queues}: that is what the device has"),
            });
        }
        let most = found.max_mtu.min(config.max_mtu());
        let mtu = config.mtu.unwrap_or(found.mtu.min(1500));
        if !(68..=most).contains(&mtu) {
            return Err(DpdkError::Config {
                what: format!("an MTU of {mtu} on {}", config.name()),
                remedy: format!("use 68 to {most}"),
            });
        }
        let driver = port::text(&found.driver);
        let granted = configure(device.number(), config, driver.as_bytes())
            .map_err(call("configuring it"))?
            | granted_unsaid(config, driver.as_bytes());
        tracing::info!(port = config.name(), driver, mtu, granted, "opened a DPDK port");
        let info = NicInfo {
            name: config.name().to_owned(),
            driver: "dpdk",
            medium: Medium::Ethernet(own_address(driver.as_bytes(), MacAddress(found.mac))),
            mtu,
            queues: config.queues,
            offloads: offloads(granted, found.max_segments, config.copy_below),
            rss: if config.queues > 1 { rss(device.number()) } else { None },
        };
        let port = Arc::new(SharedPort::new(device, config.queues));
        let layout = Layout { shift: shift(driver.as_bytes()), packed: config.packed() };
        let poll_size = PollSize::of(driver.as_bytes());
        let reads_anywhere = reads_anywhere(driver.as_bytes());
        Ok(DpdkNic {
            config: config.clone(),
            info,
            socket: found.socket,
            layout,
            poll_size,
            reads_anywhere,
            granted,
            port,
        })
    }

    fn open_queue(&mut self, id: QueueId, slots: usize) -> Result<DpdkQueue, DpdkError> {
        if !SLOTS.contains(&slots) {
            return Err(DpdkError::Config {
                what: format!("{slots} slots for a queue"),
                remedy: format!("use {} to {}", SLOTS.start(), SLOTS.end()),
            });
        }
        if !self.port.is_free(id.0) {
            return Err(DpdkError::Queue { queue: id.0, queues: self.config.queues });
        }
        let config = &self.config;
        let call = |call| move |reason| DpdkError::Call { call, device: config.name().to_owned(), reason };
        ffi::thread_register().map_err(call("registering this thread"))?;
        let room = config.room();
        let number = POOLS.fetch_add(1, Ordering::Relaxed);
        let memory =
            |reason| DpdkError::PacketMemory { slots, room, bytes: slots * config.buffer_bytes(), reason };
        // Within SLOTS.
        let pool = Mempool::new(&format!("corelane-{number}"), slots as u32, room, self.layout, self.socket)
            .map_err(memory)?;
        let segments =
            Segments::new(&format!("corelane-{number}s"), SEGMENTS, self.socket).map_err(memory)?;
        let pool = Arc::new(pool);
        self.port.open(id.0, pool.clone(), config)?;
        let limits = Limits::new(&self.info, self.granted, config, self.reads_anywhere);
        let sender = Sender::new(limits, segments, SEGMENTS);
        let interrupt = Interrupt::new(id.0, self.granted & dpdk_sys::RX_INTERRUPT != 0);
        let descriptors = usize::from(config.rx_descriptors) + usize::from(config.tx_descriptors);
        let mbufs = Mbufs::new(pool, descriptors);
        Ok(DpdkQueue::new(self.port.clone(), id.0, mbufs, sender, interrupt, self.poll_size, config))
    }
}

/// Sets the port up, without an interrupt where that is refused.
fn configure(number: u16, config: &DpdkConfig, driver: &[u8]) -> Result<u32, String> {
    let with = |interrupt| {
        let setup = PortSetup {
            queues: config.queues,
            mtu: config.mtu.unwrap_or(0),
            wanted: wanted(config, driver) | interrupt,
        };
        port::configure(number, &setup)
    };
    if config.offloads.rx_interrupt
        && let Ok(granted) = with(dpdk_sys::RX_INTERRUPT)
    {
        return Ok(granted);
    }
    with(0)
}

/// net_vhost passes long frames on to be cut by its guest, or by none, but does not say so; `tso=1` among its arguments does.
fn granted_unsaid(config: &DpdkConfig, driver: &[u8]) -> u32 {
    let asked = config.arguments().split(',').any(|argument| argument == "tso=1");
    if driver == b"net_vhost" && config.offloads.tso && asked { dpdk_sys::TSO } else { 0 }
}

/// The bits of what the configuration allows, and of what the driver does well.
///
/// net_tap cuts in software, and refuses a frame for ever whose segments are longer than the MTU with their Ethernet header: so
/// are all full ones, and those behind it never go out.
///
/// Between virtio's two ends a frame is never cut: long ones one way go with long ones the other.
fn wanted(config: &DpdkConfig, driver: &[u8]) -> u32 {
    let allowed = &config.offloads;
    let lro = allowed.lro || (allowed.tso && driver.starts_with(b"net_virtio"));
    let bits = [
        (allowed.rx_checksum, dpdk_sys::RX_CHECKSUM),
        (allowed.tx_checksum, dpdk_sys::TX_CHECKSUM),
        (allowed.tso && driver != b"net_tap", dpdk_sys::TSO),
        (lro, dpdk_sys::LRO),
        (allowed.multi_segment, dpdk_sys::MULTI_SEGMENT),
        (allowed.vlan && config.vlan.is_some(), dpdk_sys::VLAN_STRIP | dpdk_sys::VLAN_INSERT),
        (config.queues > 1, dpdk_sys::RSS_HASH),
        (lro, dpdk_sys::SCATTER),
    ];
    bits.into_iter().filter(|(allowed, _)| *allowed).fold(0, |all, (_, bit)| all | bit)
}

/// IPv4 says 65535 bytes at most; both headers may have 40 bytes of options.
const TSO_MAX: u32 = 65_535 - 60 - 60;
/// Payload buffers of a frame: 64 KiB in buffers of 2 KiB, and some more.
const TX_CHUNKS: u16 = 48;

/// What the stack is told of the device.
fn offloads(granted: u32, max_segments: u16, copy_below: usize) -> Offloads {
    let has = |bit| granted & bit == bit;
    let chunks = if max_segments == 0 { TX_CHUNKS } else { TX_CHUNKS.min(max_segments.saturating_sub(1)) };
    let tso = has(dpdk_sys::TSO | dpdk_sys::TX_CHECKSUM | dpdk_sys::MULTI_SEGMENT);
    Offloads {
        rx_checksum: has(dpdk_sys::RX_CHECKSUM),
        tx_checksum: has(dpdk_sys::TX_CHECKSUM),
        tso_max: if tso { TSO_MAX } else { 0 },
        tx_chunks: if has(dpdk_sys::MULTI_SEGMENT) { chunks } else { 0 },
        copy_below: u16::try_from(copy_below).unwrap_or(u16::MAX),
        sum_below: SUM_BELOW,
    }
}

fn rss(number: u16) -> Option<Rss> {
    let rss = port::rss(number).ok().filter(|rss| rss.key_len > 0)?;
    Some(Rss {
        key: rss.key.get(..rss.key_len as usize)?.to_vec(),
        table: rss.table.get(..rss.table_len as usize)?.to_vec(),
    })
}

/// The port's address; over net_tap, where the kernel's end has that, the one beside it. Whatever the kernel sends arrives.
fn own_address(driver: &[u8], port: MacAddress) -> MacAddress {
    let mut address = port;
    if driver == b"net_tap" {
        address.0[0] |= 2; // locally administered
        address.0[5] ^= 1;
    }
    address
}

/// Where in a cache line the buffers of a device start. virtio puts 12 bytes in front of a frame, and all of it comes from
/// another core: so a short frame of 130 bytes with them takes 3 lines, and not 5. A card writes whole lines best.
fn shift(driver: &[u8]) -> u16 {
    if driver.starts_with(b"net_virtio") { 48 } else { 0 }
}

/// Whether the driver copies what it sends with the processor before it returns. A card reads only memory that it was told of.
fn reads_anywhere(driver: &[u8]) -> bool {
    driver.starts_with(b"net_vhost")
}

impl Nic for DpdkNic {
    fn info(&self) -> &NicInfo {
        &self.info
    }

    fn open_queue(&mut self, id: QueueId, slots: usize) -> io::Result<Box<dyn Queue>> {
        Ok(Box::new(self.open_queue(id, slots)?))
    }
}

// The stack's headers fit in front.
const _: () = assert!(HEADROOM >= 128);

#[cfg(test)]
mod tests;
