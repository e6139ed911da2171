//! What threads meet at, as the system has it. Behind traits, so that loom can check those who use it with its own.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Mutex, PoisonError};

use crossbeam::queue::{ArrayQueue, SegQueue};
use crossbeam::utils::CachePadded;
use rustix::event::{EventfdFlags, eventfd};

/// A set of parts.
pub(crate) trait Parts {
    type Flag: Flag;
    type Queue<T>: Queue<T>;
    type Ring<T>: Ring<T>;
    type Lock<T: Default>: Lock<T>;
    type Bell: Bell;
    /// A sequentially consistent fence.
    fn fence();
}

/// An atomic boolean. Sequentially consistent where nothing else is said.
pub(crate) trait Flag: Default {
    fn load(&self) -> bool;
    fn load_relaxed(&self) -> bool;
    fn store(&self, value: bool);
    fn swap(&self, value: bool) -> bool;
}

/// A queue that any thread puts into.
pub(crate) trait Queue<T>: Default {
    fn push(&self, value: T);
    fn pop(&self) -> Option<T>;
}

/// A queue that holds so many and no more.
pub(crate) trait Ring<T> {
    fn new(len: usize) -> Self;
    /// Gives the value back when it is full.
    fn push(&self, value: T) -> Result<(), T>;
    fn pop(&self) -> Option<T>;
    fn is_empty(&self) -> bool;
}

/// What one thread at a time may look at. Nothing may panic meanwhile.
pub(crate) trait Lock<T>: Default {
    fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R;
}

/// What a thread sleeps on.
pub(crate) trait Bell {
    /// Wakes who sleeps; if nobody does, the next sleep ends at once.
    fn ring(&self);
    /// Takes back what was rung and not heard.
    fn silence(&self);
}

/// Those of the system.
pub(crate) struct System;

impl Parts for System {
    type Flag = CachePadded<AtomicBool>;
    type Queue<T> = SegQueue<T>;
    type Ring<T> = ArrayQueue<T>;
    type Lock<T: Default> = Mutex<T>;
    type Bell = EventFd;

    fn fence() {
        fence(Ordering::SeqCst);
    }
}

impl<T> Ring<T> for ArrayQueue<T> {
    fn new(len: usize) -> ArrayQueue<T> {
        ArrayQueue::new(len)
    }

    fn push(&self, value: T) -> Result<(), T> {
        ArrayQueue::push(self, value)
    }

    fn pop(&self) -> Option<T> {
        ArrayQueue::pop(self)
    }

    fn is_empty(&self) -> bool {
        ArrayQueue::is_empty(self)
    }
}

impl<T: Default> Lock<T> for Mutex<T> {
    fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        f(&mut self.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Flag for AtomicBool {
    fn load(&self) -> bool {
        AtomicBool::load(self, Ordering::SeqCst)
    }

    fn load_relaxed(&self) -> bool {
        AtomicBool::load(self, Ordering::Relaxed)
    }

    fn store(&self, value: bool) {
        AtomicBool::store(self, value, Ordering::SeqCst);
    }

    fn swap(&self, value: bool) -> bool {
        AtomicBool::swap(self, value, Ordering::SeqCst)
    }
}

impl<F: Flag> Flag for CachePadded<F> {
    fn load(&self) -> bool {
        F::load(self)
    }

    fn load_relaxed(&self) -> bool {
        F::load_relaxed(self)
    }

    fn store(&self, value: bool) {
        F::store(self, value);
    }

    fn swap(&self, value: bool) -> bool {
        F::swap(self, value)
    }
}

impl<T> Queue<T> for SegQueue<T> {
    fn push(&self, value: T) {
        SegQueue::push(self, value);
    }

    fn pop(&self) -> Option<T> {
        SegQueue::pop(self)
    }
}

/// eventfd(2): readable once it was rung.
pub(crate) struct EventFd(OwnedFd);

impl EventFd {
    /// # Errors
    /// When the process has no file descriptor left.
    pub(crate) fn new() -> io::Result<EventFd> {
        Ok(EventFd(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?))
    }
}

impl Bell for EventFd {
    fn ring(&self) {
        // It fails only when the count is at its end: then the bell rings already.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }

    fn silence(&self) {
        let mut count = [0; 8];
        // Empty when the sender has not rung yet: a later sleep then ends early, once.
        let _ = rustix::io::read(&self.0, &mut count);
    }
}

impl AsFd for EventFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
pub(crate) mod tests;
