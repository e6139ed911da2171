//! A task: a future, with what it is polled with.

use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;

use crate::core::mailbox::Shared;
use crate::task::header::Header;
use crate::task::join_handle::{Ending, JoinHandle};

/// Where a task was started: its name, in the log.
pub(crate) type Origin = &'static Location<'static>;

pin_project! {
    /// In one piece of memory, from its start to its end.
    pub(crate) struct Task<F>
    where
        F: ?Sized,
    {
        header: Arc<Header>,
        waker: Waker,
        origin: Origin,
        #[pin]
        future: F,
    }
}

/// A task whose future is known.
pub(crate) type NewTask<F> = Pin<Box<Task<Joined<F>>>>;

/// A task as its worker has it.
pub(crate) type LocalTask = Pin<Box<Task<dyn Future<Output = ()>>>>;

/// A task on its way to its worker.
pub(crate) type SendableTask = Pin<Box<Task<dyn Future<Output = ()> + Send>>>;

impl<F: ?Sized> Task<F> {
    /// Of one that was not polled yet.
    pub(crate) fn header(&self) -> &Header {
        &self.header
    }
}

// A future may borrow of itself, and a shared reference to all of it would end that (rust-lang/rust 137750): these go by the pin.
impl<F: Future<Output = ()> + ?Sized> Task<F> {
    #[inline]
    pub(crate) fn origin(self: Pin<&mut Self>) -> Origin {
        self.project().origin
    }

    /// Polls it, with the waker that `begin` is shown before.
    #[inline]
    pub(crate) fn poll(self: Pin<&mut Self>, begin: impl FnOnce(&Waker)) -> Poll<()> {
        let this = self.project();
        begin(this.waker);
        this.future.poll(&mut Context::from_waker(this.waker))
    }
}

/// A task of the worker that `shared` belongs to, whose result goes to the join handle.
pub(crate) fn new<F: Future>(
    shared: &Arc<Shared>,
    origin: Origin,
    future: F,
) -> (NewTask<F>, JoinHandle<F::Output>) {
    let header = Header::new(shared);
    let (handle, ending) = JoinHandle::new(header.clone());
    let waker = Waker::from(header.clone());
    (Box::pin(Task { header, waker, origin, future: Joined { future: Some(future), ending } }), handle)
}

pin_project! {
    /// A future whose end its join handle hears of.
    pub(crate) struct Joined<F>
    where
        F: Future,
    {
        #[pin]
        future: Option<F>,
        // Dropped after the future: who hears that a task was cancelled finds its future gone.
        ending: Ending<F::Output>,
    }
}

impl<F: Future> Future for Joined<F> {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let polled = catch_unwind(AssertUnwindSafe(|| this.future.as_mut().as_pin_mut().map(|f| f.poll(cx))));
        let result = match polled {
            Ok(Some(Poll::Pending)) => return Poll::Pending,
            Ok(Some(Poll::Ready(value))) => Ok(value),
            Ok(None) => return Poll::Ready(()), // nobody polls what has ended
            Err(panic) => Err(panic),
        };
        // Before anybody hears of the end: what the future held is free again.
        let dropped = catch_unwind(AssertUnwindSafe(|| this.future.set(None)));
        this.ending.tell(dropped.and(result));
        Poll::Ready(())
    }
}
