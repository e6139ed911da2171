//! A SYN that was answered and whose third ACK has not come: the entry of a SYN queue.

use core::time::Duration;

use crate::Instant;
use crate::event::ListenerId;
use crate::tcp::options::{Negotiated, Timestamps};
use crate::tcp::seq::SeqNumber;
use crate::tcp::table::FourTuple;
use crate::wheel::TimerId;

/// At most 128 bytes: it is what a SYN flood makes us keep.
#[derive(Debug)]
pub(crate) struct HalfOpen {
    pub(crate) tuple: FourTuple,
    pub(crate) listener: ListenerId,
    pub(crate) irs: SeqNumber,
    pub(crate) iss: SeqNumber,
    /// The window of the SYN: not scaled.
    pub(crate) window: u16,
    pub(crate) negotiated: Negotiated,
    pub(crate) ts_offset: u32,
    /// Times that the SYN-ACK was sent again.
    pub(crate) retries: u8,
    pub(crate) timer: Option<TimerId>,
}

/// What a segment means for a half-open connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nothing.
    Drop,
    /// The SYN came again: so does the SYN-ACK.
    SynAck,
    /// The peer gave up.
    Remove,
    /// The ACK is not ours: a RST with its number.
    Reset(SeqNumber),
    /// The third ACK: it opens.
    Open,
}

impl HalfOpen {
    /// The time until the SYN-ACK is sent again: 1, 2, 4 ... seconds.
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(1 << self.retries.min(6))
    }

    pub(crate) fn timestamps(&self, now: Instant) -> Option<Timestamps> {
        self.negotiated.timestamps.map(|recent| Timestamps {
            offset: self.ts_offset,
            recent,
            recent_at: now.as_secs(),
        })
    }
}

#[cfg(test)]
mod tests;
