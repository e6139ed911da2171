//! A token bucket.

use crate::Instant;

/// What a token costs: one second of one a second.
const TOKEN: u64 = 1_000_000_000;

/// Allows `rate` events a second, and as many at once after a quiet second.
#[derive(Debug)]
pub(super) struct TokenBucket {
    rate: u64,
    /// Nanoseconds times rate; at most `rate` tokens.
    credit: u64,
    updated: Instant,
}

impl TokenBucket {
    /// A full bucket.
    pub(super) fn new(rate: u32) -> TokenBucket {
        let rate = u64::from(rate);
        TokenBucket { rate, credit: rate * TOKEN, updated: Instant::ZERO }
    }

    /// Takes a token, if there is one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let elapsed = now.as_nanos().saturating_sub(self.updated.as_nanos());
        self.updated = self.updated.max(now);
        let credit = self.credit.saturating_add(elapsed.saturating_mul(self.rate)).min(self.rate * TOKEN);
        let left = credit.checked_sub(TOKEN);
        self.credit = left.unwrap_or(credit);
        left.is_some()
    }
}

#[cfg(test)]
mod tests;
