//! The queue of one end of a [`Link`](crate::Link).

use std::os::fd::BorrowedFd;
use std::rc::Rc;

use corelane_nic::{NicInfo, Pool, Queue, QueueStats, RxBurst, TxBurst};

use crate::Side;
use crate::link::Shared;

/// One end of a [`Link`](crate::Link).
///
/// A sent packet is not copied: it goes to the other end as it is and counts against the pool that it came
/// from until the receiver drops it. Payload chunks are copied in behind the headers, and counted.
pub struct LinkQueue {
    shared: Rc<Shared>,
    side: Side,
    pool: Pool,
    info: NicInfo,
    stats: QueueStats,
}

impl LinkQueue {
    pub(crate) fn new(shared: Rc<Shared>, side: Side, pool: Pool, info: NicInfo) -> LinkQueue {
        LinkQueue { shared, side, pool, info, stats: QueueStats::default() }
    }

    /// What this end is and can do, as a [`Nic`](corelane_nic::Nic) would tell.
    pub fn info(&self) -> &NicInfo {
        &self.info
    }
}

impl Queue for LinkQueue {
    fn pool(&self) -> &Pool {
        &self.pool
    }

    fn receive(&mut self, burst: &mut RxBurst) {
        self.shared.direction(self.side.other()).borrow_mut().receive(burst, &mut self.stats);
    }

    fn transmit(&mut self, burst: &mut TxBurst) {
        let now = self.shared.now.get();
        self.shared.direction(self.side).borrow_mut().send(now, burst, &mut self.stats);
    }

    /// Always `None`: time is virtual, so nobody sleeps.
    fn interrupt(&mut self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn stats(&self) -> QueueStats {
        let incoming = self.shared.direction(self.side.other()).borrow().stats();
        QueueStats { rx_dropped: incoming.ring_full, ..self.stats }
    }
}
