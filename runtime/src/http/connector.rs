//! What connects hyper-util's pooled client.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use tower_service::Service;

use crate::net::TcpStream;

/// Opens connections of this core for `hyper_util::client::legacy::Client`, in the place of its `HttpConnector`. Hosts
/// are addresses: names are not looked up.
///
/// ```no_run
/// use corelane::http::Connector;
/// use corelane::net::{LocalExecutor, LocalTimer};
/// use hyper_util::client::legacy::Client;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let client: Client<_, String> = Client::builder(LocalExecutor).pool_timer(LocalTimer).build(Connector);
/// let response = client.get("http://10.0.0.2/".parse()?).await?;
/// # Ok(()) }
/// ```
///
/// The client and its connections stay on the core that they were made on: make one client on each.
#[derive(Debug, Clone, Copy, Default)]
pub struct Connector;

/// What a [`Connector`] waits for.
pub type Connecting = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

impl Service<Uri> for Connector {
    type Response = TcpStream;
    type Error = io::Error;
    type Future = Connecting;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// # Errors
    /// `InvalidInput` when the host is no address or the scheme is not `http`; else as [`TcpStream::connect`].
    fn call(&mut self, uri: Uri) -> Connecting {
        Box::pin(async move {
            let stream = TcpStream::connect(address(&uri)?).await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        })
    }
}

fn address(uri: &Uri) -> io::Result<SocketAddr> {
    let wrong = |remedy: &str| io::Error::new(io::ErrorKind::InvalidInput, format!("{uri}: {remedy}"));
    if uri.scheme_str().is_some_and(|scheme| scheme != "http") {
        return Err(wrong("only http is spoken: wrap the connector for TLS"));
    }
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let ip: IpAddr =
        host.parse().map_err(|_| wrong("the host is no address, and names are not looked up"))?;
    Ok(SocketAddr::new(ip, uri.port_u16().unwrap_or(80)))
}

impl Connection for TcpStream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

#[cfg(test)]
mod tests;
