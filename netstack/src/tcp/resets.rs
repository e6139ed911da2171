//! RSTs that wait for the device.

use alloc::collections::VecDeque;
use core::mem;

use super::options::Timestamps;
use super::seq::SeqNumber;
use super::table::FourTuple;

/// Answers wait while fewer RSTs do: whoever is owed one and hears nothing says it again.
const ANSWERS: usize = 256;

/// A RST to be sent.
pub(crate) struct Reset {
    pub(crate) tuple: FourTuple,
    pub(crate) seq: SeqNumber,
    /// What it acknowledges; `None`: it answers a segment.
    pub(crate) ack: Option<SeqNumber>,
    /// It is no answer, but the end of a connection that has timestamps (RFC 7323 3.2: a SHOULD).
    pub(crate) timestamps: Option<Timestamps>,
}

/// What waits, oldest first. A device that takes nothing, and peers that go on asking for RSTs, must not fill the memory.
pub(crate) struct Resets {
    queue: VecDeque<Reset>,
    limit: usize,
    /// Those that found no room, and are not counted yet.
    dropped: u64,
}

impl Resets {
    /// At most `limit` wait.
    pub(crate) const fn new(limit: usize) -> Resets {
        Resets { queue: VecDeque::new(), limit, dropped: 0 }
    }

    pub(crate) fn push(&mut self, reset: Reset) {
        let most = if reset.ack.is_none() { ANSWERS.min(self.limit) } else { self.limit };
        if self.queue.len() >= most {
            self.dropped += 1;
        } else {
            self.queue.push_back(reset);
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Reset> {
        let reset = self.queue.pop_front();
        if self.queue.is_empty() && self.queue.capacity() > ANSWERS {
            self.queue = VecDeque::new(); // a storm's memory is not kept
        }
        reset
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether some found no room since the last call of `take_dropped`.
    #[inline(always)]
    pub(crate) fn has_dropped(&self) -> bool {
        self.dropped > 0
    }

    /// How many found no room since the last call.
    pub(crate) fn take_dropped(&mut self) -> u64 {
        mem::take(&mut self.dropped)
    }
}

#[cfg(test)]
mod tests;
