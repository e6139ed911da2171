//! The Internet checksum (RFC 1071): the ones' complement sum of 16-bit words.

use core::net::Ipv4Addr;

/// A sum that is not finished. The sum is commutative and indifferent to byte order (RFC 1071, section 2), so
/// words are added as the machine reads them, and swapped once at the end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    /// 16-bit words in native order with their carries; far from full: a packet adds less than 2^48.
    words: u64,
    /// Whether an odd number of bytes was added: the next byte is the second of a word.
    odd: bool,
}

/// Bytes that are added in one step: four lanes, which the compiler turns into vector additions.
const STEP: usize = 32;

/// From so many bytes on the lanes pay; below, a chain of additions with carry is shorter.
const LANES_FROM: usize = 256;

/// The sum of a few bytes, with the carry of each 64-bit addition added back (RFC 1071, section 2 (C)).
#[inline(always)]
fn sum_short(bytes: &[u8]) -> u64 {
    let Some(end) = bytes.last_chunk::<8>() else { return sum_rest(bytes) };
    let word = |sum: u64, word: &[u8; 8]| add(sum, u64::from_ne_bytes(*word));
    let (steps, rest) = bytes.as_chunks::<STEP>();
    let mut sum = 0;
    for step in steps {
        let (words, _) = step.as_chunks::<8>(); // four: unrolled
        sum = words.iter().fold(sum, word);
    }
    let (words, tail) = rest.as_chunks::<8>();
    sum = words.iter().fold(sum, word);
    if !tail.is_empty() {
        sum = add(sum, last_word(end, tail.len()));
    }
    (sum & 0xffff_ffff) + (sum >> 32)
}

/// Copies a few bytes and gives their sum: one pass, and no call for what a small segment holds.
#[inline(always)]
pub(crate) fn copy(to: &mut [u8], from: &[u8]) -> Sum {
    let same = from.len().min(to.len());
    let (to, from) = (&mut to[..same], &from[..same]);
    if !(8..LANES_FROM).contains(&same) {
        to.copy_from_slice(from);
        return sum(from); // where they were: the copy is still on its way to memory
    }
    let mut sum = 0;
    let (to_steps, to_rest) = to.as_chunks_mut::<STEP>();
    let (steps, rest) = from.as_chunks::<STEP>();
    for (to, step) in to_steps.iter_mut().zip(steps) {
        let (words, _) = step.as_chunks::<8>(); // four: unrolled
        sum = words.iter().fold(sum, |sum, word| add(sum, u64::from_ne_bytes(*word)));
        *to = *step;
    }
    let (to_words, _) = to_rest.as_chunks_mut::<8>();
    let (words, tail) = rest.as_chunks::<8>();
    for (to, word) in to_words.iter_mut().zip(words) {
        sum = add(sum, u64::from_ne_bytes(*word));
        *to = *word;
    }
    if !tail.is_empty()
        && let (Some(to), Some(end)) = (to.last_chunk_mut::<8>(), from.last_chunk::<8>())
    {
        *to = *end;
        sum = add(sum, last_word(end, tail.len()));
    }
    Sum { words: halves(sum.to_ne_bytes()), odd: same % 2 == 1 }
}

/// With the carry added back.
#[inline(always)]
fn add(sum: u64, word: u64) -> u64 {
    let (sum, carry) = sum.overflowing_add(word);
    sum + u64::from(carry) // a sum that has just overflowed is below its maximum
}

/// The last `tail` of eight bytes as a word: those before were added already. No copy of variable length.
#[inline(always)]
fn last_word(end: &[u8; 8], tail: usize) -> u64 {
    (u64::from_le_bytes(*end) >> (64 - 8 * tail as u32)).to_le() // 1 to 7 bytes
}

/// The two halves of a 64-bit word: added apart, their carries stay in the upper 32 bits of the sum.
#[inline(always)]
pub(super) fn halves(bytes: [u8; 8]) -> u64 {
    let word = u64::from_ne_bytes(bytes);
    (word & 0xffff_ffff) + (word >> 32)
}

/// The sum of the four words of a step, added to its lanes.
fn add_step(lanes: &mut [u64; 4], step: &[u8; STEP]) {
    let (words, _) = step.as_chunks::<8>();
    for (lane, word) in lanes.iter_mut().zip(words) {
        *lane += halves(*word);
    }
}

