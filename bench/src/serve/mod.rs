//! The servers. They differ in how they wait for bytes; what they answer is the same code
//! ([`session`]), so that a difference in the figures is a difference in the engine.

mod bio;
mod bio_pool;
pub mod corelane;
mod epoll;
pub mod gauges;
pub mod http;
mod io_uring;
pub mod item;
#[cfg(feature = "axum")]
mod json;
mod mio;
mod session;
mod tokio;

use std::io::{self, BufRead, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use ::tokio::runtime::Builder;
use anyhow::Context;

use crate::cli::{Engine, POOL, ServeArgs, Workload};
use crate::device::DeviceArgs;
use crate::error::bad_input;
use crate::process;
use crate::sys::{self, Stop};
use gauges::Gauges;
use session::Service;

/// Bytes that a server reads at once, the same for every engine.
const BUFFER: usize = 16 * 1024;

/// Open files that a server asks for: as many as Linux lets root have by default (fs.nr_open), for idle connections.
const OPEN_FILES: u64 = 1 << 20;

/// As long as the kernel allows by default (net.core.somaxconn).
const BACKLOG: i32 = 4096;

/// What an engine is given.
pub struct Server<'a> {
    /// Where to listen.
    pub address: SocketAddr,
    /// What to answer.
    pub service: Service,
    /// Poll without ever sleeping.
    pub spin: bool,
    /// Be told again of what is left (epoll).
    pub level: bool,
    /// Have the kernel poll the interface from this core (epoll).
    pub busy_poll: bool,
    /// Threads of a pool (bio-pool).
    pub pool: usize,
    /// Congestion control of the kernel's sockets.
    pub congestion: Option<&'a str>,
    /// For corelane: what it runs on.
    pub device: &'a DeviceArgs,
    /// The engine returns when this is readable.
    pub stop: &'a Stop,
    /// Where the engine leaves what it has to tell.
    pub gauges: &'a Gauges,
}

impl Server<'_> {
    /// Binds a kernel listener.
    fn listen(&self) -> anyhow::Result<TcpListener> {
        let address = self.address;
        let listener = TcpListener::bind(address).map_err(|error| no_address(address, &error))?;
        sys::set_backlog(&listener, BACKLOG).context("setting the backlog")?;
        if let Some(name) = self.congestion {
            sys::set_congestion(&listener, name).map_err(|error| no_congestion(name, &error))?;
        }
        Ok(listener)
    }

    /// Says on stdout that clients may come. Whoever waits for this line reads nothing else.
    pub fn announce(&self, address: SocketAddr) -> io::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "{READY}{address}")?;
        out.flush()
    }
}

/// The error of an address that can't be listened on.
fn no_address(address: SocketAddr, error: &io::Error) -> anyhow::Error {
    bad_input(format!(
        "--addr {address}: cannot listen there ({error}): give an address of this host and a free port"
    ))
}

/// The error of a kernel without this congestion control.
pub fn no_congestion(name: &str, error: &io::Error) -> anyhow::Error {
    bad_input(format!(
        "--congestion {name}: {error}: take one of `sysctl net.ipv4.tcp_available_congestion_control`"
    ))
}

/// The start of the line that says that clients may come; the address follows.
pub const READY: &str = "listening on ";

