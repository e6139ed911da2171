#![allow(unsafe_code)] // gives mbufs' buffers to the pool, and takes slots back from DPDK
//! The packet memory of a queue: DPDK's mempool, our pool on its buffers, and the book of who has which slot.
//!
//! ```text
//!  mempool <--> device's rings          the device takes and frees mbufs itself
//!     |  |
//!  supply  receive, send                a slot is lent to DPDK, or ours: a free one, a Packet, or Chunks
//!     |  |
//!  Pool's free list <--> Packet, Chunk
//! ```

use std::ptr::NonNull;
use std::sync::Arc;

use corelane_nic::{Chunk, Memory, Packet, Pool, PoolConfig};

use crate::config;
use crate::ffi::burst::{self, Frame, TxSegment};
use crate::ffi::mempool::{BATCH, Mbuf, Mempool};

/// The mempool's buffers, as the pool's memory.
struct MbufMemory(Arc<Mempool>);

// SAFETY: the buffers live as long as the mempool, do not overlap, and DPDK touches only those of slots on loan. EAL's
// memory is zeroed before it is handed out the first time.
unsafe impl Memory for MbufMemory {
    fn base(&self) -> NonNull<u8> {
        self.0.buffer(0)
    }
    fn len(&self) -> usize {
        self.0.len() as usize * usize::from(self.0.room())
    }
    fn slot(&self, index: usize, _size: usize) -> NonNull<u8> {
        self.0.buffer(index)
    }
}

const HEADROOM: u32 = config::HEADROOM as u32;

/// Packet memory, and who has it.
pub struct Mbufs {
    pool: Pool,
    mempool: Arc<Mempool>,
    /// For each slot, whether DPDK has it: its mempool or a ring.
    lent: Box<[bool]>,
    /// How many slots it has.
    lent_count: u32,
    /// How many it may need at a time.
    needed: usize,
}

impl Mbufs {
    /// All slots are DPDK's at first. Its rings have `descriptors` in all.
    pub fn new(mempool: Arc<Mempool>, descriptors: usize) -> Mbufs {
        let slots = mempool.len();
        let reserve = (slots / 16).clamp(1, 256);
        let config = PoolConfig { slots, slot_size: mempool.room().into(), headroom: HEADROOM, reserve };
        let pool = Pool::on(config, Box::new(MbufMemory(mempool.clone())));
        let lent = vec![false; slots as usize].into();
        let needed = descriptors + 8 * BATCH; // and what its caches hold back
        let mut mbufs = Mbufs { pool, mempool, lent, lent_count: 0, needed };
        while let Some(packet) = mbufs.pool.take_reserved() {
            // A pool gives its own packets.
            let _ = mbufs.lend(packet);
        }
        mbufs
    }

    /// The pool on this memory.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Slots that DPDK has, in its mempool or in its rings.
    pub fn held(&self) -> u32 {
        self.lent_count
    }

    /// Lends an own packet to DPDK, to be sent: its mbuf, and where the data are in it. Or gives it back when it is of another
    /// pool.
    pub fn lend(&mut self, packet: Packet) -> Result<(Mbuf, u32, u32), Packet> {
        if !self.pool.owns(&packet) {
            return Err(packet);
        }
        let (slot, head, len) = self.pool.lend(packet);
        self.lent[slot as usize] = true;
        self.lent_count += 1;
        Ok((self.mempool.mbuf(slot), head, len))
    }

    /// An own chunk as a part of a frame to be sent. Whoever sends it keeps the chunk until the token is back.
    pub fn segment(&self, chunk: &Chunk, token: u32) -> Option<TxSegment> {
        let (slot, head, len) = self.pool.locate(chunk)?;
        Some(TxSegment {
            mbuf: self.mempool.mbuf(slot),
            data: std::ptr::null(),
            head,
            len,
            token,
            padding: 0,
        })
    }

