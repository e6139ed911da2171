//! The worker of one core, and its turn.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use corelane_netstack::{Instant, Stack};
use corelane_nic::Queue;

use crate::core::budget::Budget;
use crate::core::clock::Clock;
use crate::core::current;
use crate::core::idle::{DEFAULT_SPIN, Idle};
use crate::core::inner::{Inner, Phase};
use crate::core::mailbox::Shared;
use crate::core::spawn::{Handle, spawn_local_from};
use crate::engine::Engine;
use crate::engine::kernel::Kernel;
use crate::engine::native::Native;
use crate::reactor;
use crate::stats::Snapshot;
use crate::task::join_handle::JoinHandle;

/// What a turn did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// When it began.
    pub now: Instant,
    /// Messages of other threads.
    pub messages: u32,
    /// Frames received; with the kernel's sockets, how many epoll has told of.
    pub received: u32,
    /// Timers of tasks that fired.
    pub timers: u32,
    /// Events of sockets.
    pub events: u32,
    /// Tasks polled.
    pub polled: u32,
    /// Frames sent.
    pub sent: u32,
    /// Whether something is left to do at once: a task to poll, a frame to send.
    pub more: bool,
}

impl Progress {
    /// Whether anything was done, or is left to do.
    pub fn is_busy(&self) -> bool {
        self.more || self.messages | self.received | self.timers | self.events | self.polled | self.sent != 0
    }
}

/// A NIC queue, its TCP/IP stack and the tasks that use them, on one thread.
///
/// [`Runtime`](crate::Runtime) makes one a core. Made by hand it can be driven by a foreign loop, by a test in virtual time, or together with others on
/// one thread: the one whose [`Worker::turn`] or [`Worker::enter`] runs is the current one, and sockets made there are its own.
///
/// Dropping it drops all of its tasks, closes their sockets, and sends what that has to say while the ring takes it. Connections
/// that are not over by then are reset.
pub struct Worker {
    pub(crate) inner: Rc<Inner>,
    idle: Idle,
}

impl Worker {
    /// A worker on the calling thread.
    ///
    /// # Errors
    /// When the process has no file descriptor left.
    pub fn new(queue: Box<dyn Queue>, stack: Stack, clock: Clock) -> io::Result<Worker> {
        let shared = Shared::new()?;
        let handle = Handle::new(vec![shared.clone()]);
        let budget = Budget::default();
        let engine = Engine::Native(Native::new(queue, stack, budget.burst));
        Ok(Worker::of(Inner::new(shared, handle, budget, engine, clock)?))
    }

    /// A worker on the kernel's sockets: see [`Builder::engine`](crate::Builder::engine). What it listens on it shares with no
    /// other.
    ///
    /// # Errors
    /// When the process has no file descriptor left.
    pub fn kernel(clock: Clock) -> io::Result<Worker> {
        let shared = Shared::new()?;
        let handle = Handle::new(vec![shared.clone()]);
        let slots = crate::config::DeviceConfig::default().slots;
        let engine = Engine::Kernel(Kernel::new(slots, Arc::default())?);
        Ok(Worker::of(Inner::new(shared, handle, Budget::default(), engine, clock)?))
    }

    pub(crate) fn of(inner: Inner) -> Worker {
        Worker { inner: Rc::new(inner), idle: Idle::new(DEFAULT_SPIN) }
    }

    /// One turn: looks at everything once, never blocks, and in a busy loop neither allocates, locks nor makes a system call
    /// of its own (the queue may).
    pub fn turn(&mut self) -> Progress {
        let inner = self.inner.clone();
        current::enter(&inner, || turn(&inner, &mut || 0))
    }

    /// When a turn is needed next, if nothing arrives before: to sleep until.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.inner.next_deadline()
    }

    /// Runs `f` as if in a task of this worker: sockets and tasks made there are its own.
    pub fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        current::enter(&self.inner, f)
    }

    /// Starts a task on this worker.
    #[track_caller]
    pub fn spawn_local<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let origin = std::panic::Location::caller();
        self.enter(|| spawn_local_from(origin, future))
    }

    /// Reaches this worker from other threads.
    pub fn handle(&self) -> Handle {
        self.inner.handle.clone()
    }

    /// How long an idle worker spins before it sleeps, and each `Poll` that is made later; zero = not at all.
    pub fn set_spin(&mut self, spin: Duration) {
        self.inner.spin.set(spin);
        self.idle.set_spin(spin);
    }

    /// What this worker has counted.
    pub fn stats(&self) -> Snapshot {
        Snapshot::of(&self.inner)
    }

    /// Takes turns until `future` is done, and sleeps when there is nothing to do. When a shutdown was asked for, it
    /// then goes on until what was accepted is finished or the time for it is over.
    pub fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        let inner = self.inner.clone();
        let main = Arc::new(MainWaker { shared: inner.shared.clone(), woken: AtomicBool::new(true) });
        let waker = Waker::from(main.clone());
        let mut future = pin!(future);
        let mut output = None;
        let output = current::enter(&inner, || {
            loop {
                let progress = turn(&inner, &mut || {
                    if !main.woken.swap(false, Ordering::Acquire) {
                        return 0;
                    }
                    if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                        output = Some(value);
                    }
                    1
                });
                if let Some(value) = output.take() {
                    return value;
                }
                self.idle.wait(&inner, &progress);
            }
        });
        if inner.is_shutting_down() {
            self.drain();
        }
        output
    }

    /// Takes turns until the worker is told to stop, or a shutdown is over. Returns whether it left nothing unfinished.
    pub(crate) fn run(&mut self) -> bool {
        let inner = self.inner.clone();
        current::enter(&inner, || {
            while inner.phase.get() == Phase::Running {
                let progress = turn(&inner, &mut || 0);
                self.idle.wait(&inner, &progress);
            }
        });
        self.drain()
    }

    /// Finishes what was accepted, until the time of the shutdown is over. Returns whether all was finished.
    pub(crate) fn drain(&mut self) -> bool {
        let inner = self.inner.clone();
        current::enter(&inner, || {
            loop {
                let Phase::Draining(until) = inner.phase.get() else { return inner.is_drained() };
                let progress = turn(&inner, &mut || 0);
                if inner.is_drained() && !progress.is_busy() {
                    return true;
                }
                if progress.now >= until {
                    return false;
                }
                // The deadline is a timer like any other, so that sleeping ends by then.
                let alarm = inner.timers.borrow_mut().insert(until, None);
                self.idle.wait(&inner, &progress);
                let waker = inner.timers.borrow_mut().remove(alarm);
                drop(waker);
            }
        })
    }

    pub(crate) fn begin_shutdown(&mut self, timeout: Duration) {
        let inner = self.inner.clone();
        current::enter(&inner, || inner.begin_shutdown(timeout));
    }
}

