//! What `#[corelane::main]` calls. Not for use by hand.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::process;
use std::time::Duration;

use crate::Builder;
use crate::config::Config;
use crate::core::spawn::Cores;
use crate::runtime::Runtime;

/// The environment variable that names the configuration.
const CONFIG: &str = "CORELANE_CONFIG";

/// How long what was written may take to be delivered when the program has ended.
const DELIVERY: Duration = Duration::from_secs(5);

/// The settings of the attribute.
#[derive(Debug, Default)]
pub struct Main {
    file: Option<PathBuf>,
    workers: Option<usize>,
    said: Config,
}

impl Main {
    /// Nothing is said.
    pub fn new() -> Main {
        Main::default()
    }

    /// `config = "FILE"`.
    #[must_use]
    pub fn config(mut self, file: &str) -> Main {
        self.file = Some(file.into());
        self
    }

    /// `cores = N`.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Main {
        self.workers = Some(workers);
        self
    }

    /// `cores = [A, B]`.
    #[must_use]
    pub fn cores(mut self, cores: &[usize]) -> Main {
        self.said.runtime.cores = cores.to_vec();
        self
    }

    /// `engine = "NAME"`.
    #[must_use]
    pub fn engine(mut self, engine: &str) -> Main {
        self.said.runtime.engine = engine.to_string();
        self
    }

    /// `driver = "NAME"`.
    #[must_use]
    pub fn driver(mut self, driver: &str) -> Main {
        self.said.device.driver = driver.to_string();
        self
    }

    /// `interface = "NAME"`.
    #[must_use]
    pub fn interface(mut self, interface: &str) -> Main {
        self.said.device.interface = Some(interface.to_string());
        self
    }

    /// `address = "ADDRESS/PREFIX"`.
    #[must_use]
    pub fn address(mut self, address: &str) -> Main {
        self.said.network.addresses.push(address.to_string());
        self
    }

    /// `gateway = "ADDRESS"`.
    #[must_use]
    pub fn gateway(mut self, gateway: &str) -> Main {
        self.said.network.gateway = Some(gateway.to_string());
        self
    }

    /// The settings; `named` is the file that the environment names, `allowed` the cores that there are.
    fn settings(self, named: Option<PathBuf>, allowed: &[usize]) -> io::Result<Config> {
        let Main { file, workers, said } = self;
        let mut config = match named.or(file) {
            Some(path) => Config::from_file(path)?,
            None => Config::default(),
        };
        let unsaid = Config::default();
        if config.device.driver == unsaid.device.driver {
            config.device.driver = said.device.driver;
        }
        if config.runtime.engine == unsaid.runtime.engine {
            config.runtime.engine = said.runtime.engine;
        }
        config.device.interface = config.device.interface.or(said.device.interface);
        config.network.gateway = config.network.gateway.or(said.network.gateway);
        if config.network.addresses.is_empty() {
            config.network.addresses = said.network.addresses;
        }
        if config.runtime.cores.is_empty() && config.device.queues.is_none() {
            config.runtime.cores = match workers {
                Some(workers) => first(workers, allowed)?,
                None => said.runtime.cores,
            };
        }
        Ok(config)
    }

    fn start(self) -> io::Result<Runtime> {
        let named = std::env::var_os(CONFIG).map(PathBuf::from);
        let hint = named.is_none() && self.file.is_none();
        let config = self.settings(named, &Cores::allowed().numbers())?;
        let nothing = config.network.addresses.is_empty();
        Builder::new().config(config).build().map_err(|error| {
            if nothing && hint {
                let message = format!("{error}; or name a configuration with {CONFIG}=FILE");
                return io::Error::new(error.kind(), message);
            }
            error
        })
    }
}

fn first(workers: usize, allowed: &[usize]) -> io::Result<Vec<usize>> {
    match allowed.get(..workers) {
        Some(cores) if workers > 0 => Ok(cores.to_vec()),
        _ => {
            let message =
                format!("cores = {workers}: this process may use {}: give 1 to that many", allowed.len());
            Err(io::Error::new(io::ErrorKind::InvalidInput, message))
        }
    }
}

/// Runs the body of an async `main`, or says why not and ends the process.
pub fn main<T>(settings: Main, body: impl Future<Output = T>) -> T {
    run(settings, |runtime| runtime.block_on(body))
}

/// Runs the body of a `main` that has an event loop of its own.
pub fn main_inside<T>(settings: Main, body: impl FnOnce() -> T) -> T {
    run(settings, |runtime| runtime.worker_mut().enter(body))
}

fn run<T>(settings: Main, body: impl FnOnce(&mut Runtime) -> T) -> T {
    let mut runtime = match settings.start() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: {error}");
            let wrong = matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::NotFound);
            process::exit(if wrong { 2 } else { 1 });
        }
    };
    let output = body(&mut runtime);
    let _ = finish(runtime); // a peer that has gone is not our result
    output
}

/// As tokio does it: what still runs is dropped. What it wrote is delivered, as the kernel would do it.
fn finish(runtime: Runtime) -> bool {
    runtime.handle().cancel_tasks();
    runtime.shutdown(DELIVERY)
}

#[cfg(test)]
mod tests;
