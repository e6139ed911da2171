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
    let (mut ends, mut config) = (LinkConfig::default(), Config::default());
    if cfg!(miri) {
        // It takes a millisecond to make a buffer.
        ends.slots = 128;
        config.tcp.tcp_mem = 64 * 1024;
    }
    let (_, queue, _) = corelane_sim::Link::new(&ends).unwrap();
    let link = Link { medium: Medium::Ip, mtu: 1500, offloads: Offloads::default() };
    let stack = Stack::new(config, link, queue.pool().clone(), [0; 32]);
    Worker::new(Box::new(queue), stack, clock).unwrap()
}
