//! What a task leaves behind.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::task::header::Header;

/// What a panic was called with.
type Panic = Box<dyn Any + Send>;

/// How far a task is.
enum State<T> {
    Running,
    /// Somebody waits for its end.
    Joined(Waker),
    /// It has ended: with this.
    Ended(Result<T, JoinError>),
    /// And the result was given.
    Given,
}

/// What becomes of a task: shared by it and its join handle.
struct Outcome<T>(Mutex<State<T>>);

impl<T> Outcome<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing that holds the lock runs foreign code.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task's side of it. Dropped before it told anything it tells that the task was cancelled.
pub(crate) struct Ending<T>(Option<Arc<Outcome<T>>>);

impl<T> Ending<T> {
    pub(crate) fn tell(&mut self, result: Result<T, Panic>) {
        self.end(result.map_err(|panic| JoinError { panic: Some(Mutex::new(panic)) }));
    }

    fn end(&mut self, result: Result<T, JoinError>) {
        let Some(outcome) = self.0.take() else { return };
        let before = std::mem::replace(&mut *outcome.lock(), State::Ended(result));
        if let State::Joined(waker) = before {
            waker.wake();
        }
    }
}

impl<T> Drop for Ending<T> {
    fn drop(&mut self) {
        self.end(Err(JoinError { panic: None }));
    }
}

/// Waits for a task's result. Dropping it lets the task run on, alone.
///
/// It is `Send` when the result is, and may be awaited on any thread and by any executor.
///
/// # Cancel safety
/// A `&mut JoinHandle` can be awaited again after its future was dropped; nothing is lost.
pub struct JoinHandle<T> {
    header: Arc<Header>,
    outcome: Arc<Outcome<T>>,
}

impl<T> JoinHandle<T> {
    pub(crate) fn new(header: Arc<Header>) -> (JoinHandle<T>, Ending<T>) {
        let outcome = Arc::new(Outcome(Mutex::new(State::Running)));
        (JoinHandle { header, outcome: outcome.clone() }, Ending(Some(outcome)))
    }

    /// Ends the task at its next turn: its future is dropped. One that has ended already is untouched.
    pub fn cancel(self) {
        self.header.cancel();
    }

    /// Whether the task has ended: by its result, a panic or because it was cancelled.
    pub fn is_finished(&self) -> bool {
        matches!(*self.outcome.lock(), State::Ended(_) | State::Given)
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    /// # Panics
    /// When it is polled again after it gave the result.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let waker = cx.waker().clone();
        let mut state = self.outcome.lock();
        let before = match &*state {
            State::Running | State::Joined(_) => std::mem::replace(&mut *state, State::Joined(waker)),
            State::Ended(_) | State::Given => std::mem::replace(&mut *state, State::Given),
        };
        drop(state); // wakers and results are dropped, and a panic is begun, without the lock
        match before {
            State::Running | State::Joined(_) => Poll::Pending,
            State::Ended(result) => Poll::Ready(result),
            State::Given => panic!("a JoinHandle was polled after it gave its result"),
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("finished", &self.is_finished()).finish()
    }
}

/// Why a task has no result.
pub struct JoinError {
    /// What it panicked with; `None` = it was cancelled. The mutex makes the error `Sync`.
    panic: Option<Mutex<Panic>>,
}

impl JoinError {
    /// Whether the task panicked. The worker and its other tasks are not touched by that.
    pub fn is_panic(&self) -> bool {
        self.panic.is_some()
    }

    /// Whether the task was cancelled, or its worker ended before it did.
    pub fn is_cancelled(&self) -> bool {
        self.panic.is_none()
    }

    /// What the task panicked with, for `std::panic::resume_unwind`; the error again when it was cancelled.
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send>, JoinError> {
        match self.panic {
            Some(panic) => Ok(panic.into_inner().unwrap_or_else(PoisonError::into_inner)),
            None => Err(self),
        }
    }

    /// The text that the task panicked with, when it was text.
    fn message(&self) -> Option<String> {
        let panic = self.panic.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_string());
        text.or_else(|| panic.downcast_ref::<String>().cloned())
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.is_panic(), self.message()) {
            (true, Some(message)) => write!(f, "the task panicked: {message}"),
            (true, None) => f.write_str("the task panicked"),
            (false, _) => f.write_str("the task was cancelled"),
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinError({self})")
    }
}

impl std::error::Error for JoinError {}

impl From<JoinError> for std::io::Error {
    fn from(error: JoinError) -> std::io::Error {
        std::io::Error::other(error)
    }
}
