//! A pooled HTTP client: hyper-util's, on connections of our own.
//!
//! Without root, client and server in this process:
//! ```sh
//! cargo run --release -p corelane --features http-client --example client_pool -- --driver sim
//! ```
//! Through a TAP interface, as root, from a server of the kernel:
//! ```sh
//! cargo build --release -p corelane --features http-client --example client_pool
//! ip tuntap add tap0 mode tap; ip addr add 10.9.0.1/24 dev tap0; ip link set tap0 up
//! python3 -m http.server --bind 10.9.0.1 8080 &
//! target/release/examples/client_pool --driver tap --interface tap0 --address 10.9.0.2/24 --server 10.9.0.1:8080
//! ```

mod common;

use std::cell::Cell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use corelane::http::Connector;
use corelane::net::{LocalExecutor, LocalTimer, TcpListener};
use corelane::spawn_local;
use corelane::time::timeout;
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;

#[derive(clap::Parser)]
#[command(about = "A pooled HTTP client on corelane's own stack", version)]
struct Args {
    #[command(flatten)]
    device: common::Device,
    /// The server; with --driver sim it is in this process
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "10.0.0.2:80")]
    server: SocketAddr,
    /// What to get
    #[arg(long, default_value = "/")]
    path: String,
    /// Requests in all
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    requests: u32,
    /// Requests at a time
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1000))]
    tasks: u32,
    /// Seconds until an answer is given up
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
}

fn main() -> ExitCode {
    common::run(|args: Args| {
        let get = get_all(&args);
        if args.device.is_sim() {
            let (ours, theirs) = args.device.link()?;
            let server = args.device.builder()?.nic(ours);
            return common::beside(server, args.server, serve, theirs, get);
        }
        let mut runtime = args.device.builder()?.build()?;
        let result = runtime.block_on(get);
        let _ = runtime.shutdown(Duration::from_secs(1)); // our FINs; whether they are acknowledged is not our result
        result
    })
}

async fn get_all(args: &Args) -> io::Result<()> {
    let client = Client::builder(LocalExecutor).pool_timer(LocalTimer).build::<_, String>(Connector);
    let uri: Uri = format!("http://{}{}", args.server, args.path).parse().map_err(io::Error::other)?;
    let (left, limit) = (Rc::new(Cell::new(args.requests)), Duration::from_secs(args.timeout));
    let tasks: Vec<_> = (0..args.tasks)
        .map(|_| {
            let (client, uri, left) = (client.clone(), uri.clone(), left.clone());
            spawn_local(async move {
                let mut bytes = 0;
                while left.get() > 0 {
                    left.set(left.get() - 1);
                    let response =
                        timeout(limit, client.get(uri.clone())).await?.map_err(io::Error::other)?;
                    if response.status() != StatusCode::OK {
                        return Err(io::Error::other(format!("{uri}: {}", response.status())));
                    }
                    bytes += timeout(limit, length(response.into_body())).await??;
                }
                io::Result::Ok(bytes)
            })
        })
        .collect();
    let mut bytes = 0;
    for task in tasks {
        bytes += task.await??;
    }
    let opened = corelane::stats::snapshot().map_or(0, |snapshot| snapshot.stack.tcp_active_opens);
    println!("{} answers, {bytes} bytes, {opened} connections", args.requests);
    Ok(())
}

async fn length(mut body: Incoming) -> io::Result<usize> {
    let mut bytes = 0;
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        bytes += frame.map_err(io::Error::other)?.data_ref().map_or(0, |data| data.len());
    }
    Ok(bytes)
}

/// The server of `--driver sim`.
async fn serve(mut listener: TcpListener) {
    while let Ok((stream, peer)) = listener.accept().await {
        spawn_local(async move {
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(LocalTimer)
                .serve_connection(stream, service_fn(hello));
            if let Err(error) = connection.await {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

async fn hello(_: Request<Incoming>) -> Result<Response<String>, Infallible> {
    Ok(Response::new("Hello from the other end of a link in memory\n".to_string()))
}
