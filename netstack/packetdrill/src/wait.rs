//! The two threads of packetdrill.
//!
//! Its main thread moves time on and makes the calls that don't block. A second one makes those that a script says to
//! block, one at a time: it sleeps here until the main thread changed something. What wakes it must happen at one time for
//! both, so the main thread lets no time pass while the other one has something to look at, or has left its call and
//! has not asked for the time yet.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::thread::{self, ThreadId};

use crate::errno::Errno;
use crate::ffi::Confined;
use crate::machine::Machine;
use crate::netdev::Sent;

/// How far time is moved on for a packet that may leave the stack, in microseconds: 200 s, beyond the longest time-out.
const PATIENCE: u64 = 200_000_000;

/// A call of the second thread that has had to wait.
struct Waiter {
    thread: ThreadId,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// It looked when the machine was in the state `seen`; its time-out comes at `until`.
    Asleep { seen: u64, until: Option<u64> },
    /// Its call is over; it has not read the clock yet.
    Returning,
}

struct Inner {
    machine: Confined,
    /// The thread that loaded the library.
    main: ThreadId,
    waiter: Option<Waiter>,
    /// Counts the changes that a waiter should look at.
    generation: u64,
}

impl Inner {
    /// Whether the thread `me` must let another one go first.
    fn must_hold(&self, me: ThreadId) -> bool {
        let now = self.machine.0.micros();
        self.waiter.as_ref().is_some_and(|waiter| {
            waiter.thread != me
                && match waiter.state {
                    State::Returning => true,
                    State::Asleep { seen, until } => {
                        seen != self.generation || until.is_some_and(|until| until <= now)
                    }
                }
        })
    }

    /// When the waiter's time-out comes.
    fn until(&self) -> Option<u64> {
        match self.waiter.as_ref()?.state {
            State::Asleep { until, .. } => until,
            State::Returning => None,
        }
    }
}

/// One script's stack.
pub(crate) struct Instance {
    inner: Mutex<Inner>,
    changed: Condvar,
}

impl Instance {
    pub(crate) fn new(machine: Machine) -> Instance {
        let main = thread::current().id();
        let inner = Inner { machine: Confined(machine), main, waiter: None, generation: 0 };
        Instance { inner: Mutex::new(inner), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, inner: MutexGuard<'a, Inner>) -> MutexGuard<'a, Inner> {
        self.changed.wait(inner).unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no other thread has anything to do at this time.
    fn hold<'a>(&self, mut inner: MutexGuard<'a, Inner>) -> MutexGuard<'a, Inner> {
        let me = thread::current().id();
        while inner.must_hold(me) {
            inner = self.wait(inner);
        }
        inner
    }

    /// The machine changed: the waiter looks at it.
    fn touch(&self, inner: &mut Inner) {
        inner.generation += 1;
        self.changed.notify_all();
    }

    /// A call that doesn't block.
    pub(crate) fn now<T>(&self, act: impl FnOnce(&mut Machine) -> T) -> T {
        let mut inner = self.hold(self.lock());
        inner.machine.0.turn(); // commands take the time of the handler that ran last
        let result = act(&mut inner.machine.0);
        inner.machine.0.turn();
        self.touch(&mut inner);
        result
    }

    /// A call that may block, for `timeout` microseconds at most: `attempt` is made until it is ready. Its second argument
    /// says that time is out, and that it can't stay pending.
    pub(crate) fn call<T>(
        &self,
        timeout: Option<u64>,
        mut attempt: impl FnMut(&mut Machine, bool) -> Poll<Result<T, Errno>>,
    ) -> Result<T, Errno> {
        let me = thread::current().id();
        let mut inner = self.hold(self.lock());
        let until = timeout.map(|timeout| inner.machine.0.micros() + timeout);
        let limit = inner.machine.0.micros() + PATIENCE;
        loop {
            inner.machine.0.turn();
            let expired = until.is_some_and(|until| until <= inner.machine.0.micros());
            let outcome = attempt(&mut inner.machine.0, expired);
            inner.machine.0.turn();
            if let Poll::Ready(result) = outcome {
                if me == inner.main {
                    self.touch(&mut inner);
                } else if let Some(waiter) = &mut inner.waiter {
                    waiter.state = State::Returning;
                    self.changed.notify_all();
                }
                return result;
            }
            if me == inner.main {
                // Nobody but this thread can move time on.
                if !inner.machine.0.step(limit, until) {
                    return Err(Errno(libc::EDEADLK));
                }
                continue;
            }
            let seen = inner.generation;
            inner.waiter = Some(Waiter { thread: me, state: State::Asleep { seen, until } });
            self.changed.notify_all();
            while inner.generation == seen && until.is_none_or(|until| inner.machine.0.micros() < until) {
                inner = self.wait(inner);
            }
        }
    }

    /// A packet arrives at the stack.
    pub(crate) fn deliver(&self, bytes: &[u8]) -> bool {
        self.now(|machine| machine.deliver(bytes))
    }

    /// The next packet that leaves the stack: time moves on until there is one, or none within reach.
    pub(crate) fn next_sent(&self) -> Option<Sent> {
        let mut inner = self.hold(self.lock());
        let limit = inner.machine.0.micros() + PATIENCE;
        while !inner.machine.0.has_sent() {
            let until = inner.until();
            if !inner.machine.0.step(limit, until) {
                break;
            }
            self.touch(&mut inner);
            inner = self.hold(inner);
        }
        inner.machine.0.next_sent()
    }

    /// Lets `micros` pass.
    pub(crate) fn sleep(&self, micros: u64) {
        let mut inner = self.hold(self.lock());
        let end = inner.machine.0.micros() + micros;
        loop {
            let until = inner.until();
            if !inner.machine.0.step(end, until) {
                break;
            }
            self.touch(&mut inner);
            inner = self.hold(inner);
        }
        inner.machine.0.advance_to(end);
    }

    /// The time in microseconds. It costs one, so that who spins on it comes to an end.
    pub(crate) fn micros(&self) -> u64 {
        let me = thread::current().id();
        let mut inner = self.lock();
        if let Some(waiter) = inner.waiter.take_if(|waiter| waiter.thread == me) {
            debug_assert!(waiter.state == State::Returning, "a thread that sleeps can't ask for the time");
            self.changed.notify_all();
            return inner.machine.0.micros();
        }
        inner = self.hold(inner);
        let next = inner.machine.0.micros() + 1;
        let until = inner.until();
        if inner.machine.0.step(next, until) {
            self.touch(&mut inner);
        }
        inner.machine.0.advance_to(next);
        next
    }
}
