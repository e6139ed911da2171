//! HTTP on many cores: an axum router on each, and who answered how much.
//!
//! Without root, client and server in this process, two workers each:
//! ```sh
//! cargo run --release -p corelane --features axum --example http_cores -- --driver sim
//! ```
//! Over AF_XDP on eth0, two workers pinned to cores 0 and 1 (the device needs two queues), as root:
//! ```sh
//! cargo build --release -p corelane --features axum --example http_cores
//! target/release/examples/http_cores --driver xdp --interface eth0 --address 10.0.0.2/24 --cores 0,1 --port 80
//! ```
//! A TAP interface has one queue, and so one worker.

mod common;
#[path = "common/http.rs"]
mod http;

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use corelane::net::TcpListener;
use serde_json::{Value, json};

/// Connections of the client of `--driver sim`, and requests on each.
const CONNECTIONS: u64 = 16;
const REQUESTS: u64 = 10;

#[derive(clap::Parser)]
#[command(about = "HTTP on many cores, on corelane's own stacks", version)]
struct Args {
    #[command(flatten)]
    device: common::Device,
    /// The port to listen on
    #[arg(long, default_value_t = 80)]
    port: u16,
}

/// What one worker has answered. Each on a cache line of its own: they are written all the time.
#[repr(align(128))]
#[derive(Default)]
struct Count(AtomicU64);

/// The counts of all workers, and which of them is this one's.
#[derive(Clone)]
struct Counts {
    all: Arc<[Count]>,
    own: usize,
}

fn main() -> ExitCode {
    common::run(|mut args: Args| {
        if args.device.is_sim() && args.device.cores.is_empty() {
            args.device.queues = args.device.queues.or(Some(2));
        }
        let workers = args.device.queues.map_or(args.device.cores.len().max(1), usize::from);
        let all: Arc<[Count]> = (0..workers).map(|_| Count::default()).collect();
        let next = Arc::new(AtomicU64::new(0));
        let server = move |listener| {
            let own = next.fetch_add(1, Ordering::Relaxed) as usize % all.len(); // a worker each
            serve(listener, Counts { all: all.clone(), own })
        };
        common::serve(&args.device, args.port, server, client)
    })
}

async fn serve(listener: TcpListener, counts: Counts) {
    let app = Router::new().route("/", get(hello)).route("/cores", get(cores)).with_state(counts);
    if let Err(error) = corelane::http::serve(listener, app).await {
        eprintln!("{error}");
    }
}

async fn hello(State(counts): State<Counts>) -> String {
    counts.all[counts.own].0.fetch_add(1, Ordering::Relaxed);
    format!("Hello from worker {}\n", counts.own)
}

async fn cores(State(counts): State<Counts>) -> Json<Value> {
    Json(json!(counts.all.iter().map(|count| count.0.load(Ordering::Relaxed)).collect::<Vec<_>>()))
}

/// The other end of `--driver sim`.
async fn client(server: SocketAddr) -> io::Result<()> {
    for _ in 0..CONNECTIONS {
        let mut http = http::Client::connect(server).await?;
        for _ in 0..REQUESTS {
            http.ask("GET", "/", "", "200").await?;
        }
        http.close().await?;
    }
    let mut http = http::Client::connect(server).await?;
    let counts: Vec<u64> = serde_json::from_str(&http.ask("GET", "/cores", "", "200").await?)?;
    http.close().await?;
    match counts.iter().sum::<u64>() == CONNECTIONS * REQUESTS {
        true => Ok(()),
        false => Err(io::Error::other(format!("{counts:?} are not {}", CONNECTIONS * REQUESTS))),
    }
}
