//! The connections of a server, to end them together.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use slab::Slab;

/// All connections of one server.
#[derive(Default)]
pub(super) struct Members {
    closing: Cell<bool>,
    wakers: RefCell<Slab<Option<Waker>>>,
    /// Waits for the last to leave.
    last: Cell<Option<Waker>>,
}

impl Members {
    pub(super) fn join(self: &Rc<Members>) -> Member {
        Member { all: self.clone(), key: self.wakers.borrow_mut().insert(None) }
    }

    /// Tells all that they should end, and waits until they have.
    pub(super) async fn close(&self) {
        self.closing.set(true);
        let wakers: Vec<Waker> = self.wakers.borrow_mut().iter_mut().filter_map(|(_, w)| w.take()).collect();
        wakers.into_iter().for_each(Waker::wake);
        poll_fn(|cx| {
            if self.wakers.borrow().is_empty() {
                return Poll::Ready(());
            }
            self.last.set(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

/// One connection; it leaves when it is dropped.
pub(super) struct Member {
    all: Rc<Members>,
    key: usize,
}

impl Member {
    /// Whether the connection should end; if not, the task is woken when it should.
    pub(super) fn poll_closing(&self, cx: &mut Context<'_>) -> bool {
        if self.all.closing.get() {
            return true;
        }
        let mut wakers = self.all.wakers.borrow_mut();
        let known = &mut wakers[self.key];
        let replaced = match known {
            Some(same) if same.will_wake(cx.waker()) => None,
            _ => known.replace(cx.waker().clone()),
        };
        drop(wakers);
        drop(replaced); // out of the borrow
        false
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut wakers = self.all.wakers.borrow_mut();
        let waker = wakers.try_remove(self.key);
        let none = wakers.is_empty();
        drop(wakers);
        drop(waker);
        if none && let Some(last) = self.all.last.take() {
            last.wake();
        }
    }
}

#[cfg(test)]
mod tests;
