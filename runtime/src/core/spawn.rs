//! Starting tasks, here and on other cores, and keeping threads on their cores.

use std::future::Future;
use std::io;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crate::core::current;
use crate::core::mailbox::{Message, Shared};
use crate::stats::{Snapshot, SocketInfo};
use crate::task::future::{self, Origin, SendableTask};
use crate::task::join_handle::{JoinError, JoinHandle};

/// Starts a task on this core. It may hold what can't leave the thread (`Rc`, [`Chunk`](crate::Chunk)).
///
/// # Panics
/// When the thread runs no worker: call it from a task, from `block_on`, or inside `Worker::enter`.
#[track_caller]
pub fn spawn_local<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    spawn_local_from(Location::caller(), future)
}

pub(crate) fn spawn_local_from<F>(origin: Origin, future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let spawned = current::with(|inner| {
        let (task, handle) = future::new(&inner.shared, origin, future);
        inner.tasks.spawn(task);
        handle
    });
    let Some(handle) = spawned else { panic!("{NO_WORKER}") };
    handle
}

/// Starts a task on this core, as [`spawn_local`] does. That it asks for `Send` lets libraries call it that were
/// written for executors which move tasks between threads; here a task stays where it was started.
///
/// # Panics
/// When the thread runs no worker: see [`spawn_local`]. From another thread, use [`Handle::spawn_on`].
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    spawn_local(future)
}

const NO_WORKER: &str = "this thread runs no corelane worker: call it from a task or from block_on";

/// Reaches the workers of a runtime from any thread.
#[derive(Clone)]
pub struct Handle {
    workers: Arc<[Arc<Shared>]>,
}

impl Handle {
    pub(crate) fn new(workers: Vec<Arc<Shared>>) -> Handle {
        Handle { workers: workers.into() }
    }

    /// The handle of the runtime that this thread works for; `None` when it works for none.
    pub fn current() -> Option<Handle> {
        current::with(|inner| inner.handle.clone())
    }

    /// How many workers the runtime has.
    pub fn workers(&self) -> usize {
        self.workers.len()
    }

    /// Starts a task on worker `index`, and wakes it if it sleeps.
    ///
    /// # Errors
    /// `InvalidInput` when there is no such worker. When the worker has ended, the join handle tells `Cancelled`.
    #[track_caller]
    pub fn spawn_on<F>(&self, index: usize, future: F) -> io::Result<JoinHandle<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.spawn_from(Location::caller(), index, future)
    }

    fn spawn_from<F>(&self, origin: Origin, index: usize, future: F) -> io::Result<JoinHandle<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let Some(shared) = self.workers.get(index) else {
            let message = format!("there is no worker {index}: the runtime has {}", self.workers.len());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        };
        let (task, handle) = future::new(shared, origin, future);
        let task: SendableTask = task;
        shared.mailbox.push(Message::Spawn(task));
        Ok(handle)
    }

    /// Makes a future on worker `index` and runs it there: the future need not be `Send`, only what makes it. The result
    /// is `None` when the future was cancelled since its worker ended.
    ///
    /// # Errors
    /// As [`Handle::spawn_on`].
    #[track_caller]
    pub fn spawn_with<M, F>(&self, index: usize, make: M) -> io::Result<JoinHandle<Option<F::Output>>>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        self.spawn_with_from(Location::caller(), index, make)
    }

    pub(crate) fn spawn_with_from<M, F>(
        &self,
        origin: Origin,
        index: usize,
        make: M,
    ) -> io::Result<JoinHandle<Option<F::Output>>>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        // The outer task lives as long as the inner one, and hands its end on: a panic as a panic.
        self.spawn_from(origin, index, async move {
            match spawn_local_from(origin, make()).await.map_err(JoinError::try_into_panic) {
                Ok(value) => Some(value),
                Err(Ok(panic)) => std::panic::resume_unwind(panic),
                Err(Err(_)) => None,
            }
        })
    }

    /// Asks all workers to stop accepting and to finish what was accepted, for `timeout` at most; from any thread.
    /// Listeners are closed, and an `accept` that waits fails. It returns at once: `block_on` returns after its own future has
    /// ended and the work is done, and `Runtime::shutdown` waits for all workers.
    pub fn shutdown(&self, timeout: Duration) {
        for shared in self.workers.iter() {
            shared.mailbox.push(Message::Shutdown(timeout));
        }
    }

    /// Drops all tasks of all workers; their sockets are closed.
    #[cfg(feature = "macros")]
    pub(crate) fn cancel_tasks(&self) {
        for shared in self.workers.iter() {
            shared.mailbox.push(Message::CancelTasks);
        }
    }

    pub(crate) fn stop(&self) {
        for shared in self.workers.iter() {
            shared.mailbox.push(Message::Stop);
        }
    }

    /// What all workers have counted, one snapshot each. A worker that has ended is left out.
    ///
    /// # Cancel safety
    /// Nothing is lost when it is dropped.
    pub async fn stats(&self) -> Vec<Snapshot> {
        let mut all = Vec::with_capacity(self.workers.len());
        for index in 0..self.workers.len() {
            let Ok(task) = self.spawn_on(index, async { crate::stats::snapshot() }) else { continue };
            if let Ok(Some(snapshot)) = task.await {
                all.push(snapshot);
            }
        }
        all
    }

    /// The sockets of each worker: [`crate::stats::sockets`] of all cores. A worker that has ended is left out.
    ///
    /// # Cancel safety
    /// Nothing is lost when it is dropped.
    pub async fn sockets(&self) -> Vec<Vec<SocketInfo>> {
        let mut all = Vec::with_capacity(self.workers.len());
        for index in 0..self.workers.len() {
            let Ok(task) = self.spawn_on(index, async { crate::stats::sockets() }) else { continue };
            if let Ok(Some(sockets)) = task.await {
                all.push(sockets);
            }
        }
        all
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").field("workers", &self.workers.len()).finish()
    }
}

/// The cores that the calling thread may run on (cpusets, `taskset`).
#[derive(Debug, Clone)]
pub(crate) struct Cores(Vec<core_affinity::CoreId>);

impl Cores {
    /// Asked for before any thread is pinned: a thread that a pinned one starts has only its core.
    pub(crate) fn allowed() -> Cores {
        Cores(core_affinity::get_core_ids().unwrap_or_default())
    }

    /// Their numbers.
    #[cfg(feature = "macros")]
    pub(crate) fn numbers(&self) -> Vec<usize> {
        self.0.iter().map(|id| id.id).collect()
    }

    /// Keeps the calling thread on a core.
    ///
    /// # Errors
    /// `InvalidInput` when the core is none of these.
    pub(crate) fn pin_to(&self, core: usize) -> io::Result<()> {
        let found = self.0.iter().find(|id| id.id == core).copied();
        if found.is_some_and(core_affinity::set_for_current) {
            return Ok(());
        }
        let allowed: Vec<String> = self.0.iter().map(|id| id.id.to_string()).collect();
        let message =
            format!("runtime.cores: core {core} can't be used: this process may use {}", allowed.join(", "));
        Err(io::Error::new(io::ErrorKind::InvalidInput, message))
    }
}

#[cfg(test)]
mod tests;
