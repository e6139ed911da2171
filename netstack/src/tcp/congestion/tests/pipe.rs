//! A sender, a bottleneck with a buffer, and a peer that acknowledges each segment, in virtual time: what an algorithm does to a path.

use alloc::collections::{BTreeSet, VecDeque};

use super::super::{Ack, Congestion, CongestionControl, Phase, RateSample};
use super::MSS;
use crate::tcp::pacing::Pacing;
use crate::tcp::seq::SeqNumber;
use crate::time::Instant;

pub(in super::super) const MS: u64 = 1_000_000;
pub(in super::super) const SECOND: u64 = 1_000 * MS;

/// A bottleneck: rates in bytes a second, times in nanoseconds, sizes in bytes.
#[derive(Clone, Copy)]
pub(in super::super) struct Path {
    pub(in super::super) rate: u64,
    pub(in super::super) rtt: u64,
    pub(in super::super) buffer: u64,
    /// Marks what finds more than this in the queue.
    pub(in super::super) mark_above: u64,
    /// Drops one of so many.
    pub(in super::super) drop_each: u64,
}

impl Path {
    pub(in super::super) fn new(rate: u64, rtt_ms: u64, buffer: u64) -> Path {
        Path { rate, rtt: rtt_ms * MS, buffer, mark_above: u64::MAX, drop_each: u64::MAX }
    }

    pub(in super::super) fn bdp(&self) -> u64 {
        self.rate * (self.rtt / 1_000) / 1_000_000
    }
}

/// A segment on its way, and what was known when it left (the delivery rate's draft, 3.2).
#[derive(Clone, Copy)]
struct Sent {
    segment: u64,
    /// How many were sent before.
    order: u64,
    at: u64,
    delivered: u64,
    delivered_at: u64,
    first_sent_at: u64,
    is_app_limited: bool,
    is_retransmit: bool,
    /// When its ACK comes back, and with ECN-Echo; `None`: it was dropped.
    answer: Option<(u64, bool)>,
}

/// What was seen since the last `measure`.
#[derive(Clone, Copy, Default)]
pub(in super::super) struct Seen {
    pub(in super::super) delivered: u64,
    pub(in super::super) dropped: u64,
    pub(in super::super) marked: u64,
    pub(in super::super) timeouts: u64,
    pub(in super::super) largest_queue: u64,
}

pub(in super::super) struct Pipe {
    pub(in super::super) path: Path,
    pub(in super::super) cc: Congestion,
    pub(in super::super) now: u64,
    pub(in super::super) seen: Seen,
    /// Segments that the application still has; a bulk transfer has `u64::MAX`.
    pub(in super::super) backlog: u64,
    pacing: Pacing,
    flight: VecDeque<Sent>,
    again: VecDeque<u64>,
    /// What was delivered beyond `una`.
    sacked: BTreeSet<u64>,
    una: u64,
    nxt: u64,
    in_flight: u64,
    phase: Phase,
    recover: u64,
    busy_until: u64,
    packets: u64,
    delivered: u64,
    delivered_at: u64,
    first_sent_at: u64,
    app_limited_until: u64,
    srtt: Option<u64>,
    min_rtt: Option<u64>,
}

impl Pipe {
    pub(in super::super) fn new(which: CongestionControl, path: Path) -> Pipe {
        let cc = Congestion::new(which, MSS, 10);
        Pipe {
            path,
            now: SECOND,
            seen: Seen::default(),
            backlog: u64::MAX,
            pacing: Pacing::new(MSS, None),
            flight: VecDeque::new(),
            again: VecDeque::new(),
            sacked: BTreeSet::new(),
            una: 0,
            nxt: 0,
            in_flight: 0,
            phase: Phase::Open,
            recover: 0,
            busy_until: 0,
            packets: 0,
            delivered: 0,
            delivered_at: 0,
            first_sent_at: 0,
            app_limited_until: 0,
            srtt: None,
            min_rtt: None,
            cc,
        }
    }