/// The whole turn. `main` polls what `block_on` waits for, and returns how often.
#[inline]
pub(crate) fn turn(inner: &Inner, main: &mut dyn FnMut() -> u32) -> Progress {
    let mut progress = begin_turn(inner, inner.clock.now(), main); // the clock; after each task only the kernel's tick is looked at
    end_turn(inner, &mut progress);
    progress
}

/// The turn up to the tasks, and `main` with them.
#[inline]
pub(crate) fn begin_turn(inner: &Inner, now: Instant, main: &mut dyn FnMut() -> u32) -> Progress {
    let _turning = Turning::begin(inner);
    inner.began.set(now);
    let messages = inner.take_mail(); // other threads -> commands, woken tasks
    let received = inner.engine.receive(now); // NIC ring -> burst -> TCP; or epoll
    inner.engine.expire(now); // the stack's timers due
    let timers = inner.fire_timers(now); // the tasks' timers due
    let events = reactor::dispatch(&inner.reactor, &inner.engine, &inner.tasks); // events -> woken tasks
    let tokio = u32::from(inner.tokio.drive(now)); // tokio's tasks, with the feature tokio-rt
    let polled = tokio + main() + inner.tasks.run(&inner.budget, &inner.clock); // woken futures read and write
    Progress { now, messages, received, timers, events, polled, sent: 0, more: false }
}

/// The rest of it: what the tasks said is sent, and so is what an event loop said that ran in their place.
#[inline]
pub(crate) fn end_turn(inner: &Inner, progress: &mut Progress) {
    let sent = inner.engine.transmit(progress.now); // TCP -> burst -> NIC ring
    (progress.sent, progress.more) = (sent.frames, sent.more || inner.tasks.is_ready());
    inner.turns.set(inner.turns.get() + 1);
}

/// Says that a turn is under way, even when it ends by a panic: no other may begin inside it.
struct Turning<'a>(&'a Inner);

impl<'a> Turning<'a> {
    fn begin(inner: &'a Inner) -> Turning<'a> {
        inner.is_turning.set(true);
        Turning(inner)
    }
}

impl Drop for Turning<'_> {
    fn drop(&mut self) {
        self.0.is_turning.set(false);
    }
}

/// Wakes the future of `block_on`.
struct MainWaker {
    shared: Arc<Shared>,
    woken: AtomicBool,
}

impl Wake for MainWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        let at_home = current::with(|inner| inner.shared.id() == self.shared.id()).unwrap_or(false);
        if !at_home {
            self.shared.mailbox.nudge();
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        /// Turns for what closing the sockets has to say.
        const LAST_TURNS: usize = 64;
        /// For those of the workers that use this one's queue.
        const LAST_WAIT: Duration = Duration::from_millis(500);
        let inner = self.inner.clone();
        current::enter(&inner, || {
            inner.phase.set(Phase::Stopped);
            inner.tasks.cancel_all(|| {
                inner.take_mail();
            });
            inner.tokio.shutdown();
            let last_words = || {
                for _ in 0..LAST_TURNS {
                    if !turn(&inner, &mut || 0).is_busy() {
                        break;
                    }
                }
            };
            last_words();
            // Nobody will answer for what is left: its peers are told, or they would send again for a quarter of an hour.
            inner.engine.abort_all();
            last_words();
            // Workers without a queue have last words too, and say them through this one's.
            let began = std::time::Instant::now();
            while !inner.is_last() && began.elapsed() < LAST_WAIT {
                if !turn(&inner, &mut || 0).is_busy() {
                    std::thread::yield_now();
                }
            }
            inner.shared.mailbox.close();
            if let Some(peers) = &inner.peers {
                peers.leave();
            }
        });
    }
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("core", &self.inner.shared.id()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
