//! Waiting for events.

use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::time::Duration;

use super::Events;
use super::registry::Registry;
use crate::core::current;
use crate::core::idle::Idle;
use crate::core::inner::Inner;
use crate::core::mailbox::{self, Message};
use crate::core::worker::{Progress, begin_turn, end_turn};
use crate::net::home::{at, here};

/// Waits for events of the sources registered with it, and drives the worker of its core meanwhile: tasks run as they do in
/// `block_on`.
///
/// It belongs to the core that it was made on, as sockets do. A core may have several; each hears of its own sources only.
pub struct Poll {
    registry: Registry,
    idle: Idle,
}

impl Poll {
    /// A `Poll` of the running worker: inside [`Runtime::enter`](crate::Runtime::enter) or
    /// [`Worker::enter`](crate::Worker::enter).
    ///
    /// # Errors
    /// `NotConnected` when the thread runs no worker.
    pub fn new() -> io::Result<Poll> {
        here(|inner| Poll {
            registry: Registry::new(inner.id, inner.reactor.borrow_mut().polls().open()),
            idle: Idle::new(inner.spin.get()),
        })
    }

    /// Where sources are registered.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Takes turns until something has happened, for `timeout` at most (`None`: for ever; zero: one turn), and puts into `events`
    /// what has, up to their capacity. When there is nothing to do it spins for a while and then sleeps: see `core/idle.rs`.
    ///
    /// A program's event loop runs where tasks run, between receiving and sending: what it has written since the last call is sent
    /// by the next one, before anything else. One that computes for long should call it in between, with a zero `timeout`.
    ///
    /// A worker in virtual time ([`Clock::manual`](crate::Clock::manual)) never waits: it returns after the first turn that had
    /// nothing to do.
    ///
    /// # Errors
    /// `Unsupported` away from its core; `Deadlock` inside a task or `block_on`, whose turn it would take; `InvalidInput` when
    /// `events` have room for none. Those of epoll_wait(2) where file descriptors are registered. An interrupted sleep is no error.
    pub fn poll(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        events.clear();
        let inner = self.worker()?;
        if events.capacity() == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "events without room: give a capacity"));
        }
        let mut now = inner.clock.now();
        if let Some(open) = inner.open_turn.take() {
            end_turn(&inner, &mut Progress { now, ..open });
        }
        let mut until = None;
        loop {
            let mut progress = begin_turn(&inner, now, &mut || 0);
            self.take(&inner, events)?;
            if !events.is_empty() {
                self.idle.is_over(now, true); // the next wait spins anew
                inner.open_turn.set(Some(progress));
                return Ok(());
            }
            end_turn(&inner, &mut progress);
            if let Some(timeout) = timeout {
                let until = *until.get_or_insert(now + timeout);
                if now >= until {
                    return Ok(());
                }
            }
            if inner.clock.is_manual() && !progress.is_busy() {
                return Ok(());
            }
            let epoll = inner.reactor.borrow_mut().polls().epoll(self.registry.key);
            let epoll = epoll.as_ref().map(|epoll| epoll.as_fd());
            self.idle.wait_until(&inner, &progress, until, epoll);
            now = inner.clock.now();
        }
    }

    fn worker(&self) -> io::Result<Rc<Inner>> {
        let inner = here(Rc::clone)?;
        at(self.registry.core, "Poll", |_| ())?;
        if inner.is_turning.get() {
            let message =
                "Poll::poll takes turns itself: call it inside Runtime::enter, not in a task or block_on";
            return Err(io::Error::new(io::ErrorKind::Deadlock, message));
        }
        Ok(inner)
    }

    fn take(&mut self, inner: &Inner, events: &mut Events) -> io::Result<()> {
        inner.reactor.borrow_mut().polls().take(self.registry.key, &inner.engine, events)
    }
}

impl Drop for Poll {
    fn drop(&mut self) {
        let Registry { core, key, .. } = self.registry;
        let here =
            current::with(|inner| (inner.id == core).then(|| inner.reactor.borrow_mut().polls().close(key)));
        if here.flatten().is_none()
            && let Some(owner) = mailbox::find(core)
        {
            owner.mailbox.push(Message::ClosePoll(key));
        }
    }
}

impl fmt::Debug for Poll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poll").field("core", &self.registry.core).finish_non_exhaustive()
    }
}
