//! Packetization layer path MTU discovery (RFC 4821, as Linux does it): where no router says what a path takes, it is found out
//! by what arrives.

use super::congestion::Phase;
use super::connection::{Connection, Env};
use super::output::{Plan, Wire};
use super::seq::SeqNumber;
use crate::config::TcpConfig;
use crate::time::Instant;
use crate::wire::tcp::Flags;

/// Segments that must fly beside a probe, so that its loss shows by duplicate ACKs: Linux's `tcp_reordering` and one more.
const BESIDE: u32 = 4;
/// Segments of cwnd without which nothing is probed: a loss would cost too much.
const MIN_CWND: u32 = 11;

/// The search for the MTU of a path, between what has arrived and what has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Search {
    /// An IP packet of this length is thought to arrive.
    pub(crate) low: u16,
    /// Longer ones don't.
    high: u16,
    /// When it began.
    since: Instant,
    /// The probe that is out: its first number, and its length.
    probe: Option<(SeqNumber, u16)>,
}

impl Search {
    fn new(low: u16, high: u16, now: Instant) -> Search {
        Search { low: low.min(high), high, since: now, probe: None }
    }

    /// The length to try next; `None`: the bounds are near enough to each other.
    fn next(&self, limit: u16, threshold: u16) -> Option<u16> {
        let high = self.high.min(limit);
        (high > self.low && high - self.low >= threshold).then(|| self.low + (high - self.low) / 2)
    }
}

impl Connection {
    /// The timer fired again and again (Linux's `tcp_mtu_probing`): what is sent may be too long for a router that does not say so.
    pub(crate) fn detect_black_hole(&mut self, env: &mut Env<'_>) {
        let config = env.config;
        let headers = self.headers();
        if let Some(search) = self.search_mut() {
            search.probe = None; // it may have been lost as all the others were
        }
        if config.tcp_mtu_probing == 0 || self.snd.retries <= config.tcp_retries1 {
            return;
        }
        match self.search_mut() {
            None => self.start_search(env.now, config),
            Some(search) => {
                let half = (search.low - headers.min(search.low)) / 2;
                let mss = half.min(config.tcp_base_mss).max(config.tcp_mtu_probe_floor);
                search.low = search.low.min(mss.saturating_add(headers));
                search.since = env.now;
            }
        }
        self.follow_path();
    }

    /// The connection opens: with `tcp_mtu_probing` 2 the search begins at once.
    pub(crate) fn open_path(&mut self, env: &Env<'_>) {
        if env.config.tcp_mtu_probing > 1 {
            self.start_search(env.now, env.config);
            self.follow_path();
        }
    }

    /// Segments shrink to `tcp_base_mss`, and grow from there by probes.
    fn start_search(&mut self, now: Instant, config: &TcpConfig) {
        let low = config.tcp_base_mss.saturating_add(self.headers());
        let path = self.path_mut();
        path.search = Some(Search::new(low, path.full, now));
    }

    fn search_mut(&mut self) -> Option<&mut Search> {
        self.path.as_mut()?.search.as_mut()
    }

    /// What was found out since: a probe has arrived, or all was found out so long ago that longer segments are tried again.
    pub(crate) fn refresh_search(&mut self, wire: &mut Wire<'_, '_>) {
        let config = wire.config;
        let una = self.snd.una;
        let full = self.path.as_ref().map_or(0, |path| path.full);
        let Some(search) = self.search_mut() else { return };
        if let Some((start, mtu)) = search.probe
            && una.after(start)
        {
            search.probe = None;
            search.low = mtu;
            wire.cx.stats.mtup_success += 1;
            return self.follow_path();
        }
        let is_done = search.probe.is_none() && search.next(full, config.tcp_probe_threshold).is_none();
        if is_done && search.high < full && wire.now - search.since >= config.tcp_probe_interval {
            (search.high, search.since) = (full, wire.now);
        }
    }

    /// Sends a segment that is longer than the others, if it is time to. `false`: no room or no buffer.
    pub(crate) fn send_mtu_probe(&mut self, wire: &mut Wire<'_, '_>) -> bool {
        let Some((mtu, len)) = self.due_probe(wire.config) else { return true };
        if !self.may_leave(wire.now) {
            return true; // pacing: a timer goes on with it
        }
        if wire.cx.out.room() == 0 {
            return false;
        }
        let plan = Plan { seq: self.snd.nxt, flags: Flags::ACK, len: usize::from(len) };
        // One packet, also where a device would cut it at the MSS.
        let mss = core::mem::replace(&mut self.snd.mss, len);
        let sent = self.emit(&plan, wire);
        self.snd.mss = mss;
        let Some(sent) = sent else { return false };
        self.sent(&plan, sent, wire.now);
        if sent == plan.len
            && let Some(search) = self.search_mut()
        {
            search.probe = Some((plan.seq, mtu));
        }
        true
    }

    /// The probe that should go out now: the length of its IP packet and of its payload.
    fn due_probe(&self, config: &TcpConfig) -> Option<(u16, u16)> {
        let path = self.path.as_ref()?;
        let search = path.search.as_ref().filter(|search| search.probe.is_none())?;
        let mtu = search.next(path.limit(), config.tcp_probe_threshold)?;
        let (len, mss) = (mtu.saturating_sub(self.headers()), u32::from(self.snd.mss));
        // All that is sent beside it has to be there, and to fit both windows.
        let needed = u32::from(len) + BESIDE * mss;
        let window = (self.snd.una + self.snd.wnd).since(self.snd.nxt);
        let is_calm = self.recovery.phase == Phase::Open
            && self.flight.sacked_bytes() == 0
            && !self.app.send_flags.has_records(); // a probe would join them
        let is_due = is_calm
            && u32::from(len) > mss
            && self.cc.cwnd() >= MIN_CWND * mss
            && self.snd.data_end().since(self.snd.nxt) >= needed
            && window >= needed
            && self.cwnd_room() >= u32::from(len);
        is_due.then_some((mtu, len))
    }

    /// What is lost begins with the probe: it was too long, and that is no congestion. `true`: the loss is dealt with.
    pub(crate) fn mtu_probe_lost(&mut self, env: &mut Env<'_>) -> bool {
        let una = self.snd.una;
        let Some(search) = self.search_mut() else { return false };
        let Some((_, mtu)) = search.probe.take_if(|(start, _)| *start == una) else { return false };
        search.high = mtu - 1;
        env.stats.mtup_fail += 1;
        self.retransmit_cut(); // it was noted in segments of the usual length
        true
    }
}

#[cfg(test)]
mod tests;
