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
    /// What passed between this core and others.
    pub crossings: Crossings,
    /// Polls of tasks that took as long as `runtime.stall` or longer, or, under load, up to eight in a row: the log has named where these
    /// were started.
    pub stalls: u64,
    /// Turns of the loop.
    pub turns: u64,
    /// Times the idle core went to sleep.
    pub sleeps: u64,
}

/// What passed between a core and the others of its runtime.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Crossings {
    /// Frames handed to workers that this one shares its queue with.
    pub spread: u64,
    /// Such frames dropped because the other's ring was full.
    pub spread_dropped: u64,
    /// TCP frames that arrived here, or were shown to this core, and belong to no connection and no listener here: shown to
    /// the next core.
    pub misrouted: u64,
    /// Such frames dropped: the other's ring was full, or no buffer was left.
    pub misrouted_dropped: u64,
    /// Frames shown to this core that it took: they belonged here, or nobody had them and they were refused here.
    pub adopted: u64,
    /// Notices given to other cores: ARP packets for us, ICMP errors about flows that are not here; one for each core.
    pub notices: u64,
    /// Notices dropped because the other's ring was full.
    pub notices_dropped: u64,
}

impl Crossings {
    fn add(&mut self, other: &Crossings) {
        let Crossings {
            spread,
            spread_dropped,
            misrouted,
            misrouted_dropped,
            adopted,
            notices,
            notices_dropped,
        } = *other;
        self.spread += spread;
        self.spread_dropped += spread_dropped;
        self.misrouted += misrouted;
        self.misrouted_dropped += misrouted_dropped;
        self.adopted += adopted;
        self.notices += notices;
        self.notices_dropped += notices_dropped;
    }
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
            crossings: inner.shared.counts.get(),
            stalls: inner.tasks.stalls(),
            turns: inner.turns.get(),
            sleeps: inner.sleeps.get(),
        }
    }

    /// The counts and the levels of several cores added up: `core` and `link` are the first one's. `None` of none.
    pub fn total<'a>(all: impl IntoIterator<Item = &'a Snapshot>) -> Option<Snapshot> {
        let mut all = all.into_iter();
        let mut total = *all.next()?;
        for other in all {
            total.stack += other.stack;
            add_queue(&mut total.queue, &other.queue);
            total.pool.refused += other.pool.refused;
            total.pool.exhausted += other.pool.exhausted;
            total.crossings.add(&other.crossings);
            let Snapshot { pool_available, pool_slots, connections, half_open, time_wait, .. } = *other;
            total.pool_available += pool_available;
            total.pool_slots += pool_slots;
            total.connections += connections;
            total.half_open += half_open;
            total.time_wait += time_wait;
            let Snapshot { flows, tcp_timers, tcp_buffers, tasks, timers, stalls, turns, sleeps, .. } =
                *other;
            total.flows += flows;
            total.tcp_timers += tcp_timers;
            total.tcp_buffers += tcp_buffers;
            total.tasks += tasks;
            total.timers += timers;
            total.stalls += stalls;
            total.turns += turns;
            total.sleeps += sleeps;
        }
        Some(total)
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
        let (queue, pool, crossings) = (self.queue, self.pool, self.crossings);
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
            ("Spread", crossings.spread),
            ("SpreadDropped", crossings.spread_dropped),
            ("Misrouted", crossings.misrouted),
            ("MisroutedDropped", crossings.misrouted_dropped),
            ("Adopted", crossings.adopted),
            ("Notices", crossings.notices),
            ("NoticesDropped", crossings.notices_dropped),
            ("Stalls", self.stalls),
            ("Turns", self.turns),
            ("Sleeps", self.sleeps),
        ];
        self.stack.iter().chain(own)
    }
}

fn add_queue(total: &mut QueueStats, other: &QueueStats) {
    // Named, so that a new count is not forgotten here.
    let QueueStats {
        rx_frames,
        rx_bytes,
        rx_dropped,
        tx_frames,
        tx_bytes,
        tx_dropped,
        rx_copied_bytes,
        tx_copied_bytes,
        system_calls,
        held,
    } = *other;
    total.rx_frames += rx_frames;
    total.rx_bytes += rx_bytes;
    total.rx_dropped += rx_dropped;
    total.tx_frames += tx_frames;
    total.tx_bytes += tx_bytes;
    total.tx_dropped += tx_dropped;
    total.rx_copied_bytes += rx_copied_bytes;
    total.tx_copied_bytes += tx_copied_bytes;
    total.system_calls += system_calls;
    total.held += held;
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

#[cfg(test)]
mod tests;
