//! The state of a worker that its tasks and sockets reach through the thread.

use std::cell::{Cell, RefCell};
use std::io;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use corelane_netstack::Instant;

use crate::core::budget::Budget;
use crate::core::clock::Clock;
use crate::core::idle::DEFAULT_SPIN;
use crate::core::mailbox::{Message, Shared};
use crate::core::mesh::Peers;
use crate::core::spawn::Handle;
use crate::core::tokio_rt::TokioRt;
use crate::core::worker::Progress;
use crate::engine::Engine;
use crate::reactor::Reactor;
use crate::task::executor::Tasks;
use crate::time::timers::Timers;

/// Bytes of the buffer for readers that bring none that can be written to.
#[cfg(feature = "hyper")]
pub(crate) const SCRATCH: usize = 16 * 1024;

/// How far a worker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Running,
    /// Accepts nothing more, and ends at this time at the latest.
    Draining(Instant),
    Stopped,
}

/// Each part in a cell of its own: a task that waits for a socket borrows the reactor, and nothing else.
pub(crate) struct Inner {
    /// The worker's number, which each socket call compares.
    pub(crate) id: u32,
    pub(crate) shared: Arc<Shared>,
    pub(crate) clock: Clock,
    pub(crate) budget: Budget,
    pub(crate) engine: Engine,
    pub(crate) reactor: RefCell<Reactor>,
    pub(crate) timers: RefCell<Timers>,
    pub(crate) tasks: Tasks,
    /// tokio's, with the feature `tokio-rt`; else nothing.
    pub(crate) tokio: TokioRt,
    #[cfg(feature = "hyper")]
    pub(crate) scratch: RefCell<Box<[u8]>>,
    pub(crate) phase: Cell<Phase>,
    /// Those that wait for the shutdown to be asked for.
    pub(crate) shutdown_waiters: RefCell<Vec<Waker>>,
    pub(crate) handle: Handle,
    /// The other workers of its runtime, when their frames may come by way of this one.
    pub(crate) peers: Option<Peers>,
    /// When the last turn began.
    pub(crate) began: Cell<Instant>,
    pub(crate) turns: Cell<u64>,
    pub(crate) sleeps: Cell<u64>,
    /// How long an idle worker spins.
    pub(crate) spin: Cell<Duration>,
    /// Whether a turn is under way, up to its end or to where an event loop runs.
    pub(crate) is_turning: Cell<bool>,
    /// The turn that an event loop is in: what it says is sent before the next turn.
    pub(crate) open_turn: Cell<Option<Progress>>,
}

impl Inner {
    pub(crate) fn new(
        shared: Arc<Shared>,
        handle: Handle,
        budget: Budget,
        engine: Engine,
        clock: Clock,
    ) -> io::Result<Inner> {
        let now = clock.now();
        let tokio = TokioRt::new(shared.mailbox.bell(), now)?;
        Ok(Inner {
            id: shared.id(),
            shared,
            clock,
            budget,
            engine,
            reactor: RefCell::new(Reactor::new()),
            timers: RefCell::new(Timers::new(now)),
            tasks: Tasks::default(),
            tokio,
            #[cfg(feature = "hyper")]
            scratch: RefCell::new(vec![0; SCRATCH].into_boxed_slice()),
            phase: Cell::new(Phase::Running),
            shutdown_waiters: RefCell::new(Vec::new()),
            handle,
            peers: None,
            began: Cell::new(now),
            turns: Cell::new(0),
            sleeps: Cell::new(0),
            spin: Cell::new(DEFAULT_SPIN),
            is_turning: Cell::new(false),
            open_turn: Cell::new(None),
        })
    }

    /// The time, a turn late at most: for who asks so often that it isn't worth a look at the clock.
    pub(crate) fn lately(&self) -> Instant {
        // tokio's tasks run between turns too, after a sleep.
        if self.is_turning.get() { self.began.get() } else { self.clock.now() }
    }

    /// Other threads -> commands and woken tasks. Returns how many messages there were.
    pub(crate) fn take_mail(&self) -> u32 {
        let mailbox = &self.shared.mailbox;
        if !mailbox.is_pending() {
            return 0;
        }
        mailbox.clear_pending();
        let mut count = 0;
        while let Some(message) = mailbox.pop() {
            self.handle_message(message);
            count += 1;
        }
        count
    }

    fn handle_message(&self, message: Message) {
        match message {
            Message::Spawn(task) => self.tasks.spawn(task),
            Message::Wake(task) => self.tasks.wake(task.arrived()),
            Message::Cancel(task) => self.tasks.cancel(task.key()),
            // What is gone already (its worker closed it) needs no closing.
            Message::CloseSocket(id) => drop(self.engine.close(id)),
            Message::CloseListener(id) => self.close_listener(id),
            Message::CancelTimer(key) => {
                let waker = self.timers.borrow_mut().remove(key);
                drop(waker);
            }
            Message::ClosePoll(key) => self.reactor.borrow_mut().polls().close(key),
            Message::Shutdown(timeout) => self.begin_shutdown(timeout),
            #[cfg(feature = "macros")]
            Message::CancelTasks => {
                self.tasks.cancel_all(|| {
                    self.take_mail();
                });
                self.tokio.shutdown();
            }
            Message::Stop => self.phase.set(Phase::Stopped),
        }
    }

    /// The timers of tasks that are due. Returns how many there were.
    #[inline]
    pub(crate) fn fire_timers(&self, now: Instant) -> u32 {
        if self.timers.borrow().is_due(now) { self.fire_due(now) } else { 0 }
    }

    fn fire_due(&self, now: Instant) -> u32 {
        let mut count = 0;
        loop {
            let fired = self.timers.borrow_mut().expire(now);
            let Some(waker) = fired else { return count };
            count += 1;
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    /// When the engine or a timer wants a turn.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let timers = self.timers.borrow().next_deadline();
        timers.into_iter().chain(self.engine.next_deadline()).min()
    }

    /// Closes a listener, and tells those that wait for its connections.
    pub(crate) fn close_listener(&self, id: corelane_netstack::ListenerId) {
        let _ = self.engine.close_listener(id); // gone already is as good
        let waiter = self.reactor.borrow_mut().remove_listener(id);
        if let Some(waiter) = waiter {
            waiter.wake(&self.tasks);
        }
    }

    /// Stops accepting. A second call may only shorten the time.
    pub(crate) fn begin_shutdown(&self, timeout: Duration) {
        let until = self.clock.now() + timeout;
        match self.phase.get() {
            Phase::Running => self.phase.set(Phase::Draining(until)),
            Phase::Draining(earlier) => self.phase.set(Phase::Draining(until.min(earlier))),
            Phase::Stopped => {}
        }
        loop {
            let listener = self.reactor.borrow().any_listener();
            let Some(id) = listener else { break };
            self.close_listener(id);
        }
        let waiters = std::mem::take(&mut *self.shutdown_waiters.borrow_mut());
        waiters.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn is_shutting_down(&self) -> bool {
        self.phase.get() != Phase::Running
    }

    /// Whether nothing is left that was accepted.
    pub(crate) fn is_drained(&self) -> bool {
        let is_drained = self.tasks.is_empty() && self.tokio.is_idle() && self.engine.is_drained();
        self.peers.as_ref().map_or(is_drained, |peers| peers.note_drained(is_drained))
    }

    /// Whether no other worker needs this one any more.
    pub(crate) fn is_last(&self) -> bool {
        self.peers.as_ref().is_none_or(Peers::is_last)
    }
}
