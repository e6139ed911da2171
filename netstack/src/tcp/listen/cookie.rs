//! SYN cookies (RFC 4987 3.6): the state of a half-open connection in the numbers that the peer must send back.
//!
//! As in Linux: the ISN holds the time and the MSS under a keyed hash, the lowest bits of TSval hold window scale, SACK and ECN.
//! A peer without timestamps gets none of these three. Otherwise than in Linux the peer's number is under the hash that hides the
//! MSS too: where it is only added, an ACK that is one byte further on stands for the MSS before, and that byte is never missed.

use core::time::Duration;

use siphasher::sip::SipHasher24;

use crate::config::TcpConfig;
use crate::tcp::options::{self, Negotiated, Timestamps};
use crate::tcp::seq::SeqNumber;
use crate::tcp::table::FourTuple;
use crate::time::Instant;
use crate::wire::tcp_options::TcpOptions;

/// Linux's `TCP_SYNCOOKIE_PERIOD`: what the counter in a cookie counts.
const PERIOD: u64 = 60;
/// Periods that a cookie is good for (`MAX_SYNCOOKIE_AGE`).
const MAX_AGE: u32 = 2;
/// How long after the last cookie an ACK may bring one back (`TCP_SYNCOOKIE_VALID`).
pub(crate) const VALID: Duration = Duration::from_secs(PERIOD * MAX_AGE as u64);
/// The counter is above these bits, the MSS below.
const COOKIE_BITS: u32 = 24;
const COOKIE_MASK: u32 = (1 << COOKIE_BITS) - 1;
/// MSS values that a cookie can hold: Linux's four, and one for a peer that takes less, who would get 536 there.
const MSS_TABLE: [u16; 5] = [options::MIN_MSS, 536, 1300, 1440, 1460];

/// `TSBITS`: the bits of TSval that hold options.
const TS_BITS: u32 = 6;
/// `TS_OPT_WSCALE_MASK`: all of its bits mean that there is no window scaling.
const TS_SCALE: u32 = 0xf;
/// `TS_OPT_SACK`.
const TS_SACK: u32 = 1 << 4;
/// `TS_OPT_ECN`.
const TS_ECN: u32 = 1 << 5;

/// Makes cookies and knows its own.
pub(crate) struct Cookies {
    /// Hides the counter.
    outer: SipHasher24,
    /// Hides the MSS, and changes with the counter and the peer's number.
    inner: SipHasher24,
}

/// The options of the SYN that a cookie is the answer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) negotiated: Negotiated,
    pub(crate) ecn_ok: bool,
}

impl Cookies {
    pub(crate) fn new(keys: [[u8; 16]; 2]) -> Cookies {
        Cookies { outer: SipHasher24::new_with_key(&keys[0]), inner: SipHasher24::new_with_key(&keys[1]) }
    }

    /// The ISN of the answer to a SYN with number `irs`, and the MSS that it will bring back: at most `mss`.
    pub(crate) fn make(&self, tuple: &FourTuple, irs: SeqNumber, mss: u16, now: Instant) -> (SeqNumber, u16) {
        let index = MSS_TABLE.iter().rposition(|entry| *entry <= mss).unwrap_or_default();
        let count = counter(now);
        let inner = self.inner(tuple, irs, count).wrapping_add(index as u32) & COOKIE_MASK; // the table is short
        let cookie = self.outer(tuple).wrapping_add(irs.0).wrapping_add(count << COOKIE_BITS);
        (SeqNumber(cookie.wrapping_add(inner)), MSS_TABLE[index])
    }

    /// The MSS that `cookie` brings back; `None` when it is not ours or too old.
    pub(crate) fn check(
        &self,
        tuple: &FourTuple,
        irs: SeqNumber,
        cookie: SeqNumber,
        now: Instant,
    ) -> Option<u16> {
        let cookie = cookie.0.wrapping_sub(self.outer(tuple)).wrapping_sub(irs.0);
        let count = counter(now);
        let age = count.wrapping_sub(cookie >> COOKIE_BITS) & (u32::MAX >> COOKIE_BITS);
        if age >= MAX_AGE {
            return None;
        }
        let index = cookie.wrapping_sub(self.inner(tuple, irs, count.wrapping_sub(age))) & COOKIE_MASK;
        MSS_TABLE.get(index as usize).copied()
    }

    fn outer(&self, tuple: &FourTuple) -> u32 {
        self.outer.hash(&tuple.bytes()) as u32 // any 32 bits of it
    }

    fn inner(&self, tuple: &FourTuple, irs: SeqNumber, count: u32) -> u32 {
        let mut bytes = [0; 20];
        bytes[..12].copy_from_slice(&tuple.bytes());
        bytes[12..16].copy_from_slice(&count.to_be_bytes());
        bytes[16..].copy_from_slice(&irs.0.to_be_bytes());
        self.inner.hash(&bytes) as u32 // any 32 bits of it
    }
}

fn counter(now: Instant) -> u32 {
    (u64::from(now.as_secs()) / PERIOD) as u32 // smaller than it was
}

/// TSval of the SYN-ACK without its offset: the clock, at most 63 ms back, with the options in its lowest bits.
pub(crate) fn timestamp(kept: &Kept, now: Instant) -> u32 {
    let clock = Timestamps::value(0, now);
    let mut bits = kept.negotiated.scale.map_or(TS_SCALE, u32::from);
    bits |= if kept.negotiated.sack { TS_SACK } else { 0 };
    bits |= if kept.ecn_ok { TS_ECN } else { 0 };
    let value = (clock >> TS_BITS << TS_BITS) | bits;
    // Never ahead of the clock: what is sent next must not be older.
    if value > clock { value.wrapping_sub(1 << TS_BITS) } else { value }
}

/// What the peer's SYN had, from the options of its ACK and the MSS that the cookie brought. `None`: it says what our SYN-ACK
/// never said.
pub(crate) fn recover(
    mss: u16,
    peer: &TcpOptions,
    ts_offset: u32,
    config: &TcpConfig,
    link_mss: u16,
) -> Option<Kept> {
    let mut syn = TcpOptions { mss: Some(mss), ..TcpOptions::default() };
    let mut ecn_ok = false;
    if let Some((value, echo)) = peer.timestamps {
        let bits = echo.wrapping_sub(ts_offset);
        let scale = bits & TS_SCALE;
        syn.timestamps = Some((value, 0));
        syn.sack_permitted = bits & TS_SACK != 0;
        syn.window_scale = (scale != TS_SCALE).then_some(scale as u8); // 4 bits
        ecn_ok = bits & TS_ECN != 0;
        let refused = !config.tcp_timestamps
            || (syn.sack_permitted && !config.tcp_sack)
            || (syn.window_scale.is_some() && !config.tcp_window_scaling);
        if refused {
            return None;
        }
    }
    Some(Kept { negotiated: Negotiated::from(&syn, config, link_mss), ecn_ok })
}

#[cfg(test)]
mod tests;
