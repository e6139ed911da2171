//! What a worker has counted.

use corelane_netstack::Stats;
pub use corelane_netstack::{SocketInfo, SocketOwner};
use corelane_nic::{LinkState, PoolStats, QueueStats};

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
    /// Whether the device's link is up; `None` where it does not tell.
    pub link: Option<LinkState>,
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
    /// Level: entries of the flow table, for all of these.
    pub flows: usize,
    /// Level: timers of the stack that wait.
    pub tcp_timers: usize,
    /// Level: buffers of copied bytes in use (`tcp_mem`).
    pub tcp_buffers: usize,
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
        let pool = inner.engine.pool();
        let counts = inner.engine.counts();
        Snapshot {
            core: inner.shared.id(),
            stack: counts.stack,
            queue: counts.queue,
            link: counts.link,
            pool: pool.stats(),
            pool_available: pool.available(),
            pool_slots: pool.config().slots as usize, // a u32
            connections: counts.connections,
            half_open: counts.half_open,
            time_wait: counts.time_wait,
            flows: counts.flows,
            tcp_timers: counts.tcp_timers,
            tcp_buffers: counts.tcp_buffers,
            tasks: inner.tasks.len(),
            timers: inner.timers.borrow().len(),
            turns: inner.turns.get(),
            sleeps: inner.sleeps.get(),
        }
    }

    /// Level: buffers of the pool that are neither free nor the device's.
    pub fn buffers_in_use(&self) -> usize {
        let held = usize::try_from(self.queue.held).unwrap_or(usize::MAX);
        self.pool_slots.saturating_sub(self.pool_available).saturating_sub(held)
    }

    /// The levels, which are back at their start when nothing is open any more.
    pub fn levels(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("BuffersInUse", self.buffers_in_use()),
            ("Connections", self.connections),
            ("HalfOpen", self.half_open),
            ("TimeWait", self.time_wait),
            ("Flows", self.flows),
            ("TcpTimers", self.tcp_timers),
            ("TcpBuffers", self.tcp_buffers),
            ("Tasks", self.tasks),
            ("TaskTimers", self.timers),
        ]
        .into_iter()
        .map(|(name, level)| (name, level as u64)) // a usize has at most 64 bits
    }

    /// The counts, by their names in `nstat` where Linux has them.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let (queue, pool) = (self.queue, self.pool);
        let own = [
            ("RxFrames", queue.rx_frames),
            ("RxBytes", queue.rx_bytes),
            ("RxDropped", queue.rx_dropped),
            ("TxFrames", queue.tx_frames),
            ("TxBytes", queue.tx_bytes),
            ("TxDropped", queue.tx_dropped),
            ("RxCopiedByDriver", queue.rx_copied_bytes),
            ("TxCopiedByDriver", queue.tx_copied_bytes),
            ("SystemCalls", queue.system_calls),
            ("PoolRefused", pool.refused),
            ("PoolExhausted", pool.exhausted),
            ("Turns", self.turns),
            ("Sleeps", self.sleeps),
        ];
        self.stack.iter().chain(own)
    }
}

/// What this core has counted; `None` when the thread runs no worker.
pub fn snapshot() -> Option<Snapshot> {
    current::with(|inner| Snapshot::of(inner))
}

/// The sockets of this core, as `ss -a` lists them: listeners, connections, half-open ones, TIME-WAIT; `None` when the thread
/// runs no worker. It looks at every one, so not on a busy core that has a million of them.
pub fn sockets() -> Option<Vec<SocketInfo>> {
    current::with(|inner| inner.engine.sockets())
}

/// What the device of this core counts itself, for all of its queues, by the names that its driver gives (DPDK's xstats);
/// empty where it counts nothing, `None` when the thread runs no worker.
pub fn device_snapshot() -> Option<Vec<(String, u64)>> {
    current::with(|inner| inner.engine.device_stats())
}
