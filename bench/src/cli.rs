//! The flags; what their values may be is in [`values`].

mod values;

use std::ffi::OsString;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::attack::AttackArgs;
use crate::device::DeviceArgs;
use crate::error::tell;
use crate::forward::ForwardArgs;
use crate::lossy::{DifferArgs, LossyArgs};
use crate::profile::ProfileArgs;
use crate::report::args::ReportArgs;
use crate::talk::TalkArgs;
pub use values::{congestion, connections, seconds, seconds_or_none, seconds_up_to, size};
use values::{held_connections, idle, milliseconds, pipeline, pool, rate, slow};

/// What corelane costs, beside kernel blocking I/O, epoll, io_uring and tokio.
#[derive(Parser, Debug)]
#[command(name = "corelane-bench", version, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Threads of bio-pool: of 2, 4, 16, 64 and 200 these did the most on one core, at 128 and at 1000 connections.
pub const POOL: usize = 16;

/// The things that the binary does.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Serve a workload with one of the engines, until SIGINT or SIGTERM
    Serve(ServeArgs),
    /// Ask a server in a closed or an open loop, and check every byte of every answer
    Load(LoadArgs),
    /// Measure the engines side by side in interleaved rounds, and print one table
    Compare(CompareArgs),
    /// Echo over an in-memory link, client and server on one core, without the kernel
    Memory(MemoryArgs),
    /// Forward frames between two interfaces, and lose, delay, reorder and double some
    Forward(ForwardArgs),
    /// Be one end of a connection: a transfer one way, or one side of a seeded conversation
    Talk(TalkArgs),
    /// Measure transfers between corelane and the kernel across a bad network, beside the kernel's own; needs root
    Lossy(LossyArgs),
    /// Hold seeded conversations with the kernel, by corelane and by the kernel, and compare how they end; needs root
    Differ(DifferArgs),
    /// Be a hostile peer: forged frames to a server in a network namespace; needs root
    Attack(AttackArgs),
    /// Where the cycles of the in-memory echo go, by function: samples of perf, or instructions by valgrind
    Profile(ProfileArgs),
    /// Make a page of what `compare` wrote, or compare two of these files
    Report(ReportArgs),
}

/// How a server waits for bytes.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// Blocking I/O: a kernel thread a connection
    Bio,
    /// Blocking I/O: a thread that waits for all the connections hands those that are readable to a pool of threads
    BioPool,
    /// One thread on raw epoll, edge-triggered
    Epoll,
    /// As epoll, but level-triggered: what is left is told again, and interest in writing comes and goes
    EpollLevel,
    /// As epoll, but it polls without ever sleeping (the same as epoll with --spin)
    EpollSpin,
    /// As epoll, tuned: its core polls the interface too (SO_BUSY_POLL, SO_PREFER_BUSY_POLL, EPIOCSPARAMS), a veth pair of its
    /// own that defers its interrupts; only where there is one
    EpollTuned,
    /// One thread on raw io_uring
    #[value(name = "io_uring")]
    #[serde(rename = "io_uring")]
    IoUring,
    /// One thread on mio; echo, http and crr
    Mio,
    /// tokio's current-thread runtime
    Tokio,
    /// tokio's multi-thread runtime, with a worker for each core that the server may use
    TokioMulti,
    /// corelane: its own TCP/IP stack on a NIC queue
    Corelane,
    /// corelane's runtime and the same application, on the kernel's sockets
    CorelaneKernel,
    /// corelane with an event loop on its readiness API, as mio has it; in memory only
    CorelanePoll,
    /// corelane's stack driven by hand, without its runtime; in memory only
    CorelaneStack,
    /// smoltcp 0.14, driven by Interface::poll as its documentation does; in memory only
    Smoltcp,
    /// smoltcp 0.14, driven by its single steps so that nothing is looked at twice; in memory only
    SmoltcpSteps,
}

