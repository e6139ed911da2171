//! What the peer has by its SACK blocks, and what is to be sent again (RFC 2018 5, RFC 6675).
//!
//! Beyond RFC 6675, a segment that was sent again and lost again is found without a time-out: once data that were sent
//! after it have arrived (Linux did so before RACK).

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::tcp::sack::Blocks;
use crate::tcp::seq::SeqNumber;

/// RFC 6675 2: so many segments above it, or so many separate blocks, and a segment is lost.
const DUP_THRESH: u32 = 3;
/// Separate blocks kept. A peer that makes more of them only makes us send more again.
const MAX_RANGES: usize = 1024;

/// How recovery began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// SACK blocks or duplicate ACKs: what lies below the SACKed data counts as lost.
    Fast,
    /// The retransmission timer: all that is not SACKed counts as lost.
    Timeout,
}

/// A range that was sent again, and SND.MAX at that time.
#[derive(Debug, Clone, Copy)]
struct Resent {
    start: SeqNumber,
    end: SeqNumber,
    max: SeqNumber,
}

/// The scoreboard of one connection: made when the first block comes, or the timer fires.
#[derive(Debug, Default)]
pub(crate) struct Scoreboard {
    /// SACKed, sorted, apart from each other, all above SND.UNA.
    ranges: Vec<(SeqNumber, SeqNumber)>,
    bytes: u32,
    /// Sent again in this recovery, oldest first.
    resent: VecDeque<Resent>,
    /// HighRxt: what lies below it and is not SACKed was sent again.
    high_rxt: SeqNumber,
    /// What lies below it and is not SACKed is lost: as it was when the recovery began.
    lost_below: SeqNumber,
    /// RecoveryPoint, while a recovery is under way.
    recovery: Option<(Cause, SeqNumber)>,
    /// RFC 6675 5 (4.3): the first segment goes out whatever is in flight.
    first_due: bool,
}

impl Scoreboard {
    /// Takes the blocks of an ACK; returns how many bytes are newly SACKed. Blocks that can't be, and DSACKs, are skipped.
    pub(crate) fn update(&mut self, una: SeqNumber, max: SeqNumber, blocks: &Blocks) -> u32 {
        let before = self.bytes;
        // By their distance from SND.UNA: comparisons of numbers that lie 2^31 apart say nothing.
        let offset = |n: SeqNumber| n.0.wrapping_sub(una.0);
        for &(start, end) in blocks.iter() {
            if 0 < offset(start) && offset(start) < offset(end) && offset(end) <= offset(max) {
                self.add(start, end);
            }
        }
        self.bytes - before
    }

    fn add(&mut self, mut start: SeqNumber, mut end: SeqNumber) {
        let first = self.ranges.partition_point(|(_, to)| to.before(start));
        let last = self.ranges.partition_point(|(from, _)| from.at_or_before(end));
        if first == last && self.ranges.len() >= MAX_RANGES {
            return;
        }
        for &(from, to) in &self.ranges[first..last] {
            start = if from.before(start) { from } else { start };
            end = end.max(to);
            self.bytes -= to.since(from);
        }
        self.bytes += end.since(start);
        self.ranges.splice(first..last, [(start, end)]);
    }

    /// SND.UNA moved.
    pub(crate) fn advance(&mut self, una: SeqNumber) {
        let gone = self.ranges.partition_point(|(_, to)| to.at_or_before(una));
        for (from, to) in self.ranges.drain(..gone) {
            self.bytes -= to.since(from);
        }
        if let Some((from, _)) = self.ranges.first_mut()
            && from.before(una)
        {
            self.bytes -= una.since(*from);
            *from = una;
        }
        self.high_rxt = self.high_rxt.max(una);
    }

