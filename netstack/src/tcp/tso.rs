//! How much is handed to a device that cuts segments, and when it is worth to wait for more: Linux's `tcp_tso_autosize` and
//! `tcp_tso_should_defer`.

use super::congestion::Phase;
use super::connection::Connection;
use super::output::Wire;
use crate::config::TcpConfig;
use crate::time::Instant;

/// Linux's `sk_pacing_shift`: a frame is what goes out in a millisecond.
const PACING_SHIFT: u32 = 10;
/// Linux's `tcp_tso_rtt_log`: with each 512 us of the shortest round trip a frame may be half as long, whatever the rate.
const RTT_SHIFT: u32 = 9;
/// Waiting is for those who send all the time: after a pause of so many nanoseconds what there is goes out.
const RECENT: u64 = 1_000_000;

/// Why new data wait for more room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deferral {
    /// cwnd has no room for all of them.
    Cwnd,
    /// The peer's window has none, or the application has no more.
    Other,
}

/// Bytes a second that the windows make: Linux's `tcp_update_pacing_rate`, twice what cwnd makes in slow start, 1.2 times later.
fn rate(cwnd: u32, out: u32, ssthresh: u32, srtt: u64) -> u64 {
    let percent = if cwnd < ssthresh / 2 { 200 } else { 120 };
    // 32 bits of bytes, 8 of percent and 24 of what is left of a second in nanoseconds.
    let bytes = u64::from(cwnd.max(out)) * percent;
    bytes.saturating_mul(10_000_000) / srtt.max(1)
}

/// The payload of a frame at `rate`, in whole segments.
fn goal(rate: u64, min_rtt: Option<u64>, mss: u32, most: u32, min_segments: u32) -> u32 {
    let shift = min_rtt.map_or(u64::MAX, |nanos| (nanos / 1000) >> RTT_SHIFT);
    let near = if shift < 32 { most >> shift } else { 0 };
    let bytes = (rate >> PACING_SHIFT).saturating_add(near.into()).min(most.into()) as u32; // limited
    let segments = (bytes / mss).max(min_segments);
    (segments * mss).min(most - most % mss)
}

impl Connection {
    fn frame_goal(&self, wire: &Wire<'_, '_>) -> u32 {
        let mss = u32::from(self.snd.mss);
        let burst = self.pacing.as_ref().map_or(u32::MAX, |pacing| pacing.burst());
        let most = wire.link.offloads.tso_max.min(burst);
        if most <= mss {
            return mss;
        }
        // Before the first measurement nothing bounds the rate.
        let rate = self.cc.pacing_rate().or_else(|| {
            let srtt = self.rtt.srtt_nanos()?;
            Some(rate(self.cc.cwnd(), self.snd.flight(), self.cc.ssthresh(), srtt))
        });
        goal(rate.unwrap_or(u64::MAX), self.rtt.min(), mss, most, wire.config.tcp_min_tso_segs)
    }

    /// The longest payload of one frame. Half of cwnd at most: the next one is cut while the first is on its way.
    pub(crate) fn largest(&self, wire: &Wire<'_, '_>) -> u32 {
        let mss = u32::from(self.snd.mss);
        let goal = self.frame_goal(wire);
        if goal <= mss {
            return mss;
        }
        let half = self.cc.cwnd() / 2;
        goal.min(half - half % mss).max(mss)
    }

    /// Whether `unsent` bytes, of which `window` bytes more are welcome to the peer, should wait for an ACK, since that will make
    /// room for a better filled frame soon.
    pub(crate) fn deferral(&self, unsent: u32, window: u32, wire: &Wire<'_, '_>) -> Option<Deferral> {
        let goal = self.frame_goal(wire);
        let mss = u32::from(self.snd.mss);
        let is_repairing = matches!(self.recovery.phase, Phase::Recovery | Phase::Loss);
        if goal <= mss || unsent <= mss || is_repairing {
            return None;
        }
        let room = self.cwnd_room();
        let limit = room.min(window);
        let recent = wire.now.nanos_since(self.snd.last_sent) <= RECENT;
        if !recent || limit >= goal || limit >= self.worthwhile(wire.config) || !self.ack_is_near(wire.now) {
            return None;
        }
        if room < window && room <= unsent {
            return Some(Deferral::Cwnd);
        }
        // A FIN ends the data: nothing will be added.
        if window <= room && window <= unsent || !self.snd.fin { Some(Deferral::Other) } else { None }
    }

    /// `tcp_tso_win_divisor`: such a part of the windows is worth a frame.
    fn worthwhile(&self, config: &TcpConfig) -> u32 {
        self.snd.wnd.min(self.cc.cwnd()) / config.tcp_tso_win_divisor.max(1)
    }

    /// The ACK of the oldest segment is due within a millisecond, and within half a round trip.
    fn ack_is_near(&self, now: Instant) -> bool {
        let (Some(head), Some(srtt)) = (self.flight.head(), self.rtt.srtt_nanos()) else { return false };
        let due = head.at.plus_nanos(srtt);
        due.nanos_since(now) <= (srtt / 2).min(1_000_000)
    }
}

#[cfg(test)]
mod tests;
