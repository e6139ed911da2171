//! Giving way.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::core::current;

/// Lets the network and the other tasks have their turn, and goes on in the next one. Outside a worker it wakes
/// itself at once.
///
/// # Cancel safety
/// Nothing is lost when it is dropped.
pub async fn yield_now() {
    YieldNow { yielded: false }.await;
}

struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        let waker = cx.waker().clone();
        let mut waker = Some(waker);
        current::with(|inner| {
            if let Some(waker) = waker.take() {
                inner.tasks.defer(waker);
            }
        });
        if let Some(waker) = waker {
            waker.wake();
        }
        Poll::Pending
    }
}
