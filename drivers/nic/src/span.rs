//! Where in its slot a buffer's data are.

/// Head and length in one word.
///
/// A buffer's handle is then two words, and goes from hand to hand in two registers. As two halves that are written apart and
/// read together they would make the processor wait at each move, until both stores have left its store buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Span(u64);

impl Span {
    #[inline(always)]
    pub(crate) const fn new(head: u32, len: u32) -> Span {
        Span(head as u64 | (len as u64) << 32) // `as` widens here: From is not const
    }

    /// The first byte of the data.
    #[inline(always)]
    pub(crate) const fn head(self) -> u32 {
        self.0 as u32 // the lower half
    }

    /// Bytes of data.
    #[inline(always)]
    pub(crate) const fn len(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Behind the last byte of the data.
    #[inline(always)]
    pub(crate) const fn end(self) -> u32 {
        self.head() + self.len()
    }

    /// Without the first `n` bytes; without any, when there are fewer.
    #[inline(always)]
    pub(crate) fn advanced(self, n: usize) -> Span {
        let n = (n as u64).min(u64::from(self.len())) as u32; // <= len
        Span::new(self.head() + n, self.len() - n)
    }

    /// The first `len` bytes; all, when there are fewer.
    #[inline(always)]
    pub(crate) fn truncated(self, len: usize) -> Span {
        Span::new(self.head(), (len as u64).min(u64::from(self.len())) as u32) // <= len
    }
}

#[cfg(test)]
mod tests;
