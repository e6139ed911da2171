//! What the corelane engine runs on: the same flags for the server and for the client.

use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use clap::Args;
use corelane::{Algorithm, Builder, Config, DpdkOffloadsConfig, Runtime, Time};
use corelane_netstack::CongestionControl;

use crate::cli::{Cidr, Driver};
use crate::error::bad_input;

/// A worker that is told to spin does so for longer than any measurement takes.
const FOREVER: Duration = Duration::from_secs(24 * 3600);

/// The flags.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Only for --engine corelane")]
pub struct DeviceArgs {
    /// How frames get in and out
    #[arg(long)]
    pub driver: Option<Driver>,
    /// The interface to take (xdp) or to make or join (tap); DPDK's device with its arguments, as in net_vhost0,iface=SOCKET
    #[arg(long, value_name = "IF")]
    pub interface: Option<String>,
    /// corelane's own address on it, as in 10.0.0.3/24
    #[arg(long, value_name = "ADDR/LEN")]
    pub ip: Option<Cidr>,
    /// The router towards other networks
    #[arg(long, value_name = "ADDR")]
    pub gateway: Option<Ipv4Addr>,
    /// NIC queues, and so cores, to use
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub queues: Option<u16>,
    /// The largest IP packet [default: what the device has]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u16).range(68..))]
    pub mtu: Option<u16>,
    /// Do the kernel's part of receiving on this core too (xdp); the interface has to defer its interrupts
    #[arg(long)]
    pub busy_poll: bool,
    /// Leave no checksum and no segmentation to the device (tap, dpdk)
    #[arg(long)]
    pub no_offloads: bool,
    /// MiB of packet memory (dpdk) [default: 256]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(16..=1 << 20))]
    pub dpdk_memory: Option<u32>,
    /// Take packet memory from ordinary pages, not from huge ones (dpdk; only for virtual devices of this process)
    #[arg(long)]
    pub dpdk_ordinary_memory: bool,
    /// Payload of up to so many bytes is copied behind its headers, longer one is sent from where it is (dpdk)
    #[arg(long, value_name = "BYTES")]
    pub dpdk_copy_below: Option<usize>,
    /// A further argument for DPDK's EAL, as in --single-file-segments; once for each
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    pub dpdk_eal: Vec<String>,
}

impl DeviceArgs {
    /// Refuses the flags for an engine that has no use for them.
    pub fn refuse(&self, engine: impl fmt::Display) -> anyhow::Result<()> {
        let given = [
            ("--driver", self.driver.is_some()),
            ("--interface", self.interface.is_some()),
            ("--ip", self.ip.is_some()),
            ("--gateway", self.gateway.is_some()),
            ("--queues", self.queues.is_some()),
            ("--mtu", self.mtu.is_some()),
            ("--busy-poll", self.busy_poll),
            ("--no-offloads", self.no_offloads),
            ("--dpdk-memory", self.dpdk_memory.is_some()),
            ("--dpdk-ordinary-memory", self.dpdk_ordinary_memory),
            ("--dpdk-copy-below", self.dpdk_copy_below.is_some()),
            ("--dpdk-eal", !self.dpdk_eal.is_empty()),
        ];
        match given.iter().find(|(_, given)| *given) {
            Some((flag, _)) => Err(bad_input(format!(
                "{flag}: the engine {engine} runs on the kernel's network: leave {flag} out, or use --engine corelane"
            ))),
            None => Ok(()),
        }
    }

    /// Opens the device and starts the runtime; with `spin` its workers never sleep.
    ///
    /// # Errors
    /// When the device can't be had: the error says what is missing.
    pub fn start(&self, spin: bool) -> anyhow::Result<Runtime> {
        self.start_with(spin, None)
    }

    /// As [`Self::start`], with these addresses beside that of `--ip`, in its network.
    ///
    /// # Errors
    /// As there.
    pub fn start_from(&self, spin: bool, further: impl Iterator<Item = Ipv4Addr>) -> anyhow::Result<Runtime> {
        let mut config = self.config(spin)?;
        let prefix = self.ip.map_or(32, |ip| ip.prefix);
        config.network.addresses.extend(further.map(|address| format!("{address}/{prefix}")));
        build(config)
    }

    /// As [`Self::start`], with this congestion control; `None` is the stack's own.
    ///
    /// # Errors
    /// As there, and for a name that it doesn't have.
    pub fn start_with(&self, spin: bool, congestion: Option<&str>) -> anyhow::Result<Runtime> {
        let mut config = self.config(spin)?;
        if let Some(name) = congestion {
            let kind: CongestionControl = name.parse().map_err(|_| {
                let names = CongestionControl::ALL.map(CongestionControl::name).join(", ");
                bad_input(format!("--congestion {name}: corelane has {names}"))
            })?;
            config.tcp.tcp_congestion_control = Some(Algorithm(kind));
        }
        build(config)
    }

    fn config(&self, spin: bool) -> anyhow::Result<Config> {
        let Some(ip) = self.ip else {
            return Err(bad_input(
                "--ip: the corelane engine needs an address of its own: give one that the kernel does not have, such as --ip 10.0.0.3/24",
            ));
        };
        let driver = self.driver()?;
        let Some(interface) = &self.interface else {
            return Err(bad_input(
                "--interface: say which interface: one that `ip link` shows (xdp), the TAP's name, or DPDK's device",
            ));
        };
        let mut config = Config::default();
        config.device.driver = driver.to_string();
        config.device.interface = Some(interface.clone());
        config.device.queues = self.queues;
        config.device.mtu = self.mtu;
        config.device.xdp_busy_poll = self.busy_poll;
        config.device.tap_offloads = !self.no_offloads;
        config.device.dpdk_memory = self.dpdk_memory;
        if self.no_offloads {
            config.device.dpdk_offloads = DpdkOffloadsConfig::NONE;
        }
        config.device.dpdk_huge_pages = !self.dpdk_ordinary_memory;
        if let Some(bytes) = self.dpdk_copy_below {
            config.device.dpdk_copy_below = bytes;
        }
        config.device.dpdk_eal.clone_from(&self.dpdk_eal);
        config.network.addresses = vec![format!("{}/{}", ip.address, ip.prefix)];
        config.network.gateway = self.gateway.map(|gateway| gateway.to_string());
        if spin {
            config.runtime.spin = Time(FOREVER);
        }
        Ok(config)
    }

    fn driver(&self) -> anyhow::Result<Driver> {
        match self.driver {
            None | Some(Driver::Sim) => Err(bad_input(
                "--driver: the other end is another process and needs a device: give --driver xdp, tap or dpdk with \
                 --interface (both ends in one process: corelane-bench compare --bed memory)",
            )),
            Some(Driver::Dpdk) if !cfg!(feature = "dpdk") => Err(bad_input(
                "--driver dpdk: this build is without DPDK: build it with `cargo build --release -p corelane-bench \
                 --features dpdk`, or take xdp or tap",
            )),
            Some(driver) => Ok(driver),
        }
    }
}

fn build(config: Config) -> anyhow::Result<Runtime> {
    // A flag that names what is not there is a wrong flag, as for the other engines.
    Builder::new().config(config).build().map_err(|error| match error.kind() {
        io::ErrorKind::InvalidInput | io::ErrorKind::NotFound => bad_input(error.to_string()),
        _ => error.into(),
    })
}

#[cfg(test)]
mod tests;
