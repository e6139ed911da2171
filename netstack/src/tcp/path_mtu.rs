//! The path MTU: what routers say by ICMP (RFC 1191).

use alloc::boxed::Box;

use super::connection::Connection;
use crate::time::Instant;

/// Headers of IP and TCP without options.
const HEADERS: u16 = 40;
/// The timestamps option with its padding.
const TIMESTAMPS: u16 = 12;

/// Fewer bytes are not worth their headers: `tcp_min_snd_mss`, less the timestamps.
const MIN_MSS: u16 = 36;

/// What is known of a path that takes less than link and peer do. Most connections have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Path {
    /// What link and peer allow.
    full: u16,
    /// What a router said, and until when it is believed (`mtu_expires`).
    learnt: Option<(u16, Instant)>,
}

impl Path {
    /// The largest IP packet.
    fn mtu(&self) -> u16 {
        self.learnt.map_or(self.full, |(mtu, _)| mtu.min(self.full))
    }
}

impl Connection {
    /// Bytes of an IP packet that are not payload.
    fn headers(&self) -> u16 {
        HEADERS + if self.timestamps.is_some() { TIMESTAMPS } else { 0 }
    }

    fn path_mut(&mut self) -> &mut Path {
        let full = self.snd.mss + self.headers();
        self.path.get_or_insert_with(|| Box::new(Path { full, learnt: None }))
    }

    /// A router can't pass more than `mtu` bytes on. It only lowers what was known, and is forgotten at `expires`.
    pub(crate) fn learn_path_mtu(&mut self, mtu: u16, expires: Instant) {
        if mtu < self.snd.mss + self.headers() {
            self.path_mut().learnt = Some((mtu, expires));
            self.follow_path();
        }
    }

    /// What a router said long ago may be wrong by now: full segments are tried again, and it says so if they are too long.
    #[inline]
    pub(crate) fn refresh_path(&mut self, now: Instant) {
        if let Some(path) = &self.path
            && path.learnt.is_some_and(|(_, expires)| now >= expires)
        {
            self.path_mut().learnt = None;
            self.follow_path();
            self.path = None;
        }
    }

    /// Segments become as long as the path takes.
    fn follow_path(&mut self) {
        let Some(path) = &self.path else { return };
        let mss = path.mtu().saturating_sub(self.headers()).max(MIN_MSS);
        if mss < self.snd.mss {
            self.shorten_segments(mss);
        } else {
            self.snd.mss = mss;
        }
    }
}

#[cfg(test)]
mod tests;
