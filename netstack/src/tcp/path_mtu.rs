//! The path MTU: what routers say by ICMP (RFC 1191), and what is found out without them (`mtu_probe`).

use alloc::boxed::Box;

use super::connection::Connection;
use super::mtu_probe::Search;
use super::output::Wire;
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
    pub(crate) full: u16,
    /// What a router said, and until when it is believed (`mtu_expires`).
    learnt: Option<(u16, Instant)>,
    /// What is being found out, where no router says it.
    pub(crate) search: Option<Search>,
}

impl Path {
    /// The largest IP packet that may arrive.
    pub(crate) fn limit(&self) -> u16 {
        self.learnt.map_or(self.full, |(mtu, _)| mtu.min(self.full))
    }

    /// The largest that is sent.
    fn mtu(&self) -> u16 {
        self.search.map_or(self.limit(), |search| search.low.min(self.limit()))
    }
}

impl Connection {
    /// Bytes of an IP packet that are not payload.
    pub(crate) fn headers(&self) -> u16 {
        HEADERS + if self.timestamps.is_some() { TIMESTAMPS } else { 0 }
    }

    pub(crate) fn path_mut(&mut self) -> &mut Path {
        let full = self.snd.mss + self.headers();
        self.path.get_or_insert_with(|| Box::new(Path { full, learnt: None, search: None }))
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
    pub(crate) fn refresh_path(&mut self, wire: &mut Wire<'_, '_>) {
        if self.path.is_some() {
            self.refresh_known_path(wire);
        }
    }

    #[inline(never)]
    fn refresh_known_path(&mut self, wire: &mut Wire<'_, '_>) {
        if let Some(path) = &mut self.path
            && path.learnt.is_some_and(|(_, expires)| wire.now >= expires)
        {
            path.learnt = None;
            self.follow_path();
        }
        self.refresh_search(wire);
        if self.path.as_ref().is_some_and(|path| path.learnt.is_none() && path.search.is_none()) {
            self.path = None;
        }
    }

    /// Segments become as long as the path takes.
    pub(crate) fn follow_path(&mut self) {
        let Some(path) = &self.path else { return };
        let mss = path.mtu().saturating_sub(self.headers()).max(MIN_MSS);
        if mss < self.snd.mss {
            self.shorten_segments(mss);
        } else if mss > self.snd.mss {
            self.snd.mss = mss;
            self.cc.set_mss(u32::from(mss));
        }
    }
}

#[cfg(test)]
mod tests;
