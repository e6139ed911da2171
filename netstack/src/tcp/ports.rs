//! Ephemeral ports (RFC 6056).

use core::net::Ipv4Addr;

use siphasher::sip::SipHasher13;

use super::table::FourTuple;

/// RFC 6056 3.3.4: the table of counters; more than its 10 keep destinations further apart.
const COUNTERS: usize = 256;

/// Algorithm 4, double-hash: the ports to one destination follow each other, those to another can't be guessed.
pub(crate) struct Ports {
    range: (u16, u16),
    offsets: SipHasher13,
    buckets: SipHasher13,
    counters: [u16; COUNTERS],
}

impl Ports {
    pub(crate) fn new(range: (u16, u16), keys: [[u8; 16]; 2]) -> Ports {
        let (first, last) = range;
        Ports {
            range: (first.max(1), last.max(first.max(1))),
            offsets: SipHasher13::new_with_key(&keys[0]),
            buckets: SipHasher13::new_with_key(&keys[1]),
            counters: [0; COUNTERS],
        }
    }

    /// A local port towards the remote end for which `is_free` holds; `None` when all are taken.
    pub(crate) fn pick(
        &mut self,
        local: Ipv4Addr,
        remote: Ipv4Addr,
        remote_port: u16,
        is_free: impl Fn(&FourTuple) -> bool,
    ) -> Option<u16> {
        let (first, last) = self.range;
        let count = u32::from(last - first) + 1;
        let mut tuple = FourTuple { local, remote, local_port: 0, remote_port };
        let key = tuple.bytes();
        let offset = (self.offsets.hash(&key) % u64::from(count)) as u32; // below count
        let counter = &mut self.counters[self.buckets.hash(&key) as usize % COUNTERS];
        for _ in 0..count {
            let port = first + ((offset + u32::from(*counter)) % count) as u16; // within the range
            *counter = counter.wrapping_add(1);
            tuple.local_port = port;
            if is_free(&tuple) {
                return Some(port);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
