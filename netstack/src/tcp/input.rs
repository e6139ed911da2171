//! A segment arrives at a connection (RFC 9293 3.10.7.3 and 3.10.7.4), the fast path first.

use super::connection::{Connection, Env};
use super::options::Negotiated;
use super::segment::Segment;
use super::seq::SeqNumber;
use super::state::State;
use super::timers::Timer;
use crate::error::Error;
use crate::time::Instant;
use crate::wire::tcp::Flags;

const NO_FAST_PATH: u8 = Flags::SYN.0 | Flags::FIN.0 | Flags::RST.0;

/// TSecr.
fn echo(segment: &Segment) -> Option<u32> {
    segment.header.options.timestamps.map(|(_, echo)| echo)
}

impl Connection {
    /// Handles a segment; what follows from it is in `self.effects`.
    pub(crate) fn input(&mut self, segment: &mut Segment, env: &mut Env<'_>) {
        self.unpredict();
        if self.machine.get() == State::SynSent {
            return self.input_syn_sent(segment, env);
        }
        if self.fast_open.is_some() && self.is_early_syn_again(segment, env) {
            return;
        }
        if self.is_expected(segment, env.now) {
            env.stats.tcp_hp_hits += 1;
            self.heard(env.now);
            self.take_timestamp(segment, env.now);
            self.process_ack(segment, env);
            return self.text(segment, env);
        }
        if !self.check_sequence(segment, env) || !self.check_rst_and_syn(segment, env) {
            return;
        }
        // Fifth, check the ACK field.
        if !segment.has(Flags::ACK) || !self.check_ack(segment, env) {
            return;
        }
        self.heard(env.now);
        self.take_timestamp(segment, env.now);
        self.process_ack(segment, env);
        if self.effects.closed {
            return;
        }
        // Sixth, URG: RFC 6093, urgent data are read in line.
        self.note_fin(segment);
        self.note_old(segment, env);
        segment.trim_before(self.rcv.nxt);
        segment.trim_after(self.rcv.edge.max(self.rcv.nxt));
        self.text(segment, env);
        self.take_fin(env);
    }

    /// The fast path: one condition a line, and nothing but ACK, window and data to handle.
    fn is_expected(&self, segment: &Segment, now: Instant) -> bool {
        self.machine.get() == State::Established
            && segment.header.flags.0 & NO_FAST_PATH == 0
            && segment.has(Flags::ACK)
            && segment.seq() == self.rcv.nxt
            && segment.payload.len() as u32 <= self.rcv.wnd()
            && segment.header.ack.at_or_after(self.snd.una)
            && segment.header.ack.at_or_before(self.snd.nxt)
            && self.rcv.fin.is_none()
            && match (&self.timestamps, segment.header.options.timestamps) {
                (Some(ours), Some((value, _))) => !ours.is_old(value, now),
                (None, _) => true,
                (Some(_), None) => false,
            }
    }

    /// RFC 9293 3.10.7.3: SYN-SENT.
    fn input_syn_sent(&mut self, segment: &mut Segment, env: &mut Env<'_>) {
        let ack = segment.has(Flags::ACK).then_some(segment.header.ack);
        // First, the ACK bit: one for something that was not sent gets a RST, and we wait on.
        if let Some(ack) = ack
            && (ack.at_or_before(self.iss) || ack.after(self.snd.nxt))
        {
            if !segment.has(Flags::RST) {
                self.effects.reset = Some(ack);
            }
            return;
        }
        if let Some(ack) = ack
            && self.echoes_other_syn(segment, env.now)
        {
            env.stats.paws_active += 1;
            if !segment.has(Flags::RST) {
                self.effects.reset = Some(ack);
            }
            return;
        }
        // Second, the RST bit.
        if segment.has(Flags::RST) {
            if ack.is_some() {
                env.stats.tcp_attempt_fails += 1;
                self.fail(Error::ConnectionRefused);
            }
            return;
        }
        // Fourth, the SYN bit.
        if !segment.has(Flags::SYN) {
            return;
        }
        self.ecn.syn_received(segment);
        let negotiated = Negotiated::from(&segment.header.options, env.config, env.link_mss());
        self.open(segment.seq(), segment.header.window, negotiated, env);
        if ack.is_none() {
            // Simultaneous open: our SYN goes out again, with an ACK.
            self.machine.syn_crossed(env.now);
            self.snd.syn_due = true;
            self.effects.transmit = true;
            return;
        }
        self.established(segment, env);
        self.early_data_answered(segment, env);
        self.note_fin(segment);
        segment.trim_before(self.rcv.nxt);
        self.rcv.ack_now = true;
        self.text(segment, env);
        self.take_fin(env);
    }

