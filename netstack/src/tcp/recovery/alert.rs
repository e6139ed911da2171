//! Which phase a connection is in, and what an ACK that is out of the ordinary does about it (Linux's
//! `tcp_fastretrans_alert`).

use super::Recovery;
use super::rack::Window;
use crate::tcp::ack::Outcome;
use crate::tcp::congestion::Phase;
use crate::tcp::connection::{Connection, Env};
use crate::tcp::seq::SeqNumber;
use crate::tcp::timers::Timer;

/// What goes out next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retransmit {
    /// Nothing in particular.
    Nothing,
    /// New data, to find out whether a time-out was spurious (RFC 5682 2.1 step 2b).
    New,
    /// What is lost.
    Lost,
}

impl Recovery {
    pub(crate) fn is_reordering(&self) -> bool {
        self.reordering > super::DUP_THRESH
    }

    pub(crate) fn widen_reordering(&mut self, segments: u32) {
        self.reordering = self.reordering.max(segments.min(super::MAX_REORDERING));
        self.reord_seen = self.reord_seen.saturating_add(1);
        self.rack.reordering_seen = true;
    }
}

impl Connection {
    /// Handles an ACK that is a duplicate, has SACK blocks or an ECE, or comes while something is being repaired;
    /// `prior_una`: SND.UNA before it.
    pub(crate) fn alert(
        &mut self,
        prior_una: SeqNumber,
        outcome: &mut Outcome,
        echo: Option<u32>,
        env: &mut Env<'_>,
    ) -> Retransmit {
        if outcome.ece {
            self.recovery.repair_mut().keeps_reduction = true; // what the network itself asked for is not undone
        }
        if self.check_reneging(outcome, env) {
            return Retransmit::Nothing;
        }
        if self.leave_phase(echo, env) {
            return Retransmit::Nothing;
        }
        match self.recovery.phase {
            Phase::Recovery => self.alert_in_recovery(prior_una, outcome, echo, env),
            Phase::Loss => {
                let (retransmit, done) = self.alert_in_loss(outcome, echo, env);
                self.find_losses(outcome, env);
                if done || !(self.recovery.phase == Phase::Open || outcome.lost_again) {
                    return retransmit;
                }
                // The time-out was undone, or what was sent again is lost: a recovery may begin.
                self.alert_outside(outcome, env)
            }
            _ => self.alert_outside(outcome, env),
        }
    }

    /// A phase ends when `high_seq` is acknowledged. `true`: that is all there is to do.
    fn leave_phase(&mut self, echo: Option<u32>, env: &mut Env<'_>) -> bool {
        if self.recovery.phase == Phase::Open {
            self.recovery.forget_retrans_stamp();
            return false;
        }
        if self.snd.una.before(self.recovery.high_seq) {
            return false;
        }
        match self.recovery.phase {
            // CWR holds until something beyond is acknowledged: the peer has seen our CWR then.
            Phase::Cwr if self.snd.una != self.recovery.high_seq => {
                self.end_reduction();
                self.recovery.phase = Phase::Open;
            }
            Phase::Recovery => {
                self.recovery.dup_acks = 0;
                if self.try_undo_recovery(echo, env.stats) {
                    return true;
                }
                self.end_reduction();
            }
            _ => {}
        }
        false
    }

    fn alert_in_recovery(
        &mut self,
        prior_una: SeqNumber,
        outcome: &mut Outcome,
        echo: Option<u32>,
        env: &mut Env<'_>,
    ) -> Retransmit {
        if !outcome.advanced {
            self.count_duplicate(outcome);
        } else if self.try_undo_partial(prior_una, echo, env) {
            return Retransmit::Nothing;
        }
        if self.try_undo_dsack(env.stats) {
            self.try_to_open(outcome, env);
        }
        self.find_losses(outcome, env);
        if self.recovery.phase != Phase::Recovery {
            if self.flight.lost_bytes() == 0 {
                return Retransmit::Nothing;
            }
            self.enter_recovery(outcome.ece, env);
        }
        Retransmit::Lost
    }

