//! Tries the drivers in turn.

use std::io;

use corelane_nic::Nic;
use corelane_sim::LinkConfig;

use crate::{DriverKind, NicConfig, OpenError, Skipped};

/// A device, and why no better one was taken.
pub struct Opened {
    /// The device.
    pub nic: Box<dyn Nic>,
    /// The drivers that were tried before, in order.
    pub skipped: Vec<Skipped>,
    /// The other end of the link, with the driver `sim`: for the other host, in this process.
    pub peer: Option<Box<dyn Nic>>,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened")
            .field("nic", self.nic.info())
            .field("skipped", &self.skipped)
            .finish_non_exhaustive()
    }
}

/// What trying one driver gave.
enum Attempt {
    Opened(Box<dyn Nic>, Option<Box<dyn Nic>>),
    /// It can't be had here: the next one may.
    Unavailable(String, Option<String>),
    /// The configuration is wrong: another driver would hide that.
    Wrong(String, Option<String>),
}

/// Opens the first of the drivers that `config` names which can be had, in the network namespace of the calling thread.
///
/// # Errors
/// [`OpenError::Config`] when a value can't be (no such interface, say); [`OpenError::NoDriver`] with a reason for each
/// driver that was tried.
pub fn open(config: &NicConfig) -> Result<Opened, OpenError> {
    let mut skipped = Vec::new();
    for &driver in config.driver.candidates() {
        let attempt = match driver {
            DriverKind::Dpdk => open_dpdk(config),
            DriverKind::Xdp => open_xdp(config),
            DriverKind::Tap => open_tap(config),
            DriverKind::Sim => open_sim(config),
        };
        match attempt {
            Attempt::Opened(nic, peer) => return Ok(Opened { nic, skipped, peer }),
            Attempt::Unavailable(reason, remedy) => skipped.push(Skipped { driver, reason, remedy }),
            Attempt::Wrong(reason, remedy) => {
                return Err(OpenError::Config(Skipped { driver, reason, remedy }));
            }
        }
    }
    Err(OpenError::NoDriver(skipped))
}

#[cfg(feature = "dpdk")]
fn open_dpdk(config: &NicConfig) -> Attempt {
    use corelane_dpdk::{DpdkConfig, DpdkError, DpdkNic, DpdkOffloads, Memory};

    let settings = &config.dpdk;
    let Some(device) = &settings.device else {
        return Attempt::Unavailable(
            "no DPDK device is named".into(),
            Some("name one that `dpdk-devbind.py --status` shows, or a virtual one such as net_tap0".into()),
        );
    };
    let memory = if settings.huge_pages { Memory::HugePages } else { Memory::Ordinary };
    let allowed = settings.offloads;
    let dpdk = DpdkConfig {
        memory: memory(settings.memory),
        queues: config.queues,
        slots: settings.slots,
        mtu: config.mtu,
        rx_descriptors: settings.rx_descriptors,
        tx_descriptors: settings.tx_descriptors,
        vlan: settings.vlan,
        copy_below: settings.copy_below,
        offloads: DpdkOffloads {
            rx_checksum: allowed.rx_checksum,
            tx_checksum: allowed.tx_checksum,
            tso: allowed.tso,
            lro: allowed.lro,
            multi_segment: allowed.multi_segment,
            vlan: allowed.vlan,
            rx_interrupt: allowed.rx_interrupt,
        },
        eal: settings.eal.clone(),
        ..DpdkConfig::new(device)
    };
    match DpdkNic::open(&dpdk) {
        Ok(nic) => Attempt::Opened(Box::new(nic), None),
        Err(error) => {
            let (reason, remedy) = (error.to_string(), Some(error.remedy()));
            match error {
                DpdkError::Config { .. } | DpdkError::Running { .. } => Attempt::Wrong(reason, remedy),
                _ => Attempt::Unavailable(reason, remedy),
            }
        }
    }
}

#[cfg(not(feature = "dpdk"))]
fn open_dpdk(_: &NicConfig) -> Attempt {
    Attempt::Unavailable(
        "this build has no DPDK backend".into(),
        Some("build with `--features dpdk`, which needs `apt-get install libdpdk-dev`".into()),
    )
}

#[cfg(feature = "xdp")]
fn open_xdp(config: &NicConfig) -> Attempt {
    use corelane_xdp::{Filter, XdpConfig, XdpError, XdpNic};

    let Some(interface) = &config.interface else {
        return Attempt::Unavailable(
            "no interface is named".into(),
            Some("name one that `ip link` shows".into()),
        );
    };
    let filter = Filter { addresses: config.addresses.clone(), ports: config.ports.clone() };
    let mut xdp = XdpConfig::new(interface, filter);
    xdp.queues = config.queues;
    xdp.busy_poll = config.xdp_busy_poll;
    xdp.mode = match config.xdp_mode {
        crate::XdpMode::Auto => corelane_xdp::XdpMode::Auto,
        crate::XdpMode::ZeroCopy => corelane_xdp::XdpMode::ZeroCopy,
        crate::XdpMode::Copy => corelane_xdp::XdpMode::Copy,
        crate::XdpMode::Skb => corelane_xdp::XdpMode::Skb,
    };
    if config.mtu.is_some_and(|mtu| mtu > XdpConfig::max_mtu(xdp.chunk_size)) {
        xdp.chunk_size = 4096;
    }
    match XdpNic::open(&xdp) {
        Ok(nic) => Attempt::Opened(Box::new(nic), None),
        Err(error) => {
            let (reason, remedy) = (error.to_string(), Some(error.remedy()));
            match error {
                XdpError::Config { .. } | XdpError::NoInterface(_) => Attempt::Wrong(reason, remedy),
                _ => Attempt::Unavailable(reason, remedy),
            }
        }
    }
}

#[cfg(not(feature = "xdp"))]
fn open_xdp(_: &NicConfig) -> Attempt {
    Attempt::Unavailable(
        "this build has no AF_XDP backend".into(),
        Some("build with `--features xdp`".into()),
    )
}

#[cfg(feature = "tap")]
fn open_tap(config: &NicConfig) -> Attempt {
    use corelane_tap::{TapConfig, TapNic, TapOffloads};

    let mut tap = TapConfig { mtu: config.mtu, queues: config.queues, ..TapConfig::new(&config.tap) };
    if !config.tap_offloads {
        tap = TapConfig {
            vnet_header: 0,
            rx_offloads: TapOffloads::NONE,
            tx_offloads: TapOffloads::NONE,
            ..tap
        };
    }
    match TapNic::open(&tap) {
        Ok(nic) => Attempt::Opened(Box::new(nic), None),
        Err(error) => refused(&error),
    }
}

#[cfg(not(feature = "tap"))]
fn open_tap(_: &NicConfig) -> Attempt {
    Attempt::Unavailable("this build has no TAP backend".into(), Some("build with `--features tap`".into()))
}

fn open_sim(config: &NicConfig) -> Attempt {
    let defaults = LinkConfig::default();
    let link = LinkConfig { queues: config.queues, mtu: config.mtu.unwrap_or(defaults.mtu), ..defaults };
    match corelane_sim::cross_thread_pair(&link) {
        Ok((nic, peer)) => Attempt::Opened(Box::new(nic), Some(Box::new(peer))),
        Err(error) => refused(&error),
    }
}

/// The message of these drivers says what would mend it.
fn refused(error: &io::Error) -> Attempt {
    match error.kind() {
        io::ErrorKind::InvalidInput => Attempt::Wrong(error.to_string(), None),
        _ => Attempt::Unavailable(error.to_string(), None),
    }
}

#[cfg(test)]
mod tests;
