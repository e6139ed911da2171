//! Echo on an event loop of its own, as mio's `tcp_server` example has it: what differs is the `use`, and where `main` begins.
//!
//! ```text
//! cargo run --release --example poll_echo                                    # both ends in this process, no root
//! sudo target/release/examples/poll_echo --driver tap --interface tap9 --address 10.0.0.2/24
//! ```

mod common;

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use corelane::poll as mio;
use corelane::{Builder, Runtime};
use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token, Waker};

/// Some tokens to identify which event is for which socket.
const SERVER: Token = Token(0);
const STOP: Token = Token(1);

#[derive(clap::Parser)]
#[command(about = "An echo server on corelane's readiness API", version)]
struct Args {
    #[command(flatten)]
    device: common::Device,
    /// The port to listen on
    #[arg(long, default_value_t = 7)]
    port: u16,
}

fn main() -> ExitCode {
    common::run(|args: Args| {
        let address = args.device.socket(args.port)?;
        if args.device.is_sim() {
            return both_ends(&args.device, address);
        }
        let runtime = args.device.builder()?.build()?;
        runtime.enter(|| serve(address, |_| {}))
    })
}

/// Serves until the waker that `ready` gets is used.
fn serve(address: SocketAddr, ready: impl FnOnce(Waker)) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(128);
    let mut server = TcpListener::bind(address)?;
    poll.registry().register(&mut server, SERVER, Interest::READABLE)?;
    let mut connections = HashMap::new();
    let mut unique_token = Token(STOP.0 + 1);
    println!("listening on {address}");
    ready(Waker::new(poll.registry(), STOP)?);
    loop {
        poll.poll(&mut events, None)?;
        for event in events.iter() {
            match event.token() {
                STOP => return Ok(()),
                SERVER => loop {
                    let (mut connection, peer) = match server.accept() {
                        Ok(accepted) => accepted,
                        Err(error) if would_block(&error) => break,
                        Err(error) => return Err(error),
                    };
                    println!("accepted a connection from {peer}");
                    let token = next(&mut unique_token);
                    let interest = Interest::READABLE | Interest::WRITABLE;
                    poll.registry().register(&mut connection, token, interest)?;
                    connections.insert(token, Connection { stream: connection, unsent: Vec::new() });
                },
                token => {
                    let Some(connection) = connections.get_mut(&token) else { continue };
                    let done = connection.handle(event).unwrap_or_else(|error| {
                        eprintln!("{error}");
                        true
                    });
                    if done && let Some(mut connection) = connections.remove(&token) {
                        poll.registry().deregister(&mut connection.stream)?;
                        println!("closed a connection");
                    }
                }
            }
        }
    }
}

struct Connection {
    stream: TcpStream,
    /// What was read and could not be written yet.
    unsent: Vec<u8>,
}

impl Connection {
    /// Whether the connection is done.
    fn handle(&mut self, event: &Event) -> io::Result<bool> {
        if event.is_writable() && !self.write()? {
            return Ok(false); // reads on when there is room
        }
        let mut buf = [0; 4096];
        loop {
            match self.stream.read(&mut buf) {
                Ok(0) => return Ok(true), // the other side is done, then so are we
                Ok(n) => self.unsent.extend_from_slice(&buf[..n]),
                Err(error) if would_block(&error) => return Ok(false),
                Err(error) => return Err(error),
            }
            if !self.write()? {
                return Ok(false);
            }
        }
    }

    /// Whether all was written.
    fn write(&mut self) -> io::Result<bool> {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(n) => drop(self.unsent.drain(..n)),
                Err(error) if would_block(&error) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

fn next(current: &mut Token) -> Token {
    let next = current.0;
    current.0 += 1;
    Token(next)
}

fn would_block(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// `--driver sim`: the server in a thread of its own, and a client here, on another event loop.
fn both_ends(device: &common::Device, address: SocketAddr) -> io::Result<()> {
    let (ours, theirs) = device.link()?;
    let builder = device.builder()?.nic(ours);
    let (ready, listening) = mpsc::channel();
    let server = thread::spawn(move || -> io::Result<bool> {
        let runtime = builder.build()?;
        let ready = |waker| drop(ready.send(waker)); // the client may be gone
        runtime.enter(|| serve(address, ready))?;
        Ok(runtime.shutdown(Duration::from_secs(5)))
    });
    let served = |server: thread::JoinHandle<io::Result<bool>>| {
        server.join().unwrap_or_else(|_| Err(io::Error::other("the server panicked")))
    };
    let Ok(stop) = listening.recv() else { return served(server).map(drop) };
    let runtime = Builder::new().nic(theirs).address(common::PEER).build()?;
    let result = ask(&runtime, address);
    let sent = runtime.shutdown(Duration::from_secs(5));
    stop.wake()?;
    println!("shut down: everything finished: {}", served(server)? && sent);
    result
}

/// Sends some lines, one after the other's answer has come.
fn ask(runtime: &Runtime, address: SocketAddr) -> io::Result<()> {
    runtime.enter(|| {
        let mut poll = Poll::new()?;
        let mut events = Events::with_capacity(8);
        let mut stream = TcpStream::connect(address)?;
        poll.registry().register(&mut stream, Token(0), Interest::WRITABLE)?;
        wait(&mut poll, &mut events)?;
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
        let registry: &Registry = poll.registry();
        registry.reregister(&mut stream, Token(0), Interest::READABLE)?;
        for line in ["hello", "from the other end", "of a link in memory"] {
            stream.write_all(line.as_bytes())?; // there is room for so little
            let mut answer = vec![0; line.len()];
            let mut received = 0;
            while received < answer.len() {
                match stream.read(&mut answer[received..]) {
                    Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                    Ok(n) => received += n,
                    Err(error) if would_block(&error) => wait(&mut poll, &mut events)?,
                    Err(error) => return Err(error),
                }
            }
            println!("sent {line:?}, got {:?}", String::from_utf8_lossy(&answer));
            if answer != line.as_bytes() {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the echo is not what was sent"));
            }
        }
        Ok(())
    })
}

/// Until something has happened.
fn wait(poll: &mut Poll, events: &mut Events) -> io::Result<()> {
    poll.poll(events, Some(Duration::from_secs(10)))?;
    if events.is_empty() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    Ok(())
}
