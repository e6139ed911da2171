//! A bounded channel from any threads to one task, with the names and the errors of [`std::sync::mpsc`]. Sending takes no
//! lock while there is room, and makes a system call only when it wakes a worker that sleeps.
//!
//! ```
//! # use corelane::{Builder, sync::mpsc};
//! # use corelane_sim::{LinkConfig, cross_thread_pair};
//! # fn main() -> std::io::Result<()> {
//! # let (nic, _peer) = cross_thread_pair(&LinkConfig::default())?;
//! let mut runtime = Builder::new().nic(nic).address("10.0.0.1/24").queues(1).workers(2).build()?;
//! let (sender, mut receiver) = mpsc::channel(16);
//! let handle = runtime.handle();
//! runtime.block_on(async move {
//!     handle.spawn_on(1, async move { sender.send("from the other core").await })?;
//!     assert_eq!(receiver.recv().await, Ok("from the other core"));
//!     assert!(receiver.recv().await.is_err(), "the sender is gone");
//!     std::io::Result::Ok(())
//! })
//! # }
//! ```

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
pub use std::sync::mpsc::{RecvError, SendError, TryRecvError, TrySendError};
use std::task::{Context, Poll, Waker};

use crate::core::parts::{Flag, Lock, Parts, Ring, System};

/// A channel that holds `bound` messages. Those of one sender arrive in the order in which they were sent.
///
/// # Panics
/// When `bound` is 0: a task can't hand over what another has not come for.
pub fn channel<T>(bound: usize) -> (Sender<T>, Receiver<T>) {
    assert!(bound > 0, "a channel must hold a message or more");
    let shared = Arc::new(Shared::new(bound));
    (Sender { shared: shared.clone() }, Receiver { shared })
}

struct Shared<T, P: Parts = System> {
    messages: P::Ring<T>,
    /// All senders are gone.
    is_ended: P::Flag,
    /// The receiver is gone.
    is_closed: P::Flag,
    /// The receiver, when it found nothing.
    readers: Waiting<P>,
    /// Senders that found no room.
    writers: Waiting<P>,
    senders: AtomicUsize,
}

/// Tasks that wait for a change. Who waits registers and then looks again; who changes something looks for them afterwards: one of the
/// two sees the other. loom tries the orders in which this can happen: see the tests.
struct Waiting<P: Parts> {
    any: P::Flag,
    wakers: P::Lock<Vec<Waker>>,
}

impl<P: Parts> Default for Waiting<P> {
    fn default() -> Waiting<P> {
        Waiting { any: P::Flag::default(), wakers: P::Lock::default() }
    }
}

impl<P: Parts> Waiting<P> {
    /// To be followed by another look at what is waited for.
    fn register(&self, waker: &Waker) {
        self.wakers.with(|wakers| {
            if !wakers.iter().any(|known| known.will_wake(waker)) {
                wakers.push(waker.clone());
            }
            self.any.store(true);
        });
        P::fence();
    }

    /// Wakes all: which of them has ended meanwhile is not known, and it would swallow what is meant for another.
    fn wake(&self) {
        P::fence();
        if !self.any.load_relaxed() {
            return;
        }
        let woken = self.wakers.with(|wakers| {
            self.any.store(false);
            std::mem::take(wakers)
        });
        woken.into_iter().for_each(Waker::wake);
    }
}

impl<T, P: Parts> Shared<T, P> {
    fn new(bound: usize) -> Shared<T, P> {
        Shared {
            messages: P::Ring::new(bound),
            is_ended: P::Flag::default(),
            is_closed: P::Flag::default(),
            readers: Waiting::default(),
            writers: Waiting::default(),
            senders: AtomicUsize::new(1),
        }
    }

    fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        if self.is_closed.load() {
            return Err(TrySendError::Disconnected(message));
        }
        self.messages.push(message).map_err(TrySendError::Full)?;
        P::fence(); // with the one in `close`
        if self.is_closed.load() {
            self.clear(); // it was closed in between: nobody else will
        }
        self.readers.wake();
        Ok(())
    }

    /// Sends the message, and then takes it out of its place; or registers `cx`.
    fn poll_send(&self, place: &mut Option<T>, cx: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        for is_last in [false, true] {
            let Some(message) = place.take() else { panic!("a Send was polled after it was ready") };
            match self.try_send(message) {
                Ok(()) => return Poll::Ready(Ok(())),
                Err(TrySendError::Disconnected(message)) => return Poll::Ready(Err(SendError(message))),
                Err(TrySendError::Full(message)) => *place = Some(message),
            }
            if !is_last {
                self.writers.register(cx.waker());
            }
        }
        Poll::Pending
    }

    fn try_recv(&self) -> Result<T, TryRecvError> {
        if let Some(message) = self.messages.pop() {
            self.writers.wake();
            return Ok(message);
        }
        if !self.is_ended.load() {
            return Err(TryRecvError::Empty);
        }
        // The last sender may have sent before it went.
        self.messages.pop().ok_or(TryRecvError::Disconnected)
    }

    fn poll_recv(&self, cx: &mut Context<'_>) -> Poll<Result<T, RecvError>> {
        for is_last in [false, true] {
            match self.try_recv() {
                Ok(message) => return Poll::Ready(Ok(message)),
                Err(TryRecvError::Disconnected) => return Poll::Ready(Err(RecvError)),
                Err(TryRecvError::Empty) if is_last => {}
                Err(TryRecvError::Empty) => self.readers.register(cx.waker()),
            }
        }
        Poll::Pending
    }

    /// The last sender goes.
    fn end(&self) {
        self.is_ended.store(true);
        self.readers.wake();
    }

    /// The receiver goes.
    fn close(&self) {
        self.is_closed.store(true);
        P::fence();
        self.clear();
        self.writers.wake();
    }

    fn clear(&self) {
        while let Some(message) = self.messages.pop() {
            drop(message);
        }
    }
}

/// Sends from any thread. Clones send to the same receiver.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// Waits for room, and sends.
    ///
    /// # Errors
    /// The message, when the receiver is gone.
    ///
    /// # Cancel safety
    /// When it is dropped before it is ready, the message was not sent and is dropped with it.
    pub fn send(&self, message: T) -> Send<'_, T> {
        Send { sender: self, message: Some(message) }
    }

    /// Sends when there is room.
    ///
    /// # Errors
    /// The message, when there is no room or the receiver is gone.
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.shared.try_send(message)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        self.shared.senders.fetch_add(1, Ordering::SeqCst);
        Sender { shared: self.shared.clone() }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if self.shared.senders.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.shared.end();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

/// Future of [`Sender::send`].
#[must_use = "nothing is sent before it is awaited"]
pub struct Send<'a, T> {
    sender: &'a Sender<T>,
    /// `None` once it was sent.
    message: Option<T>,
}

/// The message is never pinned.
impl<T> Unpin for Send<'_, T> {}

impl<T> Future for Send<'_, T> {
    type Output = Result<(), SendError<T>>;

    /// # Panics
    /// When it is polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Send { sender, message } = &mut *self;
        sender.shared.poll_send(message, cx)
    }
}

impl<T> fmt::Debug for Send<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Send").finish_non_exhaustive()
    }
}

/// Receives, in one task at a time, on any core.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Receiver<T> {
    /// Waits for the next message.
    ///
    /// # Errors
    /// When all senders are gone and nothing is left.
    ///
    /// # Cancel safety
    /// No message is lost when the future is dropped.
    pub async fn recv(&mut self) -> Result<T, RecvError> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// As [`Receiver::recv`]; when there is nothing, the task of `cx` is woken by the next message.
    ///
    /// # Errors
    /// As `recv`.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, RecvError>> {
        self.shared.poll_recv(cx)
    }

    /// The next message, if there is one.
    ///
    /// # Errors
    /// `Empty`, or `Disconnected` when all senders are gone too.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.shared.try_recv()
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
