//! NewReno: RFC 5681 with the recovery of RFC 6582.

use super::Controller;

/// The largest window: no receive window is larger (RFC 7323 2.3).
const MAX_CWND: u32 = 1 << 30;

/// Slow start, congestion avoidance, fast recovery.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reno {
    cwnd: u32,
    ssthresh: u32,
    mss: u32,
    initial: u32,
    /// Bytes acknowledged in this round of congestion avoidance.
    acked: u32,
}

impl Reno {
    /// `segments` of the initial window (RFC 6928: 10).
    pub(crate) fn new(mss: u32, segments: u32) -> Reno {
        let initial = mss.saturating_mul(segments.max(1)).min(MAX_CWND);
        Reno { cwnd: initial, ssthresh: MAX_CWND, mss, initial, acked: 0 }
    }

    // RFC 5681 (4): never below two segments.
    fn half_of(&self, flight: u32) -> u32 {
        (flight / 2).max(2 * self.mss)
    }
}

impl Controller for Reno {
    fn cwnd(&self) -> u32 {
        self.cwnd
    }

    fn ssthresh(&self) -> u32 {
        self.ssthresh
    }

    fn on_ack(&mut self, acked: u32, limited: bool) {
        // RFC 7661: a window that is not used does not grow.
        if !limited {
            return;
        }
        if self.cwnd < self.ssthresh {
            // RFC 5681 3.1 with L = 2 (RFC 3465): a delayed ACK covers two segments, one of a merged frame more.
            self.cwnd = (self.cwnd + acked.min(2 * self.mss)).min(MAX_CWND);
            return;
        }
        self.acked = self.acked.saturating_add(acked);
        if self.acked >= self.cwnd {
            self.acked -= self.cwnd;
            self.cwnd = (self.cwnd + self.mss).min(MAX_CWND);
        }
    }

    fn on_loss(&mut self, flight: u32) {
        // RFC 6582 3.2 step 2: and the three segments that left the network.
        self.ssthresh = self.half_of(flight);
        self.cwnd = self.ssthresh + 3 * self.mss;
        self.acked = 0;
    }

    fn on_duplicate_ack(&mut self) {
        self.cwnd = (self.cwnd + self.mss).min(MAX_CWND);
    }

    fn on_partial_ack(&mut self, acked: u32) {
        // RFC 6582 3.2 step 3: deflate by what was acknowledged, add back one segment.
        self.cwnd = self.cwnd.saturating_sub(acked).max(self.mss);
        if acked >= self.mss {
            self.cwnd += self.mss;
        }
    }

    fn on_recovered(&mut self, flight: u32) {
        // RFC 6582 3.2 step 3, full acknowledgment, option 1: no burst.
        self.cwnd = self.ssthresh.min(flight.max(self.mss) + self.mss);
    }

    fn on_timeout(&mut self, flight: u32, again: bool) {
        // RFC 5681 3.1: a segment that is resent again leaves ssthresh as it is.
        if !again {
            self.ssthresh = self.half_of(flight);
        }
        self.cwnd = self.mss;
        self.acked = 0;
    }

    fn on_idle(&mut self) {
        self.cwnd = self.cwnd.min(self.initial);
    }
}

#[cfg(test)]
mod tests;
