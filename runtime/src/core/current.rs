//! Which worker the running thread is in.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::rc::Rc;

use crate::core::inner::Inner;

thread_local! {
    // What has no destructor costs an access less; and `enter` leaves nothing behind that needs one.
    static CURRENT: ManuallyDrop<RefCell<Option<Rc<Inner>>>> = const { ManuallyDrop::new(RefCell::new(None)) };
}

/// Runs `f` with the current worker, if there is one. `f` must not run foreign code (wake, or drop wakers and
/// futures): hand these out and let them go afterwards.
#[inline(always)]
pub(crate) fn with<R>(f: impl FnOnce(&Rc<Inner>) -> R) -> Option<R> {
    CURRENT.with(|current| {
        current.borrow().as_ref().map(|inner| {
            inner.tokio.disturb();
            f(inner)
        })
    })
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
