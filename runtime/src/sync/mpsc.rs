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
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
pub use std::sync::mpsc::{RecvError, SendError, TryRecvError, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crossbeam::queue::ArrayQueue;
use crossbeam::utils::CachePadded;

/// A channel that holds `bound` messages. Those of one sender arrive in the order in which they were sent.
///
/// # Panics
/// When `bound` is 0: a task can't hand over what another has not come for.
pub fn channel<T>(bound: usize) -> (Sender<T>, Receiver<T>) {
    assert!(bound > 0, "a channel must hold a message or more");
    let shared = Arc::new(Shared {
        messages: ArrayQueue::new(bound),
        senders: AtomicUsize::new(1),
        is_closed: AtomicBool::new(false),
        readers: Waiting::default(),
        writers: Waiting::default(),
    });
    (Sender { shared: shared.clone() }, Receiver { shared })
}

struct Shared<T> {
    messages: ArrayQueue<T>,
    senders: AtomicUsize,
    /// The receiver is gone.
    is_closed: AtomicBool,
    /// The receiver, when it found nothing.
    readers: Waiting,
    /// Senders that found no room.
    writers: Waiting,
}

/// Tasks that wait for a change. Who waits registers and then looks again; who changes something looks for them afterwards: one of the
/// two sees the other.
#[derive(Default)]
struct Waiting {
    any: CachePadded<AtomicBool>,
    wakers: Mutex<Vec<Waker>>,
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, Vec<Waker>> {
        // Cloning and dropping wakers does not panic, and a list of them is never half-made.
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be followed by another look at what is waited for.
    fn register(&self, waker: &Waker) {
        let mut wakers = self.lock();
        if !wakers.iter().any(|known| known.will_wake(waker)) {
            wakers.push(waker.clone());
        }
        self.any.store(true, Ordering::SeqCst);
        drop(wakers);
        fence(Ordering::SeqCst);
    }

    /// Wakes all: which of them has ended meanwhile is not known, and it would swallow what is meant for another.
    fn wake(&self) {
        fence(Ordering::SeqCst);
        if !self.any.load(Ordering::Relaxed) {
            return;
        }
        let wakers = {
            let mut wakers = self.lock();
            self.any.store(false, Ordering::SeqCst);
            std::mem::take(&mut *wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl<T> Shared<T> {
    fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        if self.is_closed.load(Ordering::SeqCst) {
            return Err(TrySendError::Disconnected(message));
        }
        self.messages.push(message).map_err(TrySendError::Full)?;
        if self.is_closed.load(Ordering::SeqCst) {
            self.clear(); // it was closed in between: nobody else will
        }
        self.readers.wake();
        Ok(())
    }

    fn try_recv(&self) -> Result<T, TryRecvError> {
        if let Some(message) = self.messages.pop() {
            self.writers.wake();
            return Ok(message);
        }
        if self.senders.load(Ordering::SeqCst) > 0 {
            return Err(TryRecvError::Empty);
        }
        // The last sender may have sent before it went.
        self.messages.pop().ok_or(TryRecvError::Disconnected)
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
            self.shared.readers.wake();
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
        let Some(mut message) = self.message.take() else { panic!("a Send was polled after it was ready") };
        let shared = &self.sender.shared;
        for is_last in [false, true] {
            match shared.try_send(message) {
                Ok(()) => return Poll::Ready(Ok(())),
                Err(TrySendError::Disconnected(message)) => return Poll::Ready(Err(SendError(message))),
                Err(TrySendError::Full(back)) => message = back,
            }
            if !is_last {
                shared.writers.register(cx.waker());
            }
        }
        self.message = Some(message);
        Poll::Pending
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
        for is_last in [false, true] {
            match self.shared.try_recv() {
                Ok(message) => return Poll::Ready(Ok(message)),
                Err(TryRecvError::Disconnected) => return Poll::Ready(Err(RecvError)),
                Err(TryRecvError::Empty) if is_last => {}
                Err(TryRecvError::Empty) => self.shared.readers.register(cx.waker()),
            }
        }
        Poll::Pending
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
        self.shared.is_closed.store(true, Ordering::SeqCst);
        self.shared.clear();
        self.shared.writers.wake();
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
