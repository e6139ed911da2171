//! Waiting for connections.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use corelane_netstack::{Error, ListenerId, SocketOptions};

use super::home::{at, command, here};
use super::{TcpStream, ToAddr};
use crate::core::current;
use crate::core::mailbox::{self, Message};
use crate::error::SocketError;

/// A TCP listener of this core. On a runtime of several workers each one listens for itself, on the same address: the device
/// spreads the connections.
///
/// Dropping it closes it; connections that were not accepted yet are reset.
#[derive(Debug)]
pub struct TcpListener {
    core: u32,
    slot: u32,
    generation: u32,
}

impl TcpListener {
    /// Listens on `addr` with the largest backlog that the configuration allows (`somaxconn`). `0.0.0.0` stands for all our
    /// addresses.
    ///
    /// # Errors
    /// `InvalidInput` when the text is no address; `AddrNotAvailable` when the address is not ours; `AddrInUse` when somebody
    /// listens there; `NotConnected` when the thread runs no worker.
    ///
    /// # Cancel safety
    /// It never waits.
    pub async fn bind(addr: impl ToAddr) -> io::Result<TcpListener> {
        TcpListener::listen(addr, usize::MAX)
    }

    /// As [`TcpListener::bind`], with a backlog: how many connections may wait for `accept`.
    ///
    /// # Errors
    /// As [`TcpListener::bind`].
    pub fn listen(addr: impl ToAddr, backlog: usize) -> io::Result<TcpListener> {
        TcpListener::listen_with(addr.to_addr()?, backlog, &SocketOptions::default())
    }

    pub(super) fn listen_with(
        addr: SocketAddr,
        backlog: usize,
        options: &SocketOptions,
    ) -> io::Result<TcpListener> {
        let listening = here(|inner| {
            if inner.is_shutting_down() {
                return Err(shutting_down());
            }
            let id = inner.engine.listen(addr, backlog, options).map_err(|error| {
                let io = io::Error::from(error);
                io::Error::new(io.kind(), format!("can't listen on {addr}: {error}"))
            })?;
            inner.reactor.borrow_mut().add_listener(id);
            Ok(TcpListener { core: inner.id, slot: id.slot(), generation: id.generation() })
        });
        listening?
    }

    pub(crate) fn core(&self) -> u32 {
        self.core
    }

    pub(crate) fn id(&self) -> ListenerId {
        ListenerId::from_parts(self.slot, self.generation)
    }

    /// Takes a connection that waits; `WouldBlock` when there is none.
    pub(crate) fn try_accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        at(self.core, "TcpListener", |inner| match inner.engine.accept(self.id()) {
            Ok((socket, peer)) => Ok((TcpStream::of(self.core, socket), peer)),
            Err(SocketError::Stack(Error::NotOpen)) if inner.is_shutting_down() => Err(shutting_down()),
            Err(error) => Err(error.into()),
        })?
    }

    /// Waits for a connection.
    ///
    /// # Errors
    /// When the runtime shuts down, or the listener is used away from its core. Connections that failed while they
    /// waited are left out, so an error means that no more will come.
    ///
    /// # Cancel safety
    /// No connection is lost when it is dropped: it waits for the next call.
    pub async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// As [`TcpListener::accept`]; wakes the task that polled last.
    pub fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let id = self.id();
        let polled = at(self.core, "TcpListener", |inner| {
            let accepted = inner.engine.accept(id);
            match accepted {
                Ok((socket, peer)) => Poll::Ready(Ok((TcpStream::of(self.core, socket), peer))),
                Err(SocketError::WOULD_BLOCK) => {
                    inner.reactor.borrow_mut().register_accept(id, cx.waker(), &inner.tasks);
                    Poll::Pending
                }
                Err(SocketError::Stack(Error::NotOpen)) if inner.is_shutting_down() => {
                    Poll::Ready(Err(shutting_down()))
                }
                Err(error) => Poll::Ready(Err(error.into())),
            }
        });
        polled.unwrap_or_else(|error| Poll::Ready(Err(error)))
    }

    /// The address that it listens on.
    ///
    /// # Errors
    /// When it was closed by a shutdown, or is used away from its core.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        command(self.core, "TcpListener", |engine| engine.listener_addr(self.id()))
    }
}

fn shutting_down() -> io::Error {
    io::Error::other("the runtime is shutting down: nothing is accepted any more")
}

impl Drop for TcpListener {
    fn drop(&mut self) {
        let id = self.id();
        let here = current::with(|inner| {
            (inner.id == self.core).then(|| {
                let _ = inner.engine.close_listener(id); // closed by a shutdown is as good
                inner.reactor.borrow_mut().remove_listener(id)
            })
        });
        match here.flatten() {
            Some(waker) => drop(waker), // out of the borrow
            None => {
                if let Some(owner) = mailbox::find(self.core) {
                    owner.mailbox.push(Message::CloseListener(id));
                }
            }
        }
    }
}
