//! The device: raw IP packets in both directions, in memory.

use std::collections::VecDeque;

use corelane_netstack::{Instant, Link, Stack};
use corelane_nic::{Checksum, Medium, Offloads, Pool, PoolConfig, RxBurst, RxFrame, TxBurst};

/// Buffers: more than all the windows of a script.
const SLOTS: u32 = 4096;
/// Packets that the stack may give at once.
const BURST: usize = 256;
/// Free bytes in front of the data of a packet.
const HEADROOM: u32 = 128;

/// Payload of the longest segment: an IP packet without its headers.
const LONGEST: u32 = 65_535 - 120;
/// Pieces that a segment may be of.
const CHUNKS: u16 = 256;

/// A packet that left the stack.
pub(crate) struct Sent {
    pub(crate) at_micros: u64,
    pub(crate) bytes: Vec<u8>,
}

pub(crate) struct Netdev {
    pool: Pool,
    rx: RxBurst,
    tx: TxBurst,
    sent: VecDeque<Sent>,
}

impl Netdev {
    pub(crate) fn new(mtu: u16) -> Netdev {
        let slot_size = (HEADROOM + u32::from(mtu)).next_multiple_of(64).max(2048);
        Netdev {
            pool: Pool::heap(PoolConfig { slots: SLOTS, slot_size, headroom: HEADROOM, reserve: 64 }),
            rx: RxBurst::with_capacity(BURST),
            tx: TxBurst::with_capacity(BURST),
            sent: VecDeque::new(),
        }
    }

    /// With `tso` the device cuts long segments, as Linux's mostly do: scripts are written for what Linux hands to it.
    pub(crate) fn link(mtu: u16, tso: bool) -> Link {
        let cutting = Offloads { tso_max: LONGEST, tx_chunks: CHUNKS, ..Offloads::default() };
        Link { medium: Medium::Ip, mtu, offloads: if tso { cutting } else { Offloads::default() } }
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// A packet arrives. False when no buffer is free, or it is longer than one: scripts inject packets beyond the MTU, as
    /// a card that merges segments gives, so these come in a chain.
    pub(crate) fn deliver(&mut self, now: Instant, bytes: &[u8], stack: &mut Stack) -> bool {
        let Some(mut packet) = self.pool.take() else { return false };
        let mut taken = packet.extend_from_slice(bytes);
        while taken < bytes.len() {
            let Some(mut next) = self.pool.take() else { return false };
            taken += next.extend_from_slice(&bytes[taken..]);
            packet.append(next);
        }
        self.rx.push(RxFrame { packet, checksum: Checksum::Unknown, hash: None });
        while !self.rx.is_empty() {
            stack.receive(now, &mut self.rx);
            self.drain(now, stack);
        }
        true
    }

    /// Takes what the stack has to send.
    pub(crate) fn drain(&mut self, now: Instant, stack: &mut Stack) {
        loop {
            stack.transmit(now, &mut self.tx);
            if self.tx.is_empty() {
                return;
            }
            while let Some(frame) = self.tx.pop() {
                let mut bytes = frame.headers.to_vec();
                for _ in 0..frame.chunks {
                    if let Some(chunk) = self.tx.pop_chunk() {
                        bytes.extend_from_slice(&chunk);
                    }
                }
                self.sent.push_back(Sent { at_micros: now.as_micros(), bytes });
            }
        }
    }

    pub(crate) fn next(&mut self) -> Option<Sent> {
        self.sent.pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }
}
