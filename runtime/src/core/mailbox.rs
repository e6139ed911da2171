//! What other threads tell a worker, and how they wake it.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use corelane_netstack::{ListenerId, SocketId};

use crate::core::counts::Counts;
use crate::core::letterbox::Letterbox;
use crate::core::parts::EventFd;
use crate::poll::ready::PollKey;
use crate::task::future::SendableTask;
use crate::task::header::Header;

/// What one thread may ask of another's worker.
pub(crate) enum Message {
    /// A new task.
    Spawn(SendableTask),
    /// A task was woken.
    Wake(Arc<Header>),
    /// A task's future is to be dropped.
    Cancel(Arc<Header>),
    /// A stream was dropped away from home.
    CloseSocket(SocketId),
    /// A listener was dropped away from home.
    CloseListener(ListenerId),
    /// A sleep was dropped or moved away from home: its key there.
    CancelTimer(usize),
    /// A `Poll` was dropped away from home.
    ClosePoll(PollKey),
    /// Stop accepting, finish what was accepted within this time.
    Shutdown(Duration),
    /// Drop all tasks.
    #[cfg(feature = "macros")]
    CancelTasks,
    /// Leave the loop.
    Stop,
}

/// The letter box of a worker.
pub(crate) type Mailbox = Letterbox<Message>;

/// The part of a worker that other threads may touch.
pub(crate) struct Shared {
    id: u32,
    pub(crate) mailbox: Mailbox,
    pub(crate) counts: Counts,
}

impl Shared {
    /// A new worker's part, known to [`find`] by its number.
    ///
    /// # Errors
    /// When the process has no file descriptor left.
    pub(crate) fn new() -> io::Result<Arc<Shared>> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let shared =
            Arc::new(Shared { id, mailbox: Mailbox::new(EventFd::new()?), counts: Counts::default() });
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