    /// The same of a chunk of any pool, for a device that reads with the processor; `None` of one that is too long for an mbuf.
    pub fn foreign_segment(chunk: &Chunk, token: u32) -> Option<TxSegment> {
        let len = u16::try_from(chunk.len()).ok()?.into();
        let data = chunk.as_ptr().cast();
        Some(TxSegment { mbuf: std::ptr::null_mut(), data, head: 0, len, token, padding: 0 })
    }

    /// A received buffer: in place when it is one of ours, else (from another port's pool, say) as a copy. `None`, and the
    /// buffer is freed, when it can't be.
    pub fn accept(&mut self, frame: &Frame) -> Option<Packet> {
        if self.is_own(frame) {
            return self.take_back(frame.slot, frame.head, frame.len);
        }
        let copy = self.pool.take().and_then(|mut packet| {
            let room = packet.push_back(frame.len as usize)?;
            burst::read(frame, room)?;
            Some(packet)
        });
        burst::free(&mut [frame.mbuf]);
        copy
    }

    /// Whether a received buffer is of this memory.
    pub fn is_own(&self, frame: &Frame) -> bool {
        frame.slot < self.mempool.len() && self.mempool.mbuf(frame.slot) == frame.mbuf
    }

    /// Bytes of a buffer.
    pub fn room(&self) -> usize {
        self.mempool.room().into()
    }

    /// Bytes of a buffer behind its headroom.
    pub fn data_room(&self) -> usize {
        self.room() - HEADROOM as usize
    }

    /// Takes a slot that DPDK gave us, with its data. `None`, and nothing changes, when it is ours already, or when the
    /// data leave the buffer.
    fn take_back(&mut self, slot: u32, head: u32, len: u32) -> Option<Packet> {
        let lent = self.lent.get_mut(slot as usize)?;
        if !*lent {
            return None;
        }
        // SAFETY: on loan by the book, and DPDK has just handed it out.
        let packet = unsafe { self.pool.reclaim(slot, head, len) }?;
        *lent = false;
        self.lent_count -= 1;
        Some(packet)
    }

    /// Keeps a stock of free buffers, and leaves the others to the device: it has none to receive into otherwise.
    ///
    /// Some are needed for headers and copies. And with less than a quarter of them free, the stack copies what waits for
    /// the application out of them: so there are more, as long as the device has enough. Where it has not, since nearly all
    /// hold what waits, it gets back all but those few: nothing more would ever arrive.
    pub fn supply(&mut self) {
        let slots = self.lent.len();
        let least = self.pool.config().reserve as usize + (slots / 8).clamp(1, 4 * BATCH);
        self.stock(least, 0);
        let wanted = least + slots / 4;
        self.stock(wanted, self.needed);
        let wanted = if slots > wanted + self.needed { wanted } else { least };
        // Less than what makes `stock` take some away again.
        let is_starved = (self.lent_count as usize) < self.needed - 4 * BATCH;
        let kept = if is_starved { least + BATCH } else { wanted + 4 * BATCH };
        for _ in (kept..self.pool.available()).take(BATCH) {
            let Some(packet) = self.pool.take_reserved() else { break };
            if let Ok((mbuf, _, _)) = self.lend(packet) {
                burst::free(&mut [mbuf]);
            }
        }
    }

    /// Takes buffers back when fewer than `least` are free, as long as DPDK has more than `spared`.
    fn stock(&mut self, least: usize, spared: usize) {
        if self.pool.available() >= least {
            return;
        }
        let mut slots = [0; BATCH];
        while self.pool.available() < least + BATCH
            && self.lent_count as usize > spared
            && self.mempool.take(&mut slots)
        {
            for slot in slots {
                drop(self.take_back(slot, HEADROOM, 0));
            }
        }
    }

    /// Takes all slots back that DPDK still has. The port that used them is closed.
    pub fn close(&mut self) {
        for slot in 0..self.lent.len() as u32 {
            drop(self.take_back(slot, HEADROOM, 0));
        }
    }
}
