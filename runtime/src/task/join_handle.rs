//! What a task leaves behind.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use async_task::{FallibleTask, Task};

use crate::task::executor::Home;

/// Waits for a task's result. Dropping it lets the task run on, alone.
///
/// It is `Send` when the result is, and may be awaited on any thread and by any executor.
///
/// # Cancel safety
/// A `&mut JoinHandle` can be awaited again after its future was dropped; nothing is lost.
pub struct JoinHandle<T> {
    /// `None` once the result was given.
    task: Option<FallibleTask<T, Home>>,
}

impl<T> JoinHandle<T> {
    pub(crate) fn new(task: Task<T, Home>) -> JoinHandle<T> {
        JoinHandle { task: Some(task.fallible()) }
    }

    /// Ends the task at its next turn: its future is dropped. One that has ended already is untouched.
    pub fn cancel(mut self) {
        drop(self.task.take());
    }

    /// Whether the task has ended: by its result, a panic or because it was cancelled.
    pub fn is_finished(&self) -> bool {
        self.task.as_ref().is_none_or(|task| task.is_finished())
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    /// # Panics
    /// When it is polled again after it gave the result.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(task) = self.task.as_mut() else {
            panic!("a JoinHandle was polled after it gave its result")
        };
        // async-task hands a task's panic on by panicking here.
        let result = match catch_unwind(AssertUnwindSafe(|| Pin::new(task).poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(Some(value))) => Ok(value),
            Ok(Poll::Ready(None)) => Err(JoinError { panic: None }),
            Err(panic) => Err(JoinError { panic: Some(Mutex::new(panic)) }),
        };
        self.task = None;
        Poll::Ready(result)
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.detach();
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
    panic: Option<Mutex<Box<dyn Any + Send>>>,
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
