//! One thread on mio, as its documentation has it: edge-triggered, and so it reads until nothing is left.

use std::io::{self, Read};
use std::thread;

use anyhow::Context;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use slab::Slab;

use super::session::{Next, Service, Session};
use super::{BUFFER, Server, accept_again, accept_error, write_some};
use crate::sys::{self, Stop};

const LISTENER: Token = Token(0);
const STOP: Token = Token(1);
/// The token of connection 0.
const FIRST: usize = 2;

/// Events that one poll may bring.
const EVENTS: usize = 256;

/// Serves until the stop.
pub fn run(server: &Server<'_>) -> anyhow::Result<()> {
    let poll = Poll::new().context("making a mio::Poll")?;
    let listener = server.listen()?;
    listener.set_nonblocking(true)?;
    let mut listener = TcpListener::from_std(listener);
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let waker = Waker::new(poll.registry(), STOP)?;
    server.announce(listener.local_addr()?)?;
    // A thread that sleeps all the time: a foreign descriptor in mio needs a feature more.
    thread::scope(|scope| {
        scope.spawn(|| {
            // An error ends the server too: it could not be stopped any more.
            let _wake = sys::wait_readable(server.stop, server.stop, None);
            waker.wake()
        });
        let result = serve(poll, &listener, server.service);
        Stop::request(); // lets the thread go when the loop failed
        result
    })
}

fn serve(mut poll: Poll, listener: &TcpListener, service: Service) -> anyhow::Result<()> {
    let mut events = Events::with_capacity(EVENTS);
    let mut connections = Slab::new();
    let (mut input, mut scratch) = (vec![0; BUFFER], Vec::new());
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            result => result?,
        }
        for event in &events {
            match event.token() {
                STOP => return Ok(()),
                LISTENER => accept(&poll, listener, service, &mut connections)?,
                Token(token) => {
                    let slot = token - FIRST;
                    let Some(connection) = connections.get_mut(slot) else { continue };
                    if connection.serve(&mut input, &mut scratch).is_err() {
                        connections.remove(slot); // closes the socket
                    }
                }
            }
        }
    }
}

/// Takes all the connections that wait.
fn accept(
    poll: &Poll,
    listener: &TcpListener,
    service: Service,
    connections: &mut Slab<Connection>,
) -> anyhow::Result<()> {
    loop {
        let mut stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) if accept_again(&error) => continue,
            Err(error) => return Err(accept_error(&error)),
        };
        if stream.set_nodelay(true).is_err() {
            continue; // reset already
        }
        let entry = connections.vacant_entry();
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut stream, Token(entry.key() + FIRST), interest)?;
        entry.insert(Connection {
            stream,
            session: Session::new(service),
            pending: Vec::new(),
            closing: false,
        });
    }
}

struct Connection {
    stream: TcpStream,
    session: Session,
    /// What the socket had no room for. While there is any, nothing is read.
    pending: Vec<u8>,
    closing: bool,
}

impl Connection {
    /// Reads and answers until the socket is empty or full. An error: the connection is over.
    fn serve(&mut self, input: &mut [u8], scratch: &mut Vec<u8>) -> io::Result<()> {
        loop {
            let written = write_some(&self.stream, &self.pending)?;
            self.pending.drain(..written);
            if !self.pending.is_empty() {
                return Ok(());
            }
            if self.closing {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            let length = match self.stream.read(input) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let (answer, next) = self.session.answer(&input[..length], scratch);
            let written = write_some(&self.stream, answer)?;
            self.pending.extend_from_slice(&answer[written..]);
            self.closing = next == Next::Close;
        }
    }
}
