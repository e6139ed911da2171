//! An HTTP client that connects out through our own stack: one GET, written by hand.
//!
//! Without root, client and server in this process:
//! ```sh
//! cargo run --release -p corelane --example client_get -- --driver sim
//! ```
//! Through a TAP interface, as root, from a server of the kernel:
//! ```sh
//! cargo build --release -p corelane --example client_get
//! ip tuntap add tap0 mode tap; ip addr add 10.9.0.1/24 dev tap0; ip link set tap0 up
//! python3 -m http.server --bind 10.9.0.1 8080 &
//! target/release/examples/client_get --driver tap --interface tap0 --address 10.9.0.2/24 --server 10.9.0.1:8080
//! ```
//! Over AF_XDP on eth0, as root, with an address that the kernel does not have:
//! ```sh
//! target/release/examples/client_get --driver xdp --interface eth0 --address 10.0.0.2/24 --gateway 10.0.0.1 \
//!     --server 10.0.0.1:80 --path /index.html
//! ```

mod common;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use corelane::net::{TcpListener, TcpStream};
use corelane::spawn_local;
use corelane::time::timeout;

#[derive(clap::Parser)]
#[command(about = "One HTTP GET through corelane's own stack", version)]
struct Args {
    #[command(flatten)]
    device: common::Device,
    /// The server; with --driver sim it is in this process
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "10.0.0.2:80")]
    server: SocketAddr,
    /// What to get
    #[arg(long, default_value = "/")]
    path: String,
    /// Seconds until it gives up
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
}

fn main() -> ExitCode {
    common::run(|args: Args| {
        let get = get(args.server, args.path, Duration::from_secs(args.timeout));
        if args.device.is_sim() {
            let (ours, theirs) = args.device.link()?;
            let host = args.server.ip();
            let server = args.device.builder()?.nic(ours);
            if host != args.device.socket(0)?.ip() {
                let message = format!("--server {}: with --driver sim the server has --address", args.server);
                return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
            }
            return common::beside(server, args.server, answer_all, theirs, get);
        }
        let mut runtime = args.device.builder()?.build()?;
        let result = runtime.block_on(get);
        let _ = runtime.shutdown(Duration::from_secs(1)); // our FIN; whether it is acknowledged is not our result
        result
    })
}

async fn get(server: SocketAddr, path: String, limit: Duration) -> io::Result<()> {
    let mut stream = timeout(limit, TcpStream::connect(server)).await??;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut out = io::stdout().lock();
    while let Some(chunk) = timeout(limit, stream.recv_chunk()).await?? {
        out.write_all(&chunk)?;
    }
    out.flush()
}

/// The server of `--driver sim`.
async fn answer_all(mut listener: TcpListener) {
    while let Ok((mut stream, peer)) = listener.accept().await {
        spawn_local(async move {
            if let Err(error) = answer(&mut stream).await {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

async fn answer(stream: &mut TcpStream) -> io::Result<()> {
    let mut request = Vec::new();
    let mut buf = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buf).await? {
            0 => return Ok(()),
            _ if request.len() > 64 * 1024 => return Ok(()),
            n => request.extend_from_slice(&buf[..n]),
        }
    }
    let text = "Hello from the other end of a link in memory\n";
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", text.len());
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(text.as_bytes()).await
}
