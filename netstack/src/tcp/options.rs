//! What both sides agreed on in their SYNs, and timestamps after it.

use crate::config::TcpConfig;
use crate::tcp::receiver::Receiver;
use crate::tcp::seq::SeqNumber;
use crate::time::Instant;
use crate::wire::tcp_options::TcpOptions;

/// RFC 9293 3.7.1, MUST-15: where the peer says nothing.
pub(crate) const DEFAULT_MSS: u16 = 536;
/// Linux's `tcp_min_snd_mss`: a smaller one makes a host send mostly headers.
pub(crate) const MIN_MSS: u16 = 48;
/// The timestamps option with its padding.
const TIMESTAMPS_LEN: u16 = 12;
/// RFC 7323 5.5: TS.Recent is too old to judge by after 24 days, in seconds.
const PAWS_IDLE: u32 = 24 * 24 * 3600;

/// Timestamps of one connection (RFC 7323).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timestamps {
    /// Added to the clock: a keyed hash of the addresses, so that uptime can't be read off.
    pub(crate) offset: u32,
    /// TS.Recent.
    pub(crate) recent: u32,
    /// When it was taken, in seconds; in SYN-SENT, when the opening began.
    pub(crate) recent_at: u32,
}

impl Timestamps {
    /// TSval: a clock of 1 ms.
    pub(crate) fn value(offset: u32, now: Instant) -> u32 {
        (now.as_millis() as u32).wrapping_add(offset) // modulo 2^32, by RFC 7323 5.4
    }

    /// RFC 7323 5.3 R1: whether `value` is older than TS.Recent.
    pub(crate) fn is_old(&self, value: u32, now: Instant) -> bool {
        SeqNumber(value).before(SeqNumber(self.recent)) && !self.is_stale(now)
    }

    /// As `is_old`, but one tick is forgiven (Linux's TCP_PAWS_WINDOW): peers with several queues swap their segments.
    pub(crate) fn fails_paws(&self, value: u32, now: Instant) -> bool {
        self.is_old(value.wrapping_add(1), now)
    }

    /// RFC 7323 4.3 (2): the value to echo, taken from segments that don't lie beyond the last ACK.
    pub(crate) fn update(&mut self, value: u32, now: Instant) {
        // The peer's clock stands still for less than a second (RFC 7323 5.4): much less than what makes it stale.
        if value == self.recent && value != 0 {
            return;
        }
        if SeqNumber(value).at_or_after(SeqNumber(self.recent)) || self.is_stale(now) {
            self.recent = value;
            self.recent_at = now.as_secs();
        }
    }

    /// Whether TS.Recent says nothing: it is too old, or 0, as some systems have it in their SYN.
    fn is_stale(&self, now: Instant) -> bool {
        self.recent == 0 || now.as_secs().saturating_sub(self.recent_at) >= PAWS_IDLE
    }
}

/// What the two SYNs agree on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Negotiated {
    /// Payload bytes of a full segment towards the peer.
    pub(crate) mss: u16,
    /// The peer's window shift, where both have one.
    pub(crate) scale: Option<u8>,
    /// The peer's TSval, where both have timestamps.
    pub(crate) timestamps: Option<u32>,
    /// The peer takes SACK blocks.
    pub(crate) sack: bool,
}

impl Negotiated {
    /// From the peer's SYN, and what we offer by `config` on a link with room for `link_mss` bytes.
    pub(crate) fn from(peer: &TcpOptions, config: &TcpConfig, link_mss: u16) -> Negotiated {
        let timestamps = peer.timestamps.map(|(value, _)| value).filter(|_| config.tcp_timestamps);
        let mss = peer_mss(peer).min(link_mss.max(MIN_MSS));
        let options = if timestamps.is_some() { TIMESTAMPS_LEN } else { 0 };
        Negotiated {
            mss: mss - options,
            scale: peer.window_scale.filter(|_| config.tcp_window_scaling),
            timestamps,
            sack: peer.sack_permitted && config.tcp_sack,
        }
    }
}

/// The MSS that the peer's SYN asks for.
pub(crate) fn peer_mss(peer: &TcpOptions) -> u16 {
    peer.mss.filter(|mss| *mss > 0).unwrap_or(DEFAULT_MSS).max(MIN_MSS)
}

/// The options of our SYN. As an answer it only has what the peer's SYN has.
pub(crate) fn offer(config: &TcpConfig, link_mss: u16, answer: Option<&Negotiated>) -> TcpOptions {
    let both = |ours: bool, theirs: fn(&Negotiated) -> bool| ours && answer.is_none_or(theirs);
    TcpOptions {
        mss: Some(link_mss),
        window_scale: both(config.tcp_window_scaling, |n| n.scale.is_some())
            .then(|| Receiver::scale_for(config.tcp_rmem.max)),
        sack_permitted: both(config.tcp_sack, |n| n.sack),
        timestamps: both(config.tcp_timestamps, |n| n.timestamps.is_some())
            .then(|| (0, answer.and_then(|n| n.timestamps).unwrap_or(0))),
        ..TcpOptions::default()
    }
}

#[cfg(test)]
mod tests;
