//! BBR version 1 (draft-cardwell-iccrg-bbr-congestion-control-00), as Linux's tcp_bbr: a model of the path, its bandwidth
//! and its shortest round-trip time, says how fast to send and how much may fly. Losses and marks say nothing to it.
//!
//! Left out: the sampling of long-term bandwidth, by which Linux's BBR finds the rate of a policer. Behind one, this BBR sends
//! at the rate of the policer's bursts and loses what is too much.

mod aggregation;

use super::max_filter::MaxFilter;
use super::window::{MAX_CWND, Window};
use super::{Ack, Phase, RateSample};
use crate::tcp::pacing::{burst, bytes_in};
use crate::time::Instant;
use aggregation::Aggregation;

// Gains are counted in units of 1 / 256.
const UNIT: u64 = 256;
/// 2 / ln(2), a bit more: the smallest gain that doubles the rate each round.
const HIGH_GAIN: u64 = UNIT * 2885 / 1000 + 1;
/// Empties in one round what STARTUP has queued.
const DRAIN_GAIN: u64 = UNIT * 1000 / 2885;
/// PROBE_BW: two BDP, for ACKs that come late and together.
const CWND_GAIN: u64 = 2 * UNIT;
/// PROBE_BW: more for a round, then less for one, then six at the rate of the path.
const CYCLE: [u64; 8] = [UNIT * 5 / 4, UNIT * 3 / 4, UNIT, UNIT, UNIT, UNIT, UNIT, UNIT];
/// Rounds that the largest bandwidth is remembered.
const BW_ROUNDS: u32 = CYCLE.len() as u32 + 2;
/// How long the shortest round-trip time is believed.
const MIN_RTT_WINDOW: u64 = 10_000_000_000;
/// How long PROBE_RTT lasts at least.
const PROBE_RTT_TIME: u64 = 200_000_000;
/// Segments in flight in PROBE_RTT, and never fewer.
const MIN_SEGMENTS: u32 = 4;
/// The pipe is full when the bandwidth grows by less than a quarter in three rounds.
const FULL_BW_ROUNDS: u8 = 3;
/// Paces a bit below the rate of the path, so that a queue goes away.
const MARGIN_PERCENT: u64 = 99;
/// The round-trip time before the first measurement.
const FIRST_RTT: u64 = 1_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Doubles its rate each round to fill the pipe.
    Startup,
    /// Empties the queue that made.
    Drain,
    /// Sends at the rate of the path, and tries now and then whether there is more.
    ProbeBw,
    /// Sends next to nothing, to see the round-trip time without a queue.
    ProbeRtt,
}

/// The model and the mode. Rates in bytes a second, times in nanoseconds.
#[derive(Debug)]
pub(super) struct Bbr {
    mode: Mode,
    /// BBR.BtlBw, by rounds.
    bw: MaxFilter,
    /// BBR.RTprop, and when it was measured.
    min_rtt: Option<u64>,
    min_rtt_at: Instant,
    pacing_rate: u64,
    /// `pacing_rate` comes from a measured round-trip time.
    has_rtt: bool,
    /// All that was delivered.
    delivered: u64,
    /// Rounds: one ends with the first ACK for data that were sent after its start.
    round: u32,
    round_end: u64,
    is_round_start: bool,
    /// STARTUP: the bandwidth to beat, and the rounds in which that failed.
    full_bw: u64,
    full_bw_rounds: u8,
    is_full: bool,
    /// PROBE_BW: the phase of the cycle, and when it began.
    cycle: u8,
    cycle_at: Instant,
    /// PROBE_RTT: when it may end; `None` until little is in flight.
    probe_rtt_end: Option<Instant>,
    probe_rtt_round_done: bool,
    /// What was sent until so much was delivered went out slowly on purpose, in PROBE_RTT.
    limited_until: u64,
    /// Sending began after a pause: PROBE_RTT is not needed.
    is_restart: bool,
    /// cwnd before a recovery or PROBE_RTT.
    prior_cwnd: u32,
    prior_phase: Phase,
    /// The first round of a recovery: no more goes out than arrives.
    conserves: bool,
    aggregation: Aggregation,
}

impl Bbr {
    pub(super) fn new(cwnd: u32) -> Bbr {
        Bbr {
            mode: Mode::Startup,
            bw: MaxFilter::default(),
            min_rtt: None,
            min_rtt_at: Instant::ZERO,
            pacing_rate: first_rate(cwnd, FIRST_RTT),
            has_rtt: false,
            delivered: 0,
            round: 0,
            round_end: 0,
            is_round_start: false,
            full_bw: 0,
            full_bw_rounds: 0,
            is_full: false,
            cycle: 0,
            cycle_at: Instant::ZERO,
            probe_rtt_end: None,
            probe_rtt_round_done: false,
            limited_until: 0,
            is_restart: false,
            prior_cwnd: 0,
            prior_phase: Phase::Open,
            conserves: false,
            aggregation: Aggregation::default(),
        }
    }

