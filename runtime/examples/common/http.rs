//! A client of one connection, for the other end of `--driver sim`.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;

use corelane::net::TcpStream;
use corelane::{JoinHandle, spawn_local};
use hyper::Request;
use hyper::body::Body;
use hyper::client::conn::http1::{SendRequest, handshake};

pub struct Client {
    server: SocketAddr,
    sender: SendRequest<String>,
    connection: JoinHandle<hyper::Result<()>>,
}

impl Client {
    pub async fn connect(server: SocketAddr) -> io::Result<Client> {
        let stream = TcpStream::connect(server).await?;
        let (sender, connection) = handshake(stream).await.map_err(io::Error::other)?;
        Ok(Client { server, sender, connection: spawn_local(connection) })
    }

    /// Sends a request, prints the answer and returns its body.
    ///
    /// # Errors
    /// Also when the answer has not this status.
    pub async fn ask(&mut self, method: &str, path: &str, body: &str, status: &str) -> io::Result<String> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", self.server.to_string())
            .header("content-type", "application/json")
            .body(body.to_string())
            .map_err(io::Error::other)?;
        let mut response = self.sender.send_request(request).await.map_err(io::Error::other)?;
        let mut text = Vec::new();
        while let Some(frame) = poll_fn(|cx| Pin::new(response.body_mut()).poll_frame(cx)).await {
            if let Ok(data) = frame.map_err(io::Error::other)?.into_data() {
                text.extend_from_slice(&data);
            }
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        println!("{method} {path}: {} {text}", response.status().as_u16());
        match response.status().as_str() == status {
            true => Ok(text),
            false => Err(io::Error::other(format!("{method} {path}: {}, not {status}", response.status()))),
        }
    }

    /// Ends the connection, and waits for that.
    pub async fn close(self) -> io::Result<()> {
        drop(self.sender);
        self.connection.await?.map_err(io::Error::other)
    }
}