    /// Open, Disorder or CWR.
    fn alert_outside(&mut self, outcome: &mut Outcome, env: &mut Env<'_>) -> Retransmit {
        if outcome.advanced {
            self.take_duplicates(outcome);
        }
        self.count_duplicate(outcome);
        if let Phase::Open | Phase::Disorder = self.recovery.phase {
            self.try_undo_dsack(env.stats);
        }
        self.find_losses(outcome, env);
        if self.flight.lost_bytes() == 0 {
            self.try_to_open(outcome, env);
            return Retransmit::Nothing;
        }
        self.enter_recovery(outcome.ece, env);
        Retransmit::Lost
    }

    /// Without SACK, a duplicate ACK stands for a segment that has arrived (RFC 5681 3.2, RFC 3042).
    pub(crate) fn count_duplicate(&mut self, outcome: &mut Outcome) {
        if self.snd.sack || !outcome.is_duplicate() || outcome.dsack {
            return;
        }
        let out = self.flight.len() as u32; // segments of one window
        // The peer can't have more than what is out, less the one that it waits for.
        if self.recovery.dup_acks + 1 < out.max(1) {
            self.recovery.dup_acks += 1;
            outcome.delivered += u32::from(self.snd.mss);
        } else {
            self.recovery.widen_reordering(out);
        }
    }

    /// Without SACK, an ACK that advances: what duplicate ACKs stood for was delivered by them, and the hole by this one.
    fn take_duplicates(&mut self, outcome: &mut Outcome) {
        let mss = u32::from(self.snd.mss);
        let told = core::mem::take(&mut self.recovery.dup_acks) * mss;
        if told > 0 {
            outcome.delivered = outcome.delivered.saturating_sub(told).max(mss.min(outcome.delivered));
        }
    }

    /// What tells losses from reordering now.
    pub(crate) fn reordering_window(&self) -> Window {
        Window {
            min_rtt: self.rtt.min(),
            srtt: self.rtt.srtt_nanos(),
            is_evident: self.recovery.is_repairing()
                || self.flight.sacked_count() >= self.recovery.reordering,
        }
    }

    /// Marks what is lost: by RACK, or without SACK by duplicate ACKs (RFC 6582).
    fn find_losses(&mut self, outcome: &mut Outcome, env: &Env<'_>) {
        if self.flight.is_empty() {
            return;
        }
        if !self.snd.sack {
            return self.find_losses_reno(outcome);
        }
        if !self.recovery.rack.take_advanced() {
            return;
        }
        let window = self.reordering_window();
        let found = self.recovery.rack.detect(&mut self.flight, &window, env.now);
        outcome.lost_again |= found.lost_again;
        match found.again_after {
            Some(time) => {
                self.timers.set(Timer::Reorder, env.now + time);
                self.timers.clear(Timer::TailProbe);
                self.effects.transmit = true; // for the deadline
            }
            None => self.timers.clear(Timer::Reorder),
        }
    }

    fn find_losses_reno(&mut self, outcome: &Outcome) {
        let repairing = self.recovery.phase == Phase::Recovery;
        let enough =
            self.recovery.phase < Phase::Recovery && self.recovery.dup_acks >= self.recovery.reordering;
        if (enough || (repairing && outcome.advanced))
            && let Some(head) = self.flight.head_name()
        {
            self.flight.mark_lost(head);
        }
    }

    /// RFC 2018 8: SND.UNA has come to a segment that the peer had SACKed, so the peer has dropped it. As in Linux, a
    /// short time is given for an ACK that says otherwise.
    fn check_reneging(&mut self, outcome: &mut Outcome, env: &Env<'_>) -> bool {
        outcome.reneged = outcome.advanced && self.flight.head().is_some_and(|head| head.is_sacked());
        if outcome.reneged {
            let half = self.rtt.srtt().unwrap_or_default() / 2;
            self.timers.set(Timer::Retransmit, env.now + half.max(core::time::Duration::from_millis(10)));
            self.timers.clear(Timer::TailProbe);
            self.effects.transmit = true; // for the deadline
        }
        outcome.reneged
    }