    /// Runs for `nanos`, and returns what was seen in that time.
    pub(in super::super) fn run(&mut self, nanos: u64) -> Seen {
        self.seen = Seen::default();
        let end = self.now + nanos;
        while self.now < end {
            let send = self.next_send();
            let answer = self.flight.iter().find_map(|sent| sent.answer).map(|(at, _)| at);
            let next = send.into_iter().chain(answer).min();
            match next {
                Some(at) if at >= end => self.now = end,
                Some(at) if send == Some(at) => {
                    self.now = self.now.max(at);
                    self.send();
                }
                Some(at) => {
                    self.now = self.now.max(at);
                    self.answered();
                }
                None if self.flight.is_empty() => self.now = end, // the application is silent
                None => self.time_out(),
            }
        }
        self.seen
    }

    /// The share of the bottleneck's rate that was used in `nanos`.
    pub(in super::super) fn share(&self, seen: &Seen, nanos: u64) -> f64 {
        seen.delivered as f64 / (self.path.rate as f64 * nanos as f64 / 1e9)
    }

    pub(in super::super) fn queue(&self) -> u64 {
        self.busy_until.saturating_sub(self.now) * (self.path.rate / 1_000) / 1_000_000
    }

    /// When a segment may be sent; `None`: cwnd is full, or there is nothing.
    fn next_send(&mut self) -> Option<u64> {
        let fits = self.in_flight + u64::from(MSS) <= u64::from(self.cc.cwnd());
        let has_data = self.backlog > 0 || !self.again.is_empty();
        if fits && !has_data {
            self.app_limited_until = (self.delivered + self.in_flight).max(1);
        }
        if !fits || !has_data {
            return None;
        }
        match self.cc.pacing_rate().map(|_| self.pacing.may_send(Instant::from_nanos(self.now))) {
            Some(Err(at)) => Some(at.as_nanos()),
            _ => Some(self.now),
        }
    }

    fn send(&mut self) {
        if self.flight.is_empty() {
            (self.first_sent_at, self.delivered_at) = (self.now, self.now);
            self.cc.on_transmit_start(Instant::from_nanos(self.now));
        }
        let again = self.again.pop_front();
        let segment = again.unwrap_or(self.nxt);
        if again.is_none() {
            self.nxt += 1;
            self.backlog -= if self.backlog == u64::MAX { 0 } else { 1 };
        }
        let answer = self.transmit();
        self.flight.push_back(Sent {
            segment,
            order: self.packets,
            at: self.now,
            delivered: self.delivered,
            delivered_at: self.delivered_at,
            first_sent_at: self.first_sent_at,
            is_app_limited: self.app_limited_until > 0,
            is_retransmit: again.is_some(),
            answer,
        });
        self.in_flight += u64::from(MSS);
        self.pacing.sent(MSS, Instant::from_nanos(self.now));
    }

    /// Through the bottleneck, or not.
    fn transmit(&mut self) -> Option<(u64, bool)> {
        let queue = self.queue();
        self.packets += 1;
        if queue + u64::from(MSS) > self.path.buffer || self.packets.is_multiple_of(self.path.drop_each) {
            self.seen.dropped += 1;
            return None;
        }
        let is_marked = queue > self.path.mark_above;
        self.seen.marked += u64::from(is_marked);
        self.seen.largest_queue = self.seen.largest_queue.max(queue + u64::from(MSS));
        self.busy_until = self.busy_until.max(self.now) + u64::from(MSS) * SECOND / self.path.rate;
        Some((self.busy_until + self.path.rtt, is_marked))
    }

    /// The next ACK: what was sent three segments before and has not arrived is lost.
    fn answered(&mut self) {
        let Some(at) = self.flight.iter().position(|sent| sent.answer.is_some()) else { return };
        let Some(sent) = self.flight.remove(at) else { return };
        let prior_in_flight = self.in_flight;
        self.in_flight -= u64::from(MSS);
        let mut lost = 0;
        while self.flight.front().is_some_and(|first| first.order + 3 <= sent.order) {
            let Some(gone) = self.flight.pop_front() else { break };
            self.again.push_back(gone.segment);
            lost += u64::from(MSS);
        }
        self.in_flight -= lost;
        let before = self.una;
        self.sacked.insert(sent.segment);
        while self.sacked.remove(&self.una) {
            self.una += 1;
        }
        let acked = (self.una - before) * u64::from(MSS);
        let ece = sent.answer.is_some_and(|(_, is_marked)| is_marked);
        let rate = self.sample(&sent);
        self.change_phase(lost > 0, ece);
        let ack = self.ack(acked as u32, lost as u32, prior_in_flight as u32, ece, &sent, rate);
        if acked > 0 || self.cc.controls_recovery() {
            self.cc.on_ack(&ack);
        }
        self.pacing.update(&self.cc, self.in_flight as u32, self.srtt, MSS);
    }

