//! An async userspace networking runtime.
mod core;
mod error;
pub mod net;
mod reactor;
pub mod stats;
mod task;
pub mod time;

pub use crate::core::budget::Budget;
pub use crate::core::clock::{Clock, ManualClock};
pub use crate::core::spawn::{Handle, spawn, spawn_local};
pub use crate::core::worker::{Progress, Worker};
pub use crate::task::join_handle::{JoinError, JoinHandle};
pub use crate::task::yield_now::yield_now;
