//! A queue of messages for one thread that may sleep.

use std::os::fd::{AsFd, BorrowedFd};

use crate::core::parts::{Bell, Flag, Parts, Queue, System};

/// The letter box of one worker. Unbounded, since all that goes in is bounded elsewhere: a task is in it once at
/// most, a handle once in its life; what is spawned from outside is the caller's to bound.
///
/// Waking a sleeper follows Dekker: the sender publishes the message, then looks at `sleeping`; the worker
/// publishes `sleeping`, then looks for messages. All of them read and write in one step, so one sees the other.
/// loom tries the orders in which this can happen: see the tests.
pub(crate) struct Letterbox<T, P: Parts = System> {
    messages: P::Queue<T>,
    /// Set after a message was put in; all that a busy turn looks at.
    pending: P::Flag,
    sleeping: P::Flag,
    /// Set when nobody will take messages any more.
    closed: P::Flag,
    bell: P::Bell,
}

impl<T, P: Parts> Letterbox<T, P> {
    /// An empty one, which wakes by `bell`.
    pub(crate) fn new(bell: P::Bell) -> Letterbox<T, P> {
        Letterbox {
            messages: P::Queue::default(),
            pending: P::Flag::default(),
            sleeping: P::Flag::default(),
            closed: P::Flag::default(),
            bell,
        }
    }

    /// Puts a message in; a system call only when the worker sleeps. When the worker has ended the message is dropped, and a
    /// task in it is cancelled by that.
    pub(crate) fn push(&self, message: T) {
        self.messages.push(message);
        if self.closed.load() {
            return self.clear();
        }
        self.nudge();
    }

    /// Says that the worker ends, and drops what it did not take.
    pub(crate) fn close(&self) {
        self.closed.store(true);
        self.clear();
    }

    /// Whether nobody takes messages any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load()
    }

    fn clear(&self) {
        while let Some(message) = self.messages.pop() {
            drop(message);
        }
    }

    /// Makes the worker look around, without a message.
    pub(crate) fn nudge(&self) {
        self.pending.swap(true);
        if self.sleeping.swap(false) {
            self.bell.ring();
        }
    }

    /// Whether there is something to take: one relaxed load, for each turn.
    pub(crate) fn is_pending(&self) -> bool {
        self.pending.load_relaxed()
    }

    /// Before taking the messages: those that come from now on set the mark again.
    pub(crate) fn clear_pending(&self) {
        self.pending.swap(false);
    }

    /// Takes the oldest message.
    pub(crate) fn pop(&self) -> Option<T> {
        self.messages.pop()
    }

    /// Says that the worker is about to sleep; `false` when a message came in between: then don't.
    pub(crate) fn prepare_sleep(&self) -> bool {
        // Not a plain store: it must see what the sender did before it found nobody asleep.
        self.sleeping.swap(true);
        if self.pending.load() {
            self.sleeping.swap(false);
            return false;
        }
        true
    }

    /// Says that the worker is awake, and silences the bell.
    ///
    /// Always: a sender may have found the worker asleep in `prepare_sleep`, which then did not sleep. What it rings after that
    /// ends the next sleep, and if it went on ringing, all that follow. (One that rings still later ends one sleep early, once.)
    pub(crate) fn finish_sleep(&self) {
        self.sleeping.swap(false);
        self.bell.silence();
    }
}

impl<T> Letterbox<T> {
    /// What becomes readable when somebody wakes a sleeper.
    pub(crate) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

#[cfg(test)]
mod tests;
