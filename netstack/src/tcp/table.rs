//! From the 4-tuple to who answers for it.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use hashbrown::HashTable;
use siphasher::sip::SipHasher13;

use crate::arena::Id;

/// The addresses and ports of a connection, ours first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FourTuple {
    pub(crate) local: Ipv4Addr,
    pub(crate) remote: Ipv4Addr,
    pub(crate) local_port: u16,
    pub(crate) remote_port: u16,
}

impl FourTuple {
    pub(crate) fn local_addr(&self) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(self.local), self.local_port)
    }

    pub(crate) fn remote_addr(&self) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(self.remote), self.remote_port)
    }

    pub(crate) fn bytes(&self) -> [u8; 12] {
        let ([a, b, c, d], [e, f, g, h]) = (self.local.octets(), self.remote.octets());
        let ([i, j], [k, l]) = (self.local_port.to_be_bytes(), self.remote_port.to_be_bytes());
        [a, b, c, d, e, f, g, h, i, j, k, l]
    }
}

/// Who answers for a 4-tuple: three lifetimes, three types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    Connection(Id),
    HalfOpen(Id),
    TimeWait(Id),
}

/// The flow table. Its hash is keyed, so that a peer can't choose tuples that fall together.
pub(crate) struct FlowTable {
    entries: HashTable<(FourTuple, Owner)>,
    hasher: SipHasher13,
    /// Flows that were asked for lately: the segments of a burst often share one, and few flows need no hash at all.
    /// Which place a flow has is no secret: who makes two fall together only makes each look the other's up again.
    recent: [Option<(FourTuple, Owner)>; RECENT],
}

/// A power of two; 28 bytes each.
const RECENT: usize = 64;

fn place(tuple: &FourTuple) -> usize {
    usize::from(tuple.remote_port ^ tuple.local_port) % RECENT
}

fn hash(hasher: &SipHasher13, tuple: &FourTuple) -> u64 {
    hasher.hash(&tuple.bytes())
}

impl FlowTable {
    pub(crate) fn new(key: [u8; 16]) -> FlowTable {
        FlowTable {
            entries: HashTable::new(),
            hasher: SipHasher13::new_with_key(&key),
            recent: [None; RECENT],
        }
    }

    #[inline]
    pub(crate) fn get(&mut self, tuple: &FourTuple) -> Option<Owner> {
        match &self.recent[place(tuple)] {
            Some((known, owner)) if known == tuple => Some(*owner),
            _ => self.search(tuple),
        }
    }

    #[inline(never)]
    fn search(&mut self, tuple: &FourTuple) -> Option<Owner> {
        let found = self.entries.find(hash(&self.hasher, tuple), |(key, _)| key == tuple)?;
        self.recent[place(tuple)] = Some(*found);
        Some(found.1)
    }

    /// The hash of a tuple, for `find`.
    pub(crate) fn hash(&self, tuple: &FourTuple) -> u64 {
        hash(&self.hasher, tuple)
    }

    /// As `get`, with the hash known.
    pub(crate) fn find(&self, tuple: &FourTuple, hash: u64) -> Option<Owner> {
        self.entries.find(hash, |(key, _)| key == tuple).map(|(_, owner)| *owner)
    }

    pub(crate) fn contains(&self, tuple: &FourTuple) -> bool {
        self.entries.find(hash(&self.hasher, tuple), |(key, _)| key == tuple).is_some()
    }

    /// Puts in an owner, in place of the one before.
    pub(crate) fn insert(&mut self, tuple: FourTuple, owner: Owner) {
        self.recent[place(&tuple)] = None;
        let hash_one = hash(&self.hasher, &tuple);
        let hasher = &self.hasher;
        match self.entries.find_mut(hash_one, |(key, _)| *key == tuple) {
            Some(entry) => entry.1 = owner,
            None => {
                self.entries.insert_unique(hash_one, (tuple, owner), |(key, _)| hash(hasher, key));
            }
        }
    }

    /// Takes the entry out, if it still is `owner`'s.
    pub(crate) fn remove(&mut self, tuple: &FourTuple, owner: Owner) {
        self.recent[place(tuple)] = None;
        if let Ok(entry) =
            self.entries.find_entry(hash(&self.hasher, tuple), |entry| entry == &(*tuple, owner))
        {
            entry.remove();
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests;
