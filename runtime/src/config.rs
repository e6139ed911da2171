//! The settings of a runtime, from code or from a TOML file.
//!
//! ```toml
//! [device]
//! driver = "xdp"                  # auto, xdp, tap
//! interface = "eth0"
//! queues = 2
//! [network]
//! addresses = ["10.0.0.2/24"]
//! gateway = "10.0.0.1"
//! [runtime]
//! engine = "native"               # or kernel: its own sockets, without a device
//! cores = [0, 1]                  # one worker on each
//! spin = "200us"
//! [tcp]
//! tcp_keepalive_time = "7200s"    # Linux's names and defaults
//! ```

use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use corelane_netstack::{Ipv4Cidr, RouteConfig};
use serde::Deserialize;

use crate::core::budget::Budget;
use crate::core::idle::DEFAULT_SPIN;

mod engine;
mod knobs;
mod offloads;
mod values;

pub(crate) use engine::EngineKind;
pub use knobs::{IpKnobs, TcpKnobs};
pub use offloads::DpdkOffloadsConfig;
pub use values::{Algorithm, Ports, Sizes, Time};

/// All settings, as written. [`Builder::build`](crate::Builder::build) checks them.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Which device.
    pub device: DeviceConfig,
    /// Which addresses.
    pub network: NetworkConfig,
    /// Which cores, and how they share their time.
    pub runtime: RuntimeConfig,
    /// IP, ICMP and ARP.
    pub ip: IpKnobs,
    /// TCP.
    pub tcp: TcpKnobs,
}

/// Section `[device]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeviceConfig {
    /// `auto` tries the best first; or one of `xdp`, `tap`, `dpdk`, or several in their order: `xdp,tap`.
    pub driver: String,
    /// The interface's name: one that exists for `xdp`, one to be made for `tap`.
    pub interface: Option<String>,
    /// Queues to open, each with a worker of its own. Default: one for each worker. When they are fewer than the workers, these share
    /// them: see `spread`.
    pub queues: Option<u16>,
    /// Packet buffers of each queue, of some 2 KiB each.
    pub slots: usize,
    /// The largest IP packet. Default: what the device has.
    pub mtu: Option<u16>,
    /// AF_XDP: take only these ports, of addresses that the kernel has and keeps. Default: all of our addresses.
    pub ports: Vec<u16>,
    /// AF_XDP: `auto`, `zero-copy`, `copy` or `skb`.
    pub xdp_mode: String,
    /// AF_XDP: the worker does the kernel's part of receiving too, so that no other core's softirq does. The interface has to
    /// defer its interrupts for that: the error says how.
    pub xdp_busy_poll: bool,
    /// DPDK: the PCI address of a card, or a virtual device with its arguments: `net_tap0,iface=dtap0`.
    pub dpdk_device: Option<String>,
    /// DPDK: MiB of packet memory. Default: what the queues need with their slots.
    pub dpdk_memory: Option<u32>,
    /// DPDK: take packet memory from huge pages. Virtual devices of this process do without.
    pub dpdk_huge_pages: bool,
    /// DPDK: entries of the receive ring; the device may round.
    pub dpdk_rx_descriptors: u16,
    /// DPDK: entries of the transmit ring; the device may round.
    pub dpdk_tx_descriptors: u16,
    /// DPDK: the VLAN that frames are sent in and received from. Default: none.
    pub dpdk_vlan: Option<u16>,
    /// DPDK: payload of up to so many bytes is copied behind its headers; longer one is sent from where it is.
    pub dpdk_copy_below: usize,
    /// DPDK: what the device may do in the stack's place.
    pub dpdk_offloads: DpdkOffloadsConfig,
    /// DPDK: further arguments for EAL.
    pub dpdk_eal: Vec<String>,
    /// TAP: leave checksums and segmentation to each other.
    pub tap_offloads: bool,
}