    /// Whether nothing is SACKed and no recovery is under way.
    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty() && self.recovery.is_none()
    }

    /// How the recovery that is under way began.
    pub(crate) fn cause(&self) -> Option<Cause> {
        self.recovery.map(|(cause, _)| cause)
    }

    /// IsLost of RFC 6675 4: enough lies SACKed above `seq`.
    pub(crate) fn is_lost(&self, seq: SeqNumber, mss: u32) -> bool {
        let (mut bytes, mut blocks) = (0, 0);
        for &(from, to) in self.ranges.iter().rev().take_while(|(from, _)| from.after(seq)) {
            bytes += to.since(from);
            blocks += 1;
            if blocks >= DUP_THRESH || bytes > (DUP_THRESH - 1) * mss {
                return true;
            }
        }
        false
    }

    /// A recovery begins.
    pub(crate) fn enter(&mut self, cause: Cause, una: SeqNumber, max: SeqNumber) {
        // RFC 2018 8: a receiver may drop what it had SACKed; SND.UNA within a block shows it.
        if self.ranges.first().is_some_and(|(from, _)| *from == una) {
            self.ranges.clear();
            self.bytes = 0;
        }
        self.recovery = Some((cause, max));
        self.resent.clear();
        self.high_rxt = una;
        self.lost_below = match cause {
            Cause::Timeout => max,
            // RFC 6675 5 (4.3): the first segment goes again in any case; the holes that stand when recovery begins
            // have outlived the reordering window, or three segments have passed them.
            Cause::Fast => self.ranges.last().map_or(una + 1, |(from, _)| *from),
        };
        self.first_due = true;
    }

    /// Ends the recovery when `ack` reaches its point; tells whether it did.
    pub(crate) fn leave(&mut self, ack: SeqNumber) -> bool {
        let over = self.recovery.is_some_and(|(_, point)| ack.at_or_after(point));
        if over {
            self.recovery = None;
            self.resent = VecDeque::new();
        }
        over
    }

    /// Bytes of the holes between `from` and `end`, in order, until `f` says stop.
    fn holes(&self, from: SeqNumber, end: SeqNumber, mut f: impl FnMut(SeqNumber, SeqNumber) -> bool) {
        let mut start = from;
        let first = self.ranges.partition_point(|(_, to)| to.at_or_before(from));
        for &(lo, hi) in &self.ranges[first..] {
            if start.before(lo) && !f(start, lo) {
                return;
            }
            start = start.max(hi);
        }
        if start.before(end) {
            f(start, end);
        }
    }

    fn counts_as_lost(&self, seq: SeqNumber, mss: u32) -> bool {
        seq.before(self.lost_below) || self.is_lost(seq, mss)
    }

    /// RFC 6675 4, SetPipe: bytes that are thought to be in the network.
    pub(crate) fn pipe(&self, una: SeqNumber, max: SeqNumber, mss: u32) -> u32 {
        let mut lost = 0;
        self.holes(self.high_rxt.max(una), max, |start, end| {
            let is_lost = self.counts_as_lost(start, mss);
            if is_lost {
                lost += end.since(start);
            }
            is_lost // what follows has less above it
        });
        max.since(una).saturating_sub(self.bytes).saturating_sub(lost)
    }

    /// Whether a segment may be sent again with `pipe` bytes in flight under the limit `cwnd`.
    pub(crate) fn may_resend(&self, pipe: u32, cwnd: u32, mss: u32) -> bool {
        self.first_due || pipe + mss <= cwnd
    }

    /// NextSeg of RFC 6675 4, rule 1: what to send again, at most `mss` bytes of it.
    pub(crate) fn next_resend(
        &mut self,
        una: SeqNumber,
        max: SeqNumber,
        mss: u32,
    ) -> Option<(SeqNumber, SeqNumber)> {
        if let Some(again) = self.lost_again(una) {
            return Some(again);
        }
        let mut found = None;
        self.holes(self.high_rxt.max(una), max, |start, end| {
            if self.counts_as_lost(start, mss) {
                found = Some((start, if end.since(start) > mss { start + mss } else { end }));
            }
            false
        });
        found
    }

    /// The oldest range that was sent again, when data sent after it have arrived and it has not.
    fn lost_again(&mut self, una: SeqNumber) -> Option<(SeqNumber, SeqNumber)> {
        let highest = self.ranges.last().map(|(_, to)| *to)?;
        while let Some(oldest) = self.resent.front().copied() {
            let arrived = oldest.end.at_or_before(una) || self.is_sacked(oldest.start);
            if arrived {
                self.resent.pop_front();
                continue;
            }
            // One segment that was sent later is enough: at worst it goes a third time.
            let overtaken = highest.after(oldest.max);
            return overtaken.then_some((oldest.start.max(una), oldest.end));
        }
        None
    }

    fn is_sacked(&self, seq: SeqNumber) -> bool {
        let index = self.ranges.partition_point(|(_, to)| to.at_or_before(seq));
        self.ranges.get(index).is_some_and(|(from, _)| from.at_or_before(seq))
    }

    /// Notes that `start..end` was sent again.
    pub(crate) fn resent(&mut self, start: SeqNumber, end: SeqNumber, max: SeqNumber) {
        self.first_due = false;
        // A range that was lost again moves to the end of the list.
        if self.resent.front().is_some_and(|oldest| oldest.start.at_or_before(start) && oldest.end == end) {
            self.resent.pop_front();
        }
        self.resent.push_back(Resent { start, end, max });
        self.high_rxt = self.high_rxt.max(end);
    }
}

#[cfg(test)]
mod tests;
