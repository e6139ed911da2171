//! The run queue of a worker. Tasks are `async-task`'s: one allocation each, scheduling without locks.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_task::Builder;
use pin_project_lite::pin_project;
use slab::Slab;

use crate::core::budget::Budget;
use crate::core::clock::Clock;
use crate::core::current;
use crate::core::mailbox::{Message, Shared};
use crate::task::join_handle::JoinHandle;

/// Where a task was started: its name, in the log.
pub(crate) type Origin = &'static Location<'static>;

/// A task that is to be polled.
pub(crate) type Runnable = async_task::Runnable<Home>;

/// The worker that a task belongs to. It stands with the task and not in a closure that schedules it: around one that has
/// captured something async-task counts its holds, four atomic operations a wake.
pub(crate) struct Home {
    id: u32,
    shared: Arc<Shared>,
    origin: Origin,
}

/// Origins that the log has named; when they are more, those that come are counted only.
const NAMED: usize = 256;

/// The tasks of one worker.
pub(crate) struct Tasks {
    /// First in, first out.
    queue: RefCell<VecDeque<Runnable>>,
    /// Tasks that gave way: they run again in the next turn.
    deferred: RefCell<Vec<Waker>>,
    /// Every task that was polled and has not ended, so that a worker that ends can end them.
    active: RefCell<Slab<Waker>>,
    /// Polls that took too long, and who is known for it.
    stalls: Cell<u64>,
    named: RefCell<Vec<Origin>>,
}

impl Tasks {
    pub(crate) fn new() -> Tasks {
        Tasks {
            queue: RefCell::new(VecDeque::new()),
            deferred: RefCell::new(Vec::new()),
            active: RefCell::new(Slab::new()),
            stalls: Cell::new(0),
            named: RefCell::new(Vec::new()),
        }
    }

    #[inline]
    pub(crate) fn push(&self, runnable: Runnable) {
        self.queue.borrow_mut().push_back(runnable);
    }

    pub(crate) fn defer(&self, waker: Waker) {
        self.deferred.borrow_mut().push(waker);
    }

    fn pop(&self) -> Option<Runnable> {
        self.queue.borrow_mut().pop_front()
    }

    /// Polls woken tasks, as many as the budget allows. Returns how many.
    pub(crate) fn run(&self, budget: &Budget, clock: &Clock) -> u32 {
        let is_watched = !budget.stall.is_zero() && self.is_ready();
        let mut before = if is_watched { clock.coarse() } else { Duration::ZERO };
        let mut polled = 0;
        while polled < budget.polls {
            let Some(runnable) = self.pop() else { break };
            polled += 1;
            // What a future's poll panics with goes to its join handle. (A panic in a future's drop aborts the process:
            // async-task has no way to tell anybody.)
            let origin = runnable.metadata().origin;
            runnable.run();
            if is_watched {
                let now = clock.coarse();
                if now - before >= budget.stall {
                    self.note_stall(origin, now - before);
                }
                before = now;
            }
        }
        if !self.deferred.borrow().is_empty() {
            let deferred = std::mem::take(&mut *self.deferred.borrow_mut());
            deferred.into_iter().for_each(Waker::wake);
        }
        polled
    }

    #[cold]
    fn note_stall(&self, origin: Origin, time: Duration) {
        self.stalls.set(self.stalls.get() + 1);
        let mut named = self.named.borrow_mut();
        if named.contains(&origin) || named.len() >= NAMED {
            return;
        }
        named.push(origin);
        drop(named); // a subscriber may run anything
        tracing::warn!(
            task = %origin,
            milliseconds = time.as_millis() as u64, // longer ones never end
            "a task held up its core: it computed, or waited, without an await; it is named once"
        );
    }

    /// Polls that took longer than the budget's `stall`.
    pub(crate) fn stalls(&self) -> u64 {
        self.stalls.get()
    }

    /// Whether a task waits to be polled.
    pub(crate) fn is_ready(&self) -> bool {
        !self.queue.borrow().is_empty()
    }

    /// Tasks that have not ended: polled at least once, or waiting for it.
    pub(crate) fn len(&self) -> usize {
        // A woken task is in both; only the first poll of a new one is not in `active`, and it is in the queue.
        self.active.borrow().len().max(self.queue.borrow().len())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.active.borrow().is_empty() && self.queue.borrow().is_empty()
    }

    /// Drops the futures of all tasks; their join handles tell `Cancelled`. The worker must be the current one.
    pub(crate) fn cancel_all(&self, mail: impl Fn()) {
        // A task that another thread wakes at this moment comes by the mail a little later: hence the rounds.
        for _ in 0..10_000 {
            let wakers: Vec<Waker> = self.active.borrow().iter().map(|(_, waker)| waker.clone()).collect();
            let none = wakers.is_empty();
            wakers.into_iter().for_each(Waker::wake);
            mail();
            while let Some(runnable) = self.pop() {
                drop(runnable);
            }
            if none {
                return;
            }
            std::thread::yield_now();
        }
    }
}

/// A new task of the current thread's worker, which `shared` belongs to.
pub(crate) fn new_local<F>(
    shared: &Arc<Shared>,
    origin: Origin,
    future: F,
) -> (Runnable, JoinHandle<F::Output>)
where
    F: Future + 'static,
    F::Output: 'static,
{
    let (runnable, task) = builder(shared, origin).spawn_local(|_| Tracked::new(future), schedule);
    (runnable, JoinHandle::new(task))
}

/// A new task for any worker.
pub(crate) fn new_sendable<F>(
    shared: &Arc<Shared>,
    origin: Origin,
    future: F,
) -> (Runnable, JoinHandle<F::Output>)
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let (runnable, task) = builder(shared, origin).spawn(|_| Tracked::new(future), schedule);
    (runnable, JoinHandle::new(task))
}

fn builder(shared: &Arc<Shared>, origin: Origin) -> Builder<Home> {
    Builder::new().propagate_panic(true).metadata(Home { id: shared.id(), shared: shared.clone(), origin })
}

/// What a wake does: on the worker's own thread one push to a plain queue, elsewhere a message.
fn schedule(runnable: Runnable) {
    let id = runnable.metadata().id;
    let mut runnable = Some(runnable);
    current::with(|inner| {
        if inner.id == id
            && let Some(runnable) = runnable.take()
        {
            inner.tasks.push(runnable);
        }
    });
    if let Some(runnable) = runnable {
        let shared = runnable.metadata().shared.clone(); // the task may be gone before the bell has rung
        shared.mailbox.push(Message::Run(runnable));
    }
}

pin_project! {
    /// A future that is on its worker's list of tasks from its first poll to its end.
    struct Tracked<F> {
        #[pin]
        future: F,
        entry: Entry,
    }
}

impl<F> Tracked<F> {
    fn new(future: F) -> Tracked<F> {
        Tracked { future, entry: Entry(None) }
    }
}

impl<F: Future> Future for Tracked<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        if this.entry.0.is_none() {
            let waker = cx.waker().clone();
            this.entry.0 = current::with(|inner| inner.tasks.active.borrow_mut().insert(waker));
        }
        this.future.poll(cx)
    }
}

/// A place in the list of active tasks.
struct Entry(Option<usize>);

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(key) = self.0 {
            let waker = current::with(|inner| inner.tasks.active.borrow_mut().try_remove(key));
            drop(waker); // out of the borrow: it may be the last hold on the task
        }
    }
}

#[cfg(test)]
mod tests;
