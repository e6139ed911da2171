//! Duplicates, told to the peer (RFC 2883), and the SACK blocks of the next segment.

use super::connection::{Connection, Env};
use super::receiver::Receiver;
use super::sack::SackList;
use super::segment::Segment;
use super::seq::SeqNumber;
use crate::config::TcpConfig;
use crate::stats::Stats;
use crate::time::Instant;
use crate::wire::tcp_options::{SACK_BLOCK, SACK_HEAD, sack_len};

/// Bytes of options in a header, at most; and of those, what timestamps take.
const MAX_OPTIONS: usize = 40;
const TIMESTAMPS: usize = 12;

impl Receiver {
    /// `start..end` has arrived before: the next ACK says so in its first block.
    pub(crate) fn note_duplicate(
        &mut self,
        (start, end): (SeqNumber, SeqNumber),
        config: &TcpConfig,
        stats: &mut Stats,
    ) {
        if !self.sack_permitted || !config.tcp_dsack || !end.after(start) {
            return;
        }
        match self.duplicate() {
            // What touches the range that waits to be told makes it longer.
            Some((from, to)) if start.at_or_before(to) && from.at_or_before(end) => {
                let (start, end) = (if start.before(from) { start } else { from }, to.max(end));
                self.duplicate = (end, end.since(start));
            }
            Some(_) => {}
            None => {
                self.duplicate = (end, end.since(start));
                let old = start.before(self.nxt);
                stats.dsack_old_sent += u64::from(old);
                stats.dsack_ofo_sent += u64::from(!old);
            }
        }
    }

    fn duplicate(&self) -> Option<(SeqNumber, SeqNumber)> {
        let (end, len) = self.duplicate;
        (len > 0).then(|| (end - len, end))
    }

    /// Whether the next segment has SACK blocks.
    #[inline(always)]
    pub(crate) fn has_sack(&self) -> bool {
        self.duplicate.1 > 0 || self.assembler.is_some()
    }

    /// The blocks of the next segment, at most `room` bytes of them: RFC 2883 4, a duplicate comes first, and then
    /// the blocks of RFC 2018 4, the latest first.
    fn sack_within(&self, room: usize) -> SackList {
        let blocks = self.assembler.as_ref().map_or(SackList::NONE, |assembler| assembler.sack);
        let mut blocks = blocks.preceded_by(self.duplicate());
        blocks.truncate(room.saturating_sub(SACK_HEAD) / SACK_BLOCK);
        blocks
    }
}

impl Connection {
    /// The blocks that go with `len` bytes from `seq` on, and how many of the bytes. New data make room for the blocks, as
    /// by Linux's `tcp_current_mss`; for what is sent again they must fit as it is.
    #[inline]
    pub(crate) fn room_for_sack(&self, seq: SeqNumber, len: usize) -> (SackList, usize) {
        let mss = usize::from(self.snd.mss);
        let len = if self.ecn.has_cwr() { len.min(mss) } else { len };
        if !self.rcv.has_sack() {
            return (SackList::NONE, len);
        }
        let most = MAX_OPTIONS - if self.timestamps.is_some() { TIMESTAMPS } else { 0 };
        let is_new = seq.at_or_after(self.snd.nxt) && mss > 2 * MAX_OPTIONS;
        if len == 0 || is_new {
            let sack = self.rcv.sack_within(most);
            let segments = len.div_ceil(mss);
            let full = (mss - sack_len(&sack).min(mss)) * segments;
            return (sack, len.min(full));
        }
        (self.rcv.sack_within(most.min(mss.saturating_sub(len))), len)
    }

    /// Notes that a segment with `len` bytes went out with these blocks. Those that had no room go with an ACK of their own.
    #[inline]
    pub(crate) fn sent_sack(&mut self, sack: &SackList, len: usize, now: Instant) {
        let owed = self.rcv.ack_now && len > 0 && self.rcv.has_sack() && sack.blocks().is_empty();
        self.sent_ack(len, now);
        if owed {
            self.rcv.ack_now = !self.rcv.sack_within(MAX_OPTIONS).blocks().is_empty();
        } else {
            self.rcv.duplicate.1 = 0;
        }
    }

    /// Data that RCV.NXT is past, in whole or in part, are told as a duplicate. In whole: our ACK was lost, or its
    /// delay was too long for the peer.
    pub(crate) fn note_old(&mut self, segment: &Segment, env: &mut Env<'_>) {
        if segment.payload.len() == 0 || !segment.seq().before(self.rcv.nxt) {
            return;
        }
        let end = segment.end();
        let whole = end.at_or_before(self.rcv.nxt);
        env.stats.delayed_ack_lost += u64::from(whole);
        let end = if whole { end } else { self.rcv.nxt };
        self.rcv.note_duplicate((segment.seq(), end), env.config, env.stats);
    }
}

#[cfg(test)]
mod tests;
