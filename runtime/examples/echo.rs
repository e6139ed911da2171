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

mod common;
#[path = "common/stats.rs"]
mod stats;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use corelane::net::{TcpListener, TcpStream};
use corelane::{Handle, JoinHandle, spawn_local};

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
}

fn main() -> ExitCode {
    common::run(|args: Args| {
        let stats = args.stats;
        let server = move |listener| {
            let stats = stats.clone();
            async move {
                let writer = write_stats(stats);
                serve(listener).await;
                if let Some(writer) = writer {
                    writer.cancel(); // or the shutdown would wait for it
                }
            }
        };
        common::serve(&args.device, args.port, server, client)
    })
}

/// One task does it for all workers.
fn write_stats(path: Option<PathBuf>) -> Option<JoinHandle<()>> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    let (path, handle) = (path?, Handle::current()?);
    let first = !TAKEN.swap(true, Ordering::Relaxed);
    first.then(|| spawn_local(stats::write_every_second(handle, path)))
}

/// Echoes every connection in a task of its own, until the runtime shuts down.
async fn serve(mut listener: TcpListener) {
    while let Ok((stream, peer)) = listener.accept().await {
        spawn_local(async move {
            if let Err(error) = echo(stream).await {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

/// Sends back the very buffers that arrive: nothing is copied on the way.
async fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
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
