//! A tokio runtime on each worker, for libraries that insist on one: feature `tokio-rt`.
//!
//! It is tokio's current_thread runtime, of the worker's own thread. Its context is entered while tasks are polled, so that
//! `tokio::spawn`, `tokio::time::sleep` and tokio's (the kernel's) sockets work there, and tasks of tokio's may use sockets
//! of ours. It runs
//!
//! - in the next turn, when a task of tokio's was woken by us;
//! - every [`EVERY`], on a busy worker: its timers and sockets;
//! - instead of poll(2), when the worker sleeps: then nothing of tokio's is late.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use corelane_netstack::Instant;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::{Builder, EnterGuard, Handle, LocalOptions, LocalRuntime, RuntimeMetrics};

/// How long a busy worker leaves tokio's timers and sockets alone: looking at them is a system call.
const EVERY: Duration = Duration::from_micros(100);

/// Tasks of tokio's polled at a time.
const POLLS: u32 = 256;

pub(crate) struct TokioRt {
    /// `None` once the worker has ended.
    running: RefCell<Option<Running>>,
    handle: Handle,
    metrics: RuntimeMetrics,
    /// When its timers and sockets are looked at next.
    next: Cell<Instant>,
    /// Whether the worker sleeps, in tokio's driver.
    sleeping: Cell<bool>,
    /// Ends the sleep.
    sleeper: Cell<Option<Waker>>,
}

struct Running {
    runtime: LocalRuntime,
    bell: AsyncFd<OwnedFd>,
    /// Ends the sleep in time: tokio's own timers count milliseconds.
    alarm: AsyncFd<OwnedFd>,
    /// The number of the queue's interrupt, and a duplicate.
    interrupt: RefCell<Option<(RawFd, AsyncFd<OwnedFd>)>>,
}

impl TokioRt {
    /// # Errors
    /// When the process has no file descriptor left.
    pub(crate) fn new(bell: BorrowedFd<'_>, now: Instant) -> io::Result<TokioRt> {
        let mut builder = Builder::new_current_thread();
        let runtime = builder.enable_all().event_interval(POLLS).build_local(LocalOptions::default())?;
        let (handle, metrics) = (runtime.handle().clone(), runtime.metrics());
        let guard = handle.enter();
        let bell = watch(bell.try_clone_to_owned()?)?;
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let alarm = watch(timerfd_create(TimerfdClockId::Monotonic, flags)?)?;
        drop(guard);
        let running = Running { runtime, bell, alarm, interrupt: RefCell::new(None) };
        Ok(TokioRt {
            running: RefCell::new(Some(running)),
            handle,
            metrics,
            next: Cell::new(now),
            sleeping: Cell::new(false),
            sleeper: Cell::new(None),
        })
    }

