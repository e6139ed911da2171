//! A server of lines, by tokio_util's codec: each comes back reversed.

use std::io;

use futures_util::{SinkExt, StreamExt};
use tokio_util::codec::{Framed, LinesCodec, LinesCodecError};

use corelane::net::{TcpListener, TcpStream};

#[corelane::main]
async fn main() -> io::Result<()> {
    let mut listener = TcpListener::bind("0.0.0.0:7000").await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, peer) = listener.accept().await?;
        corelane::spawn(async move {
            if let Err(error) = reverse(stream).await {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

async fn reverse(stream: TcpStream) -> Result<(), LinesCodecError> {
    let mut lines = Framed::new(stream, LinesCodec::new_with_max_length(1024));
    while let Some(line) = lines.next().await {
        let line: String = line?.chars().rev().collect();
        lines.send(line).await?;
    }
    Ok(())
}
