//! HyStart++ (RFC 9406): leaves the first slow start when the round-trip time rises, before the buffer overflows.

use super::Ack;
use crate::tcp::seq::SeqNumber;

// RFC 9406 4.3, times in microseconds.
const MIN_RTT_THRESH: u32 = 4_000;
const MAX_RTT_THRESH: u32 = 16_000;
const MIN_RTT_DIVISOR: u32 = 8;
const N_RTT_SAMPLE: u8 = 8;
const CSS_GROWTH_DIVISOR: u32 = 4;
const CSS_ROUNDS: u8 = 5;
/// L where the sender does not pace. RFC 9406 says 8, Linux has no limit. A receiver that merges frames acknowledges 64 KiB
/// at once: with 8 its sender would grow by a fifth a round instead of doubling. So what TSO sends as one burst anyway.
const BURST_SEGMENTS: u32 = 45;
/// No measurement.
const NONE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first ACK.
    New,
    SlowStart,
    /// Conservative slow start: is the queue real? With the rounds that it has lasted.
    Conservative(u8),
}

/// What slow start does with an ACK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// cwnd grows by this.
    Grow(u32),
    /// RFC 9406 4.2: slow start is over, ssthresh is cwnd.
    Exit,
}

/// Rounds and their smallest round-trip times, in microseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct HyStart {
    /// SND.NXT at the round's start. The round ends when this number, the next one's first, is acknowledged: at the last of
    /// this one SND.NXT would not have all of the next.
    window_end: SeqNumber,
    last_round_min: u32,
    current_round_min: u32,
    /// The smallest RTT of the round that began conservative slow start.
    css_baseline_min: u32,
    samples: u8,
    state: State,
}

impl HyStart {
    pub(super) const fn new() -> HyStart {
        HyStart {
            window_end: SeqNumber(0),
            last_round_min: NONE,
            current_round_min: NONE,
            css_baseline_min: NONE,
            samples: 0,
            state: State::New,
        }
    }

    /// RFC 9406 4.2: an ACK in slow start.
    pub(super) fn on_ack(&mut self, ack: &Ack, acked: u32, mss: u32, paced: bool) -> Verdict {
        if self.state == State::New {
            self.state = State::SlowStart;
            self.window_end = ack.nxt;
        } else if ack.una.after(self.window_end) && self.start_round(ack.nxt) {
            return Verdict::Exit;
        }
        if let Some(rtt) = ack.rtt {
            self.current_round_min = self.current_round_min.min(micros(rtt));
            self.samples = self.samples.saturating_add(1);
        }
        if self.samples >= N_RTT_SAMPLE {
            self.judge();
        }
        let acked = if paced { acked } else { acked.min(BURST_SEGMENTS * mss) };
        match self.state {
            State::Conservative(_) => Verdict::Grow(acked / CSS_GROWTH_DIVISOR),
            _ => Verdict::Grow(acked),
        }
    }

    /// `true` when conservative slow start has lasted long enough.
    fn start_round(&mut self, nxt: SeqNumber) -> bool {
        self.window_end = nxt;
        self.last_round_min = self.current_round_min;
        self.current_round_min = NONE;
        self.samples = 0;
        if let State::Conservative(rounds) = &mut self.state {
            *rounds += 1;
            return *rounds >= CSS_ROUNDS;
        }
        false
    }

    /// Goes to conservative slow start when the RTT has risen, and back when that was not so.
    fn judge(&mut self) {
        match self.state {
            State::SlowStart if self.last_round_min != NONE && self.current_round_min != NONE => {
                let thresh = (self.last_round_min / MIN_RTT_DIVISOR).clamp(MIN_RTT_THRESH, MAX_RTT_THRESH);
                if self.current_round_min >= self.last_round_min.saturating_add(thresh) {
                    self.css_baseline_min = self.current_round_min;
                    self.state = State::Conservative(0);
                }
            }
            State::Conservative(_) if self.current_round_min < self.css_baseline_min => {
                self.css_baseline_min = NONE;
                self.state = State::SlowStart;
            }
            _ => {}
        }
    }
}

/// Microseconds of `nanos`, up to 71 minutes.
fn micros(nanos: u64) -> u32 {
    u32::try_from(nanos / 1_000).unwrap_or(NONE - 1).min(NONE - 1)
}

#[cfg(test)]
mod tests;
