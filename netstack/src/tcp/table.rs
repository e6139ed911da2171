//! From the 4-tuple to who answers for it.

use alloc::vec;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::ops::RangeInclusive;

use corelane_nic::Medium;
use hashbrown::HashTable;
use siphasher::sip::SipHasher13;

use super::lookup::Records;
use super::wire_tuple::WireTuple;
use crate::arena::Id;

/// The addresses and ports of a connection, ours first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(C)] // the addresses as in what is received: one load gives both
pub struct FourTuple {
    /// The peer's address.
    pub remote: Ipv4Addr,
    /// Ours.
    pub local: Ipv4Addr,
    /// Our port.
    pub local_port: u16,
    /// The peer's.
    pub remote_port: u16,
}

impl FourTuple {
    /// The flow of a frame that was received, before anything of it is checked; `None` for what is no plain TCP segment over
    /// IPv4: fragments, IP options, other protocols.
    #[inline]
    pub fn of_frame(frame: &[u8], medium: Medium) -> Option<FourTuple> {
        WireTuple::of_frame(frame, medium).map(WireTuple::four_tuple)
    }

    /// What RSS hashes of the segments that arrive: the sender's address and ours, its port and ours.
    pub fn rss_input(&self) -> [u8; 12] {
        WireTuple::received(self).bytes()
    }

    pub(crate) fn local_addr(&self) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(self.local), self.local_port)
    }

    pub(crate) fn remote_addr(&self) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(self.remote), self.remote_port)
    }

    pub(crate) fn bytes(&self) -> [u8; 12] {
        // Two whole words: who reads them as such need not wait for many small stores.
        let addresses = u64::from(u32::from(self.local)) << 32 | u64::from(u32::from(self.remote));
        let ports = u32::from(self.local_port) << 16 | u32::from(self.remote_port);
        let mut bytes = [0; 12];
        bytes[..8].copy_from_slice(&addresses.to_be_bytes());
        bytes[8..].copy_from_slice(&ports.to_be_bytes());
        bytes
    }
}

/// Who answers for a 4-tuple: three lifetimes, three types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    Connection(Id),
    HalfOpen(Id),
    TimeWait(Id),
}

/// A keyed hash of a 4-tuple.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FlowHash(u32);

impl FlowHash {
    /// As the table takes it: it looks at the lowest bits for the place, and at the highest for the tag.
    fn spread(self) -> u64 {
        u64::from(self.0) << 32 | u64::from(self.0)
    }
}

/// The flow table. Its hash is keyed, so that a peer can't choose tuples that fall together.
///
/// An entry is 16 bytes, so that the table of many flows stays in the cache: the tuple is in the owner's record, which is
/// needed next anyway.
pub(crate) struct FlowTable {
    entries: HashTable<(FlowHash, Owner)>,
    hasher: SipHasher13,
    /// Flows that were asked for lately, each at a place that needs no keyed hash. Which place a flow has is no secret: who
    /// makes two fall together only makes each look the other's up again.
    recent: Vec<Option<(u32, Owner)>>,
}

/// Places for recent flows: as many as there are flows, within these powers of two.
const RECENT: RangeInclusive<usize> = 64..=1 << 16;

impl FlowTable {
    /// Bytes that a flow takes when the table has just grown: to twice the places, of which at most 7 in 8 were taken before. Each
    /// has a tag of a byte.
    pub(crate) const EACH: usize = ((size_of::<(FlowHash, Owner)>() + 1) * 2 * 8).div_ceil(7);

    pub(crate) fn new(key: [u8; 16]) -> FlowTable {
        FlowTable {
            entries: HashTable::new(),
            hasher: SipHasher13::new_with_key(&key),
            recent: vec![None; *RECENT.start()],
        }
    }