/// `corelane-bench serve`.
pub fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    check(args)?;
    process::join_parent(args.parent)?;
    let stop = Stop::install().context("taking SIGINT and SIGTERM")?;
    let gauges = Arc::new(Gauges::new(args.system_call_event)?);
    if args.control {
        let gauges = gauges.clone();
        // Before the pinning: this thread must not run on the measured core.
        thread::Builder::new()
            .name("control".to_owned())
            .spawn(move || control(&gauges))
            .context("starting the control thread")?;
    }
    process::pin(args.cpu)?;
    // Where this fails, accept() names the limit when it is really reached.
    let _best_effort = sys::raise_open_files(OPEN_FILES);
    let server = Server {
        address: args.addr,
        service: Service::new(args.workload, args.size),
        spin: args.spin || args.engine == Engine::EpollSpin,
        level: args.engine == Engine::EpollLevel,
        busy_poll: args.engine == Engine::EpollTuned,
        pool: args.pool.unwrap_or(POOL),
        congestion: args.congestion.as_deref(),
        device: &args.device,
        stop: &stop,
        gauges: &gauges,
    };
    match args.engine {
        Engine::Bio => bio::run(&server)?,
        Engine::BioPool => bio_pool::run(&server)?,
        Engine::Epoll | Engine::EpollLevel | Engine::EpollSpin | Engine::EpollTuned => epoll::run(&server)?,
        Engine::Mio => mio::run(&server)?,
        Engine::IoUring => io_uring::run(&server)?,
        Engine::Tokio => tokio::run(&server, &mut Builder::new_current_thread())?,
        Engine::TokioMulti => tokio::run(&server, &mut Builder::new_multi_thread())?,
        Engine::Corelane => corelane::run(&server)?,
        Engine::CorelaneKernel => corelane::run_on_kernel(&server)?,
        Engine::CorelanePoll | Engine::CorelaneStack | Engine::Smoltcp | Engine::SmoltcpSteps => {
            return Err(bad_input(format!(
                "--engine {}: it has no server of its own: use it with `corelane-bench memory`",
                args.engine
            )));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Flags that don't fit together are refused, not ignored.
fn check(args: &ServeArgs) -> anyhow::Result<()> {
    let engine = args.engine;
    http::check_size(args.workload, args.size)?;
    if args.workload == Workload::Json {
        check_json(engine)?;
    }
    if matches!(engine, Engine::Mio | Engine::BioPool) && args.workload.is_bulk() {
        let workload = args.workload;
        return Err(bad_input(format!("--workload {workload}: {engine} has echo, http, http-close and crr")));
    }
    if let (Some(pool), false) = (args.pool, engine == Engine::BioPool) {
        return Err(bad_input(format!("--pool {pool}: {engine} has no pool: use it with --engine bio-pool")));
    }
    use Engine::{Bio, BioPool, IoUring, Mio, Tokio, TokioMulti};
    let sleeps = matches!(engine, Bio | BioPool | IoUring | Mio | Tokio | TokioMulti);
    if args.spin && sleeps {
        return Err(bad_input(format!(
            "--spin: the engine {engine} can only sleep: use it with epoll or corelane"
        )));
    }
    if engine == Engine::Corelane {
        no_kernel(args.congestion.as_deref())
    } else {
        args.device.refuse(engine)
    }
}

/// Refuses the workload json where axum can't be its server.
fn check_json(engine: Engine) -> anyhow::Result<()> {
    if !cfg!(feature = "axum") {
        return Err(bad_input(NO_AXUM));
    }
    match engine {
        Engine::Tokio | Engine::CorelaneKernel | Engine::Corelane => Ok(()),
        _ => Err(bad_input(format!(
            "--workload json: axum doesn't run on {engine}: take tokio, corelane-kernel or corelane"
        ))),
    }
}

/// Why there is no workload json.
pub const NO_AXUM: &str = "--workload json: this build is without axum: build it with `cargo build --release -p \
                           corelane-bench --features axum`";

/// Refuses a congestion control for sockets that are not the kernel's.
pub fn no_kernel(congestion: Option<&str>) -> anyhow::Result<()> {
    match congestion {
        None => Ok(()),
        Some(name) => Err(bad_input(format!(
            "--congestion {name}: the engine corelane has no socket of the kernel: leave it out"
        ))),
    }
}

/// Answers each line on stdin with the counters; the end of stdin ends the server.
fn control(gauges: &Gauges) {
    for line in io::stdin().lock().lines() {
        if line.is_err() || send_counters(gauges).is_err() {
            break;
        }
    }
    Stop::request();
}

fn send_counters(gauges: &Gauges) -> anyhow::Result<()> {
    let counters = gauges.read()?;
    let mut out = io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(&counters)?)?;
    out.flush()?;
    Ok(())
}

/// Names the way out when accept(2) fails for good.
fn accept_error(error: &io::Error) -> anyhow::Error {
    anyhow::anyhow!(
        "accept: {error}: if it is the limit of open files, raise it with `ulimit -n {OPEN_FILES}` \
         before the start"
    )
}

/// Whether accept(2) may simply be called again: the one connection was already gone.
fn accept_again(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}

/// Writes as much as fits.
fn write_some(mut stream: impl Write, bytes: &[u8]) -> io::Result<usize> {
    let mut written = 0;
    while written < bytes.len() {
        match stream.write(&bytes[written..]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(length) => written += length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(written)
}
