//! Bytes that tell where they belong.

/// A stream of bytes in which each position has its own content: a byte that is lost, doubled or moved shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pattern(u64);

impl Pattern {
    /// The stream that goes from one port to another.
    pub fn between(from: u16, to: u16) -> Pattern {
        Pattern((u64::from(from) << 16 | u64::from(to)).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn word(self, index: u64) -> [u8; 8] {
        // The finalizer of SplitMix64: neighbouring words share nothing.
        let z = self.0.wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb).to_le_bytes()
    }

    /// Writes the bytes from `offset` on to `buf`.
    pub fn fill(self, mut offset: u64, mut buf: &mut [u8]) {
        while !buf.is_empty() {
            let within = (offset % 8) as usize; // below 8
            let n = buf.len().min(8 - within);
            buf[..n].copy_from_slice(&self.word(offset / 8)[within..within + n]);
            buf = &mut buf[n..];
            offset += n as u64;
        }
    }

    /// The index of the first byte of `bytes` that does not belong at `offset` and after.
    pub fn mismatch(self, mut offset: u64, bytes: &[u8]) -> Option<usize> {
        let mut index = 0;
        while index < bytes.len() {
            let within = (offset % 8) as usize; // below 8
            let n = (bytes.len() - index).min(8 - within);
            let (got, want) = (&bytes[index..index + n], &self.word(offset / 8)[within..within + n]);
            if got != want {
                return got.iter().zip(want).position(|(a, b)| a != b).map(|i| index + i);
            }
            index += n;
            offset += n as u64;
        }
        None
    }
}

#[cfg(test)]
mod tests;
