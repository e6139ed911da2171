//! The window itself, and how slow start and congestion avoidance move it.

/// The largest window: no receive window is larger (RFC 7323 2.3).
pub(super) const MAX_CWND: u32 = 1 << 30;
/// ssthresh before the first loss: "arbitrarily high" (RFC 5681 3.1), above any window.
pub(super) const INFINITE_SSTHRESH: u32 = 0x7fff_ffff;

/// cwnd and ssthresh, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(super) cwnd: u32,
    pub(super) ssthresh: u32,
    /// Payload of a full segment.
    pub(super) mss: u32,
    /// Bytes acknowledged on the way to the next segment of growth (Linux's `snd_cwnd_cnt`).
    pub(super) credit: u32,
}

impl Window {
    pub(super) fn new(mss: u32, segments: u32) -> Window {
        let mss = mss.max(1);
        let cwnd = mss.saturating_mul(segments.max(1)).min(MAX_CWND);
        Window { cwnd, ssthresh: INFINITE_SSTHRESH, mss, credit: 0 }
    }

    #[inline]
    pub(super) fn in_slow_start(&self) -> bool {
        self.cwnd < self.ssthresh
    }

    /// Nothing was ever lost: slow start has no end that is known.
    #[inline]
    pub(super) fn is_first_slow_start(&self) -> bool {
        self.ssthresh == INFINITE_SSTHRESH
    }

    /// RFC 5681 3.1 with the appropriate byte counting of RFC 3465: cwnd grows by what was acknowledged. Returns what is
    /// left of it when cwnd reaches ssthresh; that counts for congestion avoidance (as in Linux).
    #[inline]
    pub(super) fn slow_start(&mut self, acked: u32) -> u32 {
        let grown = self.cwnd.saturating_add(acked).min(self.ssthresh).min(MAX_CWND);
        let used = grown.saturating_sub(self.cwnd);
        self.cwnd += used;
        acked - used
    }

    /// One more segment for every `per_segment` bytes acknowledged (Linux's `tcp_cong_avoid_ai`).
    #[inline]
    pub(super) fn avoid(&mut self, per_segment: u32, acked: u32) {
        let per_segment = per_segment.max(self.mss);
        // What was needed has become less since: the credit of before is good for one segment.
        if self.credit >= per_segment {
            self.credit = 0;
            self.grow(1);
        }
        self.credit = self.credit.saturating_add(acked);
        if self.credit >= per_segment {
            let segments = self.credit / per_segment;
            self.credit -= segments * per_segment;
            self.grow(segments);
        }
    }

    fn grow(&mut self, segments: u32) {
        self.cwnd = self.cwnd.saturating_add(segments.saturating_mul(self.mss)).min(MAX_CWND);
    }

    /// Linux's `tcp_current_ssthresh`: what a window that goes unused or is taken back may grow to fast.
    pub(super) fn current_ssthresh(&self) -> u32 {
        self.ssthresh.max(self.cwnd / 2 + self.cwnd / 4)
    }

    /// `numerator / denominator` of cwnd, but two segments at least (RFC 5681 (4)).
    pub(super) fn share(&self, numerator: u32, denominator: u32) -> u32 {
        let share = u64::from(self.cwnd) * u64::from(numerator) / u64::from(denominator);
        (share as u32).max(2 * self.mss) // at most cwnd: no share is above one
    }
}

#[cfg(test)]
mod tests;
