//! Initial sequence numbers (RFC 6528) and timestamp offsets (RFC 7323 5.4).

use siphasher::sip::SipHasher24;

use crate::tcp::seq::SeqNumber;
use crate::tcp::table::FourTuple;
use crate::time::Instant;

/// Keyed hashes with a secret drawn at start.
pub(crate) struct Isn {
    sequence: SipHasher24,
    timestamp: SipHasher24,
}

impl Isn {
    pub(crate) fn new(keys: [[u8; 16]; 2]) -> Isn {
        Isn { sequence: SipHasher24::new_with_key(&keys[0]), timestamp: SipHasher24::new_with_key(&keys[1]) }
    }

    /// RFC 6528 3: ISN = M + F(4-tuple, secret), M ticking every 4 microseconds.
    pub(crate) fn sequence(&self, tuple: &FourTuple, now: Instant) -> SeqNumber {
        let hash = self.sequence.hash(&tuple.bytes()) as u32; // any 32 bits of it
        SeqNumber(hash) + (now.as_micros() / 4) as u32 // modulo 2^32, as sequence numbers are
    }

    /// By addresses alone, so that timestamps of one pair of hosts grow from one connection to the next.
    pub(crate) fn timestamp_offset(&self, tuple: &FourTuple) -> u32 {
        let hosts = FourTuple { local_port: 0, remote_port: 0, ..*tuple };
        self.timestamp.hash(&hosts.bytes()) as u32 // any 32 bits of it
    }
}

#[cfg(test)]
mod tests;
