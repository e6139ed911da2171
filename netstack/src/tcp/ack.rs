//! An acknowledgment arrives: what it covers, what that says about the path, and what follows (Linux's `tcp_ack`).

use super::congestion::{Ack, Phase, RateSample};
use super::connection::{Connection, Env};
use super::options::Timestamps;
use super::rate::Sampler;
use super::recovery::{Retransmit, Sent};
use super::segment::Segment;
use super::seq::SeqNumber;
use super::timers::Timer;
use crate::time::Instant;
use crate::wire::tcp::Flags;

/// What one ACK did: Linux's flags, and the times of what it covers.
#[derive(Default)]
pub(crate) struct Outcome {
    /// SND.UNA moved.
    pub(crate) advanced: bool,
    /// The segment has text, or changes the window: it is no duplicate.
    pub(crate) has_data: bool,
    pub(crate) window_changed: bool,
    /// Of what it covers some was sent again.
    pub(crate) resent_acked: bool,
    pub(crate) sacked: bool,
    /// It covers something below `high_seq` that was sent once.
    pub(crate) original_acked: bool,
    pub(crate) dsack: bool,
    /// The DSACK is for the tail loss probe.
    pub(crate) dsack_of_probe: bool,
    pub(crate) ece: bool,
    /// What was sent again was found lost.
    pub(crate) lost_again: bool,
    /// It leads up to what was SACKed: the peer has dropped that, and a time-out comes soon.
    pub(crate) reneged: bool,
    /// Bytes that it covers cumulatively.
    pub(crate) acked: u32,
    /// Bytes that it delivers, each once; DSACKs count too.
    pub(crate) delivered: u32,
    /// When the first and the last of the segments were sent that went once, covered and SACKed.
    pub(crate) first_acked: Option<Instant>,
    pub(crate) last_acked: Option<Instant>,
    pub(crate) first_sacked: Option<Instant>,
    pub(crate) last_sacked: Option<Instant>,
    /// The lowest number that came after a higher one.
    pub(crate) reordered: Option<SeqNumber>,
    pub(crate) sampler: Sampler,
}

impl Outcome {
    /// A duplicate ACK (RFC 5681 2): nothing new in it.
    pub(crate) fn is_duplicate(&self) -> bool {
        !(self.has_data || self.window_changed || self.advanced)
    }

    /// Whether recovery has to look at it.
    fn is_dubious(&self, phase: Phase) -> bool {
        self.is_duplicate() || self.sacked || self.dsack || self.ece || phase != Phase::Open
    }

    pub(crate) fn reorders(&mut self, start: SeqNumber) {
        if self.reordered.is_none_or(|lowest| start.before(lowest)) {
            self.reordered = Some(start);
        }
    }
}

/// What was out before the ACK.
struct Before {
    una: SeqNumber,
    pipe: u32,
    lost: u64,
    high_sacked: SeqNumber,
    had_flight: bool,
}

impl Connection {
    /// RFC 9293 3.10.7.4: ESTABLISHED and later states take the acknowledgment and the window.
    pub(crate) fn process_ack(&mut self, segment: &Segment, env: &mut Env<'_>) {
        let ack = segment.header.ack;
        let shift = if segment.has(Flags::SYN) { 0 } else { self.snd.scale };
        let wnd = u32::from(segment.header.window) << shift;
        let echo = segment.header.options.timestamps.map(|(_, echo)| echo);
        let before = self.before_ack();
        let mut outcome = Outcome {
            advanced: ack.after(before.una),
            has_data: segment.seq_len() > 0,
            window_changed: wnd != self.snd.wnd,
            ece: self.ece_counts(segment),
            ..Outcome::default()
        };
        if outcome.advanced {
            self.snd.retries = 0;
        }
        self.take_window(segment.seq(), ack, wnd);
        if self.snd.sack && !segment.sacked.is_empty() {
            self.take_sack(segment, before.una, &mut outcome, env);
        }
        if ack.before(before.una) {
            // An old ACK may carry new blocks.
            if outcome.sacked || outcome.dsack {
                let retransmit = self.alert(before.una, &mut outcome, echo, env);
                self.after_alert(retransmit);
            }
            return;
        }
        if !before.had_flight {
            self.snd.acknowledge(ack);
            self.idle_ack(&before, &mut outcome, echo, env);
        } else {
            self.take_ack(ack, echo, &before, &mut outcome, env);
        }
        if self.snd.fin_acked {
            self.fin_acked(env);
        }
    }

