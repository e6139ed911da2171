//! A SYN that was answered and whose third ACK has not come: the entry of a SYN queue.

use core::time::Duration;

use crate::Instant;
use crate::event::ListenerId;
use crate::tcp::options::{Negotiated, Timestamps};
use crate::tcp::segment::Segment;
use crate::tcp::seq::SeqNumber;
use crate::tcp::table::FourTuple;
use crate::wheel::TimerId;
use crate::wire::tcp::Flags;

/// It is what a SYN flood makes us keep.
#[derive(Debug)]
pub(crate) struct HalfOpen {
    pub(crate) tuple: FourTuple,
    pub(crate) listener: ListenerId,
    pub(crate) irs: SeqNumber,
    pub(crate) iss: SeqNumber,
    /// The window of the SYN: not scaled.
    pub(crate) window: u16,
    pub(crate) negotiated: Negotiated,
    /// Both sides use ECN.
    pub(crate) ecn_ok: bool,
    /// The SYN-ACK brings a cookie for Fast Open.
    pub(crate) offers_fast_open: bool,
    pub(crate) ts_offset: u32,
    /// Times that the timer sent the SYN-ACK again.
    pub(crate) retries: u8,
    /// When the SYN came.
    pub(crate) since: Instant,
    /// Times that the SYN-ACK was sent again, for whatever reason.
    pub(crate) retransmits: u8,
    /// It comes from a cookie: when its SYN-ACK was sent is not known.
    pub(crate) by_cookie: bool,
    /// When a segment that is not acceptable was answered last.
    pub(crate) answered: Option<Instant>,
    pub(crate) timer: Option<TimerId>,
}

const _: () = assert!(size_of::<HalfOpen>() <= 128);

/// What a segment means for a half-open connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nothing.
    Drop,
    /// The SYN came again: so does the SYN-ACK.
    SynAck,
    /// Not acceptable: an ACK that tells what would be.
    Challenge,
    /// As `Challenge`, for a timestamp that is older than the SYN's.
    Paws,
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

    /// RFC 9293 3.10.7.4 in SYN-RECEIVED; `window`: what the SYN-ACK offered.
    pub(crate) fn answer(&self, segment: &Segment, window: u16, now: Instant) -> Answer {
        let next = self.irs + 1;
        let has = |flags| segment.has(flags);
        let old = match (self.timestamps(now), segment.header.options.timestamps) {
            (Some(ours), Some((value, _))) => ours.is_old(value, now),
            _ => false,
        };
        if segment.seq() == self.irs && segment.header.flags.kind() == Flags::SYN && !old {
            return Answer::SynAck;
        }
        // Before the sequence number, as in Linux: who acknowledges what we never sent has another connection in mind.
        if has(Flags::ACK) && segment.header.ack != self.iss + 1 {
            return if has(Flags::RST) { Answer::Drop } else { Answer::Reset(segment.header.ack) };
        }
        let inside = is_in_window(segment, next, next + u32::from(window));
        if has(Flags::RST) {
            // RFC 5961 3.2, where Linux takes a RST anywhere in the window.
            return match segment.seq() == next {
                true => Answer::Remove,
                false if inside => Answer::Challenge,
                false => Answer::Drop,
            };
        }
        if old {
            return Answer::Paws;
        }
        // RFC 5961 4.2: another SYN is challenged. RFC 9293 would go back to LISTEN, Linux sends a RST: both let a stranger end it.
        if has(Flags::SYN) || !inside {
            return Answer::Challenge;
        }
        if has(Flags::ACK) { Answer::Open } else { Answer::Drop }
    }
}

/// Linux's `tcp_in_window`: something of the segment lies in the window, or it has no length and lies at one of its ends.
fn is_in_window(segment: &Segment, start: SeqNumber, end: SeqNumber) -> bool {
    let (seq, seq_end) = (segment.seq(), segment.end());
    seq == start || (seq_end.after(start) && seq.before(end)) || (seq == end && seq == seq_end)
}

#[cfg(test)]
mod tests;
