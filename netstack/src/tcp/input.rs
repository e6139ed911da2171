//! A segment arrives at a connection (RFC 9293 3.10.7.3 and 3.10.7.4), the fast path first.

use super::congestion::Controller;
use super::connection::{Connection, Env};
use super::options::{Negotiated, Timestamps};
use super::recovery::{Cause, Verdict};
use super::sack::Blocks;
use super::segment::Segment;
use super::seq::SeqNumber;
use super::state::State;
use super::timers::Timer;
use crate::error::Error;
use crate::stats::Stats;
use crate::time::Instant;
use crate::wire::tcp::Flags;

/// Before the first measurement: long enough for most paths.
const INITIAL_RTT: core::time::Duration = core::time::Duration::from_millis(100);
const NO_FAST_PATH: u8 = Flags::SYN.0 | Flags::FIN.0 | Flags::RST.0;

/// TSecr.
fn echo(segment: &Segment) -> Option<u32> {
    segment.header.options.timestamps.map(|(_, echo)| echo)
}

impl Connection {
    /// Handles a segment; what follows from it is in `self.effects`.
    pub(crate) fn input(&mut self, segment: &mut Segment, env: &mut Env<'_>) {
        if self.machine.get() == State::SynSent {
            return self.input_syn_sent(segment, env);
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
            && segment.header.ack.at_or_before(self.snd.max)
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
            && (ack.at_or_before(self.iss) || ack.after(self.snd.max))
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
        let negotiated = Negotiated::from(&segment.header.options, env.config, env.link_mss);
        self.open(segment.seq(), segment.header.window, negotiated, env);
        let Some(ack) = ack else {
            // Simultaneous open: our SYN goes out again, with an ACK.
            self.machine.syn_crossed();
            self.snd.nxt = self.iss;
            self.effects.transmit = true;
            return;
        };
        self.established(ack, segment, env);
        self.note_fin(segment);
        segment.trim_before(self.rcv.nxt);
        self.rcv.ack_now = true;
        self.text(segment, env);
        self.take_fin(env);
    }

    /// Our SYN is acknowledged.
    fn established(&mut self, ack: SeqNumber, segment: &Segment, env: &mut Env<'_>) {
        self.measure_rtt(ack, echo(segment), env);
        if self.snd.retries > 0 {
            self.rtt.syn_was_lost();
        }
        self.snd.acknowledge(ack);
        self.snd.retries = 0;
        self.timers.clear(Timer::Retransmit);
        self.machine.syn_acked();
        self.effects.writable = true;
        self.effects.transmit = true;
        self.start_keepalive(env.now);
    }

    /// Fifth, check the ACK field.
    fn check_ack(&mut self, segment: &Segment, env: &mut Env<'_>) -> bool {
        let ack = segment.header.ack;
        if self.machine.get() == State::SynReceived {
            if ack.at_or_before(self.snd.una) || ack.after(self.snd.max) {
                self.effects.reset = Some(ack);
                return false;
            }
            env.stats.tcp_passive_opens += 1;
            self.established(ack, segment, env);
            return true;
        }
        self.check_ack_range(segment, env)
    }

    fn heard(&mut self, now: Instant) {
        self.rcv.heard = now;
        if self.keepalive_probes > 0 {
            self.keepalive_probes = 0;
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

    /// RFC 9293 3.10.7.4: ESTABLISHED and later states take the acknowledgment and the window.
    fn process_ack(&mut self, segment: &Segment, env: &mut Env<'_>) {
        let ack = segment.header.ack;
        let shift = if segment.has(Flags::SYN) { 0 } else { self.snd.scale };
        let wnd = u32::from(segment.header.window) << shift;
        let same_window = wnd == self.snd.wnd;
        let mut duplicate = false;
        if ack.after(self.snd.una) {
            self.new_ack(ack, echo(segment), &segment.sacked, env);
        } else if ack == self.snd.una {
            // RFC 5681 2: a duplicate ACK.
            let bare = segment.seq_len() == 0 && same_window;
            if bare && self.snd.flight() > 0 {
                if self.snd.sack {
                    duplicate = true;
                } else {
                    self.duplicate_ack(env);
                }
            }
            if self.snd.flight() == 0 {
                self.snd.retries = 0; // an answered window probe
            }
        }
        if self.snd.sack && (duplicate || self.scoreboard.is_some() || !segment.sacked.is_empty()) {
            self.take_sack(segment, duplicate, env);
        }
        self.take_window(segment.seq(), ack, wnd);
        if self.snd.fin_acked {
            self.fin_acked(env);
        }
    }

    /// The peer's window, as a segment tells it.
    #[inline]
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

    fn fin_acked(&mut self, env: &mut Env<'_>) {
        self.machine.fin_acked();
        match self.machine.get() {
            State::Closed => self.finish(),
            State::FinWait2 => self.watch_fin_wait(env.now, env.config),
            State::TimeWait => self.effects.transmit = true,
            _ => {}
        }
    }

    /// `echo`: TSecr; `sacked`: the blocks that came with the ACK.
    #[inline(always)]
    pub(crate) fn new_ack(&mut self, ack: SeqNumber, echo: Option<u32>, sacked: &Blocks, env: &mut Env<'_>) {
        self.measure_rtt(ack, echo, env);
        let cwnd = self.cc.cwnd();
        let flight = self.snd.flight();
        let limited = if cwnd < self.cc.ssthresh() {
            flight * 2 >= cwnd
        } else {
            flight + u32::from(self.snd.mss) > cwnd
        };
        let acked = self.snd.acknowledge(ack);
        self.snd.retries = 0;
        if self.scoreboard.is_some() {
            self.new_ack_sack(ack, acked, limited, env.now);
        } else {
            match self.recovery.on_ack(ack) {
                Verdict::Partial => {
                    self.cc.on_partial_ack(acked);
                    self.snd.resend_head = true;
                }
                Verdict::Exit => self.cc.on_recovered(self.snd.flight()),
                _ => self.cc.on_ack(acked, limited),
            }
        }
        if self.snd.tail_probe.is_some() {
            self.tail_probe_acked(ack, sacked, env);
        }
        // RFC 6298 5.2, 5.3.
        if self.snd.flight() == 0 {
            self.timers.clear(Timer::Retransmit);
            self.timers.clear(Timer::TailProbe);
        } else {
            self.timers.set(Timer::Retransmit, env.now.plus_nanos(self.rto(env.config)));
            self.set_tail_probe(env.now);
        }
        self.tell_writable();
        if self.snd.has_unsent() || self.snd.resend_head {
            self.effects.transmit = true;
        }
    }

    fn duplicate_ack(&mut self, env: &mut Env<'_>) {
        match self.recovery.on_duplicate(self.snd.una, self.snd.max) {
            Verdict::Enter => {
                env.stats.reno_recovery += 1;
                env.stats.fast_retrans += 1;
                self.cc.on_loss(self.snd.flight());
                self.snd.resend_head = true;
                self.snd.timed = None;
            }
            Verdict::Inflate => self.cc.on_duplicate_ack(),
            _ => {}
        }
        self.effects.transmit = true;
    }

    /// An ACK of new data once there was a loss.
    fn new_ack_sack(&mut self, ack: SeqNumber, acked: u32, limited: bool, now: Instant) {
        self.recovery.on_ack(ack); // no duplicates any more
        let Some(board) = &mut self.scoreboard else { return };
        board.advance(ack);
        let cause = board.cause();
        let over = board.leave(ack);
        match cause {
            None => self.cc.on_ack(acked, limited),
            Some(Cause::Fast) if over => self.cc.on_recovered(self.snd.flight()),
            Some(Cause::Fast) => {}
            // RFC 5681 3.1: slow start from one segment.
            Some(Cause::Timeout) => self.cc.on_ack(acked, true),
        }
        // What the timer waited for has come; the next hole, if there is one, has its own time.
        self.timers.clear(Timer::Reorder);
        if self.scoreboard.as_ref().is_some_and(|board| board.is_empty()) {
            self.scoreboard = None; // all is repaired: back to the cheap way
        } else if self.sack_recovery().is_none() {
            self.timers.set(Timer::Reorder, now + self.reordering_window());
        }
        self.effects.transmit = true;
    }

    /// Takes the SACK blocks of an ACK; recovery begins when they, or three duplicates, say that a segment is lost.
    fn take_sack(&mut self, segment: &Segment, duplicate: bool, env: &mut Env<'_>) {
        let (una, max, mss) = (self.snd.una, self.snd.max, u32::from(self.snd.mss));
        let board = self.scoreboard.get_or_insert_default();
        let news = board.update(una, max, &segment.sacked) > 0;
        if !news && !duplicate && board.is_empty() {
            self.scoreboard = None; // a DSACK alone: nothing is out of order
            return;
        }
        // RFC 6675 2: an ACK with news in its blocks is a duplicate, whatever its window.
        let enough = (duplicate || news) && self.recovery.count_duplicate();
        let lost = enough || board.is_lost(una, mss);
        if board.cause().is_none() && self.snd.flight() > 0 {
            if lost {
                self.recover(Cause::Fast, env.stats);
            } else if news && !self.timers.is_set(Timer::Reorder) {
                self.timers.set(Timer::Reorder, env.now + self.reordering_window());
            }
        }
        self.effects.transmit = true;
    }

    /// How long a hole may come from reordering: a quarter of the RTT, as RACK's window (RFC 8985 6.2) before it adapts.
    fn reordering_window(&self) -> core::time::Duration {
        self.rtt.srtt().unwrap_or(INITIAL_RTT) / 4
    }

    /// The hole below SACKed data is still there: few segments fly, and there will be no three duplicates.
    pub(crate) fn reordering_timeout(&mut self, env: &mut Env<'_>) {
        let waits =
            self.scoreboard.as_ref().is_some_and(|board| board.cause().is_none() && !board.is_empty());
        if waits && self.snd.flight() > 0 {
            self.recover(Cause::Fast, env.stats);
            self.effects.transmit = true;
        }
    }

    /// A recovery by SACK begins.
    fn recover(&mut self, cause: Cause, stats: &mut Stats) {
        self.timers.clear(Timer::Reorder);
        self.scoreboard.get_or_insert_default().enter(cause, self.snd.una, self.snd.max);
        stats.sack_recovery += 1;
        stats.fast_retrans += 1;
        self.cc.on_loss(self.snd.flight());
        self.snd.timed = None;
    }

    /// RFC 6298 3: from the segment that is timed, or else from timestamps (RFC 7323 4.1).
    #[inline(always)]
    fn measure_rtt(&mut self, ack: SeqNumber, echo: Option<u32>, env: &Env<'_>) {
        if let Some((end, sent)) = self.snd.timed {
            if ack.at_or_after(end) {
                self.snd.timed = None;
                self.rtt.measured(env.now.nanos_since(sent), env.config);
            }
        } else if let (Some(ours), Some(echo)) = (&self.timestamps, echo) {
            let ago = Timestamps::value(ours.offset, env.now).wrapping_sub(echo);
            // An echo from the future, or of before the connection, measures nothing.
            if echo != 0 && ago < 1 << 30 {
                self.rtt.measured(u64::from(ago.max(1)) * 1_000_000, env.config);
            }
        }
    }

    /// Where the peer's FIN is; it may be beyond what has arrived.
    fn note_fin(&mut self, segment: &Segment) {
        if segment.has(Flags::FIN) && self.machine.get().can_receive() && self.rcv.fin.is_none() {
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
        self.rcv.edge = self.rcv.edge.max(self.rcv.nxt);
        self.rcv.ack_now = true;
        self.machine.fin_received();
        self.effects.readable = true;
        self.effects.transmit = true;
        self.watch_fin_wait(env.now, env.config);
    }
}