    /// Our SYN is acknowledged; of data that went with it nothing yet.
    fn established(&mut self, segment: &Segment, env: &mut Env<'_>) {
        self.snd.acknowledge(self.iss + 1);
        self.syn_acked(echo(segment), env);
        self.snd.retries = 0;
        self.timers.clear(Timer::Retransmit);
        self.machine.syn_acked(env.now);
        if self.snd.fin {
            self.machine.close(env.now); // closed after a write that went with the SYN
        }
        self.app.want_write = false;
        self.effects.writable = true;
        self.effects.transmit = true;
        self.start_keepalive(env.now);
    }

    /// The first round trip, by the SYN (RFC 6298 2.2), or by timestamps when it went more than once.
    pub(crate) fn syn_acked(&mut self, echo: Option<u32>, env: &Env<'_>) {
        let sample = match self.snd.take_syn_time() {
            Some(sent) => Some(env.now.nanos_since(sent)),
            None => self.timestamp_rtt(echo, env.now),
        };
        if let Some(sample) = sample {
            self.rtt.measured_path(sample, env.now);
            self.rtt.measured(sample, self.snd.una, self.snd.nxt, env.config);
        } else {
            self.rtt.syn_was_lost();
        }
        // RFC 5681 3.1: a SYN that was lost more than once, as Linux counts it, leaves one segment.
        if self.snd.retransmits > 1 {
            self.cc.set_cwnd(u32::from(self.snd.mss));
        }
    }

    /// Fifth, check the ACK field.
    fn check_ack(&mut self, segment: &Segment, env: &mut Env<'_>) -> bool {
        let ack = segment.header.ack;
        if self.machine.get() == State::SynReceived {
            if ack.at_or_before(self.snd.una) || ack.after(self.snd.nxt) {
                self.effects.reset = Some(ack);
                return false;
            }
            env.stats.tcp_passive_opens += 1;
            self.established(segment, env);
            return true;
        }
        self.check_ack_range(segment, env)
    }

    fn heard(&mut self, now: Instant) {
        self.rcv.heard = now;
        if self.snd.keepalive_probes > 0 {
            self.snd.keepalive_probes = 0;
            self.start_keepalive(now);
        }
    }

    /// RFC 7323 4.3 (2).
    fn take_timestamp(&mut self, segment: &Segment, now: Instant) {
        if let (Some(ours), Some((value, _))) = (&mut self.timestamps, segment.header.options.timestamps)
            && segment.seq().at_or_before(self.rcv.acked)
        {
            ours.update(value, now);
        }
    }

    /// The peer's window, as a segment tells it.
    #[inline(always)]
    pub(crate) fn take_window(&mut self, seq: SeqNumber, ack: SeqNumber, wnd: u32) {
        if self.snd.update_window(seq, ack, wnd) && self.snd.has_unsent() {
            if self.snd.flight() == 0 {
                // The window that was shut has opened: no more probes.
                self.timers.clear(Timer::Retransmit);
                self.rtt.restart();
            }
            self.effects.transmit = true;
        }
    }

    pub(crate) fn fin_acked(&mut self, env: &mut Env<'_>) {
        let before = self.machine.get();
        self.machine.fin_acked(env.now);
        match self.machine.get() {
            State::Closed => self.finish(),
            State::FinWait2 => {
                if before != State::FinWait2 {
                    self.tell_delivered();
                }
                self.orphan_fin_wait_2(env.now, env.config, env.stats);
            }
            State::TimeWait => self.effects.transmit = true,
            _ => {}
        }
    }

    /// Where the peer's FIN is; it may be beyond what has arrived.
    fn note_fin(&mut self, segment: &Segment) {
        // One that data have gone past was none: the peer's own still counts.
        let is_first = self.rcv.fin.is_none_or(|fin| fin.before(self.rcv.nxt));
        if segment.has(Flags::FIN) && self.machine.get().can_receive() && is_first {
            let at = segment.end() - 1;
            // A FIN beyond the window is not taken; it comes again.
            if at.at_or_before(self.rcv.edge) && at.at_or_after(self.rcv.nxt) {
                self.rcv.fin = Some(at);
            }
        }
    }

    /// Eighth, check the FIN bit, once all in front of it has arrived.
    fn take_fin(&mut self, env: &mut Env<'_>) {
        if self.rcv.fin != Some(self.rcv.nxt) || self.rcv.fin_received || self.effects.closed {
            return;
        }
        self.rcv.fin_received = true;
        self.rcv.nxt += 1;
        // As Linux: of a peer that sent data behind its FIN they are dropped. Nothing will ever take them, and no SACK may tell them.
        self.rcv.assembler = None;
        self.rcv.edge = self.rcv.edge.max(self.rcv.nxt);
        self.rcv.ack_now = true;
        self.machine.fin_received(env.now);
        // Linux's sk_state_change: who waits for room hears of it too.
        self.effects.readable = true;
        self.effects.writable = true;
        self.effects.transmit = true;
        self.orphan_fin_wait_2(env.now, env.config, env.stats);
    }
}