    pub(super) fn pacing_rate(&self) -> u64 {
        self.pacing_rate
    }

    /// The model first, then the rate and the window that follow from it.
    pub(super) fn on_ack(&mut self, win: &mut Window, ack: &Ack, initial_window: u32) {
        self.delivered = match ack.rate {
            Some(rate) => rate.total_delivered,
            None => self.delivered.saturating_add(u64::from(ack.delivered)),
        };
        self.is_round_start = false;
        if let Some(rate) = ack.rate.filter(|rate| rate.interval > 0) {
            self.update_bandwidth(&rate);
            self.aggregation.update(ack, self.bw.max(), self.is_round_start, win.cwnd);
        }
        self.update_cycle(win, ack);
        self.check_full(ack);
        self.check_drain(win, ack);
        self.update_min_rtt(win, ack);
        self.update_pacing_rate(win, ack);
        self.set_cwnd(win, ack, initial_window);
    }

    fn update_bandwidth(&mut self, rate: &RateSample) {
        if rate.prior_delivered >= self.round_end {
            self.round_end = self.delivered;
            self.round = self.round.wrapping_add(1);
            self.is_round_start = true;
            self.conserves = false;
        }
        let bw = u64::from(rate.delivered) * 1_000_000_000 / rate.interval;
        // What the application, or PROBE_RTT, held back counts only when it beats the rest.
        let is_limited = rate.is_app_limited || rate.prior_delivered < self.limited_until;
        if !is_limited || bw >= self.bw.max() {
            self.bw.update(BW_ROUNDS, self.round, bw);
        }
    }

    fn update_cycle(&mut self, win: &Window, ack: &Ack) {
        if self.mode != Mode::ProbeBw {
            return;
        }
        let is_long = ack.now.nanos_since(self.cycle_at) > self.min_rtt.unwrap_or(0);
        let in_flight = self.in_flight(win, ack.prior_in_flight);
        let over = match self.pacing_gain() {
            UNIT => is_long,
            // Until the pipe holds what the gain asks for; a loss says that it never will.
            gain if gain > UNIT => is_long && (ack.lost > 0 || in_flight >= self.inflight(win, gain)),
            // Until the queue that the phase before made is gone.
            _ => is_long || in_flight <= self.inflight(win, UNIT),
        };
        if over {
            self.next_phase(ack.now);
        }
    }

    fn next_phase(&mut self, now: Instant) {
        self.cycle = (self.cycle + 1) % CYCLE.len() as u8;
        self.cycle_at = now;
    }

    /// STARTUP ends when three rounds have not brought a quarter more.
    fn check_full(&mut self, ack: &Ack) {
        let is_limited = ack.rate.is_some_and(|rate| rate.is_app_limited);
        if self.is_full || !self.is_round_start || is_limited {
            return;
        }
        if self.bw.max() >= self.full_bw.saturating_add(self.full_bw / 4) {
            self.full_bw = self.bw.max();
            self.full_bw_rounds = 0;
            return;
        }
        self.full_bw_rounds += 1;
        self.is_full = self.full_bw_rounds >= FULL_BW_ROUNDS;
    }

    fn check_drain(&mut self, win: &mut Window, ack: &Ack) {
        if self.mode == Mode::Startup && self.is_full {
            self.mode = Mode::Drain;
            win.ssthresh = self.inflight(win, UNIT); // only told, never used
        }
        if self.mode == Mode::Drain && ack.in_flight <= self.inflight(win, UNIT) {
            self.enter_probe_bw(ack.now);
        }
    }

    fn enter_probe_bw(&mut self, now: Instant) {
        self.mode = Mode::ProbeBw;
        // Any phase but that which empties a queue, so that flows don't keep step. The clock's low bits are as good as a die.
        let die = now.as_nanos().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        self.cycle = CYCLE.len() as u8 - 1 - (die % 7) as u8;
        self.next_phase(now);
    }

