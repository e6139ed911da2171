//! What to do when there is nothing to do.
//!
//! ```text
//!  busy turn -> idle turn -> ... spinning ... -> asleep in poll(2) -> turn
//!                            for `spin`          until a frame, a wake-up from another thread, or the next deadline
//! ```
//!
//! How late a worker can be, from the event to the begin of its turn:
//!
//! | it is | by a frame or another thread | by a timer |
//! |---|---|---|
//! | busy | a turn: a burst of frames and `Budget::polls` polls | a turn |
//! | spinning | a turn with nothing in it, well below 1 us | the same |
//! | asleep | the kernel's wake-up: some 5 us on the core, 60 us across virtual cores, below 1 ms | that and the timer slack of the thread, 50 us |
//! | asleep, device without an interrupt | `BLIND_SLEEP`, 1 ms, for frames | as above |

use std::os::fd::BorrowedFd;
use std::time::Duration;

use corelane_netstack::Instant;

use crate::core::inner::Inner;
use crate::core::worker::Progress;

/// How long a worker spins before it sleeps, unless told otherwise: longer than a request's answer takes to come
/// back from a peer that sleeps, so that ping-pong stays in the fast mode.
pub(crate) const DEFAULT_SPIN: Duration = Duration::from_micros(200);

/// Spins for a bounded time, then sleeps.
pub(crate) struct Idle {
    spin: Duration,
    since: Option<Instant>,
}

impl Idle {
    pub(crate) fn new(spin: Duration) -> Idle {
        Idle { spin, since: None }
    }

    pub(crate) fn set_spin(&mut self, spin: Duration) {
        self.spin = spin;
    }

    /// Whether it is time to sleep, after a turn that began at `now`.
    pub(crate) fn is_over(&mut self, now: Instant, busy: bool) -> bool {
        if busy {
            self.since = None;
            return false;
        }
        let since = *self.since.get_or_insert(now);
        now - since >= self.spin
    }

    /// To be called between two turns: returns at once after a busy turn, else spins or sleeps.
    pub(crate) fn wait(&mut self, inner: &Inner, progress: &Progress) {
        self.wait_until(inner, progress, None, None);
    }

    /// As `wait`, but sleeps no longer than `until`, nor when `extra` becomes readable.
    pub(crate) fn wait_until(
        &mut self,
        inner: &Inner,
        progress: &Progress,
        until: Option<Instant>,
        extra: Option<BorrowedFd<'_>>,
    ) {
        if !self.is_over(progress.now, progress.is_busy()) {
            if !progress.is_busy() {
                std::hint::spin_loop();
            }
            return;
        }
        // A manual clock stands still: only another thread could end the sleep.
        if inner.clock.is_manual() {
            std::hint::spin_loop();
            return;
        }
        if inner.shared.mailbox.prepare_sleep() {
            let deadline = inner.next_deadline().into_iter().chain(until).min();
            if sleep(inner, extra, deadline) {
                inner.sleeps.set(inner.sleeps.get() + 1);
            }
            inner.shared.mailbox.finish_sleep();
        }
    }
}

/// Sleeps until something arrives, somebody rings, `extra` is readable, or `deadline`. Returns whether it slept.
#[cfg(not(feature = "tokio-rt"))]
fn sleep(inner: &Inner, extra: Option<BorrowedFd<'_>>, deadline: Option<Instant>) -> bool {
    inner.engine.sleep(&inner.clock, inner.shared.mailbox.bell(), extra, deadline)
}

/// How long a sleep is at most when tokio can't watch what arrives: no descriptor is left.
#[cfg(feature = "tokio-rt")]
const BLIND_SLEEP: Duration = Duration::from_millis(1);

/// The same in tokio's driver. An error ends the sleep early: then it is a worker that never sleeps.
#[cfg(feature = "tokio-rt")]
fn sleep(inner: &Inner, extra: Option<BorrowedFd<'_>>, deadline: Option<Instant>) -> bool {
    inner.tokio.prepare_sleep();
    let mut blind = false;
    let watch = &mut |number, fd: BorrowedFd<'_>| blind |= inner.tokio.watch(number, fd).is_err();
    let Some(mut time) = inner.engine.arm(&inner.clock, deadline, watch) else { return false };
    if blind {
        time = time.min(BLIND_SLEEP);
    }
    let _ = inner.tokio.sleep(time, extra);
    true
}

#[cfg(test)]
mod tests;