/// What the client asks for, and what the server does; both are told the same.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Workload {
    /// Bytes there, the same bytes back, on connections that stay
    Echo,
    /// HTTP/1.1 GET with keep-alive; every answer is the same text of --size bytes
    Http,
    /// As http, but each request has a connection of its own, which the server closes (Connection: close)
    HttpClose,
    /// HTTP/1.1 GET with keep-alive of a JSON API, an axum router: tokio, corelane-kernel and corelane, in a build with the
    /// feature axum
    Json,
    /// Connect, one echo request of --size bytes; then the server closes, and so TIME-WAIT is its own
    Crr,
    /// The server sends without end, the client checks; a request is then a megabyte (10^6 bytes), and has no latency
    Bulk,
    /// The client sends for the measured time, and the server checks and says at the end what it got; counted as bulk
    BulkUp,
}

impl Workload {
    /// Whether it is a stream of bytes without requests.
    pub fn is_bulk(self) -> bool {
        matches!(self, Self::Bulk | Self::BulkUp)
    }

    /// Whether each request has a connection of its own.
    pub fn reconnects(self) -> bool {
        matches!(self, Self::Crr | Self::HttpClose)
    }

    /// Whether every answer is the text of [`crate::serve::http`].
    pub fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::HttpClose)
    }
}

/// How the corelane engine gets its frames.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// An in-memory link, both ends in this process
    Sim,
    /// A TAP device
    Tap,
    /// AF_XDP on an interface of the kernel
    Xdp,
    /// A device of DPDK; only in a build with the feature dpdk
    Dpdk,
}

/// On whose sockets the client runs.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientEngine {
    /// The kernel's, with epoll, on one thread
    Epoll,
    /// corelane's own, with a task a connection, on one worker
    Corelane,
}

/// What asks.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadEngine {
    /// This program on the kernel's sockets, with epoll, on one thread
    Epoll,
    /// This program on corelane's sockets, with a task a connection, on one worker
    Corelane,
    /// The program wrk, with one thread; it checks the status of an answer and no more (http, http-close and json)
    Wrk,
}

/// When the requests of an open loop start.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArrivalProcess {
    /// At random, as those of many independent users do: with exponential gaps
    Poisson,
    /// At even distances
    Uniform,
}

/// Where the measurement happens.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bed {
    /// Two network namespaces joined by veth pairs; needs root
    Veth,
    /// The kernel engines on loopback, corelane (a different bed) on the in-memory link
    Loopback,
    /// Both ends in memory, on one core: corelane-stack, smoltcp, corelane
    Memory,
    /// As veth, but corelane sits on a TAP device; needs root
    Tap,
    /// corelane at both ends of DPDK's vhost-user pair, the kernel engines as on veth; needs root, huge pages and a build
    /// with the feature dpdk
    Vhost,
}

macro_rules! display_as_flag {
    ($($kind:ty),*) => {$(
        impl fmt::Display for $kind {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                // `pad`, so that a width given by the caller is kept
                formatter.pad(self.to_possible_value().as_ref().map_or("", |value| value.get_name()))
            }
        }
    )*};
}
display_as_flag!(Engine, Workload, ClientEngine, LoadEngine, ArrivalProcess, Driver, Bed);

/// An IPv4 address with the length of its network's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    /// The address itself.
    pub address: Ipv4Addr,
    /// 0 to 32.
    pub prefix: u8,
}

impl FromStr for Cidr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "expected ADDRESS/LENGTH, as in 10.0.0.2/24".to_owned();
        let (address, prefix) = text.split_once('/').ok_or_else(wrong)?;
        let address = address.parse().map_err(|_| wrong())?;
        let prefix = prefix.parse().ok().filter(|prefix| *prefix <= 32);
        Ok(Self { address, prefix: prefix.ok_or_else(wrong)? })
    }
}

