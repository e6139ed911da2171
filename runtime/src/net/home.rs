//! The core that a socket belongs to.

use std::io;
use std::rc::Rc;

use corelane_nic::Pool;

use crate::core::current;
use crate::core::inner::Inner;
use crate::engine::{self, Engine};

/// The buffers of this core, to build what is sent without a copy: `Chunk::copy_from(&pool, ..)`, or `pool.take()` and
/// `Packet::freeze`.
///
/// # Errors
/// `NotConnected` when the thread runs no worker.
pub fn pool() -> io::Result<Pool> {
    here(|inner| inner.engine.pool())
}

/// Runs `f` with the worker of this thread, whichever it is. `f` must not run foreign code: see [`current::with`].
pub(crate) fn here<R>(f: impl FnOnce(&Rc<Inner>) -> R) -> io::Result<R> {
    current::with(f).ok_or_else(|| {
        let message = "this thread runs no corelane worker: use sockets in a task or in block_on";
        io::Error::new(io::ErrorKind::NotConnected, message)
    })
}

/// Runs `f` on the worker `core`, which must be this thread's. `f` must not run foreign code: see [`current::with`].
#[inline(always)]
pub(crate) fn at<R>(core: u32, what: &str, f: impl FnOnce(&Inner) -> R) -> io::Result<R> {
    worker(core, what).map(|inner| f(&inner))
}

/// The worker `core`, which must be this thread's, for as long as no foreign code runs: see [`current::with`].
#[inline(always)]
pub(crate) fn worker(core: u32, what: &str) -> io::Result<Rc<Inner>> {
    match current::get() {
        Some(inner) if inner.id == core => Ok(inner),
        other => Err(elsewhere(core, what, other.map(|inner| inner.id))),
    }
}

/// A command to the engine of worker `core`, which must be this thread's.
#[inline]
pub(crate) fn command<R>(
    core: u32,
    what: &str,
    f: impl FnOnce(&Engine) -> engine::Result<R>,
) -> io::Result<R> {
    match at(core, what, |inner| f(&inner.engine).map_err(io::Error::from)) {
        Ok(result) => result,
        Err(error) => Err(error),
    }
}

#[cold]
fn elsewhere(core: u32, what: &str, here: Option<u32>) -> io::Error {
    let place = here.map_or_else(|| "a thread without a worker".to_string(), |id| format!("core {id}"));
    let message = format!(
        "a {what} of core {core} was used on {place}: sockets work only on their own core; move the data, not the socket"
    );
    io::Error::new(io::ErrorKind::Unsupported, message)
}
