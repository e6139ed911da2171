#![allow(unsafe_code)] // gives memory to the pool, and takes slots back from the kernel
//! The packet memory of a queue, and who has which slot of it.

use std::io;
use std::ptr::NonNull;

use corelane_nic::{Memory, Packet, Pool, PoolConfig};

use crate::socket::Socket;
use crate::syscall::Mapping;

/// The mapping, as the pool's memory.
struct UmemMemory(Mapping);

// SAFETY: the mapping is ours alone, zeroed by the kernel, and unmapped only on drop. The kernel writes to
// slots that are on loan only.
unsafe impl Memory for UmemMemory {
    fn base(&self) -> NonNull<u8> {
        self.0.base()
    }
    fn len(&self) -> usize {
        self.0.len()
    }
}

/// Which ring a slot was lent through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loan {
    /// To be received into.
    Fill,
    /// To be sent.
    Transmit,
}

/// Packet memory registered with a socket: a pool, and the book of its slots that the kernel has.
pub struct Umem {
    pool: Pool,
    chunk_size: u32,
    loans: Box<[Option<Loan>]>,
    lent: [u32; 2],
}

/// Bytes in front of the data of a packet that the stack takes: Ethernet, VLAN, IPv6 and TCP headers with options fit.
const HEADROOM: u32 = 128;

impl Umem {
    /// Maps `slots` chunks and lets `register` make them known to the kernel.
    pub fn new(
        slots: u32,
        chunk_size: u32,
        register: impl FnOnce(&Mapping) -> io::Result<()>,
    ) -> io::Result<Umem> {
        let mapping = Mapping::anonymous(slots as usize * chunk_size as usize)?;
        register(&mapping)?;
        let reserve = (slots / 16).clamp(1, 256);
        let config = PoolConfig { slots, slot_size: chunk_size, headroom: HEADROOM, reserve };
        let pool = Pool::on(config, Box::new(UmemMemory(mapping)));
        Ok(Umem { pool, chunk_size, loans: vec![None; slots as usize].into_boxed_slice(), lent: [0; 2] })
    }

    /// The pool on this memory.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Slots that the kernel has through this ring.
    pub fn lent(&self, loan: Loan) -> u32 {
        self.lent[loan as usize]
    }

    /// Lends an own packet to the kernel. Returns the address and length of its data for a descriptor, or the
    /// packet when it is of another pool.
    pub fn lend(&mut self, packet: Packet, loan: Loan) -> Result<(u64, u32), Packet> {
        if !self.pool.owns(&packet) {
            return Err(packet);
        }
        let (index, head, len) = self.pool.lend(packet);
        self.loans[index as usize] = Some(loan);
        self.lent[loan as usize] += 1;
        Ok((u64::from(index) * u64::from(self.chunk_size) + u64::from(head), len))
    }

    /// Takes a slot back that the kernel returned through the ring that answers `loan`, with `len` bytes of data at
    /// `address`. `None`, with the slot still on loan, when that can't be: it was not lent so, or the data leave the chunk.
    pub fn take_back(&mut self, address: u64, len: u32, loan: Loan) -> Option<Packet> {
        let chunk = u64::from(self.chunk_size);
        let index = u32::try_from(address / chunk).ok()?;
        let state = self.loans.get_mut(index as usize)?;
        if *state != Some(loan) {
            return None;
        }
        let head = (address % chunk) as u32; // below the chunk size, a u32
        // SAFETY: the book says that the slot is on loan, and it was in the kernel's ring: the kernel is done with it.
        let packet = unsafe { self.pool.reclaim(index, head, len) }?;
        *state = None;
        self.lent[loan as usize] -= 1;
        Some(packet)
    }

    /// Closes the socket, and takes back whatever the kernel still had.
    pub fn close(&mut self, socket: Socket) {
        // Closing unbinds the queue and waits until no receive path uses it any more.
        drop(socket);
        for (index, state) in (0u32..).zip(self.loans.iter_mut()) {
            if state.take().is_some() {
                // SAFETY: on loan by the book, and the kernel is gone.
                drop(unsafe { self.pool.reclaim(index, 0, 0) });
            }
        }
        self.lent = [0; 2];
    }
}

#[cfg(test)]
mod tests;
