//! An echo server with an event loop of its own.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

const LISTENER: Token = Token(0);

fn main() -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(128);
    let mut listener = TcpListener::bind("0.0.0.0:7000".parse().unwrap())?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("listening on {}", listener.local_addr()?);
    let (mut connections, mut next) = (HashMap::new(), 1);
    loop {
        if let Err(error) = poll.poll(&mut events, None) {
            if error.kind() == ErrorKind::Interrupted {
                continue;
            }
            return Err(error);
        }
        for event in events.iter() {
            if event.token() == LISTENER {
                while let Some((mut stream, _)) = unless_blocked(listener.accept())? {
                    let both = Interest::READABLE | Interest::WRITABLE;
                    poll.registry().register(&mut stream, Token(next), both)?;
                    connections.insert(Token(next), Connection { stream, unsent: Vec::new() });
                    next += 1;
                }
            } else if let Some(connection) = connections.get_mut(&event.token())
                && !connection.echo().unwrap_or(false)
            {
                connections.remove(&event.token());
            }
        }
    }
}

struct Connection {
    stream: TcpStream,
    unsent: Vec<u8>,
}

impl Connection {
    /// Returns whether it goes on.
    fn echo(&mut self) -> io::Result<bool> {
        let mut buf = [0; 4096];
        loop {
            while !self.unsent.is_empty() {
                match unless_blocked(self.stream.write(&self.unsent))? {
                    Some(written) => drop(self.unsent.drain(..written)),
                    None => return Ok(true), // writable tells
                }
            }
            match unless_blocked(self.stream.read(&mut buf))? {
                Some(0) => return Ok(false),
                Some(read) => self.unsent.extend_from_slice(&buf[..read]),
                None => return Ok(true), // readable tells
            }
        }
    }
}

fn unless_blocked<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}
