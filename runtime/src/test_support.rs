//! Workers for the unit tests.

use corelane_netstack::{Config, Link, Stack};
use corelane_nic::{Medium, Offloads, Queue};
use corelane_sim::LinkConfig;

use crate::{Clock, ManualClock, Worker};

/// A worker in virtual time on a link that nobody else is on.
pub(crate) fn worker() -> (Worker, ManualClock) {
    let (clock, hand) = Clock::manual();
    (worker_with(clock), hand)
}

/// As [`worker`], with this clock.
pub(crate) fn worker_with(clock: Clock) -> Worker {
    let (_, queue, _) = corelane_sim::Link::new(&LinkConfig::default()).unwrap();
    let link = Link { medium: Medium::Ip, mtu: 1500, offloads: Offloads::default() };
    let stack = Stack::new(Config::default(), link, queue.pool().clone(), [0; 32]);
    Worker::new(Box::new(queue), stack, clock).unwrap()
}
