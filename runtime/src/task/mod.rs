//! Tasks: futures that a worker polls.

pub(crate) mod executor;
pub(crate) mod future;
pub(crate) mod header;
pub(crate) mod join_handle;
pub(crate) mod stall;
pub(crate) mod yield_now;
