//! What a worker has counted.

use corelane_netstack::Stats;
use corelane_nic::{PoolStats, QueueStats};

use crate::core::current;
use crate::core::inner::Inner;

/// The counters of one core, at one point in time. Counts only grow; what is a level says so.
#[derive(Debug, Clone, Copy)]
pub struct Snapshot {
    /// The worker's number.
    pub core: u32,
    /// What the TCP/IP stack has counted.
    pub stack: Stats,
    /// What the NIC queue has counted.
    pub queue: QueueStats,
    /// What the pool of buffers has refused.
    pub pool: PoolStats,
    /// Level: buffers free in the pool, its reserve included.
    pub pool_available: usize,
    /// Buffers of the pool in all.
    pub pool_slots: usize,
    /// Level: connections open or opening, with those that nobody holds any more and that still send.
    pub connections: usize,
    /// Level: connections that a peer has begun to open.
    pub half_open: usize,
    /// Level: TIME-WAIT records.
    pub time_wait: usize,
    /// Level: tasks that have not ended.
    pub tasks: usize,
    /// Level: timers of tasks.
    pub timers: usize,
    /// Turns of the loop.
    pub turns: u64,
    /// Times the idle core went to sleep.
    pub sleeps: u64,
}

impl Snapshot {
    pub(crate) fn of(inner: &Inner) -> Snapshot {
        let stack = inner.stack.borrow();
        Snapshot {
            core: inner.shared.id(),
            stack: *stack.stats(),
            queue: inner.device.borrow().queue.stats(),
            pool: stack.pool().stats(),
            pool_available: stack.pool().available(),
            pool_slots: stack.pool().config().slots as usize, // a u32
            connections: stack.connections(),
            half_open: stack.half_open(),
            time_wait: stack.time_wait(),
            tasks: inner.tasks.len(),
            timers: inner.timers.borrow().len(),
            turns: inner.turns.get(),
            sleeps: inner.sleeps.get(),
        }
    }
}

/// What this core has counted; `None` when the thread runs no worker.
pub fn snapshot() -> Option<Snapshot> {
    current::with(|inner| Snapshot::of(inner))
}
