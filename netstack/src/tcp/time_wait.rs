//! TIME-WAIT in a record of its own (RFC 9293 3.4.2, RFC 6191, RFC 1337).

use alloc::collections::VecDeque;

use super::options::Timestamps;
use super::segment::Segment;
use super::seq::SeqNumber;
use super::table::FourTuple;
use crate::arena::{Arena, Id};
use crate::config::TcpConfig;
use crate::time::Instant;
use crate::wire::tcp::Flags;

/// What is kept of a connection that is over.
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
    /// A RST that ends it, where it may.
    Remove,
    /// A SYN that is clearly newer: it opens a connection in the record's place.
    Reuse,
}

impl TimeWait {
    /// RFC 9293 3.10.7.4 in TIME-WAIT. `rfc1337`: a RST does not end it.
    pub(crate) fn input(&mut self, segment: &Segment, rfc1337: bool, now: Instant) -> Answer {
        let peer = segment.header.options.timestamps.map(|(value, _)| value);
        let old = match (&self.timestamps, peer) {
            (Some(ours), Some(value)) => ours.is_old(value, now),
            _ => false,
        };
        if segment.has(Flags::RST) {
            let ends = !rfc1337 && !old && segment.seq() == self.rcv_nxt;
            return if ends { Answer::Remove } else { Answer::Drop };
        }
        // RFC 6191 2: a SYN with a larger timestamp, or a larger sequence number and no smaller timestamp.
        if segment.has(Flags::SYN) && !segment.has(Flags::ACK) {
            let newer = match (&self.timestamps, peer) {
                (Some(ours), Some(value)) => SeqNumber(value).after(SeqNumber(ours.recent)),
                _ => false,
            };
            let reuse = !old && (newer || segment.seq().after(self.rcv_nxt));
            return if reuse { Answer::Reuse } else { Answer::Ack };
        }
        if segment.has(Flags::FIN) && !old && segment.end() == self.rcv_nxt {
            if let (Some(ours), Some(value)) = (&mut self.timestamps, peer) {
                ours.update(value, now); // which our ACK echoes
            }
            return Answer::Restart;
        }
        if segment.seq_len() > 0 || segment.seq() != self.rcv_nxt { Answer::Ack } else { Answer::Drop }
    }

    /// Whether an opening from here may take its place (`tcp_tw_reuse`): timestamps must show the peer that the SYN is new,
    /// so that a second has to pass.
    pub(crate) fn gives_way(&self, config: &TcpConfig, now: Instant) -> bool {
        // 2, Linux's default, allows it on the loopback device, and there is none.
        config.tcp_tw_reuse == 1
            && config.tcp_timestamps
            && self.timestamps.as_ref().is_some_and(|ours| now.as_secs() > ours.recent_at)
    }
}

const _: () = assert!(size_of::<TimeWait>() <= 96);

/// All records. They live equally long, so a queue in the order of their making is their timer.
pub(crate) struct TimeWaits {
    arena: Arena<TimeWait>,
    queue: VecDeque<(Instant, Id)>,
    /// Records that were not made because of `tcp_max_tw_buckets`, and not counted yet.
    pub(crate) overflows: u64,
}

impl TimeWaits {
    pub(crate) const fn new() -> TimeWaits {
        TimeWaits { arena: Arena::new(), queue: VecDeque::new(), overflows: 0 }
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

    pub(crate) fn iter(&self) -> impl Iterator<Item = &TimeWait> {
        self.arena.iter().map(|(_, record)| record)
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

    #[inline(always)]
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.queue.front().map(|(expires, _)| *expires)
    }
}

#[cfg(test)]
mod tests;