/// `corelane-bench serve`.
#[derive(Args, Debug)]
#[command(allow_negative_numbers = true)] // so that -1 is told as a wrong value of its flag
pub struct ServeArgs {
    /// How the server waits for bytes
    #[arg(long)]
    pub engine: Engine,
    /// What it does
    #[arg(long, default_value_t = Workload::Echo)]
    pub workload: Workload,
    /// Bytes of a request (crr), after which the server has answered, and closes; or of an answer (http, http-close)
    #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = size)]
    pub size: usize,
    /// Address and port to listen on; port 0 takes a free one and prints it
    #[arg(long, value_name = "A:P")]
    pub addr: SocketAddr,
    /// Poll without ever sleeping (epoll, corelane and corelane-kernel)
    #[arg(long)]
    pub spin: bool,
    /// Threads of bio-pool [default: 16]
    #[arg(long, value_name = "N", value_parser = pool)]
    pub pool: Option<usize>,
    /// Pin the server to this core
    #[arg(long, value_name = "N")]
    pub cpu: Option<usize>,
    /// Congestion control of the kernel's sockets, one of net.ipv4.tcp_available_congestion_control [default: the system's]
    #[arg(long, value_name = "NAME", value_parser = congestion)]
    pub congestion: Option<String>,
    /// What corelane runs on
    #[command(flatten)]
    pub device: DeviceArgs,
    /// Started by `compare`, process PID: end with it, in a session of its own
    #[arg(long, value_name = "PID", hide = true)]
    pub parent: Option<u32>,
    /// Answer each line on stdin with the counters, as one line of JSON; end when stdin ends
    #[arg(long, hide = true)]
    pub control: bool,
    /// Count the system calls for that: the number of the tracepoint raw_syscalls:sys_enter
    #[arg(long, value_name = "N", hide = true)]
    pub system_call_event: Option<u64>,
}

/// `corelane-bench load`.
#[derive(Args, Debug)]
#[command(allow_negative_numbers = true)] // so that -1 is told as a wrong value of its flag
pub struct LoadArgs {
    /// What asks
    #[arg(long, default_value_t = LoadEngine::Epoll)]
    pub engine: LoadEngine,
    /// The server
    #[arg(long, value_name = "A:P")]
    pub addr: SocketAddr,
    /// What to ask for; http and json expect the answers of `corelane-bench serve`, byte for byte
    #[arg(long, default_value_t = Workload::Echo)]
    pub workload: Workload,
    /// Connections, each with one request in flight, or a stream each (bulk, bulk-up)
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = connections)]
    pub connections: usize,
    /// Requests in flight at most: the connections take turns [default: one each]
    #[arg(long, value_name = "N", value_parser = connections)]
    pub in_flight: Option<usize>,
    /// Open loop: start so many requests a second in all, whether or not answers come (echo, http and json); latencies then
    /// count from when a request was due, with its wait for a free connection [default: closed loop]
    #[arg(long, value_name = "R", conflicts_with = "in_flight", value_parser = rate)]
    pub rate: Option<f64>,
    /// When the requests of an open loop start
    #[arg(long, default_value_t = ArrivalProcess::Poisson, requires = "rate")]
    pub arrivals: ArrivalProcess,
    /// Of the starts of an open loop [default: drawn; the report has it]
    #[arg(long, value_name = "N", requires = "rate")]
    pub seed: Option<u64>,
    /// Requests that a connection sends at once, before it waits for their answers (echo and http, closed loop); each has the
    /// latency of the last of them
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = pipeline)]
    pub pipeline: usize,
    /// Bytes of a request and of its answer (echo and crr), or of an answer (http and http-close)
    #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = size)]
    pub size: usize,
    /// Connections that are made first and stay idle beside the others (echo, http and json); after the measured time 1000 of
    /// them are asked once, and each must still be there
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = idle)]
    pub idle: usize,
    /// Addresses of this host that the idle connections come from, where one has too few ports [default: that of the route; to
    /// 127.0.0.0/8 as many as are needed]
    #[arg(long, value_name = "ADDRESS/LENGTH", requires = "idle")]
    pub from: Option<Cidr>,
    /// Connections beside the others (echo) that send as fast as they can and read 1 KiB of their echo each 10 ms; no byte may be
    /// missing at the end
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = slow)]
    pub slow: usize,
    /// With crr and http-close: close when the answer is there, instead of waiting until the server does
    #[arg(long)]
    pub client_closes: bool,
    /// Seconds to measure
    #[arg(long, value_name = "SECS", default_value = "5", value_parser = seconds)]
    pub duration: Duration,
    /// Seconds before that, not measured
    #[arg(long, value_name = "SECS", default_value = "0", value_parser = seconds_or_none)]
    pub warmup: Duration,
    /// End after this many requests instead of after --duration
    #[arg(long, value_name = "N", conflicts_with = "duration",
        value_parser = clap::value_parser!(u64).range(1..))]
    pub requests: Option<u64>,
    /// Poll without ever sleeping
    #[arg(long)]
    pub spin: bool,
    /// Congestion control of the kernel's sockets, one of net.ipv4.tcp_available_congestion_control; connections of crr
    /// keep the system's [default: the system's]
    #[arg(long, value_name = "NAME", value_parser = congestion)]
    pub congestion: Option<String>,
    /// Pin the client to this core
    #[arg(long, value_name = "N")]
    pub cpu: Option<usize>,
    /// Write the result as JSON; `-` is stdout
    #[arg(long, value_name = "FILE|-")]
    pub json: Option<PathBuf>,
    /// Started by `compare`, process PID: end with it, in a session of its own
    #[arg(long, value_name = "PID", hide = true)]
    pub parent: Option<u32>,
    /// Print the lines `start` and `end` when the measured time starts and ends
    #[arg(long, hide = true)]
    pub marks: bool,
    /// What corelane runs on
    #[command(flatten)]
    pub device: DeviceArgs,
}