impl Default for DeviceConfig {
    fn default() -> DeviceConfig {
        DeviceConfig {
            driver: "auto".to_string(),
            interface: None,
            queues: None,
            slots: 8192,
            mtu: None,
            ports: Vec::new(),
            xdp_mode: "auto".to_string(),
            xdp_busy_poll: false,
            dpdk_device: None,
            dpdk_memory: None,
            dpdk_huge_pages: true,
            dpdk_rx_descriptors: 1024,
            dpdk_tx_descriptors: 1024,
            dpdk_vlan: None,
            dpdk_copy_below: 2048,
            dpdk_offloads: DpdkOffloadsConfig::default(),
            dpdk_eal: Vec::new(),
            tap_offloads: true,
        }
    }
}

/// Section `[network]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkConfig {
    /// Our addresses with their prefix lengths: `10.0.0.2/24`. The kernel must not have them.
    pub addresses: Vec<String>,
    /// The next hop of the default route.
    pub gateway: Option<String>,
    /// Further routes.
    pub routes: Vec<Route>,
}

/// An entry of `network.routes`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The network: `10.1.0.0/16`.
    pub destination: String,
    /// The next hop.
    pub gateway: String,
}

/// Section `[runtime]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuntimeConfig {
    /// `native`: our own TCP/IP on the device. `kernel`: the kernel's sockets, without one.
    pub engine: String,
    /// The cores to run on, a pinned worker each. Empty: not pinned.
    pub cores: Vec<usize>,
    /// How many workers there are. Default: one for each of the cores, else as many as queues.
    pub workers: Option<u16>,
    /// Where workers share a queue: how much of its connections each worker gets, in proportion to the others, one number a
    /// worker. 0: it serves only its own sockets' connections and what others hand over. Default: all the same. The first of
    /// the workers that share a queue moves the frames of all, and may get less for that.
    pub spread: Vec<u32>,
    /// How long an idle core spins before it sleeps. Longer saves wake-ups, shorter saves power.
    pub spin: Time,
    /// Frames received, and frames sent, in one turn.
    pub burst: usize,
    /// Tasks polled in one turn.
    pub polls: u32,
    /// A task whose poll takes as long or longer is counted, and named in the log where it was started. `"0s"`: none is.
    pub stall: Time,
}

impl Default for RuntimeConfig {
    fn default() -> RuntimeConfig {
        let Budget { burst, polls, stall } = Budget::default();
        RuntimeConfig {
            engine: "native".to_string(),
            cores: Vec::new(),
            workers: None,
            spread: Vec::new(),
            spin: Time(DEFAULT_SPIN),
            burst,
            polls,
            stall: Time(stall),
        }
    }
}

/// A setting that can't be: one line with its key, its value, its file where it came from one, and the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError(String);

impl ConfigError {
    pub(crate) fn new(key: &str, value: impl fmt::Display, remedy: impl fmt::Display) -> ConfigError {
        ConfigError(format!("{key} = {value}: {remedy}"))
    }

    fn in_file(self, path: &Path) -> ConfigError {
        ConfigError(format!("{}: {}", path.display(), self.0))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

impl From<ConfigError> for io::Error {
    fn from(error: ConfigError) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidInput, error)
    }
}

/// Settings that were checked.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) engine: EngineKind,
    pub(crate) workers: u16,
    pub(crate) queues: u16,
    pub(crate) cores: Vec<usize>,
    pub(crate) spread: Vec<u32>,
    pub(crate) slots: usize,
    pub(crate) spin: Duration,
    pub(crate) budget: Budget,
    pub(crate) stack: corelane_netstack::Config,
}

/// As good as for ever, where spinning all the time is wanted.
const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// More workers than any machine has cores.
const MAX_WORKERS: usize = 1024;

