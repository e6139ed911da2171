//! Blocking I/O with a pool of threads, as servlet containers have it: one thread waits for all the connections and puts those
//! that are readable into a queue; a worker takes one, reads and writes it with blocking calls, and gives it back. So a
//! connection holds a worker while it is served, and not while it is idle.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::Context;
use slab::Slab;

use super::bio::STACK;
use super::session::{Next, Service, Session};
use super::{BUFFER, Server, accept_again, accept_error};
use crate::sys::{self, Epoll, Events, Stop};

const LISTENER: u64 = 0;
/// The token of connection 0.
const FIRST: u64 = 1;

/// Events that one epoll_wait may bring.
const EVENTS: usize = 256;

/// Told once; whoever served the connection asks for the next time.
const INTEREST: u32 = sys::IN | sys::PEER_CLOSED | sys::ONCE;

/// Serves until the stop. The threads end with the process.
pub fn run(server: &Server<'_>) -> anyhow::Result<()> {
    let listener = server.listen()?;
    let address = listener.local_addr()?;
    listener.set_nonblocking(true)?;
    let pool = Arc::new(Pool { epoll: Epoll::new()?, state: Mutex::default(), work: Condvar::new() });
    pool.epoll.add(&listener, sys::IN, LISTENER)?;
    for _ in 0..server.pool {
        let pool = pool.clone();
        thread::Builder::new()
            .stack_size(STACK)
            .spawn(move || pool.work())
            .context("starting a worker: see --pool, `ulimit -u` and kernel.threads-max")?;
    }
    let service = server.service;
    // As bio's first thread this one only waits for the stop: `compare` looks at how long the first one waits for its core.
    let poller = thread::spawn(move || {
        let result = pool.poll(&listener, service);
        Stop::request();
        result
    });
    server.announce(address)?;
    sys::wait_readable(server.stop, server.stop, None)?;
    if poller.is_finished() {
        return poller.join().unwrap_or_else(|_| Err(anyhow::anyhow!("the poller panicked")));
    }
    Ok(())
}

/// Takes all the connections that wait.
fn accept(listener: &TcpListener, epoll: &Epoll, state: &mut State, service: Service) -> anyhow::Result<()> {
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) if accept_again(&error) => continue,
            Err(error) => return Err(accept_error(&error)),
        };
        if stream.set_nodelay(true).is_err() {
            continue; // reset already
        }
        let entry = state.open.vacant_entry();
        let token = entry.key() as u64 + FIRST; // usize is at most 64 bits
        epoll.add(&stream, INTEREST, token)?;
        let session = Mutex::new(Session::new(service));
        entry.insert(Arc::new(Connection { stream, token, session }));
    }
}

struct Pool {
    epoll: Epoll,
    state: Mutex<State>,
    work: Condvar,
}

/// What the threads share.
#[derive(Default)]
struct State {
    /// Connections that are readable and have no worker.
    ready: VecDeque<Arc<Connection>>,
    /// Workers that wait.
    idle: usize,
    /// The open connections by their token.
    open: Slab<Arc<Connection>>,
}

struct Connection {
    stream: TcpStream,
    token: u64,
    /// Never contended: a connection is in the queue or with a worker, once.
    session: Mutex<Session>,
}

impl State {
    fn slot(token: u64) -> usize {
        usize::try_from(token - FIRST).unwrap_or(usize::MAX)
    }

    fn queue(&mut self, token: u64) {
        if let Some(connection) = self.open.get(Self::slot(token)) {
            self.ready.push_back(connection.clone());
        }
    }

    /// Takes a connection out, which is closed when its last owner drops it.
    fn close(&mut self, token: u64) {
        self.open.remove(Self::slot(token));
    }
}

impl Pool {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts what is readable into the queue; returns when accepting fails.
    fn poll(&self, listener: &TcpListener, service: Service) -> anyhow::Result<()> {
        let mut events = Events::new(EVENTS);
        loop {
            self.epoll.wait(&mut events, None)?;
            let mut state = self.state();
            for index in 0..events.len() {
                match events.get(index).0 {
                    LISTENER => accept(listener, &self.epoll, &mut state, service)?,
                    token => state.queue(token),
                }
            }
            let wanted = state.ready.len().min(state.idle);
            drop(state);
            // Waking is a system call: none for workers that are at work, which look into the queue before they sleep.
            (0..wanted).for_each(|_| self.work.notify_one());
        }
    }

    /// Serves what is in the queue, for ever.
    fn work(&self) {
        let (mut input, mut scratch) = (vec![0; BUFFER], Vec::new());
        loop {
            let connection = self.next();
            let served = connection.serve(&mut input, &mut scratch);
            // A client that goes away ends its own connection, not the server.
            if served
                .and_then(|()| self.epoll.modify(&connection.stream, INTEREST, connection.token))
                .is_err()
            {
                self.state().close(connection.token);
            }
        }
    }

    fn next(&self) -> Arc<Connection> {
        let mut state = self.state();
        loop {
            if let Some(connection) = state.ready.pop_front() {
                return connection;
            }
            state.idle += 1;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }
}

impl Connection {
    /// Reads what is there, once, since a second read could wait for the client; and writes all of the answer. An error: the
    /// connection is over.
    fn serve(&self, input: &mut [u8], scratch: &mut Vec<u8>) -> io::Result<()> {
        let mut stream = &self.stream;
        let length = stream.read(input)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let (answer, next) = session.answer(&input[..length], scratch);
        stream.write_all(answer)?;
        if next == Next::Close { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }
}
