//! An opened TAP or TUN device.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;

use corelane_nic::{
    COPY_BELOW, MacAddress, Medium, Nic, NicInfo, Offloads, PoolConfig, Queue, QueueId, SUM_BELOW,
};

use crate::error::{attach_failed, open_failed, setting_failed};
use crate::queue::{SLOT_SIZE, TX_CHUNKS, buffers_for};
use crate::syscall::{self, Interface};
use crate::{TapConfig, TapQueue};

/// An opened TAP or TUN device; see [`TapConfig`].
#[derive(Debug)]
pub struct TapNic {
    config: TapConfig,
    info: NicInfo,
    /// The queue that holds the interface; the others attach when they are opened, so that the kernel sends no flow to
    /// a queue that nobody reads.
    first: Option<File>,
    opened: Vec<bool>,
}

/// IPv4 says 65535 bytes at most; both headers may have 40 bytes of options.
const TSO_MAX: u32 = 65535 - 60 - 60;

impl TapNic {
    /// Makes the interface or attaches to it, in the network namespace of the calling thread.
    ///
    /// # Errors
    /// `InvalidInput` when the configuration can't be; else the system's refusal, with what is missing and the
    /// command that gives it.
    pub fn open(config: &TapConfig) -> io::Result<TapNic> {
        config.check()?;
        let (first, name) = open_file(config)?;
        let config = TapConfig { name, ..config.clone() };
        let name = &config.name;
        let interface = Interface::new(name)?;
        if let Some(mtu) = config.mtu {
            interface.set_mtu(mtu).map_err(|e| {
                setting_failed(&e, "set the MTU", name, &format!("ip link set {name} mtu {mtu}"))
            })?;
        }
        let up = format!("ip link set {name} up");
        if config.up {
            interface.set_up().map_err(|e| setting_failed(&e, "change the state", name, &up))?;
        } else if !interface.is_up()? {
            tracing::warn!(interface = %name, "the interface is down, frames sent are dropped: `{up}`");
        }
        let medium = match config.mac {
            _ if config.tun => Medium::Ip,
            Some(mac) => Medium::Ethernet(mac),
            None => Medium::Ethernet(derive_mac(name, interface.mac()?)),
        };
        let info = NicInfo {
            name: name.clone(),
            driver: "tap",
            medium,
            mtu: u16::try_from(interface.mtu()?).unwrap_or(u16::MAX),
            queues: config.queues,
            offloads: Offloads {
                rx_checksum: config.rx_offloads.checksum,
                tx_checksum: config.tx_offloads.checksum,
                tso_max: if config.tx_offloads.tso { TSO_MAX } else { 0 },
                tx_chunks: TX_CHUNKS,
                copy_below: COPY_BELOW,
                sum_below: SUM_BELOW,
            },
            rss: None,
        };
        let opened = vec![false; config.queues as usize];
        Ok(TapNic { config, info, first: Some(first), opened })
    }
}

/// A descriptor of its own for one queue, with the interface's name.
fn open_file(config: &TapConfig) -> io::Result<(File, String)> {
    let file = syscall::open_tun().map_err(|e| open_failed(&e))?;
    let mut flags = libc::IFF_NO_PI | if config.tun { libc::IFF_TUN } else { libc::IFF_TAP };
    if config.vnet_header > 0 {
        flags |= libc::IFF_VNET_HDR;
    }
    if config.queues > 1 {
        flags |= libc::IFF_MULTI_QUEUE;
    }
    let name = syscall::attach(&file, &config.name, flags).map_err(|e| attach_failed(&e, config))?;
    if config.vnet_header > 0 {
        let old = |e: io::Error| {
            let why = "the kernel refuses the vnet header: set vnet_header to 0 and the offloads off";
            io::Error::new(e.kind(), format!("{name}: {why} ({e})"))
        };
        syscall::set_vnet_header_len(&file, config.vnet_header).map_err(old)?;
        let mut features = 0;
        if config.rx_offloads.checksum {
            features |= libc::TUN_F_CSUM;
        }
        if config.rx_offloads.tso {
            features |= libc::TUN_F_TSO4;
        }
        syscall::set_offload(&file, features).map_err(old)?;
    }
    Ok((file, name))
}

/// A locally administered address that differs from the kernel's end and stays the same over restarts, so that the
/// kernel's ARP entries stay right.
fn derive_mac(name: &str, kernel_end: MacAddress) -> MacAddress {
    let mut hasher = DefaultHasher::new();
    (name, kernel_end).hash(&mut hasher);
    let [_, _, b, c, d, e, f, _] = hasher.finish().to_ne_bytes();
    let mac = MacAddress([0x02, b, c, d, e, f]);
    if mac == kernel_end { MacAddress([0x02, b, c, d, e, f ^ 1]) } else { mac }
}

impl Nic for TapNic {
    fn info(&self) -> &NicInfo {
        &self.info
    }

    fn open_queue(&mut self, id: QueueId, slots: usize) -> io::Result<Box<dyn Queue>> {
        let refuse =
            |kind, message: String| Err(io::Error::new(kind, format!("{}: {message}", self.info.name)));
        let Some(&opened) = self.opened.get(id.0 as usize) else {
            let message = format!("there is no queue {}, it has {}", id.0, self.info.queues);
            return refuse(io::ErrorKind::InvalidInput, message);
        };
        if opened {
            return refuse(io::ErrorKind::ResourceBusy, format!("queue {} is open already", id.0));
        }
        let buffers = buffers_for(&self.config, self.info.mtu);
        let slots = match u32::try_from(slots) {
            Ok(slots) if slots as usize >= 2 * buffers => slots,
            _ => {
                let message =
                    format!("a pool of {slots} buffers: give {} or more (and below 2^32)", 2 * buffers);
                return refuse(io::ErrorKind::InvalidInput, message);
            }
        };
        let file = match self.first.take() {
            Some(file) => file,
            None => open_file(&self.config)?.0,
        };
        self.opened[id.0 as usize] = true;
        let pool = PoolConfig {
            slots,
            slot_size: SLOT_SIZE,
            headroom: self.config.headroom,
            reserve: self.config.reserve.min(slots / 8),
        };
        Ok(Box::new(TapQueue::new(file, &self.config, &self.info, pool)))
    }
}