    fn before_ack(&self) -> Before {
        let una = self.snd.una;
        Before {
            una,
            pipe: self.pipe(),
            lost: self.flight.ever_lost(),
            high_sacked: if self.snd.sack { self.flight.high_sacked(una) } else { una },
            had_flight: self.snd.flight() > 0,
        }
    }

    /// Nothing was out: a DSACK may still tell, and a window probe is answered.
    fn idle_ack(&mut self, before: &Before, outcome: &mut Outcome, echo: Option<u32>, env: &mut Env<'_>) {
        if outcome.dsack {
            self.alert(before.una, outcome, echo, env);
        }
        self.snd.retries = 0;
        if self.recovery.tail_probe.is_some() {
            self.tail_probe_acked(self.snd.una, outcome, env);
        }
    }

    /// The ACK of data that are out.
    fn take_ack(
        &mut self,
        ack: SeqNumber,
        echo: Option<u32>,
        before: &Before,
        outcome: &mut Outcome,
        env: &mut Env<'_>,
    ) {
        self.clean_flight(ack, outcome, env.now);
        let measured = self.measure_rtt(outcome, echo, env);
        self.note_reordering(before, outcome, env);
        if let Some(prior) = outcome.sampler.prior_delivered() {
            self.recovery.rack.adapt(prior, self.rate.delivered());
        }
        if self.recovery.tail_probe.is_some() {
            self.tail_probe_acked(ack, outcome, env);
        }
        let mut retransmit = Retransmit::Nothing;
        if outcome.is_dubious(self.recovery.phase) {
            retransmit = self.alert(before.una, outcome, echo, env);
        }
        let restart = !outcome.reneged && (outcome.advanced || self.sack_is_newer_than_head(outcome));
        if restart {
            self.restart_retransmit(env);
        }
        self.control(before.pipe, before.lost, measured, outcome, env);
        self.after_alert(retransmit);
        if outcome.ece {
            env.stats.delivered_ce += u64::from(outcome.delivered.div_ceil(u32::from(self.snd.mss)));
        }
        if outcome.advanced {
            self.tell_writable();
        }
        self.go_on(env.now);
    }

    /// An ACK that header prediction has taken: it moves SND.UNA, in order, and nothing is lost.
    #[inline(always)]
    pub(crate) fn predicted_ack(&mut self, ack: SeqNumber, echo: Option<u32>, env: &mut Env<'_>) {
        let pipe = self.flight.pipe();
        self.tell_writable();
        if self.pacing.is_none()
            && let Some(sent) = self.flight.take_only(ack)
        {
            self.only_segment_acked(&sent, pipe, env);
            if self.snd.queue.len() == 0 {
                return self.chrono.pause(env.now); // as `go_on`: there is nothing more
            }
        } else {
            self.segments_acked(ack, echo, pipe, env);
        }
        self.go_on(env.now);
    }

    /// What the ACK made room for goes out.
    #[inline(always)]
    fn go_on(&mut self, now: Instant) {
        if self.snd.has_unsent() {
            self.chrono.resume(now); // unless the window is met again
            self.app.send_flags.end_more();
            self.effects.transmit = true;
        } else if self.flight.is_empty() {
            self.chrono.pause(now);
        }
    }

    /// One of several, or some.
    #[inline(never)] // so that the outcome of the only one stays in registers
    fn segments_acked(&mut self, ack: SeqNumber, echo: Option<u32>, pipe: u32, env: &mut Env<'_>) {
        let lost = self.flight.ever_lost();
        let mut outcome = Outcome { advanced: true, ..Outcome::default() };
        self.clean_flight(ack, &mut outcome, env.now);
        let measured = self.measure_rtt(&outcome, echo, env);
        if let Some(prior) = outcome.sampler.prior_delivered() {
            self.recovery.rack.adapt(prior, self.rate.delivered());
        }
        self.restart_retransmit(env);
        self.control(pipe, lost, measured, &outcome, env);
    }

