//! What an idle thread sleeps on.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::ffi::port;
use crate::port::SharedPort;

/// A queue's interrupt, as an epoll descriptor with the device's own below it.
#[derive(Debug)]
pub struct Interrupt {
    queue: u16,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The device has none, or it is switched off.
    Missing,
    /// The port may not run yet.
    Unknown,
    Disarmed(OwnedFd),
    Armed(OwnedFd),
}

impl Interrupt {
    /// Of a queue whose port was configured with one, or not.
    pub fn new(queue: u16, is_there: bool) -> Interrupt {
        Interrupt { queue, state: if is_there { State::Unknown } else { State::Missing } }
    }

    /// Has the next frame make the descriptor readable. `None` where that can't be had, now or for ever.
    pub fn arm(&mut self, shared: &SharedPort) -> Option<BorrowedFd<'_>> {
        let queue = self.queue;
        // What woke us without a frame, such as a virtual machine that has come, would wake us for ever.
        self.disarm(shared);
        if let State::Unknown = self.state {
            // While the port does not run, there is nothing to add.
            let added = shared.with(queue, |number| {
                let epoll = port::epoll()?;
                port::interrupt_add(number, queue, epoll.as_fd())?;
                Ok::<_, String>(epoll)
            })?;
            self.state = match added {
                Ok(epoll) => State::Disarmed(epoll),
                Err(reason) => {
                    tracing::debug!(queue, reason, "no interrupt: an idle thread naps");
                    State::Missing
                }
            };
        }
        // A virtual machine's device has no ring while its peer is away.
        let is_armed = shared.with(queue, |number| {
            port::link(number).is_ok_and(|link| link.up != 0) && port::interrupt_arm(number, queue).is_ok()
        });
        self.state = match (std::mem::replace(&mut self.state, State::Missing), is_armed) {
            (State::Disarmed(epoll), Some(true)) => State::Armed(epoll),
            (state, _) => state,
        };
        match &self.state {
            State::Armed(epoll) => Some(epoll.as_fd()),
            _ => None,
        }
    }

    /// Ends that, and forgets what was told.
    #[inline]
    pub fn disarm(&mut self, shared: &SharedPort) {
        if let State::Armed(_) = self.state {
            self.forget(shared);
        }
    }

    fn forget(&mut self, shared: &SharedPort) {
        let State::Armed(epoll) = std::mem::replace(&mut self.state, State::Missing) else { return };
        let queue = self.queue;
        let disarmed = shared.with(queue, |number| port::interrupt_disarm(number, queue, epoll.as_fd()));
        if let Some(Err(reason)) = disarmed {
            tracing::debug!(queue, reason, "disarming");
        }
        self.state = State::Disarmed(epoll);
    }
}
