//! An HTTP server: hyper 1 on our own streams, no tokio.
//!
//! Without root, client and server in this process:
//! ```sh
//! cargo run --release -p corelane --features hyper --example http_hello -- --driver sim
//! ```
//! On a TAP interface, as root; the kernel's curl is the client:
//! ```sh
//! cargo build --release -p corelane --features hyper --example http_hello
//! target/release/examples/http_hello --driver tap --interface tap0 --address 10.9.0.2/24 --port 80 &
//! ip addr add 10.9.0.1/24 dev tap0; ip link set tap0 up; curl -i http://10.9.0.2/
//! ```
//! Over AF_XDP on eth0, two workers pinned to cores 0 and 1 (the device needs two queues), as root:
//! ```sh
//! target/release/examples/http_hello --driver xdp --interface eth0 --address 10.0.0.2/24 --cores 0,1 --port 80
//! ```

mod common;
#[path = "common/stats.rs"]
mod stats;

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::ExitCode;

use corelane::net::{LocalTimer, TcpListener, TcpStream};
use corelane::spawn_local;
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};

#[derive(clap::Parser)]
#[command(about = "An HTTP server: hyper on corelane's own stack", version)]
struct Args {
    #[command(flatten)]
    device: common::Device,
    /// The port to listen on
    #[arg(long, default_value_t = 80)]
    port: u16,
    /// Write what the workers count to this file, every second
    #[arg(long, value_name = "FILE")]
    stats: Option<PathBuf>,
}

fn main() -> ExitCode {
    common::run(|args: Args| {
        let stats = args.stats;
        let server = move |listener| stats::beside(stats.clone(), serve(listener));
        common::serve(&args.device, args.port, server, client)
    })
}

async fn serve(mut listener: TcpListener) {
    while let Ok((stream, peer)) = listener.accept().await {
        spawn_local(async move {
            let _ = stream.set_nodelay(true); // the connection may be over already: hyper finds out
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(LocalTimer)
                .serve_connection(stream, service_fn(hello));
            if let Err(error) = connection.await {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

async fn hello(request: Request<Incoming>) -> Result<Response<String>, Infallible> {
    let (status, text) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/") => (StatusCode::OK, "Hello from corelane\n"),
        (&Method::GET | &Method::HEAD, _) => (StatusCode::NOT_FOUND, "Only / is here\n"),
        _ => (StatusCode::METHOD_NOT_ALLOWED, "Only GET and HEAD\n"),
    };
    let mut response = Response::new(text.to_string());
    *response.status_mut() = status;
    Ok(response)
}

/// The other end of `--driver sim`: two requests on one connection.
async fn client(server: SocketAddr) -> io::Result<()> {
    let stream = TcpStream::connect(server).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(stream).await.map_err(io::Error::other)?;
    let connection = spawn_local(connection);
    for path in ["/", "/elsewhere"] {
        let request = Request::get(path).header("host", server.to_string()).body(String::new());
        let request = request.map_err(io::Error::other)?;
        let mut response = sender.send_request(request).await.map_err(io::Error::other)?;
        let mut text = Vec::new();
        while let Some(frame) = poll_fn(|cx| Pin::new(response.body_mut()).poll_frame(cx)).await {
            if let Ok(data) = frame.map_err(io::Error::other)?.into_data() {
                text.extend_from_slice(&data);
            }
        }
        println!("GET {path}: {} {:?}", response.status(), String::from_utf8_lossy(&text));
    }
    drop(sender); // ends the connection
    connection.await?.map_err(io::Error::other)
}
