//! A port: opening and closing it.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use corelane_nic::{MacAddress, Medium, Nic, NicInfo, Offloads, Queue, QueueId};

use crate::ffi::{self, Mempool};
use crate::mbufs::Mbufs;
use crate::queue::DpdkQueue;
use crate::{DpdkConfig, DpdkError, eal};

const SLOTS: std::ops::RangeInclusive<usize> = 256..=1 << 20;
/// Bytes of a buffer without its headroom.
const DATA_ROOM: u16 = 2048;
const HEADROOM: u16 = 128;
const ETHERNET_HEADER: u16 = 14;

/// Names of mempools, which are EAL's.
static POOLS: AtomicU32 = AtomicU32::new(0);

/// A port of DPDK. The device goes when this or its queue is dropped.
pub struct DpdkNic {
    config: DpdkConfig,
    info: NicInfo,
    /// The NUMA node, or -1.
    socket: i32,
    /// `None` from the opening of the queue on: the queue has it.
    port: Option<Port>,
}

/// A port that is ours; it is stopped, closed and, if EAL made it, removed on drop.
pub(crate) struct Port {
    number: u16,
    name: String,
    is_virtual: bool,
}

impl Port {
    /// Makes or finds the device.
    fn open(config: &DpdkConfig) -> Result<Port, DpdkError> {
        let name = config.name().to_owned();
        if config.is_virtual() {
            ffi::vdev_add(&name, config.arguments())
                .map_err(|reason| DpdkError::Virtual { device: config.device.clone(), reason })?;
        }
        match ffi::port_by_name(&name) {
            Ok(number) => Ok(Port { number, name, is_virtual: config.is_virtual() }),
            Err(_) if config.is_virtual() => {
                let _ = ffi::vdev_remove(&name); // it carries no Ethernet, whatever it is
                Err(DpdkError::NoDevice(name))
            }
            Err(_) => Err(DpdkError::NoDevice(name)),
        }
    }

    /// Its number in all calls.
    pub(crate) fn number(&self) -> u16 {
        self.number
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        for (what, result) in [
            ("stopping", ffi::port_stop(self.number)),
            ("closing", ffi::port_close(self.number)),
            ("removing", if self.is_virtual { ffi::vdev_remove(&self.name) } else { Ok(()) }),
        ] {
            if let Err(reason) = result {
                tracing::debug!(port = self.name, what, reason, "while a port was closed");
            }
        }
    }
}

impl DpdkNic {
    /// Starts EAL if it does not run yet, and makes or finds the device.
    ///
    /// # Errors
    /// [`DpdkError`] names what is missing and what would mend it.
    pub fn open(config: &DpdkConfig) -> Result<DpdkNic, DpdkError> {
        config.validate()?;
        eal::start(config)?;
        let port = Port::open(config)?;
        let call = |call| move |reason| DpdkError::Call { call, device: config.name().to_owned(), reason };
        let found = ffi::port_info(port.number).map_err(call("asking what it is"))?;
        let fits = DATA_ROOM - ETHERNET_HEADER;
        let mtu = config.mtu.unwrap_or(found.mtu.min(fits));
        let most = found.max_mtu.min(fits);
        if !(68..=most).contains(&mtu) {
            return Err(DpdkError::Config {
                what: format!("an MTU of {mtu} on {}", config.name()),
                remedy: format!("use 68 to {most}"),
            });
        }
        let driver: Vec<u8> = found.driver.iter().copied().take_while(|byte| *byte != 0).collect();
        tracing::info!(port = config.name(), driver = %String::from_utf8_lossy(&driver), mtu, "opened a DPDK port");
        let info = NicInfo {
            name: config.name().to_owned(),
            driver: "dpdk",
            medium: Medium::Ethernet(own_address(&driver, MacAddress(found.mac))),
            mtu,
            queues: 1,
            offloads: Offloads::default(),
            rss: None,
        };
        Ok(DpdkNic { config: config.clone(), info, socket: found.socket, port: Some(port) })
    }

    fn open_queue(&mut self, id: QueueId, slots: usize) -> Result<DpdkQueue, DpdkError> {
        if !SLOTS.contains(&slots) {
            return Err(DpdkError::Config {
                what: format!("{slots} slots for a queue"),
                remedy: format!("use {} to {}", SLOTS.start(), SLOTS.end()),
            });
        }
        if id != QueueId(0) || self.port.is_none() {
            return Err(DpdkError::Queue(id.0));
        }
        let config = &self.config;
        let call = |call| move |reason| DpdkError::Call { call, device: config.name().to_owned(), reason };
        ffi::thread_register().map_err(call("registering this thread"))?;
        let room = DATA_ROOM + HEADROOM;
        let name = format!("corelane-{}", POOLS.fetch_add(1, Ordering::Relaxed));
        let mempool = Mempool::new(&name, slots as u32, room, self.socket) // within SLOTS
            .map_err(|reason| DpdkError::PacketMemory { bytes: slots * usize::from(room), reason })?;
        // After the mempool, so that an error closes the port first: its rings have mbufs.
        let port = self.port.take().ok_or(DpdkError::Queue(id.0))?;
        // A device that fills its ring takes half of the buffers at most.
        let half = u16::try_from(slots / 2).unwrap_or(u16::MAX);
        ffi::port_configure(port.number, config.mtu).map_err(call("configuring it"))?;
        ffi::port_rx_queue(port.number, config.rx_descriptors.min(half), &mempool)
            .map_err(call("setting its receive queue up"))?;
        ffi::port_tx_queue(port.number, config.tx_descriptors.min(half))
            .map_err(call("setting its transmit queue up"))?;
        ffi::port_start(port.number).map_err(call("starting it"))?;
        Ok(DpdkQueue::new(port, Mbufs::new(mempool), self.info.mtu))
    }
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

impl Nic for DpdkNic {
    fn info(&self) -> &NicInfo {
        &self.info
    }

    fn open_queue(&mut self, id: QueueId, slots: usize) -> io::Result<Box<dyn Queue>> {
        Ok(Box::new(self.open_queue(id, slots)?))
    }
}

#[cfg(test)]
mod tests;
