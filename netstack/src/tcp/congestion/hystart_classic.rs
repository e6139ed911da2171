//! HyStart as Ha and Rhee have published it and Linux's tcp_cubic does it: slow start ends at once, when the ACKs of a round
//! come as one train that is as long as the path, or when the round-trip time has risen.

use super::Ack;
use super::hystart::Verdict;
use crate::tcp::seq::SeqNumber;

/// Segments of cwnd below which it does nothing: Linux's `hystart_low_window`.
const LOW_WINDOW: u32 = 16;
/// ACKs that come so soon after each other, in microseconds, are of one train: `hystart_ack_delta_us`.
const ACK_DELTA: u32 = 2_000;
/// Measurements of a round before the delay is judged.
const MIN_SAMPLES: u8 = 8;
const NO_ROUND: u8 = u8::MAX;
/// How far the delay may rise, in microseconds: an eighth, within these.
const DELAY_MIN: u64 = 4_000;
const DELAY_MAX: u64 = 16_000;
/// What Linux's `hystart_ack_delay` allows for a train that TSO makes longer: four of the longest frames, a millisecond at most.
const FRAMES: u64 = 4 * 65_536;
const MAX_ACK_DELAY: u64 = 1_000;

/// The round under way, times in microseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Classic {
    /// SND.NXT at its start.
    end: SeqNumber,
    start: u32,
    last_ack: u32,
    least_rtt: u32,
    /// `NO_ROUND`: there was no ACK yet.
    samples: u8,
}

impl Classic {
    pub(super) const fn new() -> Classic {
        Classic { end: SeqNumber(0), start: 0, last_ack: 0, least_rtt: u32::MAX, samples: NO_ROUND }
    }

    /// An ACK in slow start.
    pub(super) fn on_ack(&mut self, ack: &Ack, acked: u32, cwnd: u32, mss: u32, paced: bool) -> Verdict {
        if cwnd < LOW_WINDOW * mss {
            return Verdict::Grow(acked); // nor is it a round
        }
        let now = (ack.now.as_nanos() / 1_000) as u32; // it wraps, as its differences do
        if self.samples == NO_ROUND || ack.una.after(self.end) {
            *self = Classic { end: ack.nxt, start: now, last_ack: now, least_rtt: u32::MAX, samples: 0 };
        }
        let (Some(rtt), Some(min_rtt)) = (ack.rtt, ack.min_rtt) else { return Verdict::Grow(acked) };
        let min_rtt = min_rtt / 1_000;
        if self.is_long_train(ack, now, min_rtt, cwnd, paced) || self.is_delayed(rtt / 1_000, min_rtt) {
            return Verdict::Exit;
        }
        Verdict::Grow(acked)
    }

    fn is_long_train(&mut self, ack: &Ack, now: u32, min_rtt: u64, cwnd: u32, paced: bool) -> bool {
        if now.wrapping_sub(self.last_ack) > ACK_DELTA {
            return false;
        }
        self.last_ack = now;
        // What is paced goes out over half of a round trip, so that its ACKs do not show what the path takes.
        let rate = 2 * u64::from(cwnd);
        let spread = ack.srtt.map_or(0, |srtt| FRAMES * (srtt / 1_000) / rate).min(MAX_ACK_DELAY);
        let path = min_rtt + spread;
        u64::from(now.wrapping_sub(self.start)) > if paced { path } else { path / 2 }
    }

    fn is_delayed(&mut self, rtt: u64, min_rtt: u64) -> bool {
        self.least_rtt = self.least_rtt.min(u32::try_from(rtt).unwrap_or(u32::MAX));
        if self.samples < MIN_SAMPLES {
            self.samples += 1;
            return false;
        }
        u64::from(self.least_rtt) > min_rtt + (min_rtt / 8).clamp(DELAY_MIN, DELAY_MAX)
    }
}

#[cfg(test)]
mod tests;
