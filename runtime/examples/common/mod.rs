//! What the examples share: the flags, and the two hosts of `--driver sim`.
#![allow(dead_code, reason = "each example uses its part")]

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use clap::Parser;
use corelane::net::TcpListener;
use corelane::{Builder, Config};
use corelane_sim::{LinkConfig, SimNic, cross_thread_pair};

/// The address of the other host with `--driver sim`.
pub const PEER: &str = "10.0.0.1/24";

/// Our address on the link in memory.
const ADDRESS: &str = "10.0.0.2/24";

/// Where the kernel's sockets listen unless told.
const LOOPBACK: &str = "127.0.0.1/8";

/// The flags that name the engine, the device and our address on it.
#[derive(Debug, Clone, clap::Args)]
pub struct Device {
    /// native: our own TCP/IP on a device; kernel: the kernel's sockets, without one [default: native]
    #[arg(long, value_name = "NAME")]
    pub engine: Option<String>,
    /// sim (both ends in this process, no root), tap, xdp, dpdk (if built in), or auto [default: sim]
    #[arg(long)]
    pub driver: Option<String>,
    /// The interface: one that exists for xdp, one to be made for tap
    #[arg(long, value_name = "IF")]
    pub interface: Option<String>,
    /// Our address; the kernel must not have it, or must with --engine kernel [default: 10.0.0.2/24, or 127.0.0.1/8]
    #[arg(long, value_name = "ADDRESS/PREFIX")]
    pub address: Option<String>,
    /// The next hop to other networks
    #[arg(long, value_name = "ADDRESS")]
    pub gateway: Option<String>,
    /// Queues, with a worker each
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub queues: Option<u16>,
    /// Cores to pin the workers to, such as 0,1
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub cores: Vec<usize>,
    /// A configuration in TOML, instead of the flags above but --engine
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl Device {
    /// Whether both ends are in this process.
    pub fn is_sim(&self) -> bool {
        let native = self.engine.as_deref().is_none_or(|engine| engine == "native");
        self.config.is_none() && native && self.driver.as_deref().is_none_or(|driver| driver == "sim")
    }

    fn settings(&self) -> io::Result<Config> {
        let mut config = self.config.as_ref().map_or_else(|| Ok(Config::default()), Config::from_file)?;
        if let Some(engine) = &self.engine {
            config.runtime.engine.clone_from(engine);
        }
        if self.config.is_some() {
            return Ok(config);
        }
        let kernel = config.runtime.engine == "kernel";
        if !kernel || self.driver.is_some() {
            config.device.driver = self.driver.clone().unwrap_or_else(|| "sim".to_string());
        }
        config.device.interface.clone_from(&self.interface);
        config.device.queues = self.queues;
        // The kernel has its own addresses: ours only says where to listen.
        if !kernel {
            config.network.addresses = vec![self.address.clone().unwrap_or_else(|| ADDRESS.to_string())];
        }
        config.network.gateway.clone_from(&self.gateway);
        config.runtime.cores.clone_from(&self.cores);
        Ok(config)
    }

    /// A builder of the runtime that the flags describe.
    pub fn builder(&self) -> io::Result<Builder> {
        Ok(Builder::new().config(self.settings()?))
    }

    /// Our address with this port.
    pub fn socket(&self, port: u16) -> io::Result<SocketAddr> {
        let config = self.settings()?;
        let kernel = config.runtime.engine == "kernel";
        let named = self.address.as_ref().or_else(|| config.network.addresses.first()).cloned();
        let address = named.unwrap_or_else(|| if kernel { LOOPBACK.to_string() } else { String::new() });
        let ip = address.split('/').next().and_then(|ip| ip.parse().ok());
        let ip = ip.ok_or_else(|| {
            let message = format!("--address {address}: give our address, such as 10.0.0.2/24");
            io::Error::new(io::ErrorKind::InvalidInput, message)
        })?;
        Ok(SocketAddr::new(ip, port))
    }

    /// The two ends of the link in memory.
    pub fn link(&self) -> io::Result<(SimNic, SimNic)> {
        let cores = u16::try_from(self.cores.len()).unwrap_or(u16::MAX);
        cross_thread_pair(&LinkConfig {
            queues: self.queues.unwrap_or(cores.max(1)),
            ..LinkConfig::default()
        })
    }
}

/// Reads the flags and runs `main`: a wrong flag or value costs one line and exit code 2, a failure one line and 1.
pub fn run<A: Parser>(main: impl FnOnce(A) -> io::Result<()>) -> ExitCode {
    let args = match A::try_parse() {
        Ok(args) => args,
        Err(error) if !error.use_stderr() => error.exit(), // --help, --version
        Err(error) => {
            let text = error.to_string();
            eprintln!("{} (see --help)", text.lines().next().unwrap_or("error: wrong flags"));
            return ExitCode::from(2);
        }
    };
    match main(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            // A wrong value, or a file that is not there.
            let wrong = matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::NotFound);
            ExitCode::from(if wrong { 2 } else { 1 })
        }
    }
}