    /// Makes it tokio's current runtime, while the guard lives.
    pub(crate) fn enter(&self) -> EnterGuard<'_> {
        self.handle.enter()
    }

    /// Runs woken tasks of tokio's, and looks at its timers and sockets when it is time to. Returns whether tasks of its were
    /// woken.
    pub(crate) fn drive(&self, now: Instant) -> bool {
        let woken = self.metrics.global_queue_depth() > 0;
        if !woken && now < self.next.get() {
            return false;
        }
        self.next.set(now + EVERY);
        if let Some(running) = &*self.running.borrow() {
            // Pending once: tokio polls its tasks and its driver, without sleeping, before it asks again.
            let mut first = true;
            running.runtime.block_on(poll_fn(|cx| {
                if !std::mem::take(&mut first) {
                    return Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            }));
        }
        woken
    }

    /// Looks at its timers and sockets in the next turn, whatever the time is: a manual clock may stand still.
    #[cfg(feature = "test-util")]
    pub(crate) fn hurry(&self) {
        self.next.set(Instant::ZERO);
    }

    /// Whether no task of tokio's is left.
    pub(crate) fn is_idle(&self) -> bool {
        self.metrics.num_alive_tasks() == 0
    }

    /// Before the last look at the queue: what rang before is forgotten, what rings from now on ends the sleep.
    pub(crate) fn prepare_sleep(&self) {
        if let Some(running) = &*self.running.borrow() {
            let mut cx = Context::from_waker(Waker::noop());
            let _ = running.poll_rung(&mut cx);
        }
    }

    /// Ends the following sleeps when `fd` is readable, instead of what was watched before; `number` tells whether it is the same.
    ///
    /// # Errors
    /// When the kernel refuses to tell of it.
    pub(crate) fn watch(&self, number: RawFd, fd: BorrowedFd<'_>) -> io::Result<()> {
        let running = self.running.borrow();
        let Some(running) = &*running else { return Ok(()) };
        let mut known = running.interrupt.borrow_mut();
        if known.as_ref().is_none_or(|(before, _)| *before != number) {
            let _entered = self.handle.enter();
            *known = Some((number, watch(fd.try_clone_to_owned()?)?));
        }
        Ok(())
    }

    /// Sleeps until the bell rings, the device interrupts, `extra` is readable, the time is over, or a task uses the worker.
    ///
    /// # Errors
    /// When the kernel refuses to tell of these.
    pub(crate) fn sleep(&self, time: Duration, extra: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let running = self.running.borrow();
        let Some(running) = &*running else { return Ok(()) };
        running.set_alarm(time)?;
        // New each time, so that it tells what holds already.
        let extra = {
            let _entered = self.handle.enter();
            extra.map(|fd| watch(fd.try_clone_to_owned()?)).transpose()?
        };
        self.sleeping.set(true);
        running.runtime.block_on(poll_fn(|cx| {
            let readable = extra.as_ref().is_some_and(|fd| fd.poll_read_ready(cx).is_ready());
            if readable || !self.sleeping.get() || running.poll_rung(cx).is_ready() {
                return Poll::Ready(());
            }
            self.sleeper.set(Some(cx.waker().clone()));
            Poll::Pending
        }));
        self.sleeping.set(false);
        drop(self.sleeper.take());
        // What the driver has woken waits for tokio's next turn.
        self.next.set(Instant::ZERO);
        Ok(())
    }

    /// Somebody uses the worker: a task of tokio's, or a waker that its driver woke. A turn is needed.
    #[inline]
    pub(crate) fn disturb(&self) {
        if self.sleeping.get() {
            self.end_sleep();
        }
    }

    #[cold]
    fn end_sleep(&self) {
        self.sleeping.set(false);
        if let Some(waker) = self.sleeper.take() {
            waker.wake();
        }
    }

    /// Drops its tasks. The worker must be the current one, so that their sockets find home.
    pub(crate) fn shutdown(&self) {
        let running = self.running.borrow_mut().take();
        if let Some(Running { runtime, bell, alarm, interrupt }) = running {
            drop((bell, alarm, interrupt));
            runtime.shutdown_background();
        }
    }
}

/// In tokio's current runtime.
#[allow(
    deprecated,
    reason = "its successor is unsafe for the sake of types that lie about their descriptor: OwnedFd doesn't"
)]
fn watch(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(fd, Interest::READABLE)
}

impl Running {
    /// Whether something rang; it is then forgotten.
    fn poll_rung(&self, cx: &mut Context<'_>) -> Poll<()> {
        let interrupt = self.interrupt.borrow();
        let interrupt = interrupt.as_ref().map(|(_, fd)| fd);
        let mut rung = Poll::Pending;
        for fd in [&self.bell, &self.alarm].into_iter().chain(interrupt) {
            // After the first one is forgotten, the second poll leaves the waker.
            while let Poll::Ready(ready) = fd.poll_read_ready(cx) {
                rung = Poll::Ready(());
                match ready {
                    Ok(mut guard) => guard.clear_ready(),
                    Err(_) => break, // tokio's driver has gone
                }
            }
        }
        rung
    }

    fn set_alarm(&self, time: Duration) -> io::Result<()> {
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 }; // switches it off
        let it_value = Timespec::try_from(time).unwrap_or(zero);
        let setting = Itimerspec { it_interval: zero, it_value };
        timerfd_settime(self.alarm.as_fd(), TimerfdTimerFlags::empty(), &setting)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
