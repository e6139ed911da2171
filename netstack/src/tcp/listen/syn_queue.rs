//! The SYN queue: SYN-ACKs, sent and sent again, and who leaves without having opened.

use core::time::Duration;

use super::HalfOpen;
use crate::arena::Id;
use crate::event::ListenerId;
use crate::stats::Stats;
use crate::tcp::ecn::Ecn;
use crate::tcp::options::{self, Timestamps};
use crate::tcp::receiver::Receiver;
use crate::tcp::table::Owner;
use crate::tcp::{Net, Tcp, Timed};
use crate::time::Instant;
use crate::wire::tcp::Flags;

/// How long a half-open connection is left to be answered when the queue is full: the round trip of most paths.
const ANSWER_TIME: Duration = Duration::from_millis(100);

impl Tcp {
    /// The window that a SYN-ACK offers. RFC 7323 2.2: not scaled.
    pub(super) fn syn_ack_window(&self) -> u16 {
        Receiver::first_window(self.config.tcp_rmem.default)
    }

    /// The shift of the windows that follow, where the peer scales too.
    pub(super) fn window_shift(&self) -> u8 {
        if self.config.tcp_window_scaling { Receiver::scale_for(self.config.tcp_rmem.max) } else { 0 }
    }

    /// A half-open connection enters its listener's queue; its SYN-ACK goes out.
    pub(super) fn enqueue(&mut self, half: HalfOpen, net: &mut Net<'_>) {
        let (listener, tuple) = (half.listener, half.tuple);
        let id = self.half_open.insert_with(|_| half);
        self.flows.insert(&tuple, Owner::HalfOpen(id));
        let Tcp { listeners, half_open, .. } = self;
        if let Some(listener) = listeners.get_mut(listener) {
            listener.enqueue(id, |id| half_open.get(id).is_some());
        }
        self.answer_syn(id, net);
        self.arm_half_open(id, net);
    }

    fn answer_syn(&mut self, id: Id, net: &mut Net<'_>) {
        let Some(half) = self.half_open.get(id) else { return };
        self.send_syn_ack(half, Timestamps::value(0, net.now), net);
    }

    /// `clock`: TSval without its offset.
    pub(super) fn send_syn_ack(&self, half: &HalfOpen, clock: u32, net: &mut Net<'_>) {
        let mut chunks = alloc::vec::Vec::new(); // stays empty: a SYN-ACK carries no data
        let mut wire = net.wire(&self.config, &self.link, &mut chunks);
        let own = self.inherited(half.listener);
        wire.mark = own.mark();
        let mss = own.within_maxseg(wire.link_mss());
        let mut offer = options::offer(&self.config, mss, Some(&half.negotiated));
        if let (Some(offered), Some(recent)) = (&mut offer.timestamps, half.negotiated.timestamps) {
            *offered = (clock.wrapping_add(half.ts_offset), recent);
        }
        offer.fast_open = half.offers_fast_open.then(|| self.fast_open_keys.cookie(&half.tuple));
        let flags =
            Flags::SYN.with(Flags::ACK).with(Ecn::new(half.ecn_ok).syn_flags(true, false, &self.config));
        wire.send_bare(&half.tuple, half.iss, half.irs + 1, flags, self.syn_ack_window(), offer);
    }

    fn arm_half_open(&mut self, id: Id, net: &Net<'_>) {
        let Some(half) = self.half_open.get_mut(id) else { return };
        if let Some(timer) = half.timer.take() {
            self.wheel.remove(timer);
        }
        half.timer = Some(self.wheel.insert(net.now + half.timeout(), Timed::HalfOpen(id)));
    }

    /// The timer of a half-open connection: the SYN-ACK goes out again, or all of it is forgotten.
    pub(crate) fn expire_half_open(&mut self, id: Id, net: &mut Net<'_>) {
        let Some(half) = self.half_open.get_mut(id) else { return };
        half.timer = None;
        let Some(listener) = self.listeners.get_mut(half.listener) else { return };
        if half.retries >= listener.synack_retries(&self.config, net.now) {
            net.stats.tcp_attempt_fails += 1;
            self.remove_half_open(id);
            return;
        }
        listener.young = listener.young.saturating_sub(usize::from(half.retries == 0));
        half.retries += 1;
        half.retransmits = half.retransmits.saturating_add(1);
        net.stats.tcp_retrans_segs += 1;
        net.stats.syn_retrans += 1;
        self.answer_syn(id, net);
        self.arm_half_open(id, net);
    }

    /// The SYN came again: the SYN-ACK was lost, or is on its way.
    pub(super) fn answer_syn_again(&mut self, id: Id, net: &mut Net<'_>) {
        if !self.may_answer(id, net) {
            return;
        }
        let Some(half) = self.half_open.get_mut(id) else { return };
        half.retransmits = half.retransmits.saturating_add(1);
        net.stats.tcp_retrans_segs += 1;
        net.stats.syn_retrans += 1;
        self.answer_syn(id, net);
        self.arm_half_open(id, net); // the peer is there: the timer need not add to it
    }

    /// Whether a segment that opens nothing is answered, by `tcp_invalid_ratelimit`; the first always is.
    pub(super) fn may_answer(&mut self, id: Id, net: &mut Net<'_>) -> bool {
        let Some(half) = self.half_open.get_mut(id) else { return false };
        if half.answered.is_some_and(|last| net.now - last < self.config.tcp_invalid_ratelimit) {
            net.stats.ack_skipped_syn_recv += 1;
            return false;
        }
        half.answered = Some(net.now);
        true
    }

    /// The oldest half-open connection of a listener makes room; `false` when there is none that waits long enough.
    pub(super) fn shed_oldest(&mut self, id: ListenerId, now: Instant, stats: &mut Stats) -> bool {
        let Tcp { listeners, half_open, .. } = self;
        let Some(listener) = listeners.get_mut(id) else { return false };
        let Some(oldest) = listener.oldest(|id| half_open.get(id).is_some()) else { return false };
        let waits = half_open.get(oldest).map(|half| now - half.since);
        if waits.is_none_or(|waits| waits < ANSWER_TIME) {
            return false; // of a burst of honest SYNs none is sent a RST: those that find no room come again
        }
        self.remove_half_open(oldest);
        self.count_drop(id, stats);
        true
    }

    pub(crate) fn remove_half_open(&mut self, id: Id) -> Option<HalfOpen> {
        let half = self.half_open.remove(id)?;
        self.flows.remove(&half.tuple, Owner::HalfOpen(id));
        if let Some(timer) = half.timer {
            self.wheel.remove(timer);
        }
        if let Some(listener) = self.listeners.get_mut(half.listener) {
            listener.dequeue(half.retries == 0);
        }
        Some(half)
    }
}
