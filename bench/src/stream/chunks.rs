//! The stream as chunks of one buffer: corelane's sender has its content in memory, and sends it from there.

use corelane_nic::{Chunk, Pool, PoolConfig};

use super::{PERIOD, TABLE, WRITE};

/// Bytes that are sent at once.
const SEND: usize = WRITE / 2;

thread_local! {
    /// [`TABLE`] in a buffer of this core.
    static CONTENT: Chunk = {
        let config = PoolConfig { slots: 1, slot_size: TABLE.len() as u32, headroom: 0, reserve: 0 }; // 192 KiB
        Chunk::copy_from(&Pool::heap(config), &TABLE).expect("a buffer of its length")
    };
}

/// What is sent, without a copy.
pub struct Chunks {
    content: Chunk,
    place: usize,
}

impl Chunks {
    /// A stream that begins.
    pub fn new() -> Self {
        Self { content: CONTENT.with(Chunk::clone), place: 0 }
    }
}

impl Iterator for Chunks {
    type Item = Chunk;

    /// The bytes that follow; there are always more.
    fn next(&mut self) -> Option<Chunk> {
        let chunk = self.content.slice(self.place..self.place + SEND);
        self.place = (self.place + SEND) % PERIOD;
        Some(chunk)
    }
}

#[cfg(test)]
mod tests;