    /// As `segments_acked`, when one segment was out and was sent once: a request, or its answer.
    #[inline(always)]
    fn only_segment_acked(&mut self, sent: &Sent, pipe: u32, env: &mut Env<'_>) {
        let now = env.now;
        let mut sampler = Sampler::default();
        self.rate.segment_delivered(&mut sampler, &sent.rate, sent.at, sent.end);
        self.recovery.rack.advance(sent, now, None);
        let bytes = sent.end.ahead_of(sent.start);
        self.snd.acknowledge_all(sent.end);
        let rtt = now.nanos_since(sent.at).max(1);
        self.rtt.measured_path(rtt, now);
        self.rtt.measured(rtt, self.snd.una, self.snd.nxt, env.config);
        if let Some(prior) = sampler.prior_delivered() {
            self.recovery.rack.adapt(prior, self.rate.delivered());
        }
        self.restart_retransmit(env);
        let rate = self.rate.sample(&sampler, bytes, now, self.rtt.min());
        if self.is_cwnd_limited() || !self.cc.passes_unlimited(now, false) {
            self.only_segment_counts(bytes, pipe, rtt, rate, now);
        }
    }

    /// The congestion control takes the ACK of the only segment into account.
    #[inline(never)]
    fn only_segment_counts(
        &mut self,
        bytes: u32,
        prior_in_flight: u32,
        rtt: u64,
        rate: Option<RateSample>,
        now: Instant,
    ) {
        self.cc.on_ack(&Ack {
            now,
            acked: bytes,
            delivered: bytes,
            lost: 0,
            prior_in_flight,
            in_flight: 0,
            una: self.snd.una,
            nxt: self.snd.nxt,
            rtt: Some(rtt),
            srtt: self.rtt.srtt_nanos(),
            min_rtt: self.rtt.min(),
            is_cwnd_limited: self.is_cwnd_limited(),
            ece: false,
            phase: self.recovery.phase,
            rate,
        });
    }

    /// Takes what `ack` covers from what is out (Linux's `tcp_clean_rtx_queue`).
    #[inline(always)]
    fn clean_flight(&mut self, ack: SeqNumber, outcome: &mut Outcome, now: Instant) {
        let Connection { flight, rate, recovery, rtt, .. } = self;
        let (high_seq, min_rtt) = (recovery.high_seq, rtt.min());
        let delivered = flight.acknowledge(ack, |sent| {
            if sent.is_retransmission {
                outcome.resent_acked = true;
            } else if !sent.is_sacked() {
                outcome.last_acked = Some(sent.at);
                outcome.first_acked.get_or_insert(sent.at);
                outcome.reorders(sent.start);
                outcome.original_acked |= sent.end.at_or_before(high_seq);
            }
            if !sent.is_sacked() {
                rate.segment_delivered(&mut outcome.sampler, &sent.rate, sent.at, sent.end);
                recovery.rack.advance(sent, now, min_rtt);
            }
        });
        outcome.delivered += delivered;
        outcome.acked = self.snd.acknowledge(ack);
    }

    /// RFC 6298 3 and 4: from segments that went once, else from timestamps (RFC 7323 4.1). Gives the sample for the
    /// congestion control, in nanoseconds.
    #[inline(always)]
    fn measure_rtt(&mut self, outcome: &Outcome, echo: Option<u32>, env: &Env<'_>) -> Option<u64> {
        let ago = |at: Instant| env.now.nanos_since(at);
        let acked = if outcome.resent_acked { None } else { outcome.first_acked.map(ago) };
        let mut sample = acked.or(outcome.first_sacked.map(ago));
        let mut latest = outcome.last_sacked.map(ago).or(if outcome.resent_acked {
            None
        } else {
            outcome.last_acked.map(ago)
        });
        if sample.is_none() && outcome.advanced {
            sample = self.timestamp_rtt(echo, env.now);
            latest = sample;
        }
        let sample = sample?;
        self.rtt.measured_path(latest.unwrap_or(sample), env.now);
        self.rtt.measured(sample, self.snd.una, self.snd.nxt, env.config);
        latest
    }

    /// The round trip by the peer's echo, in nanoseconds. An echo from the future, or of before the connection, measures
    /// nothing.
    pub(crate) fn timestamp_rtt(&self, echo: Option<u32>, now: Instant) -> Option<u64> {
        let (ours, echo) = (self.timestamps.as_ref()?, echo.filter(|echo| *echo != 0)?);
        let ago = Timestamps::value(ours.offset, now).wrapping_sub(echo);
        (ago < 1 << 30).then(|| u64::from(ago.max(1)) * 1_000_000)
    }

