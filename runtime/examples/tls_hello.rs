//! HTTPS: rustls, through tokio-rustls, on our own streams. The certificate is made at start, for our address.
//!
//! Without root, client and server in this process:
//! ```sh
//! cargo run --release -p corelane --features hyper,tokio-io --example tls_hello -- --driver sim
//! ```
//! On a TAP interface, as root; the kernel's curl and openssl are the clients:
//! ```sh
//! cargo build --release -p corelane --features hyper,tokio-io --example tls_hello
//! target/release/examples/tls_hello --driver tap --interface tap0 --address 10.9.0.2/24 --certificate cert.pem &
//! ip addr add 10.9.0.1/24 dev tap0; ip link set tap0 up
//! curl --cacert cert.pem https://10.9.0.2/; openssl s_client -CAfile cert.pem -connect 10.9.0.2:443
//! ```

mod common;

use std::convert::Infallible;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use corelane::net::{LocalTimer, TcpListener, TcpStream};
use corelane::spawn_local;
use corelane::time::timeout;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// How long a client may take for the handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

#[derive(clap::Parser)]
#[command(about = "An HTTPS server: rustls on corelane's own stack", version)]
struct Args {
    #[command(flatten)]
    device: common::Device,
    /// The port to listen on
    #[arg(long, default_value_t = 443)]
    port: u16,
    /// Write the certificate to this file, for clients to trust
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
}

fn main() -> ExitCode {
    common::run(|args: Args| {
        let address = args.device.socket(args.port)?;
        let made =
            rcgen::generate_simple_self_signed([address.ip().to_string()]).map_err(io::Error::other)?;
        if let Some(path) = &args.certificate {
            fs::write(path, made.cert.pem())?;
        }
        let certificate = made.cert.der().clone();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key.into())
            .map_err(io::Error::other)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let server = move |listener| serve(listener, acceptor.clone());
        common::serve(&args.device, args.port, server, |server| client(server, certificate))
    })
}

async fn serve(mut listener: TcpListener, acceptor: TlsAcceptor) {
    while let Ok((stream, peer)) = listener.accept().await {
        let acceptor = acceptor.clone();
        spawn_local(async move {
            if let Err(error) = answer(stream, acceptor).await {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

async fn answer(stream: TcpStream, acceptor: TlsAcceptor) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let stream = timeout(HANDSHAKE, acceptor.accept(stream)).await??;
    hyper::server::conn::http1::Builder::new()
        .timer(LocalTimer)
        .serve_connection(TokioIo::new(stream), service_fn(hello))
        .await
        .map_err(io::Error::other)
}

async fn hello<B>(_: Request<B>) -> Result<Response<String>, Infallible> {
    Ok(Response::new("Hello from corelane, behind TLS\n".to_string()))
}

/// The other end of `--driver sim`: one request, by hand.
async fn client(server: SocketAddr, certificate: CertificateDer<'static>) -> io::Result<()> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).map_err(io::Error::other)?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let name = ServerName::from(server.ip());
    let mut stream = connector.connect(name, TcpStream::connect(server).await?).await?;
    let request = format!("GET / HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let version = stream.get_ref().1.protocol_version();
    println!("{version:?}: {:?}", answer.lines().last().unwrap_or_default());
    match answer.ends_with("behind TLS\n") {
        true => Ok(()),
        false => Err(io::Error::other(format!("a wrong answer: {answer}"))),
    }
}
