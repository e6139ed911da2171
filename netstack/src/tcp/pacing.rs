//! When the next segment may leave: an earliest departure time, as Linux's internal pacing. A connection needs this only
//! where its congestion control asks for pacing, or SO_MAX_PACING_RATE is set.

use alloc::boxed::Box;

use super::congestion::Congestion;
use super::connection::Connection;
use super::timers::Timer;
use crate::time::Instant;

/// Linux's `tcp_pacing_ss_ratio` and `tcp_pacing_ca_ratio`, in percent of cwnd for each round trip.
const SLOW_START_RATIO: u64 = 200;
const AVOIDANCE_RATIO: u64 = 120;
/// Linux's `sk_pacing_shift`: a burst is what the rate sends in 2^-10 s.
const BURST_SHIFT: u32 = 10;
/// `tcp_min_tso_segs`.
const MIN_BURST_SEGMENTS: u32 = 2;
/// The largest burst: what TSO takes.
const MAX_BURST: u32 = 65_535;
/// As Linux: so many segments of a new connection are not paced.
const FIRST_SEGMENTS: u32 = 10;
const SECOND: u64 = 1_000_000_000;

/// What `rate` bytes a second are in `nanos` nanoseconds.
#[inline]
pub(crate) fn bytes_in(rate: u64, nanos: u64) -> u64 {
    match rate.checked_mul(nanos) {
        Some(product) => product / SECOND,
        None => (rate / 1_000).saturating_mul(nanos / 1_000) / 1_000,
    }
}

/// How many nanoseconds `bytes` take at `rate` bytes a second.
#[inline]
pub(crate) fn time_of(bytes: u32, rate: u64) -> u64 {
    u64::from(bytes) * SECOND / rate.max(1)
}

/// How many bytes go out in one burst at `rate` (Linux's `tcp_tso_autosize`, without its part for paths of microseconds).
#[inline]
pub(crate) fn burst(rate: u64, mss: u32) -> u32 {
    let least = mss.saturating_mul(MIN_BURST_SEGMENTS);
    let bytes = u32::try_from(rate >> BURST_SHIFT).unwrap_or(MAX_BURST).min(MAX_BURST);
    bytes.max(least)
}

/// Bytes a second for a congestion control that asks for none (Linux's `tcp_update_pacing_rate`): somewhat more than cwnd
/// in each `srtt` nanoseconds, so that the window and not the pace is what holds back.
fn rate_of_window(cwnd: u32, ssthresh: u32, in_flight: u32, srtt: Option<u64>) -> u64 {
    let Some(srtt) = srtt else { return u64::MAX };
    let ratio = if cwnd < ssthresh / 2 { SLOW_START_RATIO } else { AVOIDANCE_RATIO };
    u64::from(cwnd.max(in_flight)) * ratio * (SECOND / 100) / srtt.max(1) // 2^32 * 2 * 10^9 fits
}

/// The pace of a connection. Rates in bytes a second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pacing {
    rate: u64,
    /// SO_MAX_PACING_RATE.
    max_rate: u64,
    /// When all that was sent has had its time.
    next_send: Instant,
    /// Bytes of one burst.
    burst: u32,
    /// What is left of the burst under way.
    budget: u32,
    /// What is left of the first bytes, which go out unpaced.
    first: u32,
}

impl Pacing {
    /// Without limit until the first `update`. `max_rate`: SO_MAX_PACING_RATE, `None` for none; 0 counts as 1.
    pub(crate) fn new(mss: u32, max_rate: Option<u64>) -> Pacing {
        let max_rate = max_rate.unwrap_or(u64::MAX).max(1);
        Pacing {
            rate: max_rate,
            max_rate,
            next_send: Instant::ZERO,
            burst: burst(max_rate, mss),
            budget: 0,
            first: mss.saturating_mul(FIRST_SEGMENTS),
        }
    }

    /// The rate in force.
    pub(crate) fn rate(&self) -> u64 {
        self.rate
    }

    /// Bytes that go out in one burst.
    pub(crate) fn burst(&self) -> u32 {
        self.burst
    }

    /// SO_MAX_PACING_RATE was set: holds at once.
    pub(crate) fn set_max_rate(&mut self, max_rate: Option<u64>, mss: u32) {
        self.max_rate = max_rate.unwrap_or(u64::MAX).max(1);
        self.set_rate(self.rate, mss);
    }

    /// After each ACK: what the congestion control asks for, else what its window needs. `in_flight` in bytes, `srtt` in
    /// nanoseconds.
    #[inline]
    pub(crate) fn update(&mut self, cc: &Congestion, in_flight: u32, srtt: Option<u64>, mss: u32) {
        let rate = cc.pacing_rate();
        self.set_rate(rate.unwrap_or_else(|| rate_of_window(cc.cwnd(), cc.ssthresh(), in_flight, srtt)), mss);
    }

    fn set_rate(&mut self, rate: u64, mss: u32) {
        self.rate = rate.clamp(1, self.max_rate);
        self.burst = burst(self.rate, mss);
        self.budget = self.budget.min(self.burst);
    }

    /// Whether a segment may leave now; else when.
    #[inline]
    pub(crate) fn may_send(&self, now: Instant) -> Result<(), Instant> {
        if self.budget > 0 || self.next_send <= now || self.is_unlimited() {
            Ok(())
        } else {
            Err(self.next_send)
        }
    }

    /// A segment of `bytes` has left.
    #[inline]
    pub(crate) fn sent(&mut self, bytes: u32, now: Instant) {
        if self.is_unlimited() {
            self.first = self.first.saturating_sub(bytes);
            return;
        }
        if self.next_send <= now {
            let (late, most) = (now.nanos_since(self.next_send), time_of(self.burst, self.rate) / 2);
            if self.budget == 0 || late > most {
                // A new burst. A timer that came late is made good for, by half of a burst at most (as in Linux).
                self.next_send = Instant::from_nanos(now.as_nanos() - late.min(most));
                self.budget = self.burst;
            }
        }
        self.budget = self.budget.saturating_sub(bytes);
        self.next_send = self.next_send.plus_nanos(time_of(bytes, self.rate));
    }

    fn is_unlimited(&self) -> bool {
        self.rate == u64::MAX || self.first > 0
    }
}

impl Connection {
    /// Paces from now on where the congestion control, or a largest rate, asks for it.
    pub(crate) fn start_pacing(&mut self) {
        let max_rate = self.own_options().and_then(|options| options.max_pacing_rate);
        let wanted = self.cc.pacing_rate().is_some() || max_rate.is_some();
        let mss = u32::from(self.snd.mss);
        self.cc.set_paced(wanted);
        match &mut self.pacing {
            Some(pacing) if wanted => pacing.set_max_rate(max_rate, mss),
            _ => self.pacing = wanted.then(|| Box::new(Pacing::new(mss, max_rate))),
        }
        if !wanted {
            self.timers.clear(Timer::Pace);
        }
        self.effects.transmit = true;
    }

    /// Whether a segment may leave now. If not, a timer says when.
    #[inline]
    pub(crate) fn may_leave(&mut self, now: Instant) -> bool {
        let Some(pacing) = &self.pacing else { return true };
        match pacing.may_send(now) {
            Ok(()) => true,
            Err(at) => {
                self.timers.set(Timer::Pace, at);
                false
            }
        }
    }

    /// Bytes have left.
    #[inline]
    pub(crate) fn note_departure(&mut self, bytes: u32, now: Instant) {
        if let Some(pacing) = &mut self.pacing {
            pacing.sent(bytes, now);
        }
    }
}

#[cfg(test)]
mod tests;