/// `corelane-bench compare`.
#[derive(Args, Debug)]
#[command(allow_negative_numbers = true)] // so that -1 is told as a wrong value of its flag
pub struct CompareArgs {
    /// Short measurements: everything in under 5 minutes
    #[arg(long)]
    pub quick: bool,
    /// Rounds; in each round every engine is measured once [default: 5 with --quick, else 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rounds: Option<u32>,
    /// Seconds of one measurement [default: 0.9 with --quick, 0.7 on several beds, else 3]
    #[arg(long, value_name = "S", value_parser = seconds)]
    pub seconds: Option<Duration>,
    /// Seconds before each measurement, not measured [default: 0.2 with --quick or on several beds, else 0.5]
    #[arg(long, value_name = "S", value_parser = seconds_or_none)]
    pub warmup: Option<Duration>,
    /// Engines [default: the usual ones of each bed, on several beds all of veth; epoll-spin at 1 connection only]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub engines: Vec<Engine>,
    /// Workloads [default: echo,http; echo in memory, which has no other; echo,crr,bulk for vhost; on several beds crr and bulk on
    /// veth too]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub workloads: Vec<Workload>,
    /// Numbers of connections [default: 1,16,128,1000 for echo (in memory 10000 too), 1,128 for http, 1,16,128 for json,
    /// 16 for crr and http-close, 1 for bulk and bulk-up; some of them on several beds]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = connections)]
    pub connections: Vec<usize>,
    /// Bytes of a request and of its answer (echo and crr), or of an answer (http and http-close); each is measured on each number of connections
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "64", value_parser = size)]
    pub size: Vec<usize>,
    /// Requests that a connection sends at once, before it waits for their answers (echo and http); each is measured with each size
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "1", value_parser = pipeline)]
    pub pipeline: Vec<usize>,
    /// Connections beside those that are measured (echo, http and json): made first, then idle, and looked at in the end
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = idle)]
    pub idle: usize,
    /// Connections beside those that are measured (echo) whose client reads 1 KiB each 10 ms of all that it is sent
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = slow)]
    pub slow: usize,
    /// Threads of bio-pool
    #[arg(long, value_name = "N", default_value_t = POOL, value_parser = pool)]
    pub pool: usize,
    /// MTUs of corelane's pair for bulk and bulk-up (vhost only) [default: 1500,9000]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(68..))]
    pub mtu: Vec<u16>,
    /// Where to measure, one bed or several in one run [default: all that this machine can have; with --quick veth as root, else
    /// loopback]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub bed: Vec<Bed>,
    /// Congestion control of the kernel's sockets, at both ends [default: cubic, which is Linux's own]
    #[arg(long, value_name = "NAME", value_parser = congestion)]
    pub congestion: Option<String>,
    /// The client of servers on the kernel's network, epoll or wrk; wrk counts whole seconds. corelane over vhost always has
    /// corelane as its client
    #[arg(long, default_value_t = LoadEngine::Epoll)]
    pub client: LoadEngine,
    /// The server's core
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub server_cpu: usize,
    /// The client's core
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub client_cpu: usize,
    /// After the rounds, find each engine's knee in an open loop (echo, http and json on 16 connections and more): the highest
    /// rate of which 98 % is answered with p99 within its bound; then measure at 50 % and 80 % of it [default: on several beds
    /// epoll, epoll-tuned and corelane at the echo on 128 connections, else none]
    #[arg(long)]
    pub open_loop: bool,
    /// Numbers of connections of the open loop, few ones too [default: all those measured from 16 on]
    #[arg(long, value_name = "LIST", value_delimiter = ',', requires = "open_loop", value_parser = connections)]
    pub open_connections: Vec<usize>,
    /// After the rounds, transfers across lossy links of 10 ms between corelane on a TAP and the kernel, beside the kernel's own;
    /// needs root (more of them: corelane-bench lossy) [default: where all beds are measured]
    #[arg(long)]
    pub lossy: bool,
    /// Milliseconds that p99 may have at the knee
    #[arg(long, value_name = "MS", default_value_t = 1.0, requires = "open_loop", value_parser = milliseconds)]
    pub p99_bound: f64,
    /// When the requests of the open loop start
    #[arg(long, default_value_t = ArrivalProcess::Poisson, requires = "open_loop")]
    pub arrivals: ArrivalProcess,
    /// Of these starts, in the first round; each further round has the next
    #[arg(long, value_name = "N", default_value_t = 1, requires = "open_loop",
        value_parser = clap::value_parser!(u64).range(..=1 << 53))]
    pub seed: u64,
    /// Write the results as JSON, and beside it, with the ending .html, as a page
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// `corelane-bench memory`.
#[derive(Args, Debug)]
#[command(allow_negative_numbers = true)] // so that -1 is told as a wrong value of its flag
#[command(after_help = MEMORY_HELP)]
pub struct MemoryArgs {
    /// Both ends: corelane-stack, smoltcp, corelane or corelane-poll
    #[arg(long)]
    pub engine: Engine,
    /// Connections, each with one request in flight
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = held_connections)]
    pub connections: usize,
    /// Hold the connections idle after one request and answer on each, and print the memory that they take (corelane-stack);
    /// as many as 1000000
    #[arg(long, conflicts_with_all = ["duration", "warmup", "requests", "marks"])]
    pub idle: bool,
    /// Connections beside these: they are open and idle, and a thousand of them are asked once in the end
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "idle", value_parser = idle)]
    pub beside: usize,
    /// Bytes of a request and of its answer
    #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = size)]
    pub size: usize,
    /// Seconds to measure
    #[arg(long, value_name = "SECS", default_value = "5", value_parser = seconds)]
    pub duration: Duration,
    /// Seconds before that, not measured
    #[arg(long, value_name = "SECS", default_value = "0", value_parser = seconds_or_none)]
    pub warmup: Duration,
    /// End with the turn that completes so many requests instead of after --duration
    #[arg(long, value_name = "N", conflicts_with = "duration",
        value_parser = clap::value_parser!(u64).range(1..))]
    pub requests: Option<u64>,
    /// Pin both ends to this core
    #[arg(long, value_name = "N")]
    pub cpu: Option<usize>,
    /// Write the result as JSON; `-` is stdout
    #[arg(long, value_name = "FILE|-")]
    pub json: Option<PathBuf>,
    /// Started by `compare`, process PID: end with it, in a session of its own
    #[arg(long, value_name = "PID", hide = true)]
    pub parent: Option<u32>,
    /// Print the lines `start` and `end` when the measured time starts and ends
    #[arg(long, hide = true)]
    pub marks: bool,
}

impl MemoryArgs {
    /// With those beside.
    pub fn all_connections(&self) -> usize {
        self.connections + self.beside
    }
}

const MEMORY_HELP: &str = "\
Instructions of a request, by function, without those of connecting:
  corelane-bench profile --tool valgrind";

/// Reads the arguments. Help and version are printed and give exit code 0; wrong arguments are
/// told in one line and give 2.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, ExitCode> {
    Cli::try_parse_from(args).map_err(|error| {
        if error.use_stderr() {
            tell(format_args!("corelane-bench: {}\n", one_line(&error.to_string())));
            ExitCode::from(2)
        } else {
            // A closed stdout is no reason for another exit code.
            let _printed = error.print();
            ExitCode::SUCCESS
        }
    })
}

/// clap explains over several lines; what is wrong stands before its `Usage:`.
fn one_line(message: &str) -> String {
    let message = message.strip_prefix("error: ").unwrap_or(message);
    let words = message
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"))
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    format!("{words}; --help lists the flags and their values")
}

#[cfg(test)]
mod tests;
