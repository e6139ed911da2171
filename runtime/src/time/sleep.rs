//! A point in time to wait for.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use corelane_netstack::Instant;

use crate::core::current;
use crate::core::inner::Inner;
use crate::core::mailbox::{self, Message};

/// Longer than a turn is meant to take. What is further away when a turn begins is not over before the next one, whose
/// timers tell of it: no need to look at the clock.
const FAR: Duration = Duration::from_millis(10);

/// Waits for `duration`, at least.
///
/// # Cancel safety
/// Nothing is lost when it is dropped; its timer is then gone.
///
/// # Panics
/// When the thread runs no worker.
pub fn sleep(duration: Duration) -> Sleep {
    sleep_until(super::now() + duration)
}

/// Waits until `deadline`.
///
/// # Cancel safety
/// As [`sleep`].
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep { deadline, place: None }
}

/// What [`sleep`] returns. It may be moved between the cores of a process: its timer then moves with it.
#[derive(Debug)]
pub struct Sleep {
    deadline: Instant,
    /// The worker that has the timer, and the timer's key there.
    place: Option<(u32, usize)>,
}

impl Sleep {
    /// When it ends.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Waits until `deadline` instead, from the next poll on.
    pub fn reset(&mut self, deadline: Instant) {
        self.cancel();
        self.deadline = deadline;
    }

    fn is_over(&self, inner: &Inner) -> bool {
        self.deadline <= inner.lately() + FAR && self.deadline <= inner.clock.now()
    }

    fn cancel(&mut self) {
        let Some((core, key)) = self.place.take() else { return };
        let here =
            current::with(|inner| (inner.shared.id() == core).then(|| inner.timers.borrow_mut().remove(key)));
        match here.flatten() {
            Some(waker) => drop(waker), // out of the borrow
            None => {
                if let Some(owner) = mailbox::find(core) {
                    owner.mailbox.push(Message::CancelTimer(key));
                }
            }
        }
    }
}

impl Future for Sleep {
    type Output = ();

    /// # Panics
    /// When the thread runs no worker.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let core = current::with(|inner| inner.shared.id());
        if self.place.is_some_and(|(owner, _)| Some(owner) != core) {
            self.cancel();
        }
        let polled = current::with(|inner| {
            let mut timers = inner.timers.borrow_mut();
            match self.place {
                Some((_, key)) => timers.poll(key, cx.waker()),
                None if self.is_over(inner) => (true, None),
                None => {
                    let key = timers.insert(self.deadline, Some(cx.waker().clone()));
                    self.place = Some((inner.shared.id(), key));
                    (false, None)
                }
            }
        });
        let Some((fired, waker)) = polled else {
            panic!("a Sleep was polled on a thread that runs no corelane worker");
        };
        drop(waker);
        if !fired {
            return Poll::Pending;
        }
        self.cancel();
        Poll::Ready(())
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.cancel();
    }
}
