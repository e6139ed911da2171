//! CUBIC (RFC 9438), growing for each ACK as Linux's tcp_cubic does.

use alloc::boxed::Box;
use core::iter;
use core::mem::offset_of;
use core::num::NonZeroU64;

use super::Ack;
use super::hystart::{HyStart, Verdict};
use super::hystart_classic::Classic;
use super::window::{MAX_CWND, Window};
use crate::time::Instant;

/// beta_cubic of RFC 9438 4.6: 0.7.
const BETA: (u32, u32) = (7, 10);
/// (1 + beta_cubic) / 2 of RFC 9438 4.7: 0.85.
const FAST_CONVERGENCE: (u64, u64) = (17, 20);
/// 1 / alpha_cubic of RFC 9438 4.3: alpha is 3 * (1 - beta) / (1 + beta), or 9 / 17.
const INVERSE_ALPHA: (u64, u64) = (17, 9);
/// The furthest that the curve is followed from K, in milliseconds: there it is above any window.
const MAX_OFFSET: u64 = (1 << 18) - 1;
/// Linux: without a W_max a segment for each 20 acknowledged, 5 % a round, when the curve is slower.
const BLIND_GROWTH: u32 = 20;

/// A stage of congestion avoidance: W_cubic and W_est. Windows in bytes.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
struct Curve {
    /// K in milliseconds: how long the curve takes to reach `origin`.
    k: u32,
    /// Where the curve is flat: W_max, or cwnd at the start of the stage when that is more.
    origin: u32,
    /// 0: not known.
    w_max: u32,
    /// cwnd_prior: before the last reduction.
    prior: u32,
    /// What Reno would have reached.
    w_est: u32,
    /// Bytes acknowledged on the way to the next segment of `w_est`.
    est_credit: u32,
    // Each segment.
    /// When the stage began, less the pauses in it; `None` until its first ACK.
    start: Option<NonZeroU64>,
    /// When the last ACK was taken, in nanoseconds.
    last: u64,
}

/// How the first slow start is left, beside by a loss.
#[derive(Debug, Clone)]
enum SlowStart {
    Loss,
    HyStart(HyStart),
    Classic(Classic),
}

impl SlowStart {
    fn on_ack(&mut self, win: &Window, ack: &Ack, acked: u32, paced: bool) -> Verdict {
        match self {
            SlowStart::Loss => Verdict::Grow(acked),
            SlowStart::HyStart(hystart) => hystart.on_ack(ack, acked, win.mss, paced),
            SlowStart::Classic(classic) => classic.on_ack(ack, acked, win.cwnd, win.mss, paced),
        }
    }

    fn restart(&mut self) {
        match self {
            SlowStart::Loss => {}
            SlowStart::HyStart(hystart) => *hystart = HyStart::new(),
            SlowStart::Classic(classic) => *classic = Classic::new(),
        }
    }
}

/// CUBIC's state beside the window.
#[derive(Debug, Clone)]
#[repr(C)]
pub(super) struct Cubic {
    /// The curve before the last reduction. Most connections never have one.
    undo: Option<Box<Curve>>,
    curve: Curve,
    slow_start: SlowStart,
}

impl Cubic {
    pub(super) const SELDOM_TO: usize = offset_of!(Cubic, curve) + offset_of!(Curve, start);

    pub(super) fn new() -> Cubic {
        Cubic { curve: Curve::default(), undo: None, slow_start: SlowStart::HyStart(HyStart::new()) }
    }

    /// The knob `hystart`.
    pub(super) fn set_hystart(&mut self, hystart: u8) {
        self.slow_start = match hystart {
            0 => SlowStart::Loss,
            1 => SlowStart::HyStart(HyStart::new()),
            _ => SlowStart::Classic(Classic::new()),
        };
    }

