//! Data that arrived before what lies in front of them.

use alloc::collections::BTreeMap;

use corelane_nic::{Chunk, Packet};

use super::memory::{Memory, SMALL};
use super::sack::SackList;
use super::seq::SeqNumber;

/// Where the data of a piece are.
enum Piece {
    /// In the device's buffer, with segments that are not small.
    Chunk(Chunk),
    /// Copied: a buffer of the device for a few bytes each would let a peer starve the ring. The tailroom takes what follows.
    Packed(Packet),
}

impl Piece {
    fn len(&self) -> usize {
        match self {
            Piece::Chunk(chunk) => chunk.len(),
            Piece::Packed(packet) => packet.len(),
        }
    }

    /// What it costs, as Linux's `truesize`: so the bound on bytes bounds the pieces too.
    fn cost(&self) -> usize {
        match self {
            Piece::Chunk(chunk) => chunk.len().max(SMALL as usize),
            Piece::Packed(packet) => packet.headroom() + packet.len() + packet.tailroom(),
        }
    }
}

/// What became of a chunk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Inserted {
    /// All of it is in hand now.
    pub(crate) kept: bool,
    /// The first range of it that was in hand before.
    pub(crate) duplicate: Option<(SeqNumber, SeqNumber)>,
    /// Pieces that it holds whole, or 1 when a piece holds it: nothing is gained by keeping both.
    pub(crate) merged: u32,
    /// Newer data were dropped to make room.
    pub(crate) pruned: bool,
}

/// Out-of-order data, in sequence and without overlap. Where two segments disagree on a byte, the first one that
/// arrived is kept (RFC 5722 shows what the other choice costs). Each step costs O(log n) in the pieces that are kept.
pub(crate) struct Assembler {
    /// By the distance of their first number from where the assembler began.
    pieces: BTreeMap<u64, Piece>,
    /// RCV.NXT, and its distance.
    nxt: SeqNumber,
    nxt_at: u64,
    /// The sum of all costs.
    cost: usize,
    /// The same, as the peer is told.
    pub(crate) sack: SackList,
}

/// What bounds an insertion.
#[derive(Clone, Copy)]
pub(crate) struct Bounds<'a> {
    pub(crate) memory: &'a Memory,
    /// The size of the receive buffer.
    pub(crate) limit: usize,
}

impl Bounds<'_> {
    /// Twice the buffer, as Linux's buffers are twice the window that they offer: small segments cost more than they hold.
    fn cost(&self) -> usize {
        self.limit * 2
    }

    /// How much is dropped at a time, as Linux does.
    fn step(&self) -> usize {
        self.limit / 8
    }
}

