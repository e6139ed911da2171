//! The open loop: requests start when they are due, not when an answer frees a connection. A request that finds all the
//! connections busy waits, and its latency counts from the time it was due: what a slow answer keeps others from is seen
//! (wrk2 calls the contrary coordinated omission).
//!
//! The queue of those that wait is the schedule itself, of which the oldest unsent request is the head; it takes no memory.
//! It is bounded in time: who has waited for [`PATIENCE`] is given up, and the rate is then not met.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::arrivals::Arrivals;
use super::report::Latency;
use super::tally::{self, Tally};
use crate::cli::ArrivalProcess;

/// A request that has waited so long for a connection isn't sent any more.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// After the measured time, for the answers to what was sent in it.
pub const DRAIN: Duration = Duration::from_secs(1);

/// The rate is met when so much of what was due was answered in the measured time.
pub const MET: f64 = 0.98;

/// What an open loop adds to a report.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
pub struct OpenLoopReport {
    /// Of the starts.
    pub arrivals: ArrivalProcess,
    /// Of these; the same seed gives the same ones.
    pub seed: u64,
    /// Requests a second that were asked for.
    pub rate: f64,
    /// Requests that were due in the measured time.
    pub due: u64,
    /// How many of them were sent in it.
    pub sent: u64,
    /// How many had no answer a second after it, or were given up; in the percentiles with the time that they had waited.
    pub unanswered: u64,
    /// How many of those sent found all the connections busy, and waited.
    pub waited: u64,
    /// Whether at least 98 % of what was due was answered in the measured time.
    pub rate_met: bool,
    /// How late the client itself sent what had a free connection: the part of the latencies that is its own.
    pub late_us: Latency,
}

/// The requests of one run.
pub struct OpenLoop {
    process: ArrivalProcess,
    rate: f64,
    seed: u64,
    arrivals: Arrivals,
    began: Instant,
    /// The connections without a request; the one that has been free for the longest is the next.
    free: VecDeque<usize>,
    /// When the request that is under way on a connection was due.
    under_way: Vec<Option<Instant>>,
    opened: Option<Instant>,
    closed: Option<Instant>,
    sent: u64,
    /// What was due in the measured time and found a connection only after it.
    sent_late: u64,
    given_up: u64,
    unanswered: u64,
    waited: u64,
    late: Histogram<u64>,
}