    /// `acked` bytes that may move the window.
    pub(super) fn on_ack(&mut self, win: &mut Window, ack: &Ack, acked: u32, paced: bool) {
        if !ack.is_cwnd_limited {
            return self.curve.pause(ack.now);
        }
        let mut acked = acked;
        if win.in_slow_start() {
            // RFC 9406 4.2: only the first; later ones know their ssthresh.
            if win.is_first_slow_start() {
                match self.slow_start.on_ack(win, ack, acked, paced) {
                    Verdict::Grow(bytes) => acked = bytes,
                    Verdict::Exit => win.ssthresh = win.cwnd,
                }
            }
            acked = win.slow_start(acked);
        }
        if acked > 0 {
            let per_segment = self.curve.per_segment(win, ack, acked);
            win.avoid(per_segment, acked);
        }
    }

    /// An ACK while cwnd was not the limit. The time that pacing takes counts: the window is used.
    #[inline]
    pub(super) fn pass(&mut self, now: Instant, is_paced: bool) {
        if is_paced {
            self.curve.last = now.as_nanos();
        } else {
            self.curve.pause(now);
        }
    }

    /// RFC 9438 4.6, 4.7: returns the new ssthresh.
    pub(super) fn on_reduction(&mut self, win: &Window) -> u32 {
        **self.undo.get_or_insert_default() = self.curve;
        let curve = &mut self.curve;
        curve.start = None;
        curve.prior = win.cwnd;
        curve.w_max = if win.cwnd < curve.w_max {
            let (numerator, denominator) = FAST_CONVERGENCE;
            (u64::from(win.cwnd) * numerator / denominator) as u32 // less than cwnd
        } else {
            win.cwnd
        };
        win.share(BETA.0, BETA.1)
    }

    /// RFC 9438 4.8: after a time-out the curve starts anew, flat, from where slow start ends.
    pub(super) fn on_rto(&mut self) {
        self.curve = Curve { prior: self.curve.prior, ..Curve::default() };
        self.slow_start.restart();
    }

    /// RFC 9438 4.9: the reduction was for nothing.
    pub(super) fn undo(&mut self) {
        self.curve = self.undo.as_deref().copied().unwrap_or_default();
    }

    /// The reduction stays.
    pub(super) fn forget_undo(&mut self) {
        self.undo = None;
    }

    /// Nothing was in flight until `now`.
    pub(super) fn on_transmit_start(&mut self, now: Instant) {
        self.curve.pause(now);
    }

    /// Windows are now `new / old` of what they were.
    pub(super) fn scale(&mut self, new: u32, old: u32) {
        for curve in iter::once(&mut self.curve).chain(self.undo.as_deref_mut()) {
            let scaled = |window: u32| (u64::from(window) * u64::from(new) / u64::from(old.max(1))) as u32;
            (curve.w_max, curve.prior) = (scaled(curve.w_max), scaled(curve.prior));
        }
        self.restart();
    }

    /// Bytes beside the record.
    #[cfg(test)]
    pub(super) fn heap_size(&self) -> usize {
        self.undo.as_ref().map_or(0, |_| size_of::<Curve>())
    }

    /// Begins a new stage at the next ACK: the curve that goes through cwnd then is, below W_max, the same.
    pub(super) fn restart(&mut self) {
        self.curve.start = None;
        if let Some(undo) = &mut self.undo {
            undo.start = None;
        }
    }
}

impl Curve {
    /// RFC 9438 5.8: time in which the application leaves the window unused does not count.
    fn pause(&mut self, now: Instant) {
        let now = now.as_nanos();
        if let Some(start) = self.start {
            self.start = NonZeroU64::new(start.get().saturating_add(now.saturating_sub(self.last)).min(now));
        }
        self.last = now;
    }

