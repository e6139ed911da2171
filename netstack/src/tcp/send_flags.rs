//! What a socket's options say about each segment that it sends, in one byte.

/// TCP_NODELAY, TCP_CORK, and whether IP_TTL or IP_TOS differ from the stack's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct SendFlags(u8);

const NODELAY: u8 = 1;
const CORK: u8 = 2;
/// What is queued goes out in spite of the cork, as in Linux when TCP_NODELAY is set on a corked socket.
const PUSH: u8 = 4;
const MARKED: u8 = 8;

impl SendFlags {
    /// `marked`: IP_TTL or IP_TOS is set.
    pub(crate) fn new(nodelay: bool, cork: bool, marked: bool) -> SendFlags {
        let bit = |on: bool, flag: u8| if on { flag } else { 0 };
        SendFlags(bit(nodelay, NODELAY) | bit(cork, CORK) | bit(marked, MARKED))
    }

    pub(crate) const fn is_corked(self) -> bool {
        self.0 & (CORK | PUSH) == CORK
    }

    pub(crate) const fn is_marked(self) -> bool {
        self.0 & MARKED != 0
    }

    /// Whether the last segment, which is not full, waits; `small_unacked`: another such is not acknowledged (Nagle, in
    /// Minshall's variation).
    #[inline]
    pub(crate) const fn hold(self, small_unacked: bool) -> bool {
        match self.0 & (NODELAY | CORK | PUSH) {
            0 => small_unacked,
            flags => flags & (CORK | PUSH) == CORK,
        }
    }

    /// The cork lets pass what is queued now.
    pub(crate) fn push(&mut self) {
        self.0 |= PUSH;
    }

    /// Something new was queued.
    #[inline]
    pub(crate) fn end_push(&mut self) {
        self.0 &= !PUSH;
    }
}

#[cfg(test)]
mod tests;
