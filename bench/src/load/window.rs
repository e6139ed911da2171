//! When the measuring starts and ends.

use std::time::{Duration, Instant};

use crate::cli::LoadArgs;

/// Where in the run we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Answers are checked but not measured.
    WarmUp,
    /// Answers are measured.
    Measure,
    /// Nothing more is sent.
    Over,
}

/// What the end depends on.
#[derive(Clone, Copy, Debug)]
enum End {
    After(Duration),
    Requests(u64),
}

/// The measured time.
#[derive(Debug)]
pub struct Window {
    opens: Instant,
    opened: Option<Instant>,
    closed: Option<Instant>,
    end: End,
}

impl Window {
    /// The warm-up starts `now`.
    pub fn new(args: &LoadArgs, now: Instant) -> Self {
        Self::starting(now, args.warmup, args.duration, args.requests)
    }

    /// The warm-up starts `now`; so many requests end it, or else the time.
    pub fn starting(now: Instant, warmup: Duration, duration: Duration, requests: Option<u64>) -> Self {
        Self {
            opens: now + warmup,
            opened: None,
            closed: None,
            end: requests.map_or(End::After(duration), End::Requests),
        }
    }

    /// Moves on; `requests` have been measured so far. The phase that now holds.
    pub fn advance(&mut self, now: Instant, requests: u64) -> Phase {
        let Some(opened) = self.opened else {
            if now < self.opens {
                return Phase::WarmUp;
            }
            self.opened = Some(now);
            return Phase::Measure;
        };
        let over = match self.end {
            End::After(duration) => now.duration_since(opened) >= duration,
            End::Requests(wanted) => requests >= wanted,
        };
        if !over {
            return Phase::Measure;
        }
        self.closed.get_or_insert(now);
        Phase::Over
    }

    /// How many requests may still be measured.
    pub fn wanted(&self) -> u64 {
        match self.end {
            End::After(_) => u64::MAX,
            End::Requests(wanted) => wanted,
        }
    }

    /// Until the time changes the phase; `None` when only answers can.
    pub fn until_change(&self, now: Instant) -> Option<Duration> {
        match (self.opened, self.end) {
            (None, _) => Some(self.opens.saturating_duration_since(now)),
            (Some(opened), End::After(duration)) => Some((opened + duration).saturating_duration_since(now)),
            (Some(_), End::Requests(_)) => None,
        }
    }

    /// How long was measured.
    pub fn measured(&self) -> Duration {
        match (self.opened, self.closed) {
            (Some(opened), Some(closed)) => closed.duration_since(opened),
            _ => Duration::ZERO,
        }
    }
}