    /// Linux's `tcp_check_sack_reordering`: what arrived after higher numbers shows how far the path reorders.
    fn note_reordering(&mut self, before: &Before, outcome: &Outcome, env: &mut Env<'_>) {
        if self.snd.sack
            && let Some(low) = outcome.reordered
            && low.before(before.high_sacked)
        {
            self.reordered(before.high_sacked.since(low));
            env.stats.sack_reorder += 1;
        }
    }

    /// The path has put so many bytes before others.
    pub(crate) fn reordered(&mut self, bytes: u32) {
        let segments = bytes.div_ceil(u32::from(self.snd.mss).max(1));
        self.recovery.widen_reordering(segments);
    }

    /// Whether a SACKed segment was sent after the oldest one that is out: only then the timer starts anew, or it would go
    /// on for ever while a loss is repaired.
    fn sack_is_newer_than_head(&self, outcome: &Outcome) -> bool {
        match (outcome.first_sacked, self.flight.head()) {
            (Some(sacked), Some(head)) => sacked > head.at,
            _ => false,
        }
    }

    /// RFC 6298 5.2, 5.3.
    #[inline(always)]
    pub(crate) fn restart_retransmit(&mut self, env: &Env<'_>) {
        if self.flight.is_empty() {
            self.timers.clear(Timer::Retransmit);
            self.timers.clear(Timer::TailProbe);
            self.timers.clear(Timer::Reorder);
        } else {
            self.timers.set(Timer::Retransmit, env.now.plus_nanos(self.rto(env.config)));
            self.set_tail_probe(env.now, env.config);
        }
    }

    /// What the congestion control makes of it.
    #[inline(always)]
    fn control(
        &mut self,
        prior_pipe: u32,
        prior_lost: u64,
        rtt: Option<u64>,
        outcome: &Outcome,
        env: &mut Env<'_>,
    ) {
        let is_cwnd_limited = self.is_cwnd_limited();
        let rate = self.rate.sample(&outcome.sampler, outcome.delivered, env.now, self.rtt.min());
        let lost = (self.flight.ever_lost() - prior_lost).min(u64::from(u32::MAX)) as u32; // just limited
        let in_flight = self.pipe();
        if self.recovery.reduces_cwnd() && !self.cc.controls_recovery() {
            let safe = outcome.advanced && lost == 0;
            let (ssthresh, mss) = (self.cc.ssthresh(), u32::from(self.snd.mss));
            let prr = &mut self.recovery.repair_mut().prr;
            if let Some(cwnd) = prr.on_ack(outcome.delivered, in_flight, ssthresh, mss, safe) {
                self.cc.set_cwnd(cwnd);
            }
        }
        if let Some(pacing) = &mut self.pacing {
            pacing.update(&self.cc, in_flight, self.rtt.srtt_nanos(), u32::from(self.snd.mss));
        }
        // Linux's tcp_may_raise_cwnd: where the path reorders, SACKed data count as well.
        let grows = outcome.advanced || (self.recovery.is_reordering() && outcome.delivered > 0);
        if !grows && !self.cc.controls_recovery() && !outcome.ece {
            return;
        }
        let is_paced = self.pacing.is_some() && self.snd.has_unsent();
        if !is_cwnd_limited && self.cc.passes_unlimited(env.now, is_paced) {
            return;
        }
        self.cc.on_ack(&Ack {
            now: env.now,
            acked: outcome.acked,
            delivered: outcome.delivered,
            lost,
            prior_in_flight: prior_pipe,
            in_flight,
            una: self.snd.una,
            nxt: self.snd.nxt,
            rtt,
            srtt: self.rtt.srtt_nanos(),
            min_rtt: self.rtt.min(),
            is_cwnd_limited,
            ece: outcome.ece,
            phase: self.recovery.phase,
            rate,
        });
    }

    /// Linux's `tcp_is_cwnd_limited`: cwnd held something back in the last round trip, or it is small for what was out.
    #[inline(always)]
    pub(crate) fn is_cwnd_limited(&self) -> bool {
        self.snd.cwnd_limited
            || (self.cc.in_slow_start() && u64::from(self.cc.cwnd()) < 2 * u64::from(self.snd.max_out))
    }
}
