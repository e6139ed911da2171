//! How a task is named and woken.
//!
//! ```text
//!  Task     in its worker's list: the future, the waker that it is polled with (future.rs)
//!  Header   behind the waker, for any thread: where the task is at home
//!  Outcome  shared by the task and its join handle: what became of it (join_handle.rs)
//! ```
//!
//! A task of our own and not async-task's: on the thread where it is at home a wake is a mark and a push, without atomic operations.
//! Those were a fifth of an echo's time. All of it is safe code: `Wake` of std makes the waker.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Wake;

use crate::core::current;
use crate::core::mailbox::{Message, Shared};
use crate::core::parts::Flag;

/// Names a task of a worker; one that has ended names no other. A slot and its generation, in one word: it is moved and compared often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TaskKey(u64);

impl TaskKey {
    /// No task's: there is memory for fewer.
    pub(crate) const NONE: TaskKey = TaskKey::new(u32::MAX, 0);

    pub(crate) const fn new(slot: u32, generation: u32) -> TaskKey {
        TaskKey((generation as u64) << 32 | slot as u64) // the two halves
    }

    #[inline(always)]
    pub(crate) fn slot(self) -> u32 {
        self.0 as u32 // the low half
    }

    /// What names the next task in the same slot.
    pub(crate) fn next(self) -> TaskKey {
        TaskKey::new(self.slot(), ((self.0 >> 32) as u32).wrapping_add(1)) // the high half
    }
}

/// What wakers and the join handle hold.
pub(crate) struct Header {
    shared: Arc<Shared>,
    /// Set and read by the worker's thread.
    key: AtomicU64,
    remote: RemoteWake,
}

impl Header {
    /// Of a task of the worker that `shared` belongs to.
    pub(crate) fn new(shared: &Arc<Shared>) -> Arc<Header> {
        let key = AtomicU64::new(TaskKey::NONE.0);
        Arc::new(Header { shared: shared.clone(), key, remote: RemoteWake::default() })
    }

    pub(crate) fn set_key(&self, key: TaskKey) {
        self.key.store(key.0, Ordering::Relaxed);
    }

    pub(crate) fn key(&self) -> TaskKey {
        TaskKey(self.key.load(Ordering::Relaxed))
    }

    /// A wake of another thread has come to the worker.
    pub(crate) fn arrived(&self) -> TaskKey {
        self.remote.arrived();
        self.key()
    }

    /// Has the future dropped, in the next turn of its worker.
    pub(crate) fn cancel(self: &Arc<Self>) {
        let id = self.shared.id();
        let is_home = current::with(|inner| (inner.id == id).then(|| inner.tasks.cancel(self.key())));
        if is_home.flatten().is_none() {
            self.shared.mailbox.push(Message::Cancel(self.clone()));
        }
    }

    #[cold]
    fn wake_from_afar(self: &Arc<Self>) {
        if self.remote.is_first() {
            self.shared.mailbox.push(Message::Wake(self.clone()));
        }
    }
}

impl Wake for Header {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let id = self.shared.id();
        let is_home = current::with(|inner| (inner.id == id).then(|| inner.tasks.wake(self.key())));
        if is_home.flatten().is_none() {
            self.wake_from_afar();
        }
    }
}

/// Keeps a task in the mailbox once at most, however often other threads wake it.
///
/// Both sides read and write in one step: a waker that finds the mark is seen by the poll that follows its end.
#[derive(Default)]
pub(crate) struct RemoteWake<F = AtomicBool> {
    is_sent: F,
}

impl<F: Flag> RemoteWake<F> {
    /// Whether this wake is to be sent; else one is on its way that stands for it.
    pub(crate) fn is_first(&self) -> bool {
        !self.is_sent.swap(true)
    }

    /// One has arrived, and the task is going to be polled: wakes from now on are sent again.
    pub(crate) fn arrived(&self) {
        self.is_sent.swap(false);
    }
}

#[cfg(test)]
mod tests;
