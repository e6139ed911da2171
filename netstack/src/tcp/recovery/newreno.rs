//! Fast retransmit and fast recovery without SACK (RFC 5681 3.2, RFC 6582), limited transmit (RFC 3042).

use crate::tcp::seq::SeqNumber;

/// RFC 5681 3.2: so many duplicate ACKs mean a loss.
const DUP_THRESH: u32 = 3;

/// What an ACK means for recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing was lost, or nothing new about it.
    None,
    /// Recovery starts: resend the segment at SND.UNA.
    Enter,
    /// A duplicate ACK during recovery.
    Inflate,
    /// An ACK that leaves a hole: resend the segment at SND.UNA.
    Partial,
    /// Recovery is over.
    Exit,
}

/// The state of RFC 6582.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewReno {
    recover: SeqNumber,
    active: bool,
    duplicates: u32,
}

impl NewReno {
    pub(crate) const fn new(iss: SeqNumber) -> NewReno {
        NewReno { recover: iss, active: false, duplicates: 0 }
    }

    /// Neither in recovery nor on the way there.
    pub(crate) fn is_calm(&self) -> bool {
        !self.active && self.duplicates == 0
    }

    /// RFC 3042: segments beyond cwnd that the first two duplicate ACKs allow.
    pub(crate) fn limited_transmit(&self) -> u32 {
        if self.active { 0 } else { self.duplicates.min(2) }
    }

    /// A duplicate ACK where SACK decides about recovery; returns whether there are enough of them.
    pub(crate) fn count_duplicate(&mut self) -> bool {
        self.duplicates = self.duplicates.saturating_add(1);
        self.duplicates >= DUP_THRESH
    }

    /// An ACK that acknowledges nothing new while data are out (RFC 5681 2).
    pub(crate) fn on_duplicate(&mut self, una: SeqNumber, max: SeqNumber) -> Verdict {
        self.duplicates = self.duplicates.saturating_add(1);
        if self.active {
            return Verdict::Inflate;
        }
        // RFC 6582 3.2 step 2: not again for a window that a time-out or a recovery has resent.
        if self.duplicates == DUP_THRESH && una.after(self.recover) {
            self.active = true;
            self.recover = max;
            return Verdict::Enter;
        }
        Verdict::None
    }

    /// An ACK of new data.
    pub(crate) fn on_ack(&mut self, ack: SeqNumber) -> Verdict {
        self.duplicates = 0;
        if !self.active {
            return Verdict::None;
        }
        if ack.before(self.recover) {
            return Verdict::Partial;
        }
        self.active = false;
        Verdict::Exit
    }

    /// RFC 6582 3.2 step 4: the retransmission timer fired.
    pub(crate) fn on_timeout(&mut self, max: SeqNumber) {
        *self = NewReno { recover: max, active: false, duplicates: 0 };
    }
}

#[cfg(test)]
mod tests;
