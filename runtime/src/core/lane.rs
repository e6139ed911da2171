//! Frames between threads. A packet can't leave its own, so its bytes are copied into a parcel that can, and out again into a
//! buffer of the thread that receives.

use corelane_nic::{Checksum, Packet, Pool, RxFrame, TxBurst, TxOffload};

use crate::core::parts::{Parts, Ring, System};
use crate::core::route::Route;

/// A frame on its way.
#[derive(Default)]
pub(crate) struct Parcel {
    /// Keeps its memory when it is used again, so that frames are copied but nothing is allocated.
    bytes: Vec<u8>,
    checksum: Checksum,
    hash: Option<u32>,
    offload: TxOffload,
    /// Whom it was shown to, of a frame that arrived on the wrong core.
    pub(crate) route: Route,
}

impl Parcel {
    /// Bytes of the frame.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Takes in a frame that was received, merged ones as a whole.
    pub(crate) fn set_received(&mut self, frame: &RxFrame) {
        self.bytes.clear();
        frame.packet.chain().for_each(|part| self.bytes.extend_from_slice(part));
        (self.checksum, self.hash) = (frame.checksum, frame.hash);
    }

    /// The frame again, in buffers of `pool`: in several when it is longer than one. `None` when there are too few.
    pub(crate) fn to_received(&self, pool: &Pool) -> Option<RxFrame> {
        let mut rest = &self.bytes[..];
        let mut whole: Option<Packet> = None;
        loop {
            let mut packet = buffer(pool)?;
            let taken = packet.extend_from_slice(rest);
            rest = &rest[taken..];
            match &mut whole {
                None => whole = Some(packet),
                Some(whole) => whole.append(packet),
            }
            if rest.is_empty() {
                break;
            }
            if taken == 0 {
                return None; // buffers without room: no pool of a device has such
            }
        }
        whole.map(|packet| RxFrame { packet, checksum: self.checksum, hash: self.hash })
    }

    /// Takes the oldest frame out of a burst, its chunks behind its headers.
    pub(crate) fn set_sent(&mut self, burst: &mut TxBurst) {
        self.bytes.clear();
        let Some(frame) = burst.pop() else { return };
        self.bytes.extend_from_slice(&frame.headers);
        for chunk in (0..frame.chunks).map_while(|_| burst.pop_chunk()) {
            self.bytes.extend_from_slice(&chunk);
        }
        self.offload = frame.offload;
    }

    /// Puts the frame into a burst, in a buffer of `pool`; `false` when it does not fit in one.
    pub(crate) fn send(&self, mut packet: Packet, burst: &mut TxBurst) -> bool {
        let fits = packet.extend_from_slice(&self.bytes) == self.bytes.len();
        if fits {
            burst.push(packet, self.offload);
        }
        fits
    }
}

/// A buffer for a frame of another worker. Half of the reserve may be used, so that an ACK which frees buffers still gets in; the
/// other half stays for what the stack must say.
pub(crate) fn buffer(pool: &Pool) -> Option<Packet> {
    let reserve = pool.config().reserve as usize;
    match pool.available() {
        n if n > reserve => pool.take(),
        n if n > reserve / 2 => pool.take_reserved(),
        _ => None,
    }
}

/// A bounded ring of parcels, first in, first out. Any thread may put in; one takes out. Nobody is told: who puts in nudges the
/// other's mailbox afterwards, and who finds it full drops the frame or tries again in the next turn, as with a device. loom tries
/// the orders in which threads can meet here: see the tests.
pub(crate) struct Lane<P: Parts = System> {
    full: P::Ring<Parcel>,
    /// Those that were taken out, to be used again: as many as are missing in `full`, and those in hand.
    empty: P::Ring<Parcel>,
}

impl<P: Parts> Lane<P> {
    /// A ring of `len` parcels, which take memory when they are first used.
    pub(crate) fn new(len: usize) -> Lane<P> {
        let empty = P::Ring::new(len);
        for _ in 0..len {
            drop(empty.push(Parcel::default())); // as many as it holds
        }
        Lane { full: P::Ring::new(len), empty }
    }

    /// Puts in what `fill` makes; `false`, and `fill` is not called, when the ring is full.
    pub(crate) fn put(&self, fill: impl FnOnce(&mut Parcel)) -> bool {
        let Some(mut parcel) = self.empty.pop() else { return false };
        fill(&mut parcel);
        drop(self.full.push(parcel)); // there is room: as many parcels as places
        true
    }

    /// Takes the oldest out.
    pub(crate) fn take<R>(&self, read: impl FnOnce(&Parcel) -> R) -> Option<R> {
        let parcel = self.full.pop()?;
        let result = read(&parcel);
        drop(self.empty.push(parcel)); // there is room: it came from there
        Some(result)
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.full.is_empty()
    }
}

#[cfg(test)]
mod tests;
