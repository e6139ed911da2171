//! One direction of a link: from the sender's burst over the wire to the ring of the receiver.

use std::cell::RefCell;
use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};
use std::io::{self, Write};
use std::rc::Rc;
use std::time::Duration;

use corelane_nic::{Checksum, ChecksumOffload, Packet, Pool, QueueStats, RxBurst, RxFrame, TxBurst};

use crate::{Faults, LinkConfig, Pcap, Rng, WhenFull};

/// What one direction of a link did to its frames. Counts only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LinkStats {
    /// Frames that the sender gave.
    pub sent: u64,
    /// Frames that arrived, second copies included.
    pub arrived: u64,
    /// Lost by chance.
    pub lost: u64,
    /// Lost in a blackout.
    pub blacked_out: u64,
    /// Lost since a changed MTU was smaller.
    pub too_big: u64,
    /// Lost since the ring was full ([`WhenFull::Drop`]).
    pub ring_full: u64,
    /// Held up, so that later frames may overtake.
    pub reordered: u64,
    /// Sent on twice.
    pub duplicated: u64,
    /// Not sent on twice, since the pool of the receiver had no buffer for the copy.
    pub not_duplicated: u64,
    /// Changed in a few bits.
    pub corrupted: u64,
}

/// A capture, and the error that stopped it.
pub(crate) struct Capture {
    pub(crate) pcap: Pcap<Box<dyn Write>>,
    pub(crate) error: Option<io::Error>,
}

pub(crate) type SharedCapture = Rc<RefCell<Capture>>;

/// A frame on its way; ordered by arrival, then by sending.
struct Flight {
    arrival: Duration,
    sequence: u64,
    frame: RxFrame,
}

pub(crate) struct Direction {
    ring: usize,
    when_full: WhenFull,
    frame_limit: usize,
    header_len: usize,
    faults: Faults,
    /// No fault, no capture, nothing in flight: frames go straight into `arrived`.
    is_plain: bool,
    rng: Rng,
    flying: BinaryHeap<Reverse<Flight>>,
    sequence: u64,
    /// When the wire has sent all that it was given.
    wire_free: Duration,
    /// When the last frame that keeps its order arrives.
    last_arrival: Duration,
    arrived: VecDeque<RxFrame>,
    receiver_pool: Pool,
    /// Frames as they leave.
    pub(crate) departures: Option<SharedCapture>,
    /// Frames as they arrive.
    pub(crate) arrivals: Option<SharedCapture>,
    stats: LinkStats,
}

impl Direction {
    pub(crate) fn new(config: &LinkConfig, faults: Faults, rng: Rng, receiver_pool: Pool) -> Direction {
        Direction {
            ring: config.ring,
            when_full: config.when_full,
            frame_limit: config.header_len() + config.mtu as usize,
            header_len: config.header_len(),
            is_plain: faults.is_none(),
            faults,
            rng,
            flying: BinaryHeap::new(),
            sequence: 0,
            wire_free: Duration::ZERO,
            last_arrival: Duration::ZERO,
            arrived: VecDeque::with_capacity(config.ring.min(4096)),
            receiver_pool,
            departures: None,
            arrivals: None,
            stats: LinkStats::default(),
        }
    }

    pub(crate) fn stats(&self) -> LinkStats {
        self.stats
    }

