//! What a socket's options, and its last write, say about each segment that it sends, in one byte.

/// TCP_NODELAY, TCP_CORK, MSG_MORE, MSG_EOR, and whether IP_TTL or IP_TOS differ from the stack's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct SendFlags(u8);

const NODELAY: u8 = 1;
const CORK: u8 = 2;
/// What is queued goes out in spite of the cork, as in Linux when TCP_NODELAY is set on a corked socket.
const PUSH: u8 = 4;
const MARKED: u8 = 8;
/// The last write had MSG_MORE, and no ACK came since: as a cork.
const MORE: u8 = 16;
/// The last write had MSG_MORE: its end gets no PSH.
const OPEN_END: u8 = 32;
/// Records end (MSG_EOR) in what is queued.
const RECORDS: u8 = 64;

impl SendFlags {
    /// Takes what the options say; `marked`: IP_TTL or IP_TOS is set.
    pub(crate) fn set(&mut self, nodelay: bool, cork: bool, marked: bool) {
        let bit = |on: bool, flag: u8| if on { flag } else { 0 };
        let options = bit(nodelay, NODELAY) | bit(cork, CORK) | bit(marked, MARKED);
        self.0 = self.0 & (MORE | OPEN_END | RECORDS) | options;
    }

    /// Whether what is queued waits for more, whatever was acknowledged.
    pub(crate) const fn is_corked(self) -> bool {
        self.0 & PUSH == 0 && self.0 & (CORK | MORE) != 0
    }

    pub(crate) const fn is_marked(self) -> bool {
        self.0 & MARKED != 0
    }

    pub(crate) const fn has_records(self) -> bool {
        self.0 & RECORDS != 0
    }

    /// Whether the end of what is queued gets PSH.
    pub(crate) const fn has_end(self) -> bool {
        self.0 & OPEN_END == 0
    }

    /// Nothing but Nagle's rule decides about a segment.
    pub(crate) const fn is_plain(self) -> bool {
        self.0 & (MARKED | OPEN_END | RECORDS) == 0
    }

    /// Whether the last segment, which is not full, waits; `small_unacked`: another such is not acknowledged (Nagle, in
    /// Minshall's variation).
    #[inline]
    pub(crate) const fn hold(self, small_unacked: bool) -> bool {
        match self.0 & (NODELAY | CORK | PUSH | MORE) {
            0 => small_unacked,
            _ => self.is_corked(),
        }
    }

    /// The cork lets pass what is queued now.
    pub(crate) fn push(&mut self) {
        self.0 |= PUSH;
    }

    /// Something new was queued; `more`: with MSG_MORE.
    #[inline(always)]
    pub(crate) fn wrote(&mut self, more: bool) {
        self.0 &= !(PUSH | MORE | OPEN_END);
        if more {
            self.0 |= MORE | OPEN_END;
        }
    }

    /// An ACK came: as in Linux MSG_MORE holds nothing back any longer.
    #[inline]
    pub(crate) fn end_more(&mut self) {
        self.0 &= !MORE;
    }

    pub(crate) fn set_records(&mut self, any: bool) {
        self.0 = if any { self.0 | RECORDS } else { self.0 & !RECORDS };
    }
}

#[cfg(test)]
mod tests;