    fn update_min_rtt(&mut self, win: &mut Window, ack: &Ack) {
        let expired = ack.now.nanos_since(self.min_rtt_at) > MIN_RTT_WINDOW && self.min_rtt.is_some();
        if let Some(rtt) = ack.rtt {
            let is_new = self.min_rtt.is_none_or(|min| rtt < min);
            if is_new || (expired && !is_maybe_delayed(win, ack)) {
                self.min_rtt = Some(rtt);
                self.min_rtt_at = ack.now;
            }
        }
        if expired && !self.is_restart && self.mode != Mode::ProbeRtt {
            self.save_cwnd(win);
            self.mode = Mode::ProbeRtt;
            self.probe_rtt_end = None;
        }
        if self.mode == Mode::ProbeRtt {
            self.probe_rtt(win, ack);
        }
        if ack.rate.is_some_and(|rate| rate.delivered > 0) {
            self.is_restart = false;
        }
    }

    /// At most four segments fly, for 200 ms and a round at least.
    fn probe_rtt(&mut self, win: &mut Window, ack: &Ack) {
        self.limited_until = self.delivered.saturating_add(u64::from(ack.in_flight)).max(1);
        if self.probe_rtt_end.is_none() {
            if ack.in_flight <= MIN_SEGMENTS * win.mss {
                self.probe_rtt_end = Some(ack.now.plus_nanos(PROBE_RTT_TIME));
                self.probe_rtt_round_done = false;
                self.round_end = self.delivered;
            }
            return;
        }
        self.probe_rtt_round_done |= self.is_round_start;
        if self.probe_rtt_round_done {
            self.check_probe_rtt_done(win, ack.now);
        }
    }

    fn check_probe_rtt_done(&mut self, win: &mut Window, now: Instant) {
        if self.probe_rtt_end.is_none_or(|end| now <= end) {
            return;
        }
        self.min_rtt_at = now;
        win.cwnd = win.cwnd.max(self.prior_cwnd);
        if self.is_full {
            self.enter_probe_bw(now);
        } else {
            self.mode = Mode::Startup;
        }
    }

    fn pacing_gain(&self) -> u64 {
        match self.mode {
            Mode::Startup => HIGH_GAIN,
            Mode::Drain => DRAIN_GAIN,
            Mode::ProbeBw => CYCLE.get(usize::from(self.cycle)).copied().unwrap_or(UNIT),
            Mode::ProbeRtt => UNIT,
        }
    }

    fn cwnd_gain(&self) -> u64 {
        match self.mode {
            Mode::Startup | Mode::Drain => HIGH_GAIN,
            Mode::ProbeBw => CWND_GAIN,
            Mode::ProbeRtt => UNIT,
        }
    }

    fn update_pacing_rate(&mut self, win: &Window, ack: &Ack) {
        if !self.has_rtt
            && let Some(srtt) = ack.srtt
        {
            self.has_rtt = true;
            self.pacing_rate = first_rate(win.cwnd, srtt);
        }
        self.pace_at(self.pacing_gain());
    }

    /// Until the pipe is full the rate only goes up: early samples are low.
    fn pace_at(&mut self, gain: u64) {
        let rate = self.bw.max().saturating_mul(gain) / UNIT * MARGIN_PERCENT / 100;
        if self.is_full || rate > self.pacing_rate {
            self.pacing_rate = rate;
        }
    }

    fn set_cwnd(&mut self, win: &mut Window, ack: &Ack, initial_window: u32) {
        if ack.delivered > 0 && !self.recover_or_restore(win, ack) {
            let target = self.target(win);
            let grown = win.cwnd.saturating_add(ack.delivered);
            if self.is_full {
                win.cwnd = grown.min(target);
            } else if win.cwnd < target || self.delivered < u64::from(initial_window) {
                win.cwnd = grown;
            }
            win.cwnd = win.cwnd.max(MIN_SEGMENTS * win.mss);
        }
        if self.mode == Mode::ProbeRtt {
            win.cwnd = win.cwnd.min(MIN_SEGMENTS * win.mss);
        }
        win.cwnd = win.cwnd.clamp(win.mss, MAX_CWND);
    }

    /// A recovery begins with as much as is in flight, and afterwards cwnd is what it was. `true`: it is set.
    fn recover_or_restore(&mut self, win: &mut Window, ack: &Ack) -> bool {
        win.cwnd = win.cwnd.saturating_sub(ack.lost).max(win.mss);
        let (prior, phase) = (self.prior_phase, ack.phase);
        self.prior_phase = phase;
        let in_flight = ack.in_flight.saturating_add(ack.delivered);
        if phase == Phase::Recovery && prior != Phase::Recovery {
            self.conserves = true;
            self.round_end = self.delivered;
            win.cwnd = in_flight;
        } else if prior >= Phase::Recovery && phase < Phase::Recovery {
            self.conserves = false;
            win.cwnd = win.cwnd.max(self.prior_cwnd);
        }
        if self.conserves {
            win.cwnd = win.cwnd.max(in_flight);
        }
        self.conserves
    }

