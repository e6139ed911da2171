//! Proportional rate reduction (RFC 6937 and its bis): how cwnd comes down to ssthresh while a loss is repaired.

/// RFC 6937 3: counts of one reduction, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prr {
    /// RecoverFS: cwnd when it began (Linux's `prior_cwnd`); 0 while there is none.
    pub(crate) prior_cwnd: u32,
    delivered: u32,
    out: u32,
}

impl Prr {
    /// No reduction.
    pub(crate) const NONE: Prr = Prr { prior_cwnd: 0, delivered: 0, out: 0 };

    /// A reduction from `cwnd` begins.
    pub(crate) fn begin(cwnd: u32) -> Prr {
        Prr { prior_cwnd: cwnd.max(1), delivered: 0, out: 0 }
    }

    /// So many bytes went out.
    pub(crate) fn sent(&mut self, bytes: u32) {
        self.out = self.out.saturating_add(bytes);
    }

    /// An ACK delivered `delivered` bytes and left `pipe` in flight: the new cwnd. `is_safe` (safeACK): SND.UNA moved, and
    /// no further loss came to light.
    pub(crate) fn on_ack(
        &mut self,
        delivered: u32,
        pipe: u32,
        ssthresh: u32,
        mss: u32,
        is_safe: bool,
    ) -> Option<u32> {
        if delivered == 0 || self.prior_cwnd == 0 {
            return None;
        }
        self.delivered = self.delivered.saturating_add(delivered);
        let count = if pipe > ssthresh {
            let due = (u64::from(ssthresh) * u64::from(self.delivered)).div_ceil(u64::from(self.prior_cwnd));
            due.min(u64::from(u32::MAX)) as u32 // just limited
        } else {
            // CRB, or SSRB with a segment more when all goes well.
            let count = self.delivered.saturating_sub(self.out).max(delivered);
            let count = if is_safe { count + mss } else { count };
            count.min(ssthresh - pipe).saturating_add(self.out)
        };
        // RFC 6937bis: the first retransmission goes out at once.
        let least = if self.out == 0 { mss } else { 0 };
        Some(pipe + count.saturating_sub(self.out).max(least))
    }
}

#[cfg(test)]
mod tests;
