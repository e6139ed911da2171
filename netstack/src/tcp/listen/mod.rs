//! A SYN that has no connection: listeners, SYN queue, cookies, accept queue (RFC 9293 3.10.7.2).
//!
//! ```text
//!   SYN ---> admit --> SYN queue ------ third ACK --> accept queue
//!              \-----> cookie ~ ~ ~ ~ ~ third ACK ------^
//! ```

mod cookie;
mod establish;
mod fast_open;
mod half_open;
mod isn;
mod listener;
mod syn_queue;

pub(crate) use cookie::Cookies;
pub(crate) use fast_open::FastOpenKeys;
pub(crate) use half_open::HalfOpen;
pub(crate) use isn::Isn;
pub use listener::ListenerInfo;
pub(crate) use listener::Listeners;

use super::Net;
use super::Tcp;
use super::ecn;
use super::options::{self, Negotiated};
use super::output;
use super::segment::Segment;
use super::seq::SeqNumber;
use super::table::FourTuple;
use crate::event::ListenerId;
use crate::stats::Stats;
use crate::time::Instant;
use crate::wire::tcp::Flags;
use cookie::Kept;

/// What becomes of a SYN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Admission {
    Drop,
    /// A half-open connection is kept.
    Queue,
    /// Nothing is kept.
    Cookie,
}

impl Tcp {
    /// A segment for a listener; `least`: the ISN must lie beyond it, since TIME-WAIT is re-used.
    pub(crate) fn listen_input(
        &mut self,
        id: ListenerId,
        tuple: FourTuple,
        segment: &mut Segment,
        least: Option<SeqNumber>,
        net: &mut Net<'_>,
    ) {
        // First, a RST is ignored; second, an ACK is wrong here, unless it brings back a cookie; third, a SYN.
        if segment.has(Flags::RST) {
            return;
        }
        if segment.has(Flags::ACK) {
            return self.cookie_input(id, tuple, segment, net);
        }
        if !segment.has(Flags::SYN) || segment.has(Flags::FIN) {
            return;
        }
        match self.admit(id, least.is_some(), net.now, net.stats) {
            Admission::Drop => self.count_drop(id, net.stats),
            Admission::Cookie => self.answer_by_cookie(id, tuple, segment, net),
            Admission::Queue => {
                let isn = self.isn.sequence(&tuple, net.now);
                let iss = least.map_or(isn, |least| if isn.after(least) { isn } else { least });
                let mut half = self.half_open_from(id, tuple, segment, iss);
                if !self.try_fast_open(&mut half, segment, net) {
                    self.enqueue(half, net);
                }
            }
        }
    }

    /// Whether there is room for a half-open connection. `reused`: its ISN is given, so a cookie can't stand for it.
    fn admit(&mut self, id: ListenerId, reused: bool, now: Instant, stats: &mut Stats) -> Admission {
        let Some(listener) = self.listeners.get_mut(id) else { return Admission::Drop };
        if listener.is_full() {
            stats.listen_overflows += 1;
            return Admission::Drop;
        }
        if self.connections.len() >= self.config.max_connections {
            return Admission::Drop;
        }
        let crowded = self.connections.len() + self.half_open.len() >= self.config.max_connections;
        let full = crowded || listener.syn_queue >= listener.syn_limit(&self.config);
        if full {
            listener.full_at = Some(now);
        }
        if self.config.tcp_syncookies > 0 && !reused && (full || self.config.tcp_syncookies == 2) {
            stats.req_q_full_do_cookies += 1;
            return Admission::Cookie;
        }
        if full {
            stats.req_q_full_drop += 1;
            // Linux drops the new SYN, and keeps the last quarter for peers that it knows. Here the oldest goes: of all it is the
            // least likely to be answered yet, since a peer that is there answers within a round trip.
            if !self.shed_oldest(id, now, stats) {
                return Admission::Drop;
            }
        }
        Admission::Queue
    }

    fn count_drop(&mut self, id: ListenerId, stats: &mut Stats) {
        stats.listen_drops += 1;
        if let Some(listener) = self.listeners.get_mut(id) {
            listener.drops += 1;
        }
    }

    /// What a SYN says.
    fn half_open_from(
        &self,
        listener: ListenerId,
        tuple: FourTuple,
        segment: &Segment,
        iss: SeqNumber,
    ) -> HalfOpen {
        HalfOpen {
            tuple,
            listener,
            irs: segment.seq(),
            iss,
            window: segment.header.window,
            negotiated: Negotiated::from(&segment.header.options, &self.config, output::link_mss(&self.link)),
            ecn_ok: ecn::accepts(segment, &self.config),
            offers_fast_open: false,
            ts_offset: self.isn.timestamp_offset(&tuple),
            retries: 0,
            since: self.now,
            retransmits: 0,
            by_cookie: false,
            answered: None,
            timer: None,
        }
    }

    /// A SYN-ACK whose number is a cookie.
    fn answer_by_cookie(&mut self, id: ListenerId, tuple: FourTuple, segment: &Segment, net: &mut Net<'_>) {
        let mss = options::peer_mss(&segment.header.options);
        let (iss, _) = self.cookies.make(&tuple, segment.seq(), mss, net.now);
        let mut half = self.half_open_from(id, tuple, segment, iss);
        if half.negotiated.timestamps.is_none() {
            // There is no place to keep them.
            (half.negotiated.scale, half.negotiated.sack, half.ecn_ok) = (None, false, false);
        }
        let kept = Kept { negotiated: half.negotiated, ecn_ok: half.ecn_ok };
        self.send_syn_ack(&half, cookie::timestamp(&kept, net.now), net);
        net.stats.syncookies_sent += 1;
        if let Some(listener) = self.listeners.get_mut(id) {
            listener.cookie_sent = Some(net.now);
        }
    }
}
