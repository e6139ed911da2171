//! Takes the input of a fuzzer apart.

/// What is left of an input. Past its end it gives zeros, so that every input means something.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(input: &'a [u8]) -> Reader<'a> {
        Reader(input)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn u8(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or(0)
    }

    pub(super) fn u16(&mut self) -> u16 {
        u16::from_be_bytes([self.u8(), self.u8()])
    }

    pub(super) fn u32(&mut self) -> u32 {
        u32::from(self.u16()) << 16 | u32::from(self.u16())
    }

    /// Up to `n` bytes.
    pub(super) fn bytes(&mut self, n: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(n.min(self.0.len()));
        self.0 = rest;
        bytes
    }

    /// A length, then as many bytes: mostly a few, so that an input holds many steps, at times up to 2047.
    pub(super) fn block(&mut self) -> &'a [u8] {
        let n = match self.u8() {
            n @ 0..0xc0 => usize::from(n % 32),
            n @ 0xc0..0xf8 => usize::from(n % 128),
            n => usize::from(n - 0xf8) << 8 | usize::from(self.u8()),
        };
        self.bytes(n)
    }
}