impl OpenLoop {
    /// Nothing is due before [`Self::start`].
    pub fn new(
        process: ArrivalProcess,
        rate: f64,
        seed: u64,
        connections: usize,
        now: Instant,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            process,
            rate,
            seed,
            arrivals: Arrivals::new(process, rate, seed),
            began: now,
            free: VecDeque::with_capacity(connections),
            under_way: vec![None; connections],
            opened: None,
            closed: None,
            sent: 0,
            sent_late: 0,
            given_up: 0,
            unanswered: 0,
            waited: 0,
            late: tally::histogram()?,
        })
    }

    /// The schedule runs from `now`, with these connections.
    pub fn start(&mut self, now: Instant, connections: impl IntoIterator<Item = usize>) {
        self.began = now;
        self.free.extend(connections);
    }

    /// What is due from `now` on is measured.
    pub fn open(&mut self, now: Instant, tally: &mut Tally) {
        self.opened = Some(now);
        tally.measure_due_since(now);
    }

    /// A request that is due, and the connection for it. To be called until there is none.
    pub fn due(&mut self, now: Instant, tally: &mut Tally) -> Option<(usize, Instant)> {
        let due = self.head(now, tally)?;
        let connection = self.free.pop_front()?;
        if self.is_measured(due) {
            self.late.saturating_record(tally::nanoseconds(now.duration_since(due)));
        }
        self.take(connection, due);
        Some((connection, due))
    }

    /// `connection` has its answer: when the request that it sends at once was due; `None`: it is free.
    pub fn answered(&mut self, connection: usize, now: Instant, tally: &mut Tally) -> Option<Instant> {
        self.under_way[connection] = None;
        // Where others are free, nobody has waited for this one.
        let waiting = if self.free.is_empty() { self.head(now, tally) } else { None };
        let Some(due) = waiting else {
            self.free.push_back(connection);
            return None;
        };
        self.waited += u64::from(self.is_measured(due));
        self.take(connection, due);
        Some(due)
    }

    /// `connection` is lost, and the answer to its request with it.
    pub fn broke(&mut self, connection: usize, now: Instant, tally: &mut Tally) {
        match self.under_way[connection].take() {
            Some(due) => self.leave(due, now, tally),
            None => self.free.retain(|free| *free != connection),
        }
    }

    /// The measured time is over: nothing more comes due. What waits is still sent, or its latencies would end with the time.
    pub fn close(&mut self, now: Instant) {
        self.closed = Some(now);
    }

    /// Whether a request is without its answer.
    pub fn is_under_way(&self) -> bool {
        self.under_way.iter().any(Option::is_some)
    }

    /// Counts what is still without its answer, with the time that it has waited.
    pub fn leave_all(&mut self, now: Instant, tally: &mut Tally) {
        while let Some(due) = self.head(now, tally) {
            self.give_up(due, now, tally);
        }
        for due in std::mem::take(&mut self.under_way).into_iter().flatten() {
            self.leave(due, now, tally);
        }
    }

    /// Of a run that answered so many requests in its measured time.
    pub fn report(&self, requests: u64) -> OpenLoopReport {
        let due = self.sent + self.sent_late + self.given_up;
        OpenLoopReport {
            arrivals: self.process,
            seed: self.seed,
            rate: self.rate,
            due,
            sent: self.sent,
            unanswered: self.unanswered,
            waited: self.waited,
            rate_met: requests as f64 >= MET * due as f64, // exact up to 2^53
            late_us: Latency::of(&self.late),
        }
    }

    /// The oldest request that is due and not sent.
    fn head(&mut self, now: Instant, tally: &mut Tally) -> Option<Instant> {
        let end = self.closed.map_or(now, |closed| closed.min(now));
        loop {
            let due = self.began.checked_add(self.arrivals.peek()).filter(|due| *due <= end)?;
            if now.duration_since(due) < PATIENCE {
                return Some(due);
            }
            self.give_up(due, now, tally);
        }
    }

    fn take(&mut self, connection: usize, due: Instant) {
        self.arrivals.advance();
        self.under_way[connection] = Some(due);
        let sent = if self.closed.is_none() { &mut self.sent } else { &mut self.sent_late };
        *sent += u64::from(self.opened.is_some_and(|opened| due >= opened));
    }

    fn give_up(&mut self, due: Instant, now: Instant, tally: &mut Tally) {
        self.arrivals.advance();
        self.given_up += u64::from(self.is_measured(due));
        self.leave(due, now, tally);
    }

    fn leave(&mut self, due: Instant, now: Instant, tally: &mut Tally) {
        if self.is_measured(due) {
            self.unanswered += 1;
            tally.unanswered(now.duration_since(due));
        }
    }

    /// Whether it was due in the measured time; nothing is asked about later ones.
    fn is_measured(&self, due: Instant) -> bool {
        self.opened.is_some_and(|opened| due >= opened)
    }
}

impl fmt::Display for OpenLoopReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "  open loop: {} req/s asked for, {} arrivals (--seed {}), {} due, {} waited for a connection, {} unanswered",
            self.rate, self.arrivals, self.seed, self.due, self.waited, self.unanswered
        )?;
        let late = self.late_us;
        writeln!(
            formatter,
            "  of the latency the client's own lateness in us: p50 {:.1}, p99 {:.1}, p99.9 {:.1}, max {:.1}",
            late.p50, late.p99, late.p99_9, late.max
        )
    }
}

#[cfg(test)]
mod tests;
