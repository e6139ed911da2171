//! TIME-WAIT in a record of its own (RFC 9293 3.4.2, RFC 6191, RFC 1337).

use alloc::collections::VecDeque;

use super::options::Timestamps;
use super::segment::Segment;
use super::seq::SeqNumber;
use super::table::FourTuple;
use crate::arena::{Arena, Id};
use crate::time::Instant;
use crate::wire::tcp::Flags;

/// What is kept of a connection that is over: at most 96 bytes.
#[derive(Debug)]
pub(crate) struct TimeWait {
    pub(crate) tuple: FourTuple,
    pub(crate) snd_nxt: SeqNumber,
    pub(crate) rcv_nxt: SeqNumber,
    /// The window field of its last segment.
    pub(crate) window: u16,
    pub(crate) timestamps: Option<Timestamps>,
    pub(crate) expires: Instant,
    /// When an ACK was sent last, to limit them.
    pub(crate) acked_at: Option<Instant>,
}

/// What a segment means for a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nothing.
    Drop,
    /// An ACK of what was received.
    Ack,
    /// The peer's FIN came again: an ACK, and the time starts anew.
    Restart,
    /// A SYN that is clearly newer: it opens a connection in the record's place.
    Reuse,
}

impl TimeWait {
    /// RFC 9293 3.10.7.4 in TIME-WAIT.
    pub(crate) fn input(&self, segment: &Segment, now: Instant) -> Answer {
        // RFC 1337: a RST does not end TIME-WAIT.
        if segment.has(Flags::RST) {
            return Answer::Drop;
        }
        let newer = match (&self.timestamps, segment.header.options.timestamps) {
            (Some(ours), Some((value, _))) => SeqNumber(value).after(SeqNumber(ours.recent)),
            _ => segment.seq().after(self.rcv_nxt),
        };
        // RFC 6191 2: a SYN with a larger timestamp, or a larger sequence number.
        if segment.has(Flags::SYN) && !segment.has(Flags::ACK) {
            return if newer || segment.seq().after(self.rcv_nxt) { Answer::Reuse } else { Answer::Ack };
        }
        let old = match (&self.timestamps, segment.header.options.timestamps) {
            (Some(ours), Some((value, _))) => ours.is_old(value, now),
            _ => false,
        };
        if segment.has(Flags::FIN) && !old && segment.end() == self.rcv_nxt {
            return Answer::Restart;
        }
        if segment.seq_len() > 0 || segment.seq() != self.rcv_nxt { Answer::Ack } else { Answer::Drop }
    }
}

/// All records. They live equally long, so a queue in the order of their making is their timer.
pub(crate) struct TimeWaits {
    arena: Arena<TimeWait>,
    queue: VecDeque<(Instant, Id)>,
}

impl TimeWaits {
    pub(crate) const fn new() -> TimeWaits {
        TimeWaits { arena: Arena::new(), queue: VecDeque::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.arena.len()
    }

    pub(crate) fn insert(&mut self, record: TimeWait) -> Id {
        let expires = record.expires;
        let id = self.arena.insert_with(|_| record);
        self.queue.push_back((expires, id));
        id
    }

    pub(crate) fn get(&self, id: Id) -> Option<&TimeWait> {
        self.arena.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: Id) -> Option<&mut TimeWait> {
        self.arena.get_mut(id)
    }

    pub(crate) fn remove(&mut self, id: Id) -> Option<TimeWait> {
        self.arena.remove(id)
    }

    /// The time starts anew.
    pub(crate) fn restart(&mut self, id: Id, expires: Instant) {
        // Once a second is often enough, and keeps the queue short under a storm of FINs.
        if let Some(record) = self.arena.get_mut(id)
            && expires - record.expires >= core::time::Duration::from_secs(1)
        {
            record.expires = expires;
            self.queue.push_back((expires, id));
        }
    }

    /// Takes a record whose time is over.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<(Id, TimeWait)> {
        while let Some((expires, id)) = self.queue.front().copied() {
            if expires > now {
                return None;
            }
            self.queue.pop_front();
            // A record that was re-used or started anew has another entry, or none.
            if self.arena.get(id).is_some_and(|record| record.expires == expires)
                && let Some(record) = self.arena.remove(id)
            {
                return Some((id, record));
            }
        }
        None
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.queue.front().map(|(expires, _)| *expires)
    }
}

#[cfg(test)]
mod tests;