    /// Fast recovery begins (RFC 5681 3.2, RFC 6675 5).
    pub(crate) fn enter_recovery(&mut self, ece: bool, env: &mut Env<'_>) {
        if self.mtu_probe_lost(env) {
            return;
        }
        if self.snd.sack {
            env.stats.sack_recovery += 1;
        } else {
            env.stats.reno_recovery += 1;
        }
        self.begin_undo();
        if !self.recovery.reduces_cwnd() {
            self.recovery.repair_mut().keeps_reduction = ece;
            self.begin_reduction(false, env);
        }
        self.recovery.phase = Phase::Recovery;
        self.effects.transmit = true;
    }

    /// The window comes down once, to what the congestion control says; `marked`: by ECN, with nothing lost.
    pub(crate) fn begin_reduction(&mut self, marked: bool, env: &Env<'_>) {
        self.recovery.high_seq = self.snd.nxt;
        self.recovery.tail_probe = None;
        self.recovery.repair_mut().prr = super::Prr::begin(self.cc.cwnd());
        let in_flight = self.pipe();
        if marked {
            self.cc.on_ecn(env.now, in_flight);
        } else {
            self.cc.on_congestion_event(env.now, in_flight);
        }
        self.queue_cwr();
    }

    pub(crate) fn end_reduction(&mut self) {
        if self.recovery.reduces_cwnd() || self.recovery.repair().prr.prior_cwnd > 0 {
            self.cc.on_recovery_exit();
        }
        self.recovery.end_prr();
    }

    /// RFC 3168 6.1.2: the peer says that a router has marked our packets.
    fn enter_cwr(&mut self, env: &Env<'_>) {
        self.recovery.repair_mut().keeps_reduction = true;
        if self.recovery.phase < Phase::Cwr {
            self.recovery.forget_undo();
            self.begin_reduction(true, env);
            self.recovery.phase = Phase::Cwr;
        }
    }

    /// Nothing is lost: Open, or Disorder while something is out of order.
    fn try_to_open(&mut self, outcome: &Outcome, env: &Env<'_>) {
        if !self.any_resent() {
            self.recovery.forget_retrans_stamp();
        }
        if outcome.ece {
            self.enter_cwr(env);
        }
        if self.recovery.phase != Phase::Cwr {
            self.keep_open();
        }
    }

    pub(crate) fn keep_open(&mut self) {
        let left_out = self.flight.sacked_bytes() > 0
            || self.flight.lost_bytes() > 0
            || self.recovery.dup_acks > 0
            || self.any_resent();
        let phase = if left_out { Phase::Disorder } else { Phase::Open };
        if self.recovery.phase != phase {
            self.recovery.phase = phase;
            self.recovery.high_seq = self.snd.nxt;
        }
    }

    /// Something that was sent again is still out.
    pub(crate) fn any_resent(&self) -> bool {
        self.flight.resent_bytes() > 0 || self.flight.head().is_some_and(|head| head.is_retransmission)
    }

    /// What the ACK's alert asks for goes out with the next transmit.
    pub(crate) fn after_alert(&mut self, retransmit: Retransmit) {
        match retransmit {
            Retransmit::Nothing => {}
            Retransmit::Lost => self.effects.transmit = true,
            Retransmit::New => {
                // As far as cwnd goes; should nothing go out, what is lost does.
                self.snd.new_first = true;
                self.effects.transmit = true;
            }
        }
    }

    /// RACK's timer: what was in doubt has not come.
    pub(crate) fn reordering_timeout(&mut self, env: &mut Env<'_>) {
        let before = self.flight.pipe();
        let window = self.reordering_window();
        let found = self.recovery.rack.detect(&mut self.flight, &window, env.now);
        if let Some(time) = found.again_after {
            self.timers.set(Timer::Reorder, env.now + time);
        }
        let lost = before - self.flight.pipe();
        if lost == 0 {
            return;
        }
        if self.recovery.phase != Phase::Recovery {
            self.enter_recovery(false, env);
            let (pipe, ssthresh, mss) = (self.pipe(), self.cc.ssthresh(), u32::from(self.snd.mss));
            if !self.cc.controls_recovery()
                && let Some(cwnd) = self.recovery.repair_mut().prr.on_ack(mss, pipe, ssthresh, mss, false)
            {
                self.cc.set_cwnd(cwnd);
            }
        }
        self.effects.transmit = true;
    }
}