/// The sum of what is left after whole steps; an odd last byte is the first of its word.
fn sum_rest(rest: &[u8]) -> u64 {
    let (words, mut tail) = rest.as_chunks::<8>();
    let mut sum = words.iter().map(|word| halves(*word)).sum::<u64>();
    // By powers of two: a copy of variable length would cost more than all of a small segment.
    if let Some((word, rest)) = tail.split_first_chunk::<4>() {
        sum += u64::from(u32::from_ne_bytes(*word));
        tail = rest;
    }
    if let Some((word, rest)) = tail.split_first_chunk::<2>() {
        sum += u64::from(u16::from_ne_bytes(*word));
        tail = rest;
    }
    tail.first().map_or(sum, |last| sum + u64::from(u16::from_ne_bytes([*last, 0])))
}

/// Brings a sum to 16 bits by adding its carries. A half added to the other in both places: the carry of the lower place
/// is the one that the upper place, which is kept, wants back.
#[inline(always)]
pub(super) fn fold_words(sum: u64) -> u16 {
    let sum = (sum.wrapping_add(sum.rotate_left(32)) >> 32) as u32; // the upper half
    (sum.wrapping_add(sum.rotate_left(16)) >> 16) as u16 // as above
}

impl Sum {
    /// The sum of the pseudo header of TCP and UDP over IPv4 (RFC 9293, section 3.1); `len` is that of the
    /// transport's header and payload.
    pub(crate) fn pseudo_ipv4(source: Ipv4Addr, destination: Ipv4Addr, protocol: u8, len: u16) -> Sum {
        let words = u64::from(u32::from_ne_bytes(source.octets()))
            + u64::from(u32::from_ne_bytes(destination.octets()))
            + u64::from(u16::from(protocol).to_be())
            + u64::from(len.to_be());
        Sum { words, odd: false }
    }

    /// Adds the protocol and the length of a pseudo header whose addresses were among the bytes added.
    #[inline(always)]
    pub(crate) fn add_tail(self, protocol: u8, len: u16) -> Sum {
        // Whole words, wherever the bytes end.
        self.add_whole(u64::from(u16::from(protocol).to_be()) + u64::from(len.to_be()))
    }

    /// Adds whole words, as they lie in memory.
    #[inline(always)]
    pub(super) fn add_whole(self, words: u64) -> Sum {
        Sum { words: self.words + words, ..self }
    }

    /// Adds a sum of bytes that follow an even number of them.
    #[inline(always)]
    pub(super) fn add(self, behind: Sum) -> Sum {
        Sum { words: self.words + behind.words, odd: behind.odd }
    }

    #[inline(always)]
    fn add_words(self, words: u64, len: usize) -> Sum {
        // Behind an odd number of bytes each byte has the other place in its word.
        let words = if self.odd { u64::from(fold_words(words).swap_bytes()) } else { words };
        Sum { words: self.words + words, odd: self.odd ^ (len % 2 == 1) }
    }

    /// Adds bytes that follow those added so far.
    #[inline(always)]
    pub(crate) fn add_bytes(self, bytes: &[u8]) -> Sum {
        if bytes.len() < LANES_FROM {
            self.add_words(sum_short(bytes), bytes.len())
        } else {
            self.add_many(bytes)
        }
    }

    fn add_many(self, bytes: &[u8]) -> Sum {
        let (steps, rest) = bytes.as_chunks::<STEP>();
        let mut lanes = [0; 4];
        for step in steps {
            add_step(&mut lanes, step);
        }
        self.add_words(lanes.iter().sum::<u64>() + sum_rest(rest), bytes.len())
    }

    /// The sum in 16 bits, as a number (to be written big-endian). Over bytes that hold a right checksum it is
    /// 0xffff; over a pseudo header it is what a device that fills in checksums expects in the field.
    #[inline]
    pub(crate) fn fold(self) -> u16 {
        u16::from_be(fold_words(self.words))
    }

    /// The checksum: what goes into the field, when the field was zero while it was added.
    #[inline]
    pub(crate) fn finish(self) -> u16 {
        !self.fold()
    }

    /// Whether the bytes added, their checksum field among them, have a right checksum.
    pub(crate) fn is_valid(self) -> bool {
        self.fold() == 0xffff
    }
}

/// The sum of `bytes`.
#[inline(always)]
pub(crate) fn sum(bytes: &[u8]) -> Sum {
    Sum::default().add_bytes(bytes)
}

#[cfg(test)]
mod tests;
