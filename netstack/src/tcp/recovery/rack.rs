//! RACK (RFC 8985 6): a segment is lost when one that was sent sufficiently later has arrived.

use core::time::Duration;

use super::flight::Flight;
use super::sent::Sent;
use crate::tcp::seq::SeqNumber;
use crate::time::Instant;

/// Rounds without a recovery by mistake until the window of reordering is small again (RFC 8985 6.2 step 4).
const PERSIST: u8 = 16;
/// Linux's TCP_TIMEOUT_MIN: a timer that is as late as a tick must not find losses that a tick would repair.
pub(crate) const TIMEOUT_MIN: Duration = Duration::from_millis(2);

/// RFC 8985 5.3.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rack {
    /// RACK.xmit_ts, RACK.end_seq: the segment sent last of those that have arrived.
    sent: Instant,
    end: SeqNumber,
    /// RACK.rtt, in nanoseconds.
    rtt: u64,
    /// Something has arrived since losses were looked for.
    advanced: bool,
    /// A DSACK came that widens the window.
    dsack_seen: bool,
    /// RACK.reo_wnd_mult.
    steps: u8,
    persist: u8,
    /// The path has reordered.
    pub(crate) reordering_seen: bool,
    /// What was delivered when the window was adapted last.
    last_delivered: u64,
}

/// What decides about the window of reordering.
pub(crate) struct Window {
    pub(crate) min_rtt: Option<u64>,
    pub(crate) srtt: Option<u64>,
    /// In recovery, or as many segments are SACKed as mean a loss: no reason to wait on a path that never reordered.
    pub(crate) is_evident: bool,
}

/// What was found.
pub(crate) struct Detected {
    /// When to look again.
    pub(crate) again_after: Option<Duration>,
    /// A copy was lost.
    pub(crate) lost_again: bool,
}

impl Rack {
    pub(crate) const fn new() -> Rack {
        Rack {
            sent: Instant::ZERO,
            end: SeqNumber(0),
            rtt: 0,
            advanced: false,
            dsack_seen: false,
            steps: 1,
            persist: 0,
            reordering_seen: false,
            last_delivered: 0,
        }
    }

    /// RFC 8985 6.2 step 2: a segment has arrived.
    #[inline]
    pub(crate) fn advance(&mut self, sent: &Sent, now: Instant, min_rtt: Option<u64>) {
        let rtt = now.nanos_since(sent.at);
        if sent.is_retransmission && min_rtt.is_some_and(|min| rtt < min) {
            return; // the ACK is for the copy before it
        }
        self.advanced = true;
        self.rtt = rtt;
        if sent.is_after(self.sent, self.end) {
            (self.sent, self.end) = (sent.at, sent.end);
        }
    }

    /// Losses may be found that were not before: a recovery was undone.
    pub(crate) fn look_again(&mut self) {
        self.advanced = true;
    }

    /// RFC 8985 6.2 step 4, RACK_update_reo_wnd, in nanoseconds.
    fn reordering_window(&self, window: &Window) -> u64 {
        if !self.reordering_seen && window.is_evident {
            return 0;
        }
        let quarter = window.min_rtt.unwrap_or(0) / 4;
        (quarter * u64::from(self.steps)).min(window.srtt.unwrap_or(u64::MAX))
    }

    /// A DSACK says that something was sent again for nothing.
    pub(crate) fn dsack(&mut self) {
        self.dsack_seen |= self.reordering_seen;
    }

    /// Adapts the window by DSACKs: once a round trip wider by a quarter (`prior_delivered`: when what this ACK delivers
    /// was sent).
    pub(crate) fn adapt(&mut self, prior_delivered: u64, delivered: u64) {
        if prior_delivered < self.last_delivered {
            self.dsack_seen = false;
        }
        if self.dsack_seen {
            self.steps = self.steps.saturating_add(1);
            self.dsack_seen = false;
            self.last_delivered = delivered;
            self.persist = PERSIST;
        } else if self.persist == 0 {
            self.steps = 1;
        }
    }

    /// A recovery is over: it was one of those that the wide window lasts for; `undone`: it was a mistake.
    pub(crate) fn recovered(&mut self, undone: bool) {
        self.persist = if undone { (self.persist + 1).min(PERSIST) } else { self.persist.saturating_sub(1) };
    }

    /// How long until `sent` counts as lost, from `now` on.
    fn remaining(&self, sent: &Sent, window: u64, now: Instant) -> u64 {
        (self.rtt + window).saturating_sub(now.nanos_since(sent.at))
    }

    /// Whether `sent` is too young to have been lost by a time-out.
    pub(crate) fn is_recent(&self, sent: &Sent, now: Instant) -> bool {
        self.remaining(sent, 0, now) > 0
    }

    /// Whether something has arrived since this was asked last.
    pub(crate) fn take_advanced(&mut self) -> bool {
        core::mem::take(&mut self.advanced)
    }

    /// RFC 8985 6.2 step 5.
    pub(crate) fn detect(&self, flight: &mut Flight, window: &Window, now: Instant) -> Detected {
        let window = self.reordering_window(window);
        let mut longest = 0;
        let mut lost_again = false;
        let mut next = flight.oldest().map(|(name, _)| name);
        while let Some(name) = next {
            let Some(sent) = flight.get(name).copied() else { break };
            if sent.is_after(self.sent, self.end) || (sent.at == self.sent && sent.end == self.end) {
                break; // and all that were sent later
            }
            next = flight.later(name).map(|(name, _)| name);
            match self.remaining(&sent, window, now) {
                0 => lost_again |= flight.mark_lost(name),
                remaining => longest = longest.max(remaining),
            }
        }
        let again_after = (longest > 0).then(|| Duration::from_nanos(longest) + TIMEOUT_MIN);
        Detected { again_after, lost_again }
    }
}

#[cfg(test)]
mod tests;