    /// How many bytes must be acknowledged for a segment of growth (Linux's `bictcp_update`).
    fn per_segment(&mut self, win: &Window, ack: &Ack, acked: u32) -> u32 {
        let now = ack.now.as_nanos();
        self.last = now;
        let start = match self.start {
            Some(start) => start.get(),
            None => self.begin(win, now),
        };
        // RFC 9438 4.2: where the curve is a round from now. The smallest RTT, as Linux: a queue must not hurry it.
        let t = now.saturating_sub(start).saturating_add(ack.min_rtt.unwrap_or(0)) / 1_000_000;
        let target = self.window_at(t, win.mss);
        let mut per_segment = pace(win, target).unwrap_or(win.cwnd.saturating_mul(100));
        if self.w_max == 0 {
            per_segment = per_segment.min(BLIND_GROWTH * win.mss);
        }
        // RFC 9438 4.3: never slower than Reno.
        self.grow_estimate(win, acked);
        if let Some(reno) = pace(win, self.w_est) {
            per_segment = per_segment.min(reno);
        }
        // RFC 9438 4.2: at most by half in a round.
        per_segment.max(2 * win.mss)
    }

    /// A stage begins: RFC 9438 4.2.
    fn begin(&mut self, win: &Window, now: u64) -> u64 {
        let start = NonZeroU64::new(now).unwrap_or(NonZeroU64::MIN);
        self.start = Some(start);
        self.w_est = win.cwnd;
        self.est_credit = 0;
        self.origin = self.w_max.max(win.cwnd);
        // K = cbrt((W_max - cwnd) / C) with C = 0.4 segments / s^3; a cubic second is 10^9 cubic milliseconds.
        let cube = u64::from(self.origin - win.cwnd) * 2_500_000_000 / u64::from(win.mss);
        self.k = cube_root(cube);
        start.get()
    }

    /// W_cubic(t) of RFC 9438 4.2, `t` in milliseconds.
    fn window_at(&self, t: u64, mss: u32) -> u32 {
        let k = u64::from(self.k);
        let offset = t.abs_diff(k).min(MAX_OFFSET);
        // 0.4 segments for each cubic second; 2^54 / 1000 * 2^16 fits.
        let delta = offset * offset * offset / 1_000 * u64::from(mss) / 2_500_000;
        let delta = u32::try_from(delta).unwrap_or(MAX_CWND).min(MAX_CWND);
        if t < k { self.origin.saturating_sub(delta) } else { (self.origin + delta).min(MAX_CWND) }
    }

    /// RFC 9438 4.3: W_est grows by alpha segments a round, and by one once it has reached cwnd_prior.
    fn grow_estimate(&mut self, win: &Window, acked: u32) {
        let (numerator, denominator) = INVERSE_ALPHA;
        let round = u64::from(win.cwnd);
        let need = if self.w_est < self.prior { round * numerator / denominator } else { round };
        self.est_credit = self.est_credit.saturating_add(acked);
        let segments = (u64::from(self.est_credit) / need.max(1)) as u32; // at most est_credit
        self.est_credit -= (u64::from(segments) * need) as u32; // at most est_credit
        self.w_est = self.w_est.saturating_add(segments.saturating_mul(win.mss)).min(MAX_CWND);
    }
}

/// The bytes to be acknowledged for each segment, when cwnd is to be `target` in a round; `None`: it is there. As in Linux,
/// whose `cnt` counts segments, rounded down to whole ones: so flows of both grow alike.
fn pace(win: &Window, target: u32) -> Option<u32> {
    let missing = target.checked_sub(win.cwnd).filter(|missing| *missing >= win.mss)? / win.mss;
    let segments = (win.cwnd / win.mss / missing).max(1);
    Some(segments.saturating_mul(win.mss))
}

/// The cube root, rounded down, by Newton from above.
fn cube_root(n: u64) -> u32 {
    if n == 0 {
        return 0;
    }
    let mut root = 1_u64 << (u64::BITS - n.leading_zeros()).div_ceil(3);
    loop {
        let next = (2 * root + n / (root * root)) / 3;
        if next >= root {
            return root as u32; // below 2^22
        }
        root = next;
    }
}

#[cfg(test)]
mod tests;