    pub(crate) fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
        self.choose_path();
    }

    /// To be called when faults, captures or flights may have come or gone.
    pub(crate) fn choose_path(&mut self) {
        let watched = self.departures.is_some() || self.arrivals.is_some();
        self.is_plain = self.faults.is_none() && !watched && self.flying.is_empty();
    }

    fn is_full(&self) -> bool {
        self.arrived.len() + self.flying.len() >= self.ring
    }

    /// Takes what fits of the burst.
    pub(crate) fn send(&mut self, now: Duration, burst: &mut TxBurst, stats: &mut QueueStats) {
        while !burst.is_empty() {
            if self.when_full == WhenFull::Wait && self.is_full() {
                break;
            }
            let Some(popped) = burst.pop_linear() else { break };
            let Ok((packet, offload, copied)) = popped else {
                stats.tx_dropped += 1; // more payload than one buffer holds
                continue;
            };
            if packet.len() > self.frame_limit {
                stats.tx_dropped += 1;
                continue;
            }
            stats.tx_frames += 1;
            stats.tx_bytes += packet.len() as u64;
            stats.tx_copied_bytes += copied as u64;
            self.stats.sent += 1;
            if !self.is_plain {
                self.launch(now, packet, offload.checksum);
            } else if self.is_full() {
                self.stats.ring_full += 1;
            } else {
                self.stats.arrived += 1;
                let checksum = checksum_state(offload.checksum);
                self.arrived.push_back(RxFrame { packet, checksum, hash: None });
            }
        }
        if !self.is_plain {
            self.land(now);
        }
    }

    /// Lets the faults decide what becomes of a frame.
    fn launch(&mut self, now: Duration, mut packet: Packet, offload: Option<ChecksumOffload>) {
        record(self.departures.as_ref(), now, &packet);
        // Each frame draws as often, so that one fault's setting doesn't shift what the others hit.
        let [loss, reorder, jitter, duplicate, corrupt] = std::array::from_fn(|_| self.rng.fraction());
        let damage = self.rng.next_u64();
        if self.faults.is_blacked_out(now) {
            self.stats.blacked_out += 1;
            return;
        }
        let ip_len = packet.len().saturating_sub(self.header_len);
        if self.faults.mtu_at(now).is_some_and(|mtu| ip_len > mtu as usize) {
            self.stats.too_big += 1;
            return;
        }
        self.wire_free = self.wire_free.max(now).saturating_add(self.faults.wire_time(packet.len()));
        if loss < self.faults.loss {
            self.stats.lost += 1;
            return;
        }
        if self.is_full() {
            self.stats.ring_full += 1;
            return;
        }
        let mut checksum = checksum_state(offload);
        if corrupt < self.faults.corrupt {
            if let Some(offload) = offload {
                fill_checksum(&mut packet, offload); // else the receiver could not find the damage
                checksum = Checksum::Unknown;
            }
            self.stats.corrupted += 1;
            flip_bits(&mut packet, damage);
        }
        let jitter = self.faults.jitter.mul_f64(jitter);
        let mut arrival = self.wire_free.saturating_add(self.faults.delay).saturating_add(jitter);
        if reorder < self.faults.reorder {
            self.stats.reordered += 1;
            arrival = arrival.saturating_add(self.faults.reorder_delay);
        } else {
            arrival = arrival.max(self.last_arrival);
            self.last_arrival = arrival;
        }
        let twin = if duplicate < self.faults.duplicate { self.copy(&packet) } else { None };
        self.fly(arrival, RxFrame { packet, checksum, hash: None });
        if let Some(packet) = twin {
            self.fly(arrival, RxFrame { packet, checksum, hash: None });
        }
    }

    fn copy(&mut self, packet: &Packet) -> Option<Packet> {
        let copy = (!self.is_full()).then(|| self.receiver_pool.take()).flatten();
        let copy = copy.and_then(|mut copy| (copy.extend_from_slice(packet) == packet.len()).then_some(copy));
        match copy {
            Some(_) => self.stats.duplicated += 1,
            None => self.stats.not_duplicated += 1,
        }
        copy
    }

    fn fly(&mut self, arrival: Duration, frame: RxFrame) {
        self.flying.push(Reverse(Flight { arrival, sequence: self.sequence, frame }));
        self.sequence += 1;
    }

    /// Moves what has arrived by `now` into the ring of the receiver.
    pub(crate) fn land(&mut self, now: Duration) {
        while self.flying.peek().is_some_and(|Reverse(next)| next.arrival <= now) {
            let Some(Reverse(flight)) = self.flying.pop() else { break };
            record(self.arrivals.as_ref(), flight.arrival, &flight.frame.packet);
            self.stats.arrived += 1;
            self.arrived.push_back(flight.frame);
        }
        self.choose_path();
    }

    /// When the next frame can be received: `now` if one waits.
    pub(crate) fn next_arrival(&self, now: Duration) -> Option<Duration> {
        if self.arrived.is_empty() { self.flying.peek().map(|Reverse(next)| next.arrival) } else { Some(now) }
    }

    /// Gives what has arrived to the receiver, as far as the burst has room.
    pub(crate) fn receive(&mut self, burst: &mut RxBurst, stats: &mut QueueStats) {
        let count = burst.room().min(self.arrived.len());
        for frame in self.arrived.drain(..count) {
            stats.rx_frames += 1;
            stats.rx_bytes += frame.packet.len() as u64;
            burst.push(frame);
        }
    }
}

fn checksum_state(offload: Option<ChecksumOffload>) -> Checksum {
    if offload.is_some() { Checksum::Partial } else { Checksum::Unknown }
}

fn record(capture: Option<&SharedCapture>, time: Duration, frame: &[u8]) {
    let Some(capture) = capture else { return };
    let mut capture = capture.borrow_mut();
    if capture.error.is_none() {
        capture.error = capture.pcap.write(time, frame).err();
    }
}

/// Flips the first of 15 bits in a row, and each of the others or not. The start is anywhere in the frame.
fn flip_bits(frame: &mut [u8], damage: u64) {
    let bits = frame.len() * 8;
    if bits == 0 {
        return;
    }
    let (pattern, place) = (1 | (damage >> 49), damage & ((1 << 49) - 1));
    let first = (place % bits as u64) as usize; // below bits, a usize
    for i in (0..15).filter(|i| pattern >> i & 1 == 1 && first + i < bits) {
        frame[(first + i) / 8] ^= 0x80 >> ((first + i) % 8);
    }
}

/// RFC 1071, as a card does it: the field holds the sum of the pseudo header.
fn fill_checksum(frame: &mut [u8], offload: ChecksumOffload) {
    let (start, at) = (offload.start as usize, offload.start as usize + offload.offset as usize);
    if start >= frame.len() || at + 2 > frame.len() {
        return; // the receiver will find it wrong
    }
    let word = |pair: &[u8]| u64::from(pair[0]) << 8 | u64::from(pair.get(1).copied().unwrap_or(0));
    let mut sum: u64 = frame[start..].chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    let sum = !(sum as u16); // just folded to 16 bits
    frame[at..at + 2].copy_from_slice(&sum.to_be_bytes());
}

impl PartialEq for Flight {
    fn eq(&self, other: &Flight) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Flight {}

impl PartialOrd for Flight {
    fn partial_cmp(&self, other: &Flight) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Flight {
    fn cmp(&self, other: &Flight) -> Ordering {
        (self.arrival, self.sequence).cmp(&(other.arrival, other.sequence))
    }
}

#[cfg(test)]
mod tests;
