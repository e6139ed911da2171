//! Data that arrived before what lies in front of them.

use alloc::vec::Vec;

use corelane_nic::Chunk;

use super::sack::SackList;
use super::seq::SeqNumber;

/// Segments that one connection keeps out of order: a bound on memory, and on the cost of an insertion.
pub(crate) const MAX_SEGMENTS: usize = 2048;

/// Out-of-order chunks, in sequence and without overlap. Where two segments disagree on a byte, the first one that
/// arrived is kept (RFC 5722 shows what the other choice costs).
#[derive(Default)]
pub(crate) struct Assembler {
    /// Sorted by sequence number. New data mostly belong at the end.
    pieces: Vec<(SeqNumber, Chunk)>,
    bytes: usize,
    /// The same, as the peer is told.
    pub(crate) sack: SackList,
}

impl Assembler {
    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Where the first of the data are.
    pub(crate) fn start(&self) -> Option<SeqNumber> {
        self.pieces.first().map(|(start, _)| *start)
    }

    /// Bytes kept.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Keeps what of `chunk`, which starts at `seq`, is new. `false` when something was dropped for want of room.
    pub(crate) fn insert(&mut self, mut seq: SeqNumber, mut chunk: Chunk) -> bool {
        let mut index = self.pieces.partition_point(|(start, _)| start.at_or_before(seq));
        if let Some((start, before)) = index.checked_sub(1).and_then(|i| self.pieces.get(i)) {
            let known = (*start + before.len() as u32).since(seq); // a chunk is shorter than 2^31
            chunk.advance(known as usize);
            seq += known;
        }
        while !chunk.is_empty() {
            if self.pieces.len() >= MAX_SEGMENTS {
                return false;
            }
            let (gap, known) = match self.pieces.get(index) {
                Some((start, after)) => (start.since(seq) as usize, after.len()),
                None => (chunk.len(), 0),
            };
            let part = chunk.split_to(gap);
            let advanced = part.len();
            if !part.is_empty() {
                self.bytes += part.len();
                self.pieces.insert(index, (seq, part));
                index += 1;
            }
            chunk.advance(known);
            seq += (advanced + known) as u32; // as above
            index += 1;
        }
        true
    }

    /// Takes the data that start at `seq`, if they have arrived. What lies before `seq` has come another way and is dropped.
    pub(crate) fn take(&mut self, seq: SeqNumber) -> Vec<Chunk> {
        let old = self.pieces.partition_point(|(start, _)| start.before(seq));
        if let Some((start, chunk)) = old.checked_sub(1).and_then(|last| self.pieces.get_mut(last)) {
            // Only the last of them can reach beyond `seq`.
            let known = chunk.len().min(seq.since(*start) as usize);
            chunk.advance(known);
            *start += known as u32; // at most the length of a chunk
            self.bytes -= known;
            let gone = if chunk.is_empty() { old } else { old - 1 };
            self.bytes -= self.pieces.drain(..gone).map(|(_, chunk)| chunk.len()).sum::<usize>();
        }
        let mut next = seq;
        let ready = self.pieces.iter().take_while(|(start, chunk)| {
            let fits = *start == next;
            next += chunk.len() as u32; // as above
            fits
        });
        let count = ready.count();
        let taken: Vec<Chunk> = self.pieces.drain(..count).map(|(_, chunk)| chunk).collect();
        self.bytes -= taken.iter().map(|chunk| chunk.len()).sum::<usize>();
        if self.pieces.is_empty() {
            self.pieces = Vec::new();
        }
        taken
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self) {
        *self = Assembler::default();
    }
}

#[cfg(test)]
mod tests;