    fn target(&self, win: &Window) -> u32 {
        let extra = if self.is_full { self.aggregation.extra(self.bw.max()) } else { 0 };
        self.quantize(win, self.bdp(win, self.cwnd_gain()).saturating_add(extra))
    }

    /// What is in flight when the pipe holds `gain` BDPs.
    fn inflight(&self, win: &Window, gain: u64) -> u32 {
        self.quantize(win, self.bdp(win, gain))
    }

    /// The bandwidth-delay product times `gain`, in whole segments. Before anything is measured: the default initial window.
    fn bdp(&self, win: &Window, gain: u64) -> u64 {
        let Some(min_rtt) = self.min_rtt else { return 10 * u64::from(win.mss) };
        let bytes = bytes_in(self.bw.max(), min_rtt).saturating_mul(gain) / UNIT;
        bytes.min(u64::from(MAX_CWND)).next_multiple_of(u64::from(win.mss))
    }

    /// Room for the bursts on the way: one here, one in the device, one at the peer; and an even number of segments, for its
    /// delayed ACKs.
    fn quantize(&self, win: &Window, bytes: u64) -> u32 {
        let mss = u64::from(win.mss);
        let mut bytes = (bytes + 3 * self.burst(win)).next_multiple_of(2 * mss);
        if self.mode == Mode::ProbeBw && self.cycle == 0 {
            bytes += 2 * mss; // else the probe of a small BDP would add nothing
        }
        bytes.min(u64::from(MAX_CWND)) as u32
    }

    /// A burst in whole segments.
    fn burst(&self, win: &Window) -> u64 {
        let mss = win.mss;
        u64::from(burst(self.pacing_rate, mss) / mss * mss)
    }

    /// What is in flight once the burst under way is out. Linux also takes off what leaves the network until the pacing lets the
    /// packets go that its queues hold; here a packet in flight has left.
    fn in_flight(&self, win: &Window, in_flight: u32) -> u32 {
        let more = if self.pacing_gain() > UNIT { self.burst(win) as u32 } else { 0 }; // 128 KiB at most
        in_flight.saturating_add(more)
    }

    /// The window before it goes down, for later.
    fn save_cwnd(&mut self, win: &Window) {
        let is_reduced = self.prior_phase >= Phase::Recovery || self.mode == Mode::ProbeRtt;
        self.prior_cwnd = if is_reduced { self.prior_cwnd.max(win.cwnd) } else { win.cwnd };
    }

    /// A loss was found, or marks came.
    pub(super) fn on_congestion_event(&mut self, win: &Window) {
        self.save_cwnd(win);
    }

    /// The path may have changed: whether it is full is found out again.
    pub(super) fn on_rto(&mut self) {
        self.prior_phase = Phase::Loss;
        self.full_bw = 0;
    }

    /// There was no loss, so the bandwidth may still grow.
    pub(super) fn undo(&mut self) {
        self.full_bw = 0;
        self.full_bw_rounds = 0;
    }

    /// Sending begins after a pause: at the rate of the path, neither probing nor holding back.
    pub(super) fn on_transmit_start(&mut self, win: &mut Window, now: Instant) {
        self.is_restart = true;
        self.aggregation.restart(now);
        match self.mode {
            Mode::ProbeBw => self.pace_at(UNIT),
            Mode::ProbeRtt => self.check_probe_rtt_done(win, now),
            Mode::Startup | Mode::Drain => {}
        }
    }

    /// Windows are now `new / old` of what they were.
    pub(super) fn scale(&mut self, new: u32, old: u32) {
        self.prior_cwnd = (u64::from(self.prior_cwnd) * u64::from(new) / u64::from(old.max(1))) as u32; // it shrinks
    }
}

/// The rate before there is a sample: the window in a round-trip time, times the gain of STARTUP.
fn first_rate(cwnd: u32, rtt: u64) -> u64 {
    u64::from(cwnd) * 1_000_000_000 / rtt.max(1) * HIGH_GAIN / UNIT
}

/// Linux's `FLAG_ACK_MAYBE_DELAYED`: all that flew was one short segment, whose ACK the peer may have held back.
fn is_maybe_delayed(win: &Window, ack: &Ack) -> bool {
    let is_lone = ack.acked == ack.prior_in_flight && ack.acked == ack.delivered;
    is_lone && ack.acked < win.mss && ack.phase == Phase::Open && !ack.ece
}

#[cfg(test)]
mod tests;
