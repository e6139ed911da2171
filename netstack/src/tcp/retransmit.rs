//! What goes out again: what is lost, the head of a time-out, the tail as a probe.

use super::connection::Connection;
use super::options::Timestamps;
use super::output::{Plan, Wire};
use super::recovery::Name;
use super::seq::SeqNumber;
use super::timers::Timer;
use crate::wire::tcp::Flags;

impl Connection {
    /// Sends what a timer wants sent at once. `false`: no room or no buffer.
    pub(crate) fn resend_forced(&mut self, wire: &mut Wire<'_, '_>) -> bool {
        if self.snd.resend_head {
            if let Some(head) = self.flight.head_name()
                && !self.resend(head, head, wire)
            {
                return false;
            }
            self.snd.resend_head = false;
        }
        if self.snd.resend_tail {
            if let Some((tail, _)) = self.flight.last()
                && !self.resend(tail, tail, wire)
            {
                return false;
            }
            self.snd.resend_tail = false;
        }
        true
    }

    /// Sends again what is lost, as far as cwnd goes (RFC 6675 5, Linux's `tcp_xmit_retransmit_queue`).
    pub(crate) fn resend_lost(&mut self, wire: &mut Wire<'_, '_>) -> bool {
        while let Some((name, sent)) = self.flight.next_lost() {
            let (start, len) = (sent.start, sent.end.since(sent.start));
            // A peer that has shut its window gets no more than the first segment.
            let taken = sent.start.before(self.snd.una + self.snd.wnd) || sent.start == self.snd.una;
            if !taken || self.cwnd_room() < len.min(u32::from(self.snd.mss)) || !self.may_leave(wire.now) {
                return true;
            }
            let fast = self.recovery.is_repairing();
            let before = self.snd.retransmits;
            let last = self.lost_frame(name, start, wire);
            if !self.resend(name, last, wire) {
                return false;
            }
            let segments = self.snd.retransmits - before;
            wire.cx.stats.fast_retrans += if fast && self.snd.retries == 0 { segments } else { 0 };
            wire.cx.stats.slow_start_retrans += if fast && self.snd.retries > 0 { segments } else { 0 };
        }
        true
    }

    /// Where a device cuts segments: the last of those that were lost with the frame of `first`, as far as it may go again whole.
    fn lost_frame(&self, first: Name, start: SeqNumber, wire: &Wire<'_, '_>) -> Name {
        let mut last = first;
        let most =
            wire.link.offloads.tso_max.min(self.cwnd_room()).min((self.snd.una + self.snd.wnd).since(start));
        while let Some((name, sent)) = self.flight.lost_beside(last)
            && sent.end.since(start) <= most
            && sent.end.at_or_before(self.snd.data_end())
        {
            last = name;
        }
        last
    }

    /// Sends segments of one frame again, or a single one; a FIN's number may be its last.
    fn resend(&mut self, name: Name, last: Name, wire: &mut Wire<'_, '_>) -> bool {
        let (Some(sent), Some(tail)) = (self.flight.get(name), self.flight.get(last)) else { return true };
        let (start, end, push) = (sent.start, tail.end, tail.push);
        let data_end = self.snd.data_end();
        let fin = end.after(data_end);
        let mut len = if fin { data_end.since(start) } else { end.since(start) };
        // Into a window that has shrunk goes what fits, and of the first segment one at least.
        let window = (self.snd.una + self.snd.wnd).since(start);
        if window > 0 {
            len = len.min(window);
        }
        let mut flags = if push || name != last { Flags::ACK.with(Flags::PSH) } else { Flags::ACK };
        if fin && start + len == data_end {
            flags = flags.with(Flags::FIN);
        }
        let plan = Plan { seq: start, flags, len: len as usize }; // a segment
        let sent = if wire.cx.out.room() == 0 { None } else { self.emit(&plan, wire) };
        let Some(sent) = sent else { return false };
        let end = self.note_resent(name, end, if sent < plan.len { start + sent as u32 } else { end }, wire);
        self.note_departure(end.since(start), wire.now);
        // As in Linux the time-out starts anew with the oldest segment, and there is no tail loss probe beside it.
        if start == self.snd.una && !self.timers.is_set(Timer::Reorder) {
            self.timers.clear(Timer::Retransmit); // `set_retransmit` knows for how long
            self.timers.clear(Timer::TailProbe);
        }
        self.snd.last_sent = wire.now;
        true
    }

    /// Segments from `name` to the one that ends at `end` went out again, those beyond `covered` did not: where that ended.
    fn note_resent(
        &mut self,
        mut name: Name,
        end: SeqNumber,
        covered: SeqNumber,
        wire: &mut Wire<'_, '_>,
    ) -> SeqNumber {
        let snapshot = self.rate.sent(wire.now, false);
        let stamp = self.timestamps.map_or(0, |ts| Timestamps::value(ts.offset, wire.now));
        loop {
            let Some(sent) = self.flight.get(name) else { return covered };
            let (start, next) = (sent.start, sent.end);
            let beside = self.flight.lost_beside(name).map(|(name, _)| name);
            self.flight.resent(name, wire.now, snapshot);
            self.recovery.resent(next.since(start), stamp);
            self.snd.retransmits += 1;
            wire.cx.stats.tcp_retrans_segs += 1;
            match beside
                .filter(|_| next.before(end))
                .and_then(|name| Some((name, self.flight.get(name)?.end)))
            {
                Some((beside, its_end)) if its_end.at_or_before(covered) => name = beside,
                _ => return next,
            }
        }
    }
}
