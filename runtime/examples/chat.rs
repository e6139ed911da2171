//! A chat: lines, by tokio_util's codec, since a byte stream has no message borders.
//!
//! Without root, two guests and the server in this process:
//! ```sh
//! cargo run --release -p corelane --features tokio-io --example chat -- --driver sim
//! ```
//! On a TAP interface, as root; nc is the client:
//! ```sh
//! cargo build --release -p corelane --features tokio-io --example chat
//! target/release/examples/chat --driver tap --interface tap0 --address 10.9.0.2/24 --port 7000 &
//! ip addr add 10.9.0.1/24 dev tap0; ip link set tap0 up; nc 10.9.0.2 7000
//! ```

mod common;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use corelane::net::{OwnedWriteHalf, TcpListener, TcpStream};
use corelane::spawn_local;
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio_util::codec::{Framed, FramedRead, FramedWrite, LinesCodec, LinesCodecError};

/// The longest line; a guest who sends a longer one is shown out.
const MAX_LINE: usize = 1024;

/// Lines that wait for a guest who doesn't read; the next one is lost for this guest.
const WAITING: usize = 64;

#[derive(clap::Parser)]
#[command(about = "A chat of lines, on corelane's own stack", version)]
struct Args {
    #[command(flatten)]
    device: common::Device,
    /// The port to listen on
    #[arg(long, default_value_t = 7000)]
    port: u16,
}

/// Who is here, on all workers: a channel each, which wakes the guest's task wherever that is.
#[derive(Clone, Default)]
struct Room(Arc<Mutex<HashMap<SocketAddr, mpsc::Sender<String>>>>);

impl Room {
    fn enter(&self, guest: SocketAddr) -> mpsc::Receiver<String> {
        let (send, receive) = mpsc::channel(WAITING);
        self.guests(|guests| guests.insert(guest, send));
        self.say(guest, "enters");
        receive
    }

    fn leave(&self, guest: SocketAddr) {
        self.guests(|guests| guests.remove(&guest));
        self.say(guest, "leaves");
    }

    /// Tells everybody else.
    fn say(&self, guest: SocketAddr, line: &str) {
        self.guests(|guests| {
            for (_, other) in guests.iter().filter(|(other, _)| **other != guest) {
                let _ = other.try_send(format!("{guest}: {line}")); // full: lost
            }
        });
    }

    fn guests<R>(&self, f: impl FnOnce(&mut HashMap<SocketAddr, mpsc::Sender<String>>) -> R) -> R {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn main() -> ExitCode {
    common::run(|args: Args| {
        let room = Room::default();
        common::serve(&args.device, args.port, move |listener| serve(listener, room.clone()), client)
    })
}

async fn serve(mut listener: TcpListener, room: Room) {
    while let Ok((stream, guest)) = listener.accept().await {
        let room = room.clone();
        spawn_local(async move {
            if let Err(error) = welcome(stream, guest, &room).await {
                eprintln!("{guest}: {error}");
            }
            room.leave(guest);
        });
    }
}

async fn welcome(stream: TcpStream, guest: SocketAddr, room: &Room) -> Result<(), LinesCodecError> {
    let (read, write) = stream.into_split();
    let mut lines = FramedRead::new(read, LinesCodec::new_with_max_length(MAX_LINE));
    let writer = spawn_local(tell(write, room.enter(guest)));
    let mut result = Ok(());
    while let Some(line) = lines.next().await {
        match line {
            Ok(line) => room.say(guest, &line),
            Err(error) => {
                result = Err(error);
                break;
            }
        }
    }
    writer.cancel();
    result
}

/// Writes what the others say, until the guest has gone.
async fn tell(write: OwnedWriteHalf, mut said: mpsc::Receiver<String>) {
    let mut lines = FramedWrite::new(write, LinesCodec::new());
    while let Some(line) = said.recv().await {
        if lines.send(line).await.is_err() {
            return;
        }
    }
}

/// The other end of `--driver sim`: two guests.
async fn client(server: SocketAddr) -> io::Result<()> {
    let mut alice = Framed::new(TcpStream::connect(server).await?, LinesCodec::new());
    let mut bob = Framed::new(TcpStream::connect(server).await?, LinesCodec::new());
    hear(&mut alice, "enters").await?;
    // Two lines in three pieces: the codec finds the borders.
    for piece in ["hel", "lo\nhow are", " you?\n"] {
        bob.get_mut().write_all(piece.as_bytes()).await?;
    }
    hear(&mut alice, "hello").await?;
    hear(&mut alice, "how are you?").await?;
    alice.send("fine").await.map_err(io::Error::other)?;
    hear(&mut bob, "fine").await?;
    drop(bob);
    hear(&mut alice, "leaves").await
}

async fn hear(guest: &mut Framed<TcpStream, LinesCodec>, what: &str) -> io::Result<()> {
    let line = guest.next().await.ok_or_else(|| io::Error::other("the server hung up"))?;
    let line = line.map_err(io::Error::other)?;
    println!("{line}");
    match line.split_once(": ").is_some_and(|(_, said)| said == what) {
        true => Ok(()),
        false => Err(io::Error::other(format!("`{what}` was expected"))),
    }
}
