//! A received segment: what its header says, and its payload.

use corelane_nic::{Chunk, Packet};

use super::sack::Blocks;
use super::seq::SeqNumber;
use crate::wire::tcp::{Flags, TcpHeader};

/// The bytes of a segment that are still wanted: a range of a packet (or of a chain that the device merged).
pub(crate) struct Payload {
    packet: Option<Packet>,
    skip: usize,
    len: usize,
}

impl Payload {
    /// All of `packet` and its chain.
    pub(crate) fn new(packet: Packet, len: usize) -> Payload {
        Payload { packet: Some(packet), skip: 0, len }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    fn trim_front(&mut self, n: usize) {
        let n = n.min(self.len);
        self.skip += n;
        self.len -= n;
    }

    fn trim_back(&mut self, n: usize) {
        self.len -= n.min(self.len);
    }

    /// Gives the range away, a chunk a packet; nothing is left.
    pub(crate) fn take_chunks(&mut self, mut take: impl FnMut(Chunk)) {
        let (mut packet, mut skip, mut len) = (self.packet.take(), self.skip, self.len);
        self.len = 0;
        while let Some(mut head) = packet.take() {
            packet = head.split_next();
            let from = skip.min(head.len());
            skip -= from;
            head.trim_front(from);
            head.truncate(len);
            len -= head.len();
            if !head.is_empty() {
                take(head.freeze());
            }
        }
    }
}

/// A received segment. RFC 9293's SEG.* are its fields.
pub(crate) struct Segment {
    pub(crate) header: TcpHeader,
    pub(crate) payload: Payload,
    /// The peer's SACK blocks.
    pub(crate) sacked: Blocks,
    /// The two bits of its IP header (RFC 3168).
    pub(crate) ecn: u8,
}

impl Segment {
    pub(crate) fn has(&self, flags: Flags) -> bool {
        self.header.flags.has(flags)
    }

    pub(crate) fn seq(&self) -> SeqNumber {
        self.header.seq
    }

    /// SEG.LEN: data, and one each for SYN and FIN.
    pub(crate) fn seq_len(&self) -> u32 {
        // A payload is shorter than an IP packet.
        self.payload.len() as u32 + u32::from(self.has(Flags::SYN)) + u32::from(self.has(Flags::FIN))
    }

    /// One past its last sequence number.
    pub(crate) fn end(&self) -> SeqNumber {
        self.seq() + self.seq_len()
    }

    /// Cuts off what lies before `start` (RFC 9293 3.10.7.4: a segment is tailored to the window).
    pub(crate) fn trim_before(&mut self, start: SeqNumber) {
        let mut cut = start.since(self.seq());
        if cut == 0 {
            return;
        }
        self.header.seq = start;
        if self.has(Flags::SYN) {
            self.header.flags.0 &= !Flags::SYN.0;
            cut -= 1;
        }
        if cut as usize > self.payload.len() {
            self.header.flags.0 &= !Flags::FIN.0;
        }
        self.payload.trim_front(cut as usize);
    }

    /// Cuts off what lies at or behind `end`, the FIN first.
    pub(crate) fn trim_after(&mut self, end: SeqNumber) {
        let mut cut = self.end().since(end);
        if cut > 0 && self.has(Flags::FIN) {
            self.header.flags.0 &= !Flags::FIN.0;
            cut -= 1;
        }
        self.payload.trim_back(cut as usize);
    }
}

#[cfg(test)]
mod tests;