    fn sample(&mut self, sent: &Sent) -> RateSample {
        self.delivered += u64::from(MSS);
        self.seen.delivered += u64::from(MSS);
        self.delivered_at = self.now;
        self.first_sent_at = sent.at;
        if self.app_limited_until > 0 && self.delivered > self.app_limited_until {
            self.app_limited_until = 0;
        }
        let rtt = self.now - sent.at;
        if !sent.is_retransmit {
            self.srtt = Some(self.srtt.map_or(rtt, |srtt| srtt - srtt / 8 + rtt / 8));
            self.min_rtt = Some(self.min_rtt.map_or(rtt, |min| min.min(rtt)));
        }
        RateSample {
            delivered: (self.delivered - sent.delivered) as u32,
            interval: (sent.at - sent.first_sent_at).max(self.now - sent.delivered_at),
            prior_delivered: sent.delivered,
            total_delivered: self.delivered,
            is_app_limited: sent.is_app_limited,
        }
    }

    fn change_phase(&mut self, is_lost: bool, ece: bool) {
        let (now, in_flight) = (Instant::from_nanos(self.now), self.in_flight as u32);
        if self.phase >= Phase::Cwr && self.una >= self.recover {
            if self.phase != Phase::Loss {
                self.cc.on_recovery_exit();
            }
            self.phase = Phase::Open;
        }
        if self.phase == Phase::Open && (is_lost || ece) {
            self.recover = self.nxt;
            if is_lost {
                self.phase = Phase::Recovery;
                self.cc.on_congestion_event(now, in_flight);
            } else {
                self.phase = Phase::Cwr;
                self.cc.on_ecn(now, in_flight);
            }
        }
        if matches!(self.phase, Phase::Cwr | Phase::Recovery) && !self.cc.controls_recovery() {
            // Nearly PRR: down with what is in flight, to ssthresh.
            let cwnd = self.cc.ssthresh().max(in_flight);
            self.cc.set_cwnd(cwnd.min(self.cc.cwnd()));
        }
    }

    fn time_out(&mut self) {
        self.seen.timeouts += 1;
        self.now += 200 * MS;
        self.again.clear();
        self.flight.clear();
        self.again.extend((self.una..self.nxt).filter(|segment| !self.sacked.contains(segment)));
        self.in_flight = 0;
        self.cc.on_rto(Instant::from_nanos(self.now), 0, self.phase != Phase::Loss);
        self.phase = Phase::Loss;
        self.recover = self.nxt;
    }

    fn ack(
        &self,
        acked: u32,
        lost: u32,
        prior_in_flight: u32,
        ece: bool,
        sent: &Sent,
        rate: RateSample,
    ) -> Ack {
        let cwnd = self.cc.cwnd();
        let is_small = self.cc.in_slow_start() && cwnd < 2 * prior_in_flight;
        Ack {
            now: Instant::from_nanos(self.now),
            acked,
            delivered: MSS,
            lost,
            prior_in_flight,
            in_flight: self.in_flight as u32,
            una: SeqNumber((self.una * u64::from(MSS)) as u32),
            nxt: SeqNumber((self.nxt * u64::from(MSS)) as u32),
            rtt: (!sent.is_retransmit).then_some(self.now - sent.at),
            srtt: self.srtt,
            min_rtt: self.min_rtt,
            is_cwnd_limited: is_small || prior_in_flight + MSS > cwnd,
            ece,
            phase: self.phase,
            rate: Some(rate),
        }
    }
}
