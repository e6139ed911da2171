//! What is told of a source, and what can be a source.

use std::fmt;
use std::io;

use super::{Interest, Registry, Token, mask};

/// The readiness of one source, as epoll reports it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Event {
    token: Token,
    mask: u32,
}

impl Event {
    pub(crate) fn new(token: Token, mask: u32) -> Event {
        Event { token, mask }
    }

    fn has(self, mask: u32) -> bool {
        self.mask & mask != 0
    }

    /// What the source was registered with.
    pub fn token(&self) -> Token {
        self.token
    }

    /// `EPOLLIN` or `EPOLLPRI`: data, the end of data, an error or a connection to accept.
    pub fn is_readable(&self) -> bool {
        self.has(mask::IN | mask::PRI)
    }

    /// `EPOLLOUT`: the connection is open and a third of the send buffer is free, or it has failed.
    pub fn is_writable(&self) -> bool {
        self.has(mask::OUT)
    }

    /// `EPOLLERR`: `take_error` has something.
    pub fn is_error(&self) -> bool {
        self.has(mask::ERR)
    }

    /// `EPOLLRDHUP` with `EPOLLIN`, or `EPOLLHUP`: the peer sends no more, or `shutdown(Read)` was called.
    pub fn is_read_closed(&self) -> bool {
        self.has(mask::HUP) || (self.has(mask::IN) && self.has(mask::RDHUP))
    }

    /// `EPOLLHUP`, or `EPOLLERR` with `EPOLLOUT` or alone: nothing can be written any more.
    pub fn is_write_closed(&self) -> bool {
        self.has(mask::HUP) || (self.has(mask::OUT) && self.has(mask::ERR)) || self.mask == mask::ERR
    }

    /// `EPOLLPRI`.
    pub fn is_priority(&self) -> bool {
        self.has(mask::PRI)
    }

    /// The bits that epoll_wait(2) would give: `EPOLLIN` is 1, `EPOLLOUT` 4, `EPOLLERR` 8, `EPOLLHUP` 0x10, `EPOLLRDHUP`
    /// 0x2000.
    pub fn bits(&self) -> u32 {
        self.mask
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("token", &self.token)
            .field("readable", &self.is_readable())
            .field("writable", &self.is_writable())
            .field("error", &self.is_error())
            .field("read_closed", &self.is_read_closed())
            .field("write_closed", &self.is_write_closed())
            .field("priority", &self.is_priority())
            .finish()
    }
}

/// What can be registered. Called by [`Registry`]; types of one's own hand the call on to the socket within.
pub trait Source {
    /// See [`Registry::register`].
    ///
    /// # Errors
    /// As [`Registry::register`].
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()>;

    /// See [`Registry::reregister`].
    ///
    /// # Errors
    /// As [`Registry::reregister`].
    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()>;

    /// See [`Registry::deregister`].
    ///
    /// # Errors
    /// As [`Registry::deregister`].
    fn deregister(&mut self, registry: &Registry) -> io::Result<()>;
}

impl<S: Source + ?Sized> Source for Box<S> {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        (**self).register(registry, token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        (**self).reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        (**self).deregister(registry)
    }
}
