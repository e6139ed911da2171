//! A WebSocket server that echoes: axum's `ws` on our own streams.
//!
//! Without root, client and server in this process:
//! ```sh
//! cargo run --release -p corelane --features axum --example ws_echo -- --driver sim
//! ```
//! On a TAP interface, as root; any WebSocket client of the kernel's side, such as websocat:
//! ```sh
//! cargo build --release -p corelane --features axum --example ws_echo
//! target/release/examples/ws_echo --driver tap --interface tap0 --address 10.9.0.2/24 --port 80 &
//! ip addr add 10.9.0.1/24 dev tap0; ip link set tap0 up; websocat ws://10.9.0.2/echo
//! ```

mod common;

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::routing::any;
use corelane::net::{TcpListener, TcpStream};
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::{client_async, tungstenite};

#[derive(clap::Parser)]
#[command(about = "A WebSocket server that echoes: axum on corelane's own stack", version)]
struct Args {
    #[command(flatten)]
    device: common::Device,
    /// The port to listen on
    #[arg(long, default_value_t = 80)]
    port: u16,
}

fn main() -> ExitCode {
    common::run(|args: Args| common::serve(&args.device, args.port, serve, client))
}

async fn serve(listener: TcpListener) {
    let app =
        Router::new().route("/echo", any(|upgrade: WebSocketUpgrade| async { upgrade.on_upgrade(echo) }));
    if let Err(error) = corelane::http::serve(listener, app).await {
        eprintln!("{error}");
    }
}

/// Echoes texts and data until the client closes. axum answers pings itself.
async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        let echoed = match message {
            Message::Text(_) | Message::Binary(_) => socket.send(message).await,
            _ => Ok(()),
        };
        if echoed.is_err() {
            return; // the client has gone
        }
    }
}

/// The other end of `--driver sim`.
async fn client(server: SocketAddr) -> io::Result<()> {
    let stream = TcpStream::connect(server).await?;
    let (mut socket, _) =
        client_async(format!("ws://{server}/echo"), stream).await.map_err(io::Error::other)?;
    let large = "x".repeat(100_000);
    for text in ["hello", "", large.as_str()] {
        socket.send(tungstenite::Message::text(text)).await.map_err(io::Error::other)?;
        let echoed = socket.next().await.ok_or_else(|| io::Error::other("the server hung up"))?;
        let echoed = echoed.map_err(io::Error::other)?.into_text().map_err(io::Error::other)?;
        if echoed.as_str() != text {
            return Err(io::Error::other(format!("{} bytes came back of {}", echoed.len(), text.len())));
        }
        println!("{} bytes came back", echoed.len());
    }
    socket.close(None).await.map_err(io::Error::other)?;
    while let Some(Ok(_)) = socket.next().await {} // the server's answer to our close
    Ok(())
}
