//! What a layer needs from the stack while it works.

use corelane_nic::{Pool, TxBurst};

use crate::Stats;

/// Borrowed for one call.
pub(crate) struct Context<'a> {
    /// Frames to be sent; it always takes one more.
    pub(crate) out: &'a mut TxBurst,
    /// Buffers for what has none yet.
    pub(crate) pool: &'a Pool,
    /// Counters.
    pub(crate) stats: &'a mut Stats,
}
