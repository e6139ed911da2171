//! A TCP proxy that copies nothing: each chunk is sent on as it was received.
//!
//! Without root, client, proxy and upstream server in this process:
//! ```sh
//! cargo run --release -p corelane --example tcp_proxy -- --driver sim
//! ```
//! On a TAP interface, as root; curl and the server behind the proxy are the kernel's:
//! ```sh
//! cargo build --release -p corelane --example tcp_proxy
//! target/release/examples/tcp_proxy --driver tap --interface tap0 --address 10.9.0.2/24 --port 80 \
//!     --upstream 10.9.0.1:8080 &
//! ip addr add 10.9.0.1/24 dev tap0; ip link set tap0 up
//! python3 -m http.server --bind 10.9.0.1 8080 & curl http://10.9.0.2/
//! ```

mod common;

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use corelane::net::{OwnedReadHalf, OwnedWriteHalf, TcpListener, TcpStream};
use corelane::spawn_local;
use corelane::time::timeout;

/// How long the server behind may take to answer.
const CONNECT: Duration = Duration::from_secs(10);

/// Bytes that the client of `--driver sim` sends.
const BYTES: usize = 4 << 20;

#[derive(clap::Parser)]
#[command(about = "A TCP proxy that copies nothing, on corelane's own stack", version)]
struct Args {
    #[command(flatten)]
    device: common::Device,
    /// The port to listen on
    #[arg(long, default_value_t = 80)]
    port: u16,
    /// The server behind the proxy; with --driver sim it is in this process
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "10.0.0.1:8080")]
    upstream: SocketAddr,
}

fn main() -> ExitCode {
    common::run(|args: Args| {
        let upstream = args.upstream;
        let server = move |listener| serve(listener, upstream);
        common::serve(&args.device, args.port, server, move |proxy| client(proxy, upstream))
    })
}

async fn serve(mut listener: TcpListener, upstream: SocketAddr) {
    while let Ok((stream, peer)) = listener.accept().await {
        spawn_local(async move {
            if let Err(error) = proxy(stream, upstream).await {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

/// Forwards both ways until both have ended. When either fails, both connections are closed.
async fn proxy(down: TcpStream, upstream: SocketAddr) -> io::Result<()> {
    let up = timeout(CONNECT, TcpStream::connect(upstream)).await??;
    // What is forwarded was gathered by its sender already.
    down.set_nodelay(true)?;
    up.set_nodelay(true)?;
    let ((down_read, down_write), (up_read, up_write)) = (down.into_split(), up.into_split());
    let answers = spawn_local(forward(up_read, down_write));
    let asked = forward(down_read, up_write).await;
    if asked.is_err() {
        answers.cancel(); // drops its halves, and so the connections
        return asked;
    }
    answers.await?
}

/// The chunk that arrived is the one that is sent: its buffer is back with the pool when the other end has acknowledged it.
async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> io::Result<()> {
    while let Some(chunk) = from.recv_chunk().await? {
        to.send(chunk).await?;
    }
    to.shutdown()
}

/// The other end of `--driver sim`: an echo server behind the proxy, and a client before it.
async fn client(proxy: SocketAddr, upstream: SocketAddr) -> io::Result<()> {
    let mut listener = TcpListener::bind(upstream).await?;
    let echo = spawn_local(async move {
        let (stream, from) = listener.accept().await?;
        println!("the server behind is asked by {}", from.ip());
        let (read, write) = stream.into_split();
        forward(read, write).await
    });
    let (mut read, mut write) = TcpStream::connect(proxy).await?.into_split();
    let sent: Vec<u8> = (0..BYTES as u32).map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    let expected = sent.clone();
    let writer = spawn_local(async move {
        write.write_all(&sent).await?;
        write.shutdown()
    });
    let mut received = Vec::with_capacity(BYTES);
    read.read_to_end(&mut received).await?;
    writer.await??;
    echo.await??;
    println!("{} bytes went through the proxy and came back", received.len());
    match received == expected {
        true => Ok(()),
        false => Err(io::Error::other("they are not what was sent")),
    }
}