impl Assembler {
    pub(crate) fn new(nxt: SeqNumber) -> Assembler {
        Assembler { pieces: BTreeMap::new(), nxt, nxt_at: 0, cost: 0, sack: SackList::NONE }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Pieces: segments, unless small ones lie together.
    pub(crate) fn len(&self) -> usize {
        self.pieces.len()
    }

    fn seq(&self, at: u64) -> SeqNumber {
        self.nxt + (at - self.nxt_at) as u32 // within a window
    }

    /// Keeps what of `chunk`, which starts at `seq`, is new. `seq` is not before RCV.NXT.
    pub(crate) fn insert(&mut self, seq: SeqNumber, mut chunk: Chunk, bounds: Bounds<'_>) -> Inserted {
        let start = self.nxt_at + u64::from(seq.since(self.nxt));
        let end = start + chunk.len() as u64;
        let mut inserted = Inserted { kept: true, ..Inserted::default() };
        let mut at = start;
        if let Some((from, piece)) = self.pieces.range(..=at).next_back() {
            let known = (from + piece.len() as u64).min(end);
            if known > at {
                inserted.duplicate = Some((self.seq(at), self.seq(known)));
                chunk.advance((known - at) as usize);
                inserted.merged += u32::from(known == end);
                at = known;
            }
        }
        while at < end {
            let next =
                self.pieces.range(at..end).next().map(|(from, piece)| (*from, from + piece.len() as u64));
            let (from, to) = next.unwrap_or((end, end));
            let part = chunk.split_to((from - at) as usize);
            if !part.is_empty() {
                inserted.kept = self.store(at, part, bounds, &mut inserted.pruned);
                if !inserted.kept {
                    break;
                }
                at = from; // and there again: room for the part may have cost the piece behind it
                continue;
            }
            let known = to.min(end);
            self.note_duplicate(&mut inserted.duplicate, from, known);
            inserted.merged += u32::from(known == to);
            chunk.advance((known - from) as usize);
            at = known;
        }
        self.bound(start, end, bounds, &mut inserted);
        inserted
    }

    /// Adds `from..to` to a range that it touches; of several ranges apart the first one is told (RFC 2883 4).
    fn note_duplicate(&self, duplicate: &mut Option<(SeqNumber, SeqNumber)>, from: u64, to: u64) {
        let (from, to) = (self.seq(from), self.seq(to));
        match duplicate {
            None => *duplicate = Some((from, to)),
            Some((_, end)) if *end == from => *end = to,
            Some(_) => {}
        }
    }

    /// Keeps `chunk`, of which nothing is in hand. `false`: there is no memory.
    fn store(&mut self, at: u64, chunk: Chunk, bounds: Bounds<'_>, pruned: &mut bool) -> bool {
        if chunk.len() > SMALL as usize && !bounds.memory.device_is_low() {
            self.add(at, Piece::Chunk(chunk));
            return true;
        }
        let kept = self.pack(at, &chunk, bounds.memory);
        if kept == chunk.len() {
            return true;
        }
        // Under memory pressure what is newest goes: it is what the peer sends again last.
        *pruned |= self.prune(at, bounds.step());
        let kept = kept + self.pack(at + kept as u64, &chunk[kept..], bounds.memory);
        let whole = kept == chunk.len();
        if !whole && !bounds.memory.device_is_low() {
            let mut rest = chunk;
            rest.advance(kept);
            self.add(at + kept as u64, Piece::Chunk(rest));
            return true;
        }
        whole
    }

    /// Copies `bytes`, as far as there is memory, behind what they follow; returns how many.
    fn pack(&mut self, at: u64, bytes: &[u8], memory: &Memory) -> usize {
        let mut done = 0;
        if let Some((from, Piece::Packed(packet))) = self.pieces.range_mut(..at).next_back()
            && from + packet.len() as u64 == at
        {
            done = packet.extend_from_slice(bytes);
        }
        while done < bytes.len()
            && let Some(mut fresh) = memory.take(bytes.len() - done)
        {
            let here = at + done as u64;
            done += fresh.extend_from_slice(&bytes[done..]);
            self.add(here, Piece::Packed(fresh));
        }
        done
    }

    fn add(&mut self, at: u64, piece: Piece) {
        self.cost += piece.cost();
        self.pieces.insert(at, piece);
    }

    /// Drops what starts behind `at`, the newest first, until `goal` is free (Linux's `tcp_prune_ofo_queue`). The blocks that the
    /// peer was told of go too, as RFC 2018 8 allows.
    fn prune(&mut self, at: u64, goal: usize) -> bool {
        let (before, target) = (self.cost, self.cost.saturating_sub(goal));
        while self.cost > target
            && let Some(last) = self.pieces.last_entry()
            && *last.key() > at
        {
            self.cost -= last.remove().cost();
        }
        if self.cost < before {
            self.sack = SackList::NONE;
        }
        self.cost < before
    }

    /// Keeps the cost within its bound, after `start..end` was inserted.
    fn bound(&mut self, start: u64, end: u64, bounds: Bounds<'_>, inserted: &mut Inserted) {
        let most = bounds.cost();
        if self.cost > most {
            let last = self.pieces.last_key_value().is_some_and(|(from, _)| *from >= end);
            inserted.pruned |= last && self.prune(start, self.cost - most + bounds.step());
            // What arrived is the newest itself: it alone goes, unless it is what the connection waits for.
            while self.cost > most
                && let Some(newest) = self.pieces.last_entry()
                && *newest.key() >= start
                && *newest.key() > self.nxt_at
            {
                self.cost -= newest.remove().cost();
            }
        }
        let reach =
            self.pieces.last_key_value().map_or(self.nxt_at, |(from, piece)| from + piece.len() as u64);
        inserted.kept &= reach >= end;
    }

    /// Takes the first data, if they start at `nxt` or before: what lies before has come another way and is dropped. Says
    /// whether they are a copy already.
    pub(crate) fn pop(&mut self, nxt: SeqNumber) -> Option<(Chunk, bool)> {
        self.nxt_at += u64::from(nxt.since(self.nxt));
        self.nxt = nxt;
        while let Some(first) = self.pieces.first_entry()
            && *first.key() <= self.nxt_at
        {
            let (at, piece) = first.remove_entry();
            self.cost -= piece.cost();
            let (mut chunk, copied) = match piece {
                Piece::Chunk(chunk) => (chunk, false),
                Piece::Packed(packet) => (packet.freeze(), true),
            };
            chunk.advance((self.nxt_at - at) as usize);
            if !chunk.is_empty() {
                return Some((chunk, copied));
            }
        }
        None
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self) {
        self.pieces.clear();
        self.cost = 0;
        self.sack = SackList::NONE;
    }
}

#[cfg(test)]
mod tests;
