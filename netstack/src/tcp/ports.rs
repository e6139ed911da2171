//! Ephemeral ports (RFC 6056).

use alloc::boxed::Box;
use core::net::Ipv4Addr;

use siphasher::sip::SipHasher13;

use super::table::FourTuple;

/// RFC 6056 3.3.4: the table of counters; more than its 10 keep destinations further apart.
const COUNTERS: usize = 256;
/// How many ports are looked at for one that comes home, before any other is as good: of 64 cores' ports each core finds its own
/// with a chance of more than 99 in 100.
const HOME_TRIES: u32 = 512;

/// How a core shares the ports with others that stand behind the same addresses.
pub struct CorePorts {
    /// Whether this core may open the connection. No other may say so too, now or later: else two cores could open the same.
    pub is_own: Box<dyn Fn(&FourTuple) -> bool>,
    /// Whether its answers arrive here, as far as is known.
    pub is_home: Box<dyn Fn(&FourTuple) -> bool>,
}

/// Algorithm 4, double-hash: the ports to one destination follow each other, those to another can't be guessed.
pub(crate) struct Ports {
    range: (u16, u16),
    offsets: SipHasher13,
    buckets: SipHasher13,
    counters: [u16; COUNTERS],
    cores: Option<CorePorts>,
}

impl Ports {
    pub(crate) fn new(range: (u16, u16), keys: [[u8; 16]; 2]) -> Ports {
        let (first, last) = range;
        Ports {
            range: (first.max(1), last.max(first.max(1))),
            offsets: SipHasher13::new_with_key(&keys[0]),
            buckets: SipHasher13::new_with_key(&keys[1]),
            counters: [0; COUNTERS],
            cores: None,
        }
    }

    /// From now on ports are shared with other cores.
    pub(crate) fn set_cores(&mut self, cores: CorePorts) {
        self.cores = Some(cores);
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
        let mut next = |tries: u32, is_wanted: &dyn Fn(&FourTuple) -> bool| {
            for _ in 0..tries {
                let port = first + ((offset + u32::from(*counter)) % count) as u16; // within the range
                *counter = counter.wrapping_add(1);
                tuple.local_port = port;
                if is_wanted(&tuple) {
                    return Some(port);
                }
            }
            None
        };
        // A listener's port has no peer yet.
        let Some(cores) = self.cores.as_ref().filter(|_| remote_port != 0) else {
            return next(count, &is_free);
        };
        let own = |tuple: &FourTuple| (cores.is_own)(tuple) && is_free(tuple);
        next(count.min(HOME_TRIES), &|tuple| (cores.is_home)(tuple) && own(tuple))
            .or_else(|| next(count, &own))
    }
}

#[cfg(test)]
mod tests;
