//! SACK blocks: those that we send (RFC 2018 4), and those of one received segment.

use super::seq::SeqNumber;

/// Blocks kept, which a header has room for; with timestamps it has room for three (RFC 2018 3).
const KEPT: usize = 4;

/// The blocks of a received segment, as they came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Blocks {
    blocks: [(SeqNumber, SeqNumber); KEPT],
    len: u8,
}

impl Blocks {
    /// Adds a block; a header has room for no more than are kept.
    pub(crate) fn push(&mut self, start: SeqNumber, end: SeqNumber) {
        if let Some(slot) = self.blocks.get_mut(usize::from(self.len)) {
            *slot = (start, end);
            self.len += 1;
        }
    }

    pub(crate) fn as_slice(&self) -> &[(SeqNumber, SeqNumber)] {
        &self.blocks[..usize::from(self.len)]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// What has arrived out of order, the latest block first: as Linux keeps it, so that a segment costs a look at four
/// blocks and not at all that is out of order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SackList {
    blocks: [(SeqNumber, SeqNumber); KEPT],
    len: u8,
}

impl SackList {
    /// Nothing is out of order.
    pub(crate) const NONE: SackList = SackList { blocks: [(SeqNumber(0), SeqNumber(0)); KEPT], len: 0 };

    /// The blocks, from their first number to one past their last.
    pub(crate) fn blocks(&self) -> &[(SeqNumber, SeqNumber)] {
        &self.blocks[..usize::from(self.len)]
    }

    /// Notes that `start..end` has arrived out of order: the block that holds it comes first.
    pub(crate) fn add(&mut self, mut start: SeqNumber, mut end: SeqNumber) {
        let mut others = [(SeqNumber(0), SeqNumber(0)); KEPT];
        let mut count = 0;
        for &(from, to) in self.blocks() {
            let apart = to.before(start) || end.before(from);
            if apart {
                others[count] = (from, to);
                count += 1;
            } else {
                end = end.max(to);
                start = if from.before(start) { from } else { start };
            }
        }
        let keep = count.min(KEPT - 1);
        self.blocks[0] = (start, end);
        self.blocks[1..=keep].copy_from_slice(&others[..keep]);
        self.len = keep as u8 + 1; // at most KEPT
    }

    /// The same with `first` in front.
    pub(crate) fn preceded_by(mut self, first: Option<(SeqNumber, SeqNumber)>) -> SackList {
        if let Some(first) = first {
            self.blocks.rotate_right(1); // the last one has no room any more
            self.blocks[0] = first;
            self.len = (self.len + 1).min(KEPT as u8);
        }
        self
    }

    /// Leaves the first `count` blocks.
    pub(crate) fn truncate(&mut self, count: usize) {
        self.len = usize::from(self.len).min(count) as u8; // at most KEPT
    }

    /// Drops what lies before `nxt`: it is acknowledged in order.
    pub(crate) fn advance(&mut self, nxt: SeqNumber) {
        let mut count = 0;
        for index in 0..usize::from(self.len) {
            let (from, to) = self.blocks[index];
            if to.after(nxt) {
                self.blocks[count] = (from.max(nxt), to);
                count += 1;
            }
        }
        self.len = count as u8; // at most KEPT
    }
}

#[cfg(test)]
mod tests;
