//! Receive side scaling: which queue a flow arrives at.

/// How a device spreads flows over queues, as far as it tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rss {
    /// The Toeplitz key.
    pub key: Vec<u8>,
    /// Hash -> queue: indexed by the low bits of the hash.
    pub table: Vec<u16>,
}

impl Rss {
    /// The Toeplitz hash of `input`: for TCP over IPv4 the source's and the destination's address, then the ports, all in
    /// network byte order. A key shorter than that and four bytes counts as if zeros followed.
    pub fn hash(&self, input: &[u8]) -> u32 {
        let mut hash = 0;
        for (at, byte) in input.iter().enumerate() {
            // The 40 bits of the key that this byte's windows lie in.
            let key =
                (0..5).fold(0u64, |key, i| key << 8 | self.key.get(at + i).map_or(0, |b| u64::from(*b)));
            for bit in (0..8).filter(|bit| byte & (0x80 >> bit) != 0) {
                hash ^= (key >> (8 - bit)) as u32; // the window of 32 bits
            }
        }
        hash
    }

    /// Where the table has the entry of a hash; `None` for a table without entries.
    pub fn place(&self, hash: u32) -> Option<usize> {
        // The sizes of tables are powers of two nearly always; of others the rest of the division is as good a guess as any.
        (!self.table.is_empty()).then(|| hash as usize % self.table.len())
    }

    /// The queue for a hash: 0 for a table without entries.
    pub fn queue(&self, hash: u32) -> u16 {
        self.place(hash).map_or(0, |place| self.table[place])
    }
}

#[cfg(test)]
mod tests;
