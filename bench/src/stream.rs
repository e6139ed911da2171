//! The bytes of the bulk workloads: an endless stream, the same on every connection.
//!
//! The byte at offset `o` is that at `o % PERIOD` of a table of random bytes. The period is a prime, so that a shift, a
//! gap or a repeat of the sizes that a stack works with (segments, pages, windows) puts other bytes in a place.

use std::io;
use std::sync::LazyLock;

mod chunks;

pub use chunks::Chunks;

/// After so many bytes the stream begins anew. A prime.
const PERIOD: usize = 65_521;

/// Bytes that are sent at once, where the socket takes them.
pub const WRITE: usize = 128 * 1024;

/// Bytes that a kernel socket is asked for at once.
pub const READ: usize = 256 * 1024;

/// A megabyte counts as a request.
pub const MEGABYTE: u64 = 1_000_000;

/// The stream from 0, long enough for [`WRITE`] bytes from any place of the period: what goes together lies together.
static TABLE: LazyLock<Box<[u8]>> = LazyLock::new(|| {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut table: Vec<u8> = Vec::with_capacity(PERIOD + WRITE);
    table.extend((0..PERIOD).map(|_| {
        // xorshift64: quick, and good enough to tell places apart
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8 // the low byte of the upper half
    }));
    for place in PERIOD..PERIOD + WRITE {
        table.push(table[place - PERIOD]);
    }
    table.into_boxed_slice()
});

/// What is sent.
pub struct Source {
    table: &'static [u8],
    place: usize,
    /// Bytes sent so far.
    pub sent: u64,
}

impl Source {
    /// A stream that begins.
    pub fn new() -> Self {
        Self { table: &TABLE, place: 0, sent: 0 }
    }

    /// The next [`WRITE`] bytes.
    pub fn next(&self) -> &'static [u8] {
        &self.table[self.place..self.place + WRITE]
    }

    /// So many of them were sent.
    pub fn advance(&mut self, count: usize) {
        self.place = (self.place + count) % PERIOD;
        self.sent += count as u64; // usize is at most 64 bits
    }
}

/// What is received, checked.
pub struct Sink {
    table: &'static [u8],
    place: usize,
    /// Bytes received so far.
    pub received: u64,
    /// Of them those that were wrong.
    pub wrong: u64,
}

impl Sink {
    /// A stream that begins.
    pub fn new() -> Self {
        Self { table: &TABLE, place: 0, received: 0, wrong: 0 }
    }

    /// Checks the bytes that follow; how many of them are wrong.
    pub fn check(&mut self, bytes: &[u8]) -> u64 {
        let before = self.wrong;
        for piece in bytes.chunks(WRITE) {
            let expected = &self.table[self.place..self.place + piece.len()];
            if piece != expected {
                let differ = piece.iter().zip(expected).filter(|(got, expected)| got != expected);
                self.wrong += differ.count() as u64; // usize is at most 64 bits
            }
            self.place = (self.place + piece.len()) % PERIOD;
        }
        self.received += bytes.len() as u64;
        self.wrong - before
    }

    /// What the other end is told.
    pub fn verdict(&self) -> Verdict {
        Verdict { received: self.received, wrong: self.wrong }
    }
}

/// What the server of `bulk-up` answers to the end of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Bytes that it got.
    pub received: u64,
    /// Of them those that were wrong.
    pub wrong: u64,
}

impl Verdict {
    /// Bytes of a verdict on the wire.
    pub const SIZE: usize = 16;

    /// As it is sent: both numbers in network order.
    pub fn to_bytes(self) -> [u8; Self::SIZE] {
        let both = u128::from(self.received) << 64 | u128::from(self.wrong);
        both.to_be_bytes()
    }

    /// From the bytes that came.
    pub fn from_bytes(bytes: [u8; Self::SIZE]) -> Self {
        let both = u128::from_be_bytes(bytes);
        Self { received: (both >> 64) as u64, wrong: both as u64 } // the two halves
    }

    /// The wrong bytes, and those that are missing or too many, when `sent` were sent.
    pub fn errors(self, sent: u64) -> u64 {
        self.wrong + self.received.abs_diff(sent)
    }
}

/// The other end has ended its direction.
pub fn ended() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the other end has ended the stream")
}

#[cfg(test)]
mod tests;
