//! How the workers of a runtime reach each other's stacks.
//!
//! ```text
//!  worker 0: queue 0 ---- down, up ---- worker 2       flows of a queue that several workers share (spread.rs)
//!                \------- down, up ---- worker 4
//!  any worker --- inbox ---> any other                 frames that arrived on the wrong core, shown to one after the other
//!  any worker --- notices -> all others                ARP answers, ICMP errors
//! ```
//!
//! All of it is bounded; what finds a ring full is dropped and counted, as by a device.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use corelane_netstack::{CorePorts, Instant, Notice, Stack};
use corelane_nic::{NicInfo, PoolConfig, RxBurst, RxFrame};
use crossbeam::queue::ArrayQueue;

use crate::core::lane::Lane;
use crate::core::mailbox::Shared;
use crate::core::route::Route;
use crate::core::steering::Steering;

/// Frames between a queue's worker and one that it feeds, each way: some turns' worth.
const LANE: usize = 512;

/// Frames that wait to be looked at by a worker that they did not arrive at.
const INBOX: usize = 512;

/// Notices that wait to be taken in.
const NOTICES: usize = 256;

/// What a worker takes in of others in one turn, of frames and of notices each.
const BURST: usize = 64;

/// The rings of a worker that has no queue of its own.
pub(crate) struct Duplex {
    /// Frames that were received for it.
    pub(crate) down: Lane,
    /// Frames that it sends.
    pub(crate) up: Lane,
    /// Buffers like those of the queue's pool: set when the queue is open.
    pub(crate) buffers: OnceLock<PoolConfig>,
}

/// What the workers of a runtime share.
pub(crate) struct Mesh {
    pub(crate) workers: Vec<Arc<Shared>>,
    pub(crate) queues: u16,
    pub(crate) steering: Steering,
    /// Of those beyond the queues.
    duplexes: Vec<Duplex>,
    inboxes: Vec<Lane>,
    notices: Vec<ArrayQueue<Notice>>,
    /// Of each worker, during a shutdown: whether it has finished what it had.
    drained: Vec<AtomicBool>,
}

impl Mesh {
    /// # Errors
    /// As [`Steering::new`].
    pub(crate) fn new(
        info: &NicInfo,
        queues: u16,
        workers: Vec<Arc<Shared>>,
        weights: &[u32],
        ephemeral: (u16, u16),
    ) -> io::Result<Mesh> {
        let count = workers.len() as u16; // MAX_WORKERS at most
        let duplex = || Duplex { down: Lane::new(LANE), up: Lane::new(LANE), buffers: OnceLock::new() };
        Ok(Mesh {
            steering: Steering::new(info, queues, count, weights, ephemeral)?,
            queues,
            duplexes: (queues..count).map(|_| duplex()).collect(),
            inboxes: workers.iter().map(|_| Lane::new(INBOX)).collect(),
            notices: workers.iter().map(|_| ArrayQueue::new(NOTICES)).collect(),
            drained: workers.iter().map(|_| AtomicBool::new(false)).collect(),
            workers,
        })
    }

    /// The rings of worker `index`, if it is one that has no queue.
    pub(crate) fn duplex(&self, index: u16) -> Option<&Duplex> {
        self.duplexes.get(usize::from(index.checked_sub(self.queues)?))
    }

    /// The worker whose queue worker `index` uses: its own, or the one that feeds it.
    pub(crate) fn feeder(&self, index: u16) -> u16 {
        index % self.queues
    }

    /// The workers that worker `index` feeds.
    pub(crate) fn fed_by(&self, index: u16) -> impl Iterator<Item = u16> {
        (self.queues..self.len()).filter(move |worker| self.feeder(*worker) == index)
    }

    pub(crate) fn worker(&self, index: u16) -> &Shared {
        &self.workers[usize::from(index)]
    }

    fn others(&self, own: u16) -> impl Iterator<Item = u16> {
        (0..self.len()).filter(move |other| *other != own)
    }

    fn len(&self) -> u16 {
        self.workers.len() as u16 // MAX_WORKERS at most
    }
}

/// The others, as a worker that ends sees them.
pub(crate) struct Peers {
    mesh: Arc<Mesh>,
    index: u16,
}

impl Peers {
    pub(crate) fn new(mesh: Arc<Mesh>, index: u16) -> Peers {
        Peers { mesh, index }
    }

    /// Says whether this worker has finished what it had. Returns whether all have: before that, frames of the others may still
    /// come and go by way of this one.
    pub(crate) fn note_drained(&self, is_drained: bool) -> bool {
        let was_drained = self.mesh.drained[usize::from(self.index)].swap(is_drained, Ordering::SeqCst);
        if is_drained && !was_drained {
            self.mesh.others(self.index).for_each(|other| self.mesh.worker(other).mailbox.nudge());
        }
        let is_done = |other: u16| {
            self.mesh.drained[usize::from(other)].load(Ordering::SeqCst)
                || self.mesh.worker(other).mailbox.is_closed()
        };
        is_drained && self.mesh.others(self.index).all(is_done)
    }

