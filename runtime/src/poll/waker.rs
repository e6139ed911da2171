//! Waking a `Poll` from other threads.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Registry, Token};
use crate::core::mailbox::Shared;

/// Whether somebody has woken a `Poll` since it looked last.
pub(crate) struct Bell {
    rung: AtomicBool,
    shared: Arc<Shared>,
}

impl Bell {
    /// Whether it was rung; it is silent afterwards.
    pub(crate) fn was_rung(&self) -> bool {
        self.rung.load(Ordering::Relaxed) && self.rung.swap(false, Ordering::Acquire)
    }
}

/// Makes a [`Poll::poll`](super::Poll::poll) return, from any thread, with a readable event for its token. A `Poll` has one; to
/// share it among threads, put it into an `Arc`.
///
/// Dropping it changes nothing for what was woken before.
pub struct Waker {
    bell: Arc<Bell>,
}

impl Waker {
    /// The waker of this registry's `Poll`; made on its core.
    ///
    /// # Errors
    /// `AlreadyExists` when there is one that was not dropped; `Unsupported` away from its core; `NotConnected` when the `Poll`
    /// was dropped.
    pub fn new(registry: &Registry, token: Token) -> io::Result<Waker> {
        registry.at_home(|inner, polls, key| {
            let bell = Arc::new(Bell { rung: AtomicBool::new(false), shared: inner.shared.clone() });
            polls.set_waker(key, token, &bell)?;
            Ok(Waker { bell })
        })
    }

    /// Wakes it: at once, or when it polls next. Calls before that make one event together. A system call only when the core
    /// sleeps.
    ///
    /// # Errors
    /// Never; as in mio it could.
    pub fn wake(&self) -> io::Result<()> {
        if !self.bell.rung.swap(true, Ordering::AcqRel) {
            self.bell.shared.mailbox.nudge();
        }
        Ok(())
    }
}

impl std::fmt::Debug for Waker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waker").field("core", &self.bell.shared.id()).finish_non_exhaustive()
    }
}