/// Serves on the device until it is killed; with `--driver sim` on one end of a link, while `client` runs on the other
/// end, and until it is done.
pub fn serve<S, SF, C, CF>(device: &Device, port: u16, server: S, client: C) -> io::Result<()>
where
    S: Fn(TcpListener) -> SF + Clone + Send + 'static,
    SF: Future<Output = ()> + 'static,
    C: FnOnce(SocketAddr) -> CF,
    CF: Future<Output = io::Result<()>>,
{
    let address = device.socket(port)?;
    if device.is_sim() {
        let (ours, theirs) = device.link()?;
        let builder = device.builder()?.nic(ours);
        return beside(builder, address, server, theirs, client(address));
    }
    let mut runtime = device.builder()?.build()?;
    let workers = runtime.handle().workers();
    let left = Arc::new(AtomicUsize::new(workers));
    let server = move |listener| {
        // Only now does every worker listen.
        if left.fetch_sub(1, Ordering::Relaxed) == 1 {
            println!("listening on {address}, {workers} worker(s); end it with Ctrl-C");
        }
        server(listener)
    };
    let ends = runtime.block_on_all(move || listen(address, server.clone()))?;
    ends.into_iter().collect() // a port that somebody has
}

/// Runs a server on one end of the link in a thread of its own, and `client` on the other end.
pub fn beside<S, SF>(
    builder: Builder,
    address: SocketAddr,
    server: S,
    theirs: SimNic,
    client: impl Future<Output = io::Result<()>>,
) -> io::Result<()>
where
    S: Fn(TcpListener) -> SF + Clone + Send + 'static,
    SF: Future<Output = ()> + 'static,
{
    let (ready, listening) = mpsc::channel();
    let host = thread::spawn(move || -> io::Result<bool> {
        let mut runtime = builder.build()?; // an error drops `ready`, which ends the wait below
        let handle = runtime.handle();
        runtime.block_on_all(move || {
            let (server, ready, handle) = (server.clone(), ready.clone(), handle.clone());
            async move {
                let listener = TcpListener::bind(address).await?;
                let _ = ready.send(handle); // the client may be gone
                server(listener).await;
                io::Result::Ok(())
            }
        })?;
        Ok(runtime.shutdown(Duration::from_secs(5)))
    });
    let served = |host: thread::JoinHandle<io::Result<bool>>| {
        host.join().unwrap_or_else(|_| Err(io::Error::other("the server panicked")))
    };
    let Ok(handle) = listening.recv() else { return served(host).map(drop) };
    println!("listening on {address}, in this process");
    let mut runtime = Builder::new().nic(theirs).address(PEER).build()?;
    let result = runtime.block_on(client);
    let sent = runtime.shutdown(Duration::from_secs(5));
    handle.shutdown(Duration::from_secs(5));
    let finished = served(host)?;
    println!("shut down: everything finished: {}", sent && finished);
    result
}

async fn listen<S, SF>(address: SocketAddr, server: S) -> io::Result<()>
where
    S: Fn(TcpListener) -> SF,
    SF: Future<Output = ()>,
{
    let listener = TcpListener::bind(address).await?;
    server(listener).await;
    Ok(())
}
