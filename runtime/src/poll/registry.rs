//! What a `Poll` watches.

use std::fmt;
use std::io;
use std::os::fd::AsFd;

use rustix::event::epoll;

use super::event::Source;
use super::ready::{PollKey, Polls, Watched};
use super::{Interest, Token, Trigger};
use crate::core::inner::Inner;
use crate::engine::Engine;
use crate::net::home::at;

/// Registers sources with a [`Poll`](super::Poll). It works on the core of its `Poll` only.
#[derive(PartialEq, Eq)]
pub struct Registry {
    pub(super) core: u32,
    pub(super) key: PollKey,
    trigger: Trigger,
}

impl Registry {
    pub(super) fn new(core: u32, key: PollKey) -> Registry {
        Registry { core, key, trigger: Trigger::Edge }
    }

    /// Registers a source, edge-triggered. What it is ready for already is told by the next `poll`.
    ///
    /// A source that is dropped is registered no more.
    ///
    /// # Errors
    /// `AlreadyExists` when it is registered, with this `Poll` or (but for file descriptors) another one; `NotConnected` when
    /// the socket is gone, or the `Poll`; `Unsupported` when the socket or the `Poll` is of another core.
    pub fn register<S: Source + ?Sized>(
        &self,
        source: &mut S,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        source.register(self, token, interests)
    }

    /// As [`Registry::register`], level-triggered or one-shot.
    ///
    /// # Errors
    /// As [`Registry::register`].
    pub fn register_with<S: Source + ?Sized>(
        &self,
        source: &mut S,
        token: Token,
        interests: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        // By the registry, so that sources are written as for mio.
        source.register(&Registry { trigger, ..*self }, token, interests)
    }

    /// Changes token and interests of a source, and makes it edge-triggered. What it is ready for already is told again.
    ///
    /// # Errors
    /// `NotFound` when it is not registered with this `Poll`; else as [`Registry::register`].
    pub fn reregister<S: Source + ?Sized>(
        &self,
        source: &mut S,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        source.reregister(self, token, interests)
    }

    /// As [`Registry::reregister`], level-triggered or one-shot: for a one-shot source that was told, once more.
    ///
    /// # Errors
    /// As [`Registry::reregister`].
    pub fn reregister_with<S: Source + ?Sized>(
        &self,
        source: &mut S,
        token: Token,
        interests: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        source.reregister(&Registry { trigger, ..*self }, token, interests)
    }

    /// Ends a registration. What was not told of it yet is not told any more.
    ///
    /// # Errors
    /// `NotFound` when it is not registered with this `Poll`; else as [`Registry::register`].
    pub fn deregister<S: Source + ?Sized>(&self, source: &mut S) -> io::Result<()> {
        source.deregister(self)
    }

    /// Another handle of the same registry.
    ///
    /// # Errors
    /// Never; as in mio it could.
    pub fn try_clone(&self) -> io::Result<Registry> {
        Ok(Registry { ..*self })
    }

    /// Runs `f` with the `Poll`s of its core. `f` must not run foreign code: see `current::with`.
    pub(super) fn at_home<R>(
        &self,
        f: impl FnOnce(&Inner, &mut Polls, PollKey) -> io::Result<R>,
    ) -> io::Result<R> {
        at(self.core, "Poll", |inner| f(inner, inner.reactor.borrow_mut().polls(), self.key))?
    }

    /// As `at_home`, for a socket of the core `core`.
    fn with_socket(
        &self,
        core: u32,
        what: &str,
        f: impl FnOnce(&mut Polls, &Engine) -> io::Result<()>,
    ) -> io::Result<()> {
        at(core, what, |_| ())?;
        self.at_home(|inner, polls, _| f(polls, &inner.engine))
    }

    pub(super) fn add(
        &self,
        (core, what): (u32, &str),
        watched: Watched,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        let how = (token, interests.mask(), self.trigger);
        self.with_socket(core, what, |polls, engine| polls.add(self.key, watched, how, engine))
    }

    pub(super) fn modify(
        &self,
        (core, what): (u32, &str),
        watched: Watched,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        let how = (token, interests.mask(), self.trigger);
        self.with_socket(core, what, |polls, engine| polls.modify(self.key, watched, how, engine))
    }

    pub(super) fn remove(&self, (core, what): (u32, &str), watched: Watched) -> io::Result<()> {
        self.with_socket(core, what, |polls, _| polls.remove(self.key, watched))
    }

    fn flags(&self, interests: Interest) -> epoll::EventFlags {
        let how = match self.trigger {
            Trigger::Edge => epoll::EventFlags::ET,
            Trigger::Level => epoll::EventFlags::empty(),
            Trigger::OneShot => epoll::EventFlags::ONESHOT,
        };
        epoll::EventFlags::from_bits_retain(interests.mask()) | how
    }

    pub(super) fn add_fd(&self, fd: impl AsFd, token: Token, interests: Interest) -> io::Result<()> {
        let data = epoll::EventData::new_u64(token.0 as u64); // at most as wide
        self.at_home(|_, polls, key| {
            polls.with_epoll(key, |epoll| {
                epoll::add(epoll, fd, data, self.flags(interests))?;
                Ok(1)
            })
        })
    }

    pub(super) fn modify_fd(&self, fd: impl AsFd, token: Token, interests: Interest) -> io::Result<()> {
        let data = epoll::EventData::new_u64(token.0 as u64); // as above
        self.at_home(|_, polls, key| {
            polls.with_epoll(key, |epoll| {
                epoll::modify(epoll, fd, data, self.flags(interests))?;
                Ok(0)
            })
        })
    }

    pub(super) fn remove_fd(&self, fd: impl AsFd) -> io::Result<()> {
        self.at_home(|_, polls, key| {
            polls.with_epoll(key, |epoll| {
                epoll::delete(epoll, fd)?;
                Ok(-1)
            })
        })
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("core", &self.core).finish_non_exhaustive()
    }
}
