//! One direction: a bottleneck with a queue, then a delay; before it some frames are lost, behind it some arrive late,
//! twice, or out of order. The caller tells the time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use corelane_drivers::sim::Rng;
use serde::{Deserialize, Serialize};

use super::args::{FaultArgs, ForwardArgs};

/// What a direction does to its TCP segments; as [`FaultArgs`], with fractions in place of percentages.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings {
    loss: f64,
    delay: Duration,
    jitter: Duration,
    reorder: f64,
    reorder_delay: Duration,
    duplicate: f64,
    /// Bits a second; 0: no bottleneck.
    rate: u64,
    queue: usize,
}

impl From<&ForwardArgs> for Settings {
    fn from(args: &ForwardArgs) -> Self {
        let FaultArgs { loss, delay, jitter, reorder, reorder_delay, duplicate, rate, queue } = args.faults;
        Self {
            loss: loss / 100.0,
            delay,
            jitter,
            reorder: reorder / 100.0,
            reorder_delay,
            duplicate: duplicate / 100.0,
            rate: u64::from(rate) * 1_000_000,
            queue: queue as usize, // usize has 32 bits at least
        }
    }
}

/// What happened to the frames of a direction.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Came in.
    pub frames: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Lost by chance.
    pub lost: u64,
    /// Found the bottleneck's queue full.
    pub queue_full: u64,
    /// Held up.
    pub reordered: u64,
    /// Sent on twice.
    pub duplicated: u64,
    /// Longer than an MTU: the sender's offloads are on.
    pub too_long: u64,
    /// Not taken by the interface that they should leave by.
    pub refused: u64,
    /// Came while the forwarder was kept from running.
    pub missed: u64,
}

/// A frame on its way. They leave in the order of their times, and where these are equal as they came.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Flying {
    arrival: Duration,
    number: u64,
    frame: Vec<u8>,
}

/// A direction.
pub struct Path {
    settings: Settings,
    rng: Rng,
    /// When each frame that waits at the bottleneck has left it.
    departures: VecDeque<Duration>,
    flying: BinaryHeap<Reverse<Flying>>,
    /// The arrival of the last frame that was not held up: jitter alone doesn't reorder.
    last: Duration,
    number: u64,
    /// What happened so far.
    pub counts: Counts,
}

impl Path {
    /// A direction with a generator of its own.
    pub fn new(settings: Settings, rng: Rng) -> Self {
        Self {
            settings,
            rng,
            departures: VecDeque::new(),
            flying: BinaryHeap::new(),
            last: Duration::ZERO,
            number: 0,
            counts: Counts::default(),
        }
    }

    /// A frame comes in.
    pub fn push(&mut self, now: Duration, frame: &[u8]) {
        self.counts.frames += 1;
        self.counts.bytes += frame.len() as u64; // usize is at most 64 bits
        if !is_tcp(frame) {
            self.fly(now + self.settings.delay, frame);
            return;
        }
        // All are drawn for each segment, so that what happens to the nth one hangs on the seed alone.
        let [lost, late, twice, jitter] = [(); 4].map(|()| self.rng.fraction());
        if lost < self.settings.loss {
            self.counts.lost += 1;
            return;
        }
        let Some(departure) = self.depart(now, frame.len()) else {
            self.counts.queue_full += 1;
            return;
        };
        let arrival = departure + self.settings.delay + self.settings.jitter.mul_f64(jitter);
        let arrival = if late < self.settings.reorder {
            self.counts.reordered += 1;
            arrival + self.settings.reorder_delay
        } else {
            self.last = self.last.max(arrival);
            self.last
        };
        if twice < self.settings.duplicate {
            self.counts.duplicated += 1;
            self.fly(arrival, frame);
        }
        self.fly(arrival, frame);
    }

    /// When a frame that comes now has left the bottleneck; `None` when its queue is full.
    fn depart(&mut self, now: Duration, length: usize) -> Option<Duration> {
        while self.departures.front().is_some_and(|departure| *departure <= now) {
            self.departures.pop_front();
        }
        if self.settings.rate == 0 {
            return Some(now);
        }
        if self.departures.len() >= self.settings.queue {
            return None;
        }
        // A frame has 65,550 bytes at most: the product has 50 bits.
        let time = Duration::from_nanos(length as u64 * 8 * 1_000_000_000 / self.settings.rate);
        let departure = self.departures.back().copied().unwrap_or(now) + time;
        self.departures.push_back(departure);
        Some(departure)
    }

    fn fly(&mut self, arrival: Duration, frame: &[u8]) {
        self.flying.push(Reverse(Flying { arrival, number: self.number, frame: frame.to_vec() }));
        self.number += 1;
    }

    /// When the next frame arrives.
    pub fn next(&self) -> Option<Duration> {
        self.flying.peek().map(|Reverse(first)| first.arrival)
    }

    /// A frame that has arrived by now.
    pub fn pop(&mut self, now: Duration) -> Option<Vec<u8>> {
        if self.next()? > now {
            return None;
        }
        self.flying.pop().map(|Reverse(first)| first.frame)
    }
}

/// Whether it is an Ethernet frame with IPv4 and TCP.
fn is_tcp(frame: &[u8]) -> bool {
    frame.get(12..14) == Some(&[0x08, 0x00]) && frame.get(23) == Some(&6)
}

#[cfg(test)]
mod tests;
