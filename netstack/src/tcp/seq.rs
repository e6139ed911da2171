//! Sequence numbers: modulo 2^32, and so without `Ord` (RFC 9293 3.4).

use core::ops::{Add, AddAssign, Sub};

/// A sequence number. Comparisons hold while the two are less than 2^31 apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct SeqNumber(pub(crate) u32);

impl SeqNumber {
    /// self < other
    pub(crate) const fn before(self, other: SeqNumber) -> bool {
        (self.0.wrapping_sub(other.0) as i32) < 0
    }

    /// self > other
    pub(crate) const fn after(self, other: SeqNumber) -> bool {
        other.before(self)
    }

    /// self <= other
    pub(crate) const fn at_or_before(self, other: SeqNumber) -> bool {
        !other.before(self)
    }

    /// self >= other
    pub(crate) const fn at_or_after(self, other: SeqNumber) -> bool {
        !self.before(other)
    }

    /// The later of the two.
    pub(crate) const fn max(self, other: SeqNumber) -> SeqNumber {
        if self.before(other) { other } else { self }
    }

    /// How far `self` is ahead of what is known to be no later.
    pub(crate) const fn ahead_of(self, earlier: SeqNumber) -> u32 {
        debug_assert!(!self.before(earlier));
        self.0.wrapping_sub(earlier.0)
    }

    /// How far `self` is ahead of `earlier`; 0 when it is not.
    pub(crate) const fn since(self, earlier: SeqNumber) -> u32 {
        let d = self.0.wrapping_sub(earlier.0);
        if (d as i32) < 0 { 0 } else { d }
    }
}

impl Add<u32> for SeqNumber {
    type Output = SeqNumber;
    fn add(self, n: u32) -> SeqNumber {
        SeqNumber(self.0.wrapping_add(n))
    }
}

impl AddAssign<u32> for SeqNumber {
    fn add_assign(&mut self, n: u32) {
        *self = *self + n;
    }
}

impl Sub<u32> for SeqNumber {
    type Output = SeqNumber;
    fn sub(self, n: u32) -> SeqNumber {
        SeqNumber(self.0.wrapping_sub(n))
    }
}

#[cfg(test)]
mod tests;