    /// Whether those that are fed from here have ended: before that their frames must still go out.
    pub(crate) fn is_last(&self) -> bool {
        self.mesh.fed_by(self.index).all(|worker| self.mesh.worker(worker).mailbox.is_closed())
    }

    /// The worker ends: whoever waits for that is told.
    pub(crate) fn leave(&self) {
        self.mesh.worker(self.mesh.feeder(self.index)).mailbox.nudge();
    }
}

/// A stack's place in the mesh.
pub(crate) struct Seat {
    mesh: Arc<Mesh>,
    index: u16,
    /// For one frame.
    burst: RxBurst,
}

impl Seat {
    /// Lets `stack` know that it is not alone.
    pub(crate) fn new(mesh: Arc<Mesh>, index: u16, stack: &mut Stack) -> Seat {
        stack.share();
        let (owner, home) = (mesh.clone(), mesh.clone());
        stack.set_core_ports(CorePorts {
            is_own: Box::new(move |flow| owner.steering.owner_of(flow) == index),
            is_home: Box::new(move |flow| home.steering.worker_of(flow) == index),
        });
        Seat { mesh, index, burst: RxBurst::with_capacity(1) }
    }

    fn own(&self) -> &Shared {
        self.mesh.worker(self.index)
    }

    /// Gives and takes what belongs to other workers and to this one. Returns how much was taken in.
    pub(crate) fn exchange(&mut self, now: Instant, stack: &mut Stack) -> u32 {
        self.pass_on(now, stack);
        let count = self.take_notices(now, stack) + self.take_frames(now, stack);
        self.tell(stack);
        count
    }

    /// Frames that arrived here and belong elsewhere.
    fn pass_on(&mut self, now: Instant, stack: &mut Stack) {
        while let Some(frame) = stack.next_stray() {
            let Some(flow) = self.mesh.steering.flow(&frame.packet) else {
                // With IP options; nobody computes where it should have arrived.
                self.ask_next(now, frame, Route::new(self.index, self.index), stack);
                continue;
            };
            let first = self.mesh.steering.guess(&flow);
            if self.index < self.mesh.queues {
                self.mesh.steering.learn(&flow, self.index);
            }
            self.ask_next(now, frame, Route::new(self.index, first), stack);
        }
        let dropped = stack.take_strays_dropped();
        if dropped > 0 {
            self.own().counts.misrouted_dropped.add(dropped);
        }
    }

    /// Shows a frame to the next worker; when all have seen it, it is refused here.
    fn ask_next(&mut self, now: Instant, frame: RxFrame, mut route: Route, stack: &mut Stack) {
        let workers = self.mesh.len();
        while let Some(next) = route.next(workers) {
            let other = self.mesh.worker(next);
            if other.mailbox.is_closed() {
                continue;
            }
            let is_in = self.mesh.inboxes[usize::from(next)].put(|parcel| {
                parcel.set_received(&frame);
                parcel.route = route;
            });
            if is_in {
                self.own().counts.misrouted.add(1);
                other.mailbox.nudge();
            } else {
                self.own().counts.misrouted_dropped.add(1);
            }
            return;
        }
        self.burst.push(frame);
        stack.receive_last(now, &mut self.burst);
        self.drop_rest();
    }

    /// What the stack could not answer now is lost, and counted.
    fn drop_rest(&mut self) {
        while self.burst.pop().is_some() {
            self.own().counts.misrouted_dropped.add(1);
        }
    }

    /// Frames that arrived elsewhere, and may belong here.
    fn take_frames(&mut self, now: Instant, stack: &mut Stack) -> u32 {
        let mut count = 0;
        for _ in 0..BURST {
            let inbox = &self.mesh.inboxes[usize::from(self.index)];
            let Some((frame, route)) = inbox.take(|parcel| (parcel.to_received(stack.pool()), parcel.route))
            else {
                break;
            };
            count += 1;
            let Some(frame) = frame else {
                self.own().counts.misrouted_dropped.add(1);
                continue;
            };
            self.burst.push(frame);
            if route.is_over(self.mesh.len()) {
                stack.receive_last(now, &mut self.burst);
            } else {
                stack.receive(now, &mut self.burst);
            }
            self.drop_rest();
            match stack.next_stray() {
                Some(frame) => self.ask_next(now, frame, route, stack),
                None => self.own().counts.adopted.add(1),
            }
        }
        count
    }

    fn take_notices(&mut self, now: Instant, stack: &mut Stack) -> u32 {
        let mut count = 0;
        while count < BURST as u32
            && let Some(notice) = self.mesh.notices[usize::from(self.index)].pop()
        {
            stack.take_notice(now, &notice);
            count += 1;
        }
        count
    }

    fn tell(&self, stack: &mut Stack) {
        while let Some(notice) = stack.next_notice() {
            for other in self.mesh.others(self.index) {
                let counts = &self.own().counts;
                match self.mesh.notices[usize::from(other)].push(notice) {
                    Ok(()) => counts.notices.add(1),
                    Err(_) => counts.notices_dropped.add(1),
                }
                self.mesh.worker(other).mailbox.nudge();
            }
        }
    }
}
