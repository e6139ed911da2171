//! A segment that was sent and is not acknowledged.

use crate::tcp::rate::Snapshot;
use crate::tcp::seq::SeqNumber;
use crate::time::Instant;

/// A segment's name in the queue: it stays while those before it leave. 31 bits, so that one more value names nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name(pub(super) u32);

pub(super) const MASK: u32 = u32::MAX >> 1;
pub(super) const NOBODY: Name = Name(u32::MAX);

/// Where a segment is thought to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the network; on the list by the time it was sent.
    InFlight,
    /// In the network after all: it was held for lost, wrongly. On no list: RACK must not find it lost again at once.
    Spared,
    /// Lost, and not sent again since; on the list of those.
    Lost,
    /// The peer has it, by a SACK block.
    Sacked,
}

/// A segment that was sent. It takes one cache line, and not parts of two.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(crate) struct Sent {
    pub(crate) start: SeqNumber,
    /// One past its last number; a FIN takes one.
    pub(crate) end: SeqNumber,
    /// When it was sent last.
    pub(crate) at: Instant,
    /// What was delivered when it was sent.
    pub(crate) rate: Snapshot,
    /// It was sent more than once.
    pub(crate) is_retransmission: bool,
    /// It ends what was written: PSH, whenever it is sent.
    pub(crate) push: bool,
    /// It went out in one frame with the segment before it.
    pub(super) joins: bool,
    /// The copy that is in flight is not the first.
    pub(super) is_resent: bool,
    pub(super) place: Place,
    /// Neighbours on the list that it is on. A SACKed segment is on none: there `next` leads to where the next one that is
    /// not SACKed may be, so that nothing looks at a long run of them again and again.
    pub(super) prev: Name,
    pub(super) next: Name,
}

impl Sent {
    /// In flight for the first time.
    pub(super) const BLANK: Sent = Sent {
        start: SeqNumber(0),
        end: SeqNumber(0),
        at: Instant::ZERO,
        rate: Snapshot::NONE,
        is_retransmission: false,
        push: false,
        joins: false,
        is_resent: false,
        place: Place::InFlight,
        prev: NOBODY,
        next: NOBODY,
    };

    pub(super) fn len(&self) -> u32 {
        self.end.since(self.start)
    }

    pub(crate) fn is_sacked(&self) -> bool {
        self.place == Place::Sacked
    }

    /// RFC 8985 5.2, RACK_sent_after: sent after the time and the number.
    pub(crate) fn is_after(&self, at: Instant, end: SeqNumber) -> bool {
        self.at > at || (self.at == at && self.end.after(end))
    }
}