    /// The place of a recent flow, and what tells it from most others of that place. Peers tend to count ports up: then no
    /// two of a peer's flows share a place.
    #[inline(always)]
    fn place(&self, tuple: WireTuple) -> (usize, u32) {
        let (one, other) = (tuple.addresses as u32, (tuple.addresses >> 32) as u32); // the halves
        let addresses = (one ^ other.rotate_left(16)).wrapping_mul(0x9e37_79b1);
        let ports = u32::from_be(tuple.ports).rotate_left(16); // the peer's is the lower half
        let print = addresses ^ ports;
        let fold = print ^ (ports >> 16) ^ (addresses >> 16);
        (fold as usize & (self.recent.len() - 1), print) // a power of two
    }

    /// Who lately answered for what may be this tuple: nearly always for the tuple itself, which remains to be looked at.
    #[inline(always)]
    pub(crate) fn recent(&self, tuple: WireTuple) -> Option<Owner> {
        let (place, print) = self.place(tuple);
        self.recent[place].filter(|(known, _)| *known == print).map(|(_, owner)| owner)
    }

    /// As `recent`, but who did not answer lately is looked for.
    #[inline]
    pub(crate) fn likely(&mut self, tuple: WireTuple) -> Option<Owner> {
        self.recent(tuple).or_else(|| self.search_likely(tuple))
    }

    #[inline(never)]
    fn search_likely(&mut self, tuple: WireTuple) -> Option<Owner> {
        let hash = self.hash(&tuple.four_tuple());
        let owner = self.entries.find(hash.spread(), |(known, _)| *known == hash).map(|(_, owner)| *owner);
        let (place, print) = self.place(tuple);
        self.recent[place] = owner.map(|owner| (print, owner));
        owner
    }

    #[inline]
    pub(crate) fn get(&mut self, tuple: &FourTuple, records: &Records<'_>) -> Option<Owner> {
        let (place, print) = self.place(WireTuple::received(tuple));
        match self.recent[place] {
            Some((known, owner)) if known == print && records.is_of(owner, tuple) => Some(owner),
            _ => self.search(tuple, records),
        }
    }

    #[inline(never)]
    fn search(&mut self, tuple: &FourTuple, records: &Records<'_>) -> Option<Owner> {
        let owner = self.find(tuple, records)?;
        let (place, print) = self.place(WireTuple::received(tuple));
        self.recent[place] = Some((print, owner));
        Some(owner)
    }

    /// As `get`, without a note of it.
    pub(crate) fn find(&self, tuple: &FourTuple, records: &Records<'_>) -> Option<Owner> {
        let hash = self.hash(tuple);
        let is_it = |(known, owner): &(FlowHash, Owner)| *known == hash && records.is_of(*owner, tuple);
        self.entries.find(hash.spread(), is_it).map(|(_, owner)| *owner)
    }

    fn hash(&self, tuple: &FourTuple) -> FlowHash {
        FlowHash(self.hasher.hash(&tuple.bytes()) as u32) // the lower half is as good as any
    }

    /// Puts in the owner of a tuple that has none.
    pub(crate) fn insert(&mut self, tuple: &FourTuple, owner: Owner) {
        self.forget_recent(tuple);
        let hash = self.hash(tuple);
        self.entries.insert_unique(hash.spread(), (hash, owner), |(hash, _)| hash.spread());
        if self.entries.len() > self.recent.len() && self.recent.len() < *RECENT.end() {
            self.recent = vec![None; 2 * self.recent.len()];
        }
    }

    /// Takes the entry out, if it still is `owner`'s.
    pub(crate) fn remove(&mut self, tuple: &FourTuple, owner: Owner) {
        self.forget_recent(tuple);
        let hash = self.hash(tuple);
        if let Ok(entry) = self.entries.find_entry(hash.spread(), |entry| *entry == (hash, owner)) {
            entry.remove();
        }
    }

    fn forget_recent(&mut self, tuple: &FourTuple) {
        let (place, _) = self.place(WireTuple::received(tuple));
        self.recent[place] = None;
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests;
