//! Two hosts on one thread, joined in memory, in virtual time.
#![allow(dead_code, reason = "each test file uses its part")]

pub mod engines;

use std::future::Future;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use corelane::stats::Snapshot;
use corelane::{Clock, JoinHandle, ManualClock, Worker};
use corelane_netstack::{Config, Instant, Link as LinkInfo, Stack, TcpConfig};
use corelane_nic::{MacAddress, Medium, Offloads, Queue};
use corelane_sim::{Link, LinkConfig, LinkQueue};

/// The server's address and port.
pub const SERVER: &str = "10.0.0.2:7";

/// A server, a client, the wire between them, and the time.
pub struct Hosts {
    pub server: Worker,
    pub client: Worker,
    pub clock: ManualClock,
    pub link: Link,
}

impl Hosts {
    /// A wire without faults, and Linux's defaults.
    pub fn new() -> Hosts {
        Hosts::with(&LinkConfig::default(), |_| {})
    }

    /// As told.
    pub fn with(link: &LinkConfig, change: impl Fn(&mut TcpConfig)) -> Hosts {
        let (clock, hand) = Clock::manual();
        let macs = link.macs.expect("hosts have Ethernet addresses");
        let (wire, a, b) = Link::new(link).unwrap();
        let host = |queue: LinkQueue, mac: MacAddress, address: &str| {
            let mut config = Config { addresses: vec![address.parse().unwrap()], ..Config::default() };
            change(&mut config.tcp);
            let info =
                LinkInfo { medium: Medium::Ethernet(mac), mtu: link.mtu, offloads: Offloads::default() };
            let stack = Stack::new(config, info, queue.pool().clone(), [7; 32]);
            Worker::new(Box::new(queue), stack, clock.clone()).unwrap()
        };
        let client = host(a, macs[0], "10.0.0.1/24");
        let server = host(b, macs[1], "10.0.0.2/24");
        Hosts { server, client, clock: hand, link: wire }
    }

    /// A turn of each; when neither had anything to do, time moves to the next deadline. `false` when none is left.
    pub fn step(&mut self) -> bool {
        let busy = self.client.turn().is_busy() | self.server.turn().is_busy();
        if busy {
            return true;
        }
        let wire = self.link.next_arrival().map(|at| Instant::ZERO + at);
        let deadlines = [self.client.next_deadline(), self.server.next_deadline(), wire];
        let Some(next) = deadlines.into_iter().flatten().min() else { return false };
        // A deadline may be given early: time must move all the same.
        self.clock.set(next.max(self.clock.now() + Duration::from_nanos(1)));
        self.link.advance_to(self.clock.now() - Instant::ZERO);
        true
    }

    /// Steps until `done`.
    ///
    /// # Panics
    /// When nothing happens any more before that, or it takes too long.
    pub fn run_until(&mut self, mut done: impl FnMut(&Hosts) -> bool) {
        for _ in 0..2_000_000 {
            if done(self) {
                return;
            }
            if !self.step() {
                assert!(
                    done(self),
                    "nothing is left to happen\n{:#?}\n{:#?}",
                    self.client.stats(),
                    self.server.stats()
                );
                return;
            }
        }
        panic!("it never ends\n{:#?}\n{:#?}", self.client.stats(), self.server.stats());
    }

    /// Steps for this long.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.clock.now() + time;
        while self.clock.now() < end && self.step() {}
        self.clock.set(end);
        self.link.advance_to(end - Instant::ZERO);
    }

    /// Runs a task of the server.
    pub fn serve<F: Future + 'static>(&self, future: F) -> JoinHandle<F::Output> {
        self.server.spawn_local(future)
    }

    /// Runs a task of the client until it ends.
    pub fn connect<F: Future + 'static>(&mut self, future: F) -> F::Output {
        let task = self.client.spawn_local(future);
        self.run_until(|_| task.is_finished());
        result(task)
    }

    /// The result of a task that ends.
    pub fn join<T: 'static>(&mut self, task: JoinHandle<T>) -> T {
        self.run_until(|_| task.is_finished());
        result(task)
    }

    /// Steps until all is sent, acknowledged and forgotten; TIME-WAIT takes its minute.
    ///
    /// # Panics
    /// When a buffer, a connection, a task or a timer is left.
    pub fn assert_clean(&mut self) {
        while self.step() {}
        for (name, stats) in [("client", self.client.stats()), ("server", self.server.stats())] {
            let Snapshot {
                pool_available, pool_slots, connections, half_open, time_wait, tasks, timers, ..
            } = stats;
            assert_eq!(pool_available, pool_slots, "buffers of the {name}");
            assert_eq!((connections, half_open, time_wait), (0, 0, 0), "connections of the {name}");
            assert_eq!((tasks, timers), (0, 0), "tasks of the {name}");
        }
    }
}

/// What a task that has ended gave.
///
/// # Panics
/// When it has not ended, or panicked.
pub fn result<T>(task: JoinHandle<T>) -> T {
    let mut task = std::pin::pin!(task);
    match task.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result.unwrap(),
        Poll::Pending => panic!("the task has not ended"),
    }
}
