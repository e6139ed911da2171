//! How many more bytes ACKs tell of than the bandwidth says: where they come late and together, cwnd needs room for that.

use crate::tcp::congestion::Ack;
use crate::tcp::pacing::bytes_in;
use crate::time::Instant;

/// The largest excess is remembered for five to ten rounds.
const WINDOW_ROUNDS: u8 = 5;
/// What 100 ms bring at most.
const MAX_EXTRA: u64 = 100_000_000;

/// The largest excess of two windows, the one under way and the last.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Aggregation {
    extra: [u32; 2],
    /// Which of the two is under way, and for how many rounds.
    current: u8,
    rounds: u8,
    /// Since when the ACKs run ahead of the bandwidth, and what they have brought.
    since: Instant,
    acked: u64,
}

impl Aggregation {
    pub(super) fn update(&mut self, ack: &Ack, bw: u64, is_round_start: bool, cwnd: u32) {
        if ack.delivered == 0 {
            return;
        }
        if is_round_start {
            self.rounds += 1;
            if self.rounds >= WINDOW_ROUNDS {
                self.rounds = 0;
                self.current ^= 1;
                self.extra[usize::from(self.current & 1)] = 0;
            }
        }
        let mut expected = bytes_in(bw, ack.now.nanos_since(self.since));
        if self.acked <= expected {
            self.restart(ack.now);
            expected = 0;
        }
        self.acked = self.acked.saturating_add(u64::from(ack.delivered));
        let extra = self.acked.saturating_sub(expected).min(u64::from(cwnd)) as u32;
        let largest = &mut self.extra[usize::from(self.current & 1)];
        *largest = extra.max(*largest);
    }

    /// The room that cwnd needs.
    pub(super) fn extra(&self, bw: u64) -> u64 {
        let [one, other] = self.extra;
        u64::from(one.max(other)).min(bytes_in(bw, MAX_EXTRA))
    }

    /// The ACKs don't run ahead, from `now`.
    pub(super) fn restart(&mut self, now: Instant) {
        self.since = now;
        self.acked = 0;
    }
}

#[cfg(test)]
mod tests;
