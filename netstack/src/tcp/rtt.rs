//! The retransmission time-out (RFC 6298).

use core::num::NonZeroU64;
use core::time::Duration;

use super::seq::SeqNumber;
use crate::config::TcpConfig;
use crate::time::{Instant, nanos};

/// RFC 6298 2.1: the RTO before the first measurement.
const INITIAL_RTO: u64 = 1_000_000_000;
/// RFC 6298 5.7: the RTO after a lost SYN.
const LOST_SYN_RTO: u64 = 3_000_000_000;
/// Ceilings of a second and more begin here.
const NO_CEILING: u64 = 1_000_000_000;
/// Linux's `tcp_min_rtt_wlen`, in nanoseconds.
const MIN_WINDOW: u64 = 300_000_000_000;

/// Round-trip time and what follows from it, in nanoseconds: each ACK computes with them, and a `Duration` divides by
/// a billion at every step.
///
/// As Linux estimates it (`tcp_rtt_estimator`), not as RFC 6298 2.3 says it: a round trip shorter than expected raises the
/// variation by little (the idea is Eifel's), the variation falls once a round trip only, and `tcp_rto_min` bounds the
/// variation, so that the time-out is SRTT and 200 ms at least.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rtt {
    /// Eight times SRTT, once measured.
    srtt: Option<NonZeroU64>,
    /// Four times the mean deviation, the largest of it in this round trip, and what the time-out has of it.
    mdev: u64,
    mdev_max: u64,
    rttvar: u64,
    /// SND.NXT when this round trip began.
    round_end: SeqNumber,
    rto: u64,
    backoff: u8,
    /// The shortest round trip of the last minutes, and when it was.
    min: Option<NonZeroU64>,
    min_at: Instant,
}

impl Rtt {
    pub(crate) const fn new() -> Rtt {
        Rtt {
            srtt: None,
            mdev: 0,
            mdev_max: 0,
            rttvar: 0,
            round_end: SeqNumber(0),
            rto: INITIAL_RTO,
            backoff: 0,
            min: None,
            min_at: Instant::ZERO,
        }
    }

    /// A measurement of `r` nanoseconds (RFC 6298 2.2, 2.3), with SND.UNA at `una` and SND.NXT at `nxt`.
    #[inline(always)]
    pub(crate) fn measured(&mut self, r: u64, una: SeqNumber, nxt: SeqNumber, config: &TcpConfig) {
        let r = r.clamp(1, u64::MAX / 64);
        let srtt = match self.srtt.map(NonZeroU64::get) {
            None => {
                self.mdev = 2 * r; // so that the time-out is three round trips
                self.rttvar = self.mdev.max(nanos(config.tcp_rto_min));
                self.mdev_max = self.rttvar;
                self.round_end = nxt;
                8 * r
            }
            Some(srtt) => {
                self.deviate(r, srtt / 8);
                if una.after(self.round_end) {
                    if self.mdev_max < self.rttvar {
                        self.rttvar -= (self.rttvar - self.mdev_max) / 4;
                    }
                    self.round_end = nxt;
                    self.mdev_max = nanos(config.tcp_rto_min);
                }
                srtt - srtt / 8 + r
            }
        };
        self.srtt = Some(NonZeroU64::new(srtt).unwrap_or(NonZeroU64::MIN));
        self.rto = srtt / 8 + self.rttvar;
        // Nearly always below any ceiling: what that holds is not looked at then.
        if self.rto >= NO_CEILING || config.tcp_rto_max.as_secs() == 0 {
            self.rto = self.rto.min(nanos(config.tcp_rto_max));
        }
        self.backoff = 0;
    }

    #[inline(always)]
    fn deviate(&mut self, r: u64, srtt: u64) {
        let deviation = r.abs_diff(srtt);
        if deviation >= self.mdev / 4 {
            let more = deviation - self.mdev / 4;
            self.mdev += if r < srtt { more / 8 } else { more };
        } else {
            self.mdev -= self.mdev / 4 - deviation;
        }
        if self.mdev > self.mdev_max {
            self.mdev_max = self.mdev;
            self.rttvar = self.rttvar.max(self.mdev_max);
        }
    }

    /// A round trip of `r` nanoseconds for the minimum (Linux's `tcp_min_rtt_wlen`: of five minutes).
    #[inline(always)]
    pub(crate) fn measured_path(&mut self, r: u64, now: Instant) {
        let r = NonZeroU64::new(r).unwrap_or(NonZeroU64::MIN);
        if self.min.is_none_or(|min| r <= min) || now.nanos_since(self.min_at) > MIN_WINDOW {
            (self.min, self.min_at) = (Some(r), now);
        }
    }

    /// The shortest round trip, in nanoseconds.
    #[inline]
    pub(crate) fn min(&self) -> Option<u64> {
        self.min.map(NonZeroU64::get)
    }

    /// SRTT in nanoseconds.
    pub(crate) fn srtt_nanos(&self) -> Option<u64> {
        self.srtt.map(|srtt| srtt.get() / 8)
    }

    /// The time-out in nanoseconds, with its back-off.
    #[inline]
    pub(crate) fn rto(&self, config: &TcpConfig) -> u64 {
        if self.backoff == 0 {
            return self.rto;
        }
        self.rto.saturating_mul(1 << self.backoff.min(16)).min(nanos(config.tcp_rto_max))
    }

    /// RFC 6298 5.5: the timer fired.
    pub(crate) fn back_off(&mut self) {
        self.backoff = self.backoff.saturating_add(1);
    }

    /// New data were acknowledged: the path works again.
    pub(crate) fn restart(&mut self) {
        self.backoff = 0;
    }

    /// RFC 6298 5.7: the connection is open, but its SYN was lost, so the first RTO of the data is 3 s.
    pub(crate) fn syn_was_lost(&mut self) {
        if self.srtt.is_none() {
            self.rto = LOST_SYN_RTO;
            self.mdev = LOST_SYN_RTO;
            self.rttvar = LOST_SYN_RTO;
            self.mdev_max = LOST_SYN_RTO;
            self.backoff = 0;
        }
    }

    /// Times that the time-out was doubled.
    pub(crate) fn backoff(&self) -> u8 {
        self.backoff
    }

    pub(crate) fn srtt(&self) -> Option<Duration> {
        self.srtt_nanos().map(Duration::from_nanos)
    }

    /// The mean deviation, as TCP_INFO has it.
    pub(crate) fn rttvar(&self) -> Option<Duration> {
        self.srtt.map(|_| Duration::from_nanos(self.mdev / 4))
    }
}

#[cfg(test)]
mod tests;
