//! How a runtime is made.

use std::io;
use std::path::Path;
use std::time::Duration;

use corelane_nic::Nic;

use crate::config::{Config, ConfigError, EngineKind, Route, Time};
use crate::engine::Source;
use crate::runtime::Runtime;

/// Gathers the settings of a [`Runtime`]. Values are checked by [`Builder::build`]; what is said later wins.
///
/// ```no_run
/// # fn main() -> std::io::Result<()> {
/// let mut runtime = corelane::Builder::new()
///     .driver("xdp")
///     .interface("eth0")
///     .address("10.0.0.2/24")
///     .gateway("10.0.0.1")
///     .build()?;
/// runtime.block_on(async { /* bind, accept, connect */ });
/// # Ok(()) }
/// ```
#[derive(Default)]
pub struct Builder {
    config: Config,
    nic: Option<Box<dyn Nic>>,
}

impl Builder {
    /// The defaults. An address must be given, and an interface or a device.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Takes all settings from `config`.
    #[must_use]
    pub fn config(mut self, config: Config) -> Builder {
        self.config = config;
        self
    }

    /// Takes all settings from a TOML file: see [`Config`].
    ///
    /// # Errors
    /// One line that names the file, the key, the value and the way out.
    pub fn config_file(self, path: impl AsRef<Path>) -> io::Result<Builder> {
        Ok(self.config(Config::from_file(path)?))
    }

    /// Whose TCP/IP: `native` (ours, on a device; the default) or `kernel` (the kernel's sockets). The crate's documentation
    /// says when to use which, and what differs.
    #[must_use]
    pub fn engine(mut self, engine: impl Into<String>) -> Builder {
        self.config.runtime.engine = engine.into();
        self
    }

    /// Which driver: `auto` (the best that can be had), `xdp`, `tap`.
    #[must_use]
    pub fn driver(mut self, driver: impl Into<String>) -> Builder {
        self.config.device.driver = driver.into();
        self
    }

    /// The interface's name.
    #[must_use]
    pub fn interface(mut self, interface: impl Into<String>) -> Builder {
        self.config.device.interface = Some(interface.into());
        self
    }

    /// Uses a device that was opened already, instead of a driver and an interface.
    #[must_use]
    pub fn nic(mut self, nic: impl Nic + 'static) -> Builder {
        self.nic = Some(Box::new(nic));
        self
    }

    /// Adds an address with its prefix length, such as `10.0.0.2/24`.
    #[must_use]
    pub fn address(mut self, address: impl Into<String>) -> Builder {
        self.config.network.addresses.push(address.into());
        self
    }

    /// The next hop of the default route.
    #[must_use]
    pub fn gateway(mut self, gateway: impl Into<String>) -> Builder {
        self.config.network.gateway = Some(gateway.into());
        self
    }

    /// Adds a route to a network such as `10.1.0.0/16`.
    #[must_use]
    pub fn route(mut self, destination: impl Into<String>, gateway: impl Into<String>) -> Builder {
        let route = Route { destination: destination.into(), gateway: gateway.into() };
        self.config.network.routes.push(route);
        self
    }

    /// How many queues of the device, each with a worker of its own. Default: one for each worker.
    #[must_use]
    pub fn queues(mut self, queues: u16) -> Builder {
        self.config.device.queues = Some(queues);
        self
    }

    /// Pins a worker to each of these cores; the calling thread, which runs the first, to the first.
    #[must_use]
    pub fn cores(mut self, cores: impl Into<Vec<usize>>) -> Builder {
        self.config.runtime.cores = cores.into();
        self
    }

    /// How many workers. Default: one for each of [`Builder::cores`], else one for each of [`Builder::queues`]. Those beyond the
    /// queues share them: the first `queues` workers have one each, and hand to the others what is theirs by the hash of its flow: these hear
    /// nothing while the worker of their queue does not run.
    #[must_use]
    pub fn workers(mut self, workers: u16) -> Builder {
        self.config.runtime.workers = Some(workers);
        self
    }

    /// Where workers share a queue: how much of its connections each worker gets, in proportion, a number for each worker.
    #[must_use]
    pub fn spread(mut self, weights: impl Into<Vec<u32>>) -> Builder {
        self.config.runtime.spread = weights.into();
        self
    }

    /// Packet buffers of each worker.
    #[must_use]
    pub fn slots(mut self, slots: usize) -> Builder {
        self.config.device.slots = slots;
        self
    }

    /// AF_XDP: whether a worker does the kernel's part of receiving too, so that no other core's softirq does. Default: no.
    /// The interface has to defer its interrupts for that; the error of [`Builder::build`] says how.
    #[must_use]
    pub fn busy_poll(mut self, busy_poll: bool) -> Builder {
        self.config.device.xdp_busy_poll = busy_poll;
        self
    }

    /// How long an idle core spins before it sleeps.
    #[must_use]
    pub fn spin(mut self, spin: Duration) -> Builder {
        self.config.runtime.spin = Time(spin);
        self
    }

    /// Checks the settings, opens the device and starts the workers.
    ///
    /// # Errors
    /// `InvalidInput` for a setting that can't be, in one line with the way out; else what the system refuses, with what is
    /// missing.
    pub fn build(self) -> io::Result<Runtime> {
        let settings = self.config.check()?;
        if settings.engine == EngineKind::Kernel {
            if let Some(nic) = self.nic {
                let remedy = "the engine kernel has no device: leave Builder::nic out, or use native";
                return Err(ConfigError::new("nic", &nic.info().name, remedy).into());
            }
            return Runtime::start(Source::kernel(settings.workers), settings);
        }
        if settings.stack.addresses.is_empty() {
            let remedy = "give our address, such as 10.0.0.2/24";
            return Err(ConfigError::new("network.addresses", "[]", remedy).into());
        }
        let nic = match self.nic {
            Some(nic) => nic,
            None => open::open(&self.config.device, &settings)?,
        };
        Runtime::start(Source::nic(nic, settings.queues)?, settings)
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").field("config", &self.config).finish_non_exhaustive()
    }
}

mod open;

#[cfg(test)]
mod tests;
