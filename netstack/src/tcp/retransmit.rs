//! What goes out again: what is lost, the head of a time-out, the tail as a probe.

use super::connection::Connection;
use super::options::Timestamps;
use super::output::{Plan, Wire};
use super::recovery::Name;
use super::timers::Timer;
use crate::wire::tcp::Flags;

impl Connection {
    /// Sends what a timer wants sent at once. `false`: no room or no buffer.
    pub(crate) fn resend_forced(&mut self, wire: &mut Wire<'_, '_>) -> bool {
        if self.snd.resend_head {
            if let Some(head) = self.flight.head_name()
                && !self.resend(head, wire)
            {
                return false;
            }
            self.snd.resend_head = false;
        }
        if self.snd.resend_tail {
            if let Some((tail, _)) = self.flight.last()
                && !self.resend(tail, wire)
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
            let len = sent.end.since(sent.start);
            // A peer that has shut its window gets no more than the first segment.
            let taken = sent.start.before(self.snd.una + self.snd.wnd) || sent.start == self.snd.una;
            if !taken || self.cwnd_room() < len.min(u32::from(self.snd.mss)) || !self.may_leave(wire.now) {
                return true;
            }
            let fast = self.recovery.is_repairing();
            if !self.resend(name, wire) {
                return false;
            }
            wire.cx.stats.fast_retrans += u64::from(fast && self.snd.retries == 0);
            wire.cx.stats.slow_start_retrans += u64::from(fast && self.snd.retries > 0);
        }
        true
    }

    /// Sends a segment again; its FIN's number may be its last.
    fn resend(&mut self, name: Name, wire: &mut Wire<'_, '_>) -> bool {
        let Some(sent) = self.flight.get(name) else { return true };
        let (start, end) = (sent.start, sent.end);
        let data_end = self.snd.data_end();
        let fin = end.after(data_end);
        let mut len = if fin { data_end.since(start) } else { end.since(start) };
        // Into a window that has shrunk goes what fits, and of the first segment one at least.
        let window = (self.snd.una + self.snd.wnd).since(start);
        if window > 0 {
            len = len.min(window);
        }
        let mut flags = if sent.push { Flags::ACK.with(Flags::PSH) } else { Flags::ACK };
        if fin && start + len == data_end {
            flags = flags.with(Flags::FIN);
        }
        let plan = Plan { seq: start, flags, len: len as usize }; // a segment
        if wire.cx.out.room() == 0 || self.emit(&plan, wire).is_none() {
            return false;
        }
        let snapshot = self.rate.sent(wire.now, false);
        self.flight.resent(name, wire.now, snapshot);
        let stamp = self.timestamps.map_or(0, |ts| Timestamps::value(ts.offset, wire.now));
        self.recovery.resent(end.since(start), stamp);
        self.note_departure(end.since(start), wire.now);
        // As in Linux the time-out starts anew with the oldest segment, and there is no tail loss probe beside it.
        if start == self.snd.una && !self.timers.is_set(Timer::Reorder) {
            self.timers.clear(Timer::Retransmit); // `set_retransmit` knows for how long
            self.timers.clear(Timer::TailProbe);
        }
        self.snd.retransmits += 1;
        self.snd.last_sent = wire.now;
        wire.cx.stats.tcp_retrans_segs += 1;
        true
    }
}
