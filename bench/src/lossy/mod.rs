//! corelane and the kernel across a bad network, beside the kernel and the kernel across the same one.
//!
//! | file | what |
//! |---|---|
//! | args | the flags |
//! | bed | three network namespaces: a host, a forwarder, a host |
//! | pool | runs side by side |
//! | cell | the networks that are measured |
//! | transfer, transfers | one transfer; all of them in rounds |
//! | report | the medians, and the tables of them |
//! | conversations | seeded conversations: what both ends see must not hang on whose stack it is |

mod args;
mod bed;
mod cell;
mod conversations;
mod pool;
mod report;
mod transfer;
mod transfers;

pub use args::{CommonArgs, DifferArgs, Disorder, LossyArgs};
pub use cell::Network;
pub use conversations::run as conversations;
pub use report::Series;
pub use transfer::{Direction, Transfer};
pub use transfers::{measure, run as transfers};
