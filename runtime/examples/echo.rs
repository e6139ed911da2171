//! A TCP echo server on our own stack.
//!
//! Without root, client and server in this process:
//! ```sh
//! cargo run --release -p corelane --example echo -- --driver sim
//! ```
//! On a TAP interface, as root; the kernel is the client:
//! ```sh
//! cargo build --release -p corelane --example echo
//! target/release/examples/echo --driver tap --interface tap0 --address 10.9.0.2/24 --port 7 &
//! ip addr add 10.9.0.1/24 dev tap0; ip link set tap0 up; nc 10.9.0.2 7
//! ```
//! Over AF_XDP on eth0, as root, with an address that the kernel does not have:
//! ```sh
//! target/release/examples/echo --driver xdp --interface eth0 --address 10.0.0.2/24 --gateway 10.0.0.1 --port 7
//! ```
//! On the kernel's sockets, without a device:
//! ```sh
//! target/release/examples/echo --engine kernel --port 7007 --queues 2 & nc 127.0.0.1 7007
//! ```

mod common;
#[path = "common/stats.rs"]
mod stats;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use corelane::net::{Keepalive, TcpListener, TcpStream};
use corelane::spawn_local;

#[derive(clap::Parser)]
#[command(about = "A TCP echo server on corelane's own stack", version)]
struct Args {
    #[command(flatten)]
    device: common::Device,
    /// The port to listen on
    #[arg(long, default_value_t = 7)]
    port: u16,
    /// Write what the workers count to this file, every second
    #[arg(long, value_name = "FILE")]
    stats: Option<PathBuf>,
    /// Ask a peer that is silent for so many seconds whether it is still there, and drop it when it does not answer
    #[arg(long, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..=32_767))]
    keepalive: Option<u64>,
}

fn main() -> ExitCode {
    common::run(|args: Args| {
        let (stats, keepalive) = (args.stats, args.keepalive.map(keepalive));
        let server = move |listener| stats::beside(stats.clone(), serve(listener, keepalive));
        common::serve(&args.device, args.port, server, client)
    })
}

/// Three questions, a second apart.
fn keepalive(seconds: u64) -> Keepalive {
    Keepalive { time: Duration::from_secs(seconds), interval: Duration::from_secs(1), probes: 3 }
}

/// Echoes every connection in a task of its own, until the runtime shuts down.
async fn serve(mut listener: TcpListener, keepalive: Option<Keepalive>) {
    while let Ok((stream, peer)) = listener.accept().await {
        spawn_local(async move {
            if let Err(error) = echo(stream, keepalive).await {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

/// Sends back the very buffers that arrive: nothing is copied on the way.
async fn echo(mut stream: TcpStream, keepalive: Option<Keepalive>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_keepalive(keepalive)?;
    while let Some(chunk) = stream.recv_chunk().await? {
        stream.send(chunk).await?;
    }
    Ok(())
}

/// The other end of `--driver sim`.
async fn client(server: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect(server).await?;
    for line in ["hello", "from the other end", "of a link in memory"] {
        stream.write_all(line.as_bytes()).await?;
        let mut answer = vec![0; line.len()];
        stream.read_exact(&mut answer).await?;
        println!("sent {line:?}, got {:?}", String::from_utf8_lossy(&answer));
        if answer != line.as_bytes() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the echo is not what was sent"));
        }
    }
    let info = stream.tcp_info()?;
    println!("{} bytes each way, rtt {:?}", info.bytes_received, info.rtt);
    Ok(())
}
