//! Which worker the running thread is in.

use std::cell::Cell;
use std::mem::{ManuallyDrop, forget};
use std::rc::Rc;

use crate::core::inner::Inner;

thread_local! {
    // What has no destructor costs an access less; and `enter` leaves nothing behind that needs one.
    static CURRENT: ManuallyDrop<Cell<Option<Rc<Inner>>>> = const { ManuallyDrop::new(Cell::new(None)) };
}

/// A hold of the current worker, if there is one, for as long as no foreign code runs (see [`with`]). Counting it up and down costs
/// less than work inside `LocalKey::with`: that is a call of its own.
#[inline(always)]
pub(crate) fn get() -> Option<Rc<Inner>> {
    let inner = CURRENT.with(|current| {
        let inner = current.take();
        forget(current.replace(inner.clone())); // `None`: it was taken, and a check of that is saved
        inner
    })?;
    inner.tokio.disturb();
    Some(inner)
}

/// Runs `f` with the current worker, if there is one. `f` must not run foreign code (wake, or drop wakers and
/// futures): hand these out and let them go afterwards.
#[inline(always)]
pub(crate) fn with<R>(f: impl FnOnce(&Rc<Inner>) -> R) -> Option<R> {
    get().map(|inner| f(&inner))
}

/// Runs `f` inside a worker, and returns to the one before it (if any) afterwards, even when `f` panics.
pub(crate) fn enter<R>(inner: &Rc<Inner>, f: impl FnOnce() -> R) -> R {
    struct Restore(Option<Rc<Inner>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            let entered = CURRENT.with(|current| current.replace(self.0.take()));
            drop(entered);
        }
    }
    let _restore = Restore(CURRENT.with(|current| current.replace(Some(inner.clone()))));
    let _tokio = inner.tokio.enter();
    f()
}
