//! One thread on raw io_uring(7): accepting is one operation for all connections; an answer and the next request are two that
//! are linked, so that a round of all connections that are ready costs one system call.

use std::io;
use std::net::TcpStream;
use std::os::fd::AsRawFd;

use slab::Slab;

use super::session::{Next, Service, Session};
use super::{BUFFER, Server, accept_again, accept_error};
use crate::error::bad_input;
use crate::sys::uring::{Completion, Ring};

/// Serves until the stop.
pub fn run(server: &Server<'_>) -> anyhow::Result<()> {
    let workload = server.service.workload;
    if workload.is_bulk() {
        return Err(bad_input(format!(
            "--workload {workload}: the engine io_uring has echo, http, http-close and crr only: take the engine epoll for it"
        )));
    }
    let mut ring = open()?;
    let listener = server.listen()?;
    ring.accept(&listener)?;
    ring.watch(server.stop)?;
    server.announce(listener.local_addr()?)?;
    let mut connections = Connections { service: server.service, open: Slab::new() };
    let mut scratch = Vec::new();
    loop {
        ring.wait()?;
        while let Some(completion) = ring.next() {
            match completion {
                Completion::Readable => return Ok(()),
                Completion::Accepted(Ok(fd)) => connections.accept(TcpStream::from(fd), &mut ring)?,
                Completion::Accepted(Err(error)) if accept_again(&error) => ring.accept(&listener)?,
                Completion::Accepted(Err(error)) => return Err(accept_error(&error)),
                Completion::Received(token, result, buffer) => {
                    connections.received(token, &result, buffer, &mut scratch, &mut ring)?;
                }
                Completion::Sent(token, result, buffer) => connections.sent(token, &result, buffer),
            }
        }
    }
}

fn open() -> anyhow::Result<Ring> {
    Ring::new().map_err(|error| {
        bad_input(format!(
            "--engine io_uring: this kernel has none for us ({error}): look at `sysctl kernel.io_uring_disabled`, or take \
             the engine epoll"
        ))
    })
}

/// The open connections by their token.
struct Connections {
    service: Service,
    open: Slab<Connection>,
}

struct Connection {
    stream: TcpStream,
    session: Session,
    /// Operations that the kernel works on: the token is not used again before they are done.
    under_way: u8,
    /// A buffer that no operation has.
    spare: Vec<u8>,
    over: bool,
}

impl Connections {
    fn accept(&mut self, stream: TcpStream, ring: &mut Ring) -> io::Result<()> {
        if stream.set_nodelay(true).is_err() {
            return Ok(()); // reset already
        }
        let entry = self.open.vacant_entry();
        ring.receive(stream.as_raw_fd(), vec![0; BUFFER], entry.key() as u64)?; // usize is at most 64 bits
        let session = Session::new(self.service);
        let spare = vec![0; BUFFER];
        entry.insert(Connection { stream, session, under_way: 1, spare, over: false });
        Ok(())
    }

    /// The connection of an operation that is done.
    fn done(&mut self, token: u64) -> Option<&mut Connection> {
        let slot = usize::try_from(token).unwrap_or(usize::MAX);
        let connection = self.open.get_mut(slot)?;
        connection.under_way -= 1;
        Some(connection)
    }

    fn received(
        &mut self,
        token: u64,
        result: &io::Result<usize>,
        buffer: Vec<u8>,
        scratch: &mut Vec<u8>,
        ring: &mut Ring,
    ) -> io::Result<()> {
        let Some(connection) = self.done(token) else { return Ok(()) };
        match result {
            Ok(length) if *length > 0 && !connection.over => {
                connection.answer(token, *length, buffer, scratch, ring)?;
            }
            _ => connection.over = true,
        }
        self.close_if_over(token);
        Ok(())
    }

    fn sent(&mut self, token: u64, result: &io::Result<usize>, buffer: Vec<u8>) {
        let Some(connection) = self.done(token) else { return };
        connection.over |= result.is_err();
        connection.spare = buffer;
        self.close_if_over(token);
    }

    fn close_if_over(&mut self, token: u64) {
        let slot = usize::try_from(token).unwrap_or(usize::MAX);
        if self.open.get(slot).is_some_and(|connection| connection.over && connection.under_way == 0) {
            self.open.remove(slot); // closes the socket
        }
    }
}

impl Connection {
    /// Answers what has come, and asks for more.
    fn answer(
        &mut self,
        token: u64,
        length: usize,
        mut buffer: Vec<u8>,
        scratch: &mut Vec<u8>,
        ring: &mut Ring,
    ) -> io::Result<()> {
        let fd = self.stream.as_raw_fd();
        let (answer, next) = self.session.answer(&buffer[..length], scratch);
        let length = answer.len();
        if length == 0 {
            self.under_way += 1;
            return ring.receive(fd, buffer, token);
        }
        let mut spare = std::mem::take(&mut self.spare);
        if std::ptr::eq(answer.as_ptr(), buffer.as_ptr()) {
            std::mem::swap(&mut buffer, &mut spare); // what came is what goes
        } else {
            spare.resize(length.max(BUFFER), 0);
            spare[..length].copy_from_slice(answer);
        }
        if next == Next::Close {
            self.over = true;
            self.under_way += 1;
            return ring.send(fd, spare, length, token);
        }
        self.under_way += 2;
        ring.send_then_receive(fd, spare, length, buffer, token)
    }
}
