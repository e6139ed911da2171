//! Numbers that a stranger can't guess, from a secret drawn at start.

use core::hash::Hasher;

use siphasher::sip::SipHasher24;

/// SipHash-2-4 in counter mode: the same secret gives the same numbers, so that a simulation can be replayed.
#[derive(Debug, Clone)]
pub(crate) struct Rng {
    key: (u64, u64),
    counter: u64,
}

impl Rng {
    /// A generator of its own for each `purpose`, so that what one gives away tells nothing of another.
    pub(crate) fn new(secret: &[u8; 32], purpose: u64) -> Rng {
        let word = |i: usize| secret[i..].first_chunk().copied().map_or(0, u64::from_le_bytes);
        let derive = |part: u64| {
            let mut hasher = SipHasher24::new_with_keys(word(0), word(8));
            for input in [word(16), word(24), purpose, part] {
                hasher.write_u64(input);
            }
            hasher.finish()
        };
        Rng { key: (derive(0), derive(1)), counter: 0 }
    }

    /// 64 random bits.
    pub(crate) fn next_u64(&mut self) -> u64 {
        let mut hasher = SipHasher24::new_with_keys(self.key.0, self.key.1);
        hasher.write_u64(self.counter);
        self.counter = self.counter.wrapping_add(1);
        hasher.finish()
    }

    /// 32 random bits.
    pub(crate) fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32 // the upper half
    }

    /// A number below `n`, each equally likely but for a bias below 2^-32; 0 when `n` is 0.
    pub(crate) fn below(&mut self, n: u32) -> u32 {
        ((u128::from(self.next_u64()) * u128::from(n)) >> 64) as u32 // below n
    }
}

#[cfg(test)]
mod tests;
