//! In the place of the tokio runtime, without the feature `tokio-rt`: nothing.

use std::io;
use std::os::fd::BorrowedFd;

use corelane_netstack::Instant;

pub(crate) struct TokioRt;

/// In the place of the guard of tokio's context.
pub(crate) struct NoGuard;

impl TokioRt {
    pub(crate) fn new(_: BorrowedFd<'_>, _: Instant) -> io::Result<TokioRt> {
        Ok(TokioRt)
    }

    #[inline(always)]
    pub(crate) fn enter(&self) -> NoGuard {
        NoGuard
    }

    #[inline(always)]
    pub(crate) fn drive(&self, _: Instant) -> bool {
        false
    }

    #[cfg(feature = "test-util")]
    pub(crate) fn hurry(&self) {}

    #[inline(always)]
    pub(crate) fn is_idle(&self) -> bool {
        true
    }

    #[inline(always)]
    pub(crate) fn disturb(&self) {}

    #[inline(always)]
    pub(crate) fn shutdown(&self) {}
}