impl Config {
    /// Reads a TOML file and checks what is in it.
    ///
    /// # Errors
    /// One line that names the file, the key, the value and the way out.
    pub fn from_file(path: impl AsRef<Path>) -> io::Result<Config> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|e| {
            io::Error::new(e.kind(), format!("can't read the configuration {}: {e}", path.display()))
        })?;
        Ok(Config::parse(&text, path)?)
    }

    /// As [`Config::from_file`], of a text that was read already; `path` is for the errors.
    ///
    /// # Errors
    /// As [`Config::from_file`].
    pub fn parse(text: &str, path: impl AsRef<Path>) -> Result<Config, ConfigError> {
        let path = path.as_ref();
        let config: Config = toml::from_str(text).map_err(|error| explain(&error, text, path))?;
        config.check().map_err(|error| error.in_file(path))?;
        Ok(config)
    }

    /// Checks all values, and turns them into what the parts want. That an address is there is checked by the builder.
    pub(crate) fn check(&self) -> Result<Settings, ConfigError> {
        let mut stack = corelane_netstack::Config {
            addresses: self.network.addresses()?,
            routes: self.network.routes()?,
            ..Default::default()
        };
        self.ip.apply(&mut stack.ip)?;
        self.tcp.apply(&mut stack.tcp)?;
        let (min, max) = (Time(stack.tcp.tcp_rto_min), Time(stack.tcp.tcp_rto_max));
        if min > max {
            let remedy =
                format!("tcp.tcp_rto_max = {max} is less: give a larger one, or a smaller tcp_rto_min");
            return Err(ConfigError::new("tcp.tcp_rto_min", min, remedy));
        }
        let (workers, queues) = self.workers()?;
        let device = &self.device;
        one_of("device.driver", &device.driver, device.driver.split(',').map(str::trim), &DRIVERS)?;
        one_of("device.xdp_mode", &device.xdp_mode, [device.xdp_mode.as_str()], &XDP_MODES)?;
        // RFC 791: every internet module must be able to forward 68 octets.
        in_range("device.mtu", device.mtu.unwrap_or(1500), 68, u16::MAX)?;
        if let Some(zero) = device.ports.iter().find(|port| **port == 0) {
            return Err(ConfigError::new("device.ports", format!("[{zero}]"), "give ports from 1 to 65535"));
        }
        in_range("device.slots", device.slots, 64, 1 << 22)?;
        let RuntimeConfig { spin, burst, polls, stall, .. } = self.runtime;
        in_range("runtime.spin", spin, Time(Duration::ZERO), Time(YEAR))?;
        in_range("runtime.burst", burst, 1, 1024)?;
        in_range("runtime.polls", polls, 1, 1 << 20)?;
        in_range("runtime.stall", stall, Time(Duration::ZERO), Time(YEAR))?;
        Ok(Settings {
            engine: engine::check(self)?,
            workers,
            queues,
            cores: self.runtime.cores.clone(),
            spread: self.runtime.spread.clone(),
            slots: device.slots,
            spin: spin.0,
            budget: Budget { burst, polls, stall: stall.0 },
            stack,
        })
    }

    /// How many workers and queues there are.
    fn workers(&self) -> Result<(u16, u16), ConfigError> {
        let RuntimeConfig { cores, workers, spread, .. } = &self.runtime;
        if cores.len() > MAX_WORKERS {
            return Err(ConfigError::new("runtime.cores", format!("{cores:?}"), "give 1024 cores or fewer"));
        }
        if let Some(twice) = cores.iter().enumerate().find(|(i, core)| cores[..*i].contains(core)) {
            let remedy = format!("core {} is in it twice: give each core once", twice.1);
            return Err(ConfigError::new("runtime.cores", format!("{cores:?}"), remedy));
        }
        let max = MAX_WORKERS as u16; // 1024 is a u16
        in_range("runtime.workers", workers.unwrap_or(1), 1, max)?;
        in_range("device.queues", self.device.queues.unwrap_or(1), 1, max)?;
        let count = match (cores.len() as u16, *workers) {
            (0, None) => self.device.queues.unwrap_or(1),
            (0, Some(count)) => count,
            (count, None) => count, // at most MAX_WORKERS
            (count, Some(same)) if count == same => count,
            (count, Some(other)) => {
                let remedy = format!("runtime.cores = {cores:?} has {count}: give a worker for each core");
                return Err(ConfigError::new("runtime.workers", other, remedy));
            }
        };
        let queues = self.device.queues.unwrap_or(count);
        if queues > count {
            let remedy = if cores.is_empty() {
                format!("runtime.workers = {count} is less: give a worker for each queue, or fewer queues")
            } else {
                format!("runtime.cores = {cores:?} has {count}: give a core for each queue, or fewer queues")
            };
            return Err(ConfigError::new("device.queues", queues, remedy));
        }
        if !spread.is_empty() && spread.len() != usize::from(count) {
            let remedy = format!("there are {count} workers: give a number for each, or none");
            return Err(ConfigError::new("runtime.spread", format!("{spread:?}"), remedy));
        }
        Ok((count, queues))
    }
}

