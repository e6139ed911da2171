//! What other threads tell a worker, and how they wake it.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use corelane_netstack::{ListenerId, SocketId};
use crossbeam::queue::SegQueue;
use crossbeam::utils::CachePadded;
use rustix::event::{EventfdFlags, eventfd};

use crate::task::executor::Runnable;

/// What one thread may ask of another's worker.
pub(crate) enum Message {
    /// A task was woken, or is new.
    Run(Runnable),
    /// A stream was dropped away from home.
    CloseSocket(SocketId),
    /// A listener was dropped away from home.
    CloseListener(ListenerId),
    /// A sleep was dropped or moved away from home: its key there.
    CancelTimer(usize),
    /// Stop accepting, finish what was accepted within this time.
    Shutdown(Duration),
    /// Drop all tasks.
    #[cfg(feature = "macros")]
    CancelTasks,
    /// Leave the loop.
    Stop,
}

/// The letter box of one worker. Unbounded, since all that goes in is bounded elsewhere: a task is in it once at
/// most, a handle once in its life; what is spawned from outside is the caller's to bound.
///
/// Waking a sleeper follows Dekker: the sender publishes the message, then looks at `sleeping`; the worker
/// publishes `sleeping`, then looks for messages. Both in sequentially consistent order, so one sees the other.
pub(crate) struct Mailbox {
    messages: SegQueue<Message>,
    /// Set after a message was put in; all that a busy turn looks at.
    pending: CachePadded<AtomicBool>,
    sleeping: CachePadded<AtomicBool>,
    /// Set when nobody will take messages any more.
    closed: AtomicBool,
    bell: OwnedFd,
}

impl Mailbox {
    fn new() -> io::Result<Mailbox> {
        Ok(Mailbox {
            messages: SegQueue::new(),
            pending: CachePadded::new(AtomicBool::new(false)),
            sleeping: CachePadded::new(AtomicBool::new(false)),
            closed: AtomicBool::new(false),
            bell: eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?,
        })
    }

    /// Puts a message in; a system call only when the worker sleeps. When the worker has ended the message is dropped, and a
    /// task in it is cancelled by that.
    pub(crate) fn push(&self, message: Message) {
        self.messages.push(message);
        if self.closed.load(Ordering::SeqCst) {
            return self.clear();
        }
        self.nudge();
    }

    /// Says that the worker ends, and drops what it did not take.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.clear();
    }

    fn clear(&self) {
        while let Some(message) = self.messages.pop() {
            drop(message);
        }
    }

    /// Makes the worker look around, without a message.
    pub(crate) fn nudge(&self) {
        self.pending.store(true, Ordering::SeqCst);
        if self.sleeping.swap(false, Ordering::SeqCst) {
            // It fails only when the count is at its end: then the bell rings already.
            let _ = rustix::io::write(&self.bell, &1u64.to_ne_bytes());
        }
    }

    /// Whether there is something to take: one relaxed load, for each turn.
    pub(crate) fn is_pending(&self) -> bool {
        self.pending.load(Ordering::Relaxed)
    }

    /// Before taking the messages: those that come from now on set the mark again.
    pub(crate) fn clear_pending(&self) {
        self.pending.swap(false, Ordering::SeqCst);
    }

    /// Takes the oldest message.
    pub(crate) fn pop(&self) -> Option<Message> {
        self.messages.pop()
    }

    /// Says that the worker is about to sleep; `false` when a message came in between: then don't.
    pub(crate) fn prepare_sleep(&self) -> bool {
        self.sleeping.store(true, Ordering::SeqCst);
        if self.pending.load(Ordering::SeqCst) {
            self.sleeping.store(false, Ordering::SeqCst);
            return false;
        }
        true
    }

    /// Says that the worker is awake, and silences the bell.
    pub(crate) fn finish_sleep(&self) {
        if !self.sleeping.swap(false, Ordering::SeqCst) {
            let mut count = [0; 8];
            // Empty when the sender has not rung yet: a later sleep then ends early, once.
            let _ = rustix::io::read(&self.bell, &mut count);
        }
    }

    /// What becomes readable when somebody wakes a sleeper.
    pub(crate) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

/// The part of a worker that other threads may touch.
pub(crate) struct Shared {
    id: u32,
    pub(crate) mailbox: Mailbox,
}

impl Shared {
    /// A new worker's part, known to [`find`] by its number.
    ///
    /// # Errors
    /// When the process has no file descriptor left.
    pub(crate) fn new() -> io::Result<Arc<Shared>> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::new(Shared { id, mailbox: Mailbox::new()? });
        registry().insert(id, Arc::downgrade(&shared));
        Ok(shared)
    }

    /// The worker's number, never used again in this process.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        registry().remove(&self.id);
    }
}

/// Finds a worker by its number: only for handles that were dropped away from home.
pub(crate) fn find(id: u32) -> Option<Arc<Shared>> {
    // The guard must be gone before the Arc is: the last one locks the registry in its drop.
    let found = registry().get(&id).cloned();
    found.and_then(|shared| shared.upgrade())
}

type Workers = HashMap<u32, Weak<Shared>>;

fn registry() -> MutexGuard<'static, Workers> {
    static WORKERS: LazyLock<Mutex<Workers>> = LazyLock::new(Mutex::default);
    // Nothing panics while it holds the lock; and a map of weak references is never half-made.
    WORKERS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