/// What `device.driver` may be. Which of them this build has is for the drivers to say.
const DRIVERS: [&str; 5] = ["auto", "dpdk", "xdp", "tap", "sim"];

const XDP_MODES: [&str; 4] = ["auto", "zero-copy", "copy", "skb"];

impl NetworkConfig {
    fn addresses(&self) -> Result<Vec<Ipv4Cidr>, ConfigError> {
        let mut addresses: Vec<Ipv4Cidr> = Vec::new();
        for text in &self.addresses {
            let cidr = cidr("network.addresses", text)?;
            let wrong =
                |remedy: &str| Err(ConfigError::new("network.addresses", format!("{text:?}"), remedy));
            let ip = cidr.address;
            if ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast() || ip.is_loopback() {
                return wrong("that is not the address of a host: give a unicast address");
            }
            let network = Ipv4Addr::from(u32::from(ip) & cidr.mask());
            if cidr.prefix_len < 31 && (ip == network || Some(ip) == cidr.broadcast()) {
                return wrong("that is the address of the network or its broadcast: give one of a host");
            }
            if addresses.iter().any(|other| other.address == ip) {
                return wrong("the address is there twice: give it once");
            }
            addresses.push(cidr);
        }
        Ok(addresses)
    }

    fn routes(&self) -> Result<Vec<RouteConfig>, ConfigError> {
        let mut routes = Vec::new();
        if let Some(gateway) = &self.gateway {
            let destination = Ipv4Cidr { address: Ipv4Addr::UNSPECIFIED, prefix_len: 0 };
            routes.push(RouteConfig { destination, gateway: hop("network.gateway", gateway)? });
        }
        for route in &self.routes {
            let destination = cidr("network.routes.destination", &route.destination)?;
            routes.push(RouteConfig { destination, gateway: hop("network.routes.gateway", &route.gateway)? });
        }
        Ok(routes)
    }
}

fn cidr(key: &str, text: &str) -> Result<Ipv4Cidr, ConfigError> {
    text.parse().map_err(|error| ConfigError::new(key, format!("{text:?}"), error))
}

fn hop(key: &str, text: &str) -> Result<Ipv4Addr, ConfigError> {
    let hop: Option<Ipv4Addr> = text.parse().ok();
    hop.filter(|ip| !ip.is_unspecified() && !ip.is_multicast() && !ip.is_broadcast()).ok_or_else(|| {
        ConfigError::new(key, format!("{text:?}"), "give the IPv4 address of a router, such as 10.0.0.1")
    })
}

fn one_of<'a>(
    key: &str,
    value: &str,
    parts: impl IntoIterator<Item = &'a str>,
    known: &[&str],
) -> Result<(), ConfigError> {
    if parts.into_iter().all(|part| known.contains(&part)) {
        return Ok(());
    }
    Err(ConfigError::new(key, format!("{value:?}"), format!("use {}", known.join(", "))))
}

fn in_range<T: PartialOrd + fmt::Display + Copy>(
    key: &str,
    value: T,
    min: T,
    max: T,
) -> Result<(), ConfigError> {
    if value >= min && value <= max {
        return Ok(());
    }
    let remedy = format!("give {min} to {max}");
    Err(ConfigError::new(key, value, remedy))
}

/// One line for an error of the TOML parser: file, line, what stands there, what is wrong.
fn explain(error: &toml::de::Error, text: &str, path: &Path) -> ConfigError {
    let start = error.span().map_or(0, |span| span.start).min(text.len());
    let before = text.get(..start).unwrap_or_default();
    let number = before.matches('\n').count() + 1;
    let line = text.lines().nth(number - 1).unwrap_or_default().trim();
    let message = error.message().replace('\n', "; ");
    ConfigError(format!("{}:{number}: `{line}`: {message}: correct the line, or take it out", path.display()))
}

#[cfg(test)]
mod tests;
