//! How large the receive buffer must be: Linux's dynamic right-sizing (`tcp_rcv_space_adjust`), by what the application reads
//! in a round trip.

use core::hint::cold_path;
use core::mem::offset_of;

use super::receiver::Receiver;
use super::seq::SeqNumber;
use crate::config::TcpConfig;
use crate::time::Instant;

/// SOCK_MIN_RCVBUF of Linux, about.
const MIN_BUFFER: u32 = 2304;

/// The receiver's round-trip time, and what was read in it. In the order of `Connection`.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(crate) struct RcvSpace {
    /// Bytes read in the round trip before.
    space: u32,
    /// The first number that was not read when the round trip began.
    seq: SeqNumber,
    /// The TSecr that was measured last.
    echo: u32,
    /// Since when the window is being timed: [`Instant::short_micros`], as below.
    window_since: u32,
    /// When the round trip began. An hour later it may count as a moment ago, and the measurement that ends then begins anew.
    since: u32,
    // Each segment.
    /// Eight times the round-trip time in microseconds; 0: not measured yet.
    rtt8: u32,
    /// A window ends here whose arrival is being timed.
    window_end: SeqNumber,
    /// The window is being timed.
    is_timed: bool,
    /// SO_RCVBUF was set: no tuning.
    is_locked: bool,
}

impl RcvSpace {
    /// As [`Receiver::SELDOM_TO`]: before the first round trip was measured, not even the time after it.
    pub(crate) const SELDOM_TO: usize = offset_of!(RcvSpace, rtt8);

    /// Linux's `tcp_init_buffer_space`: as if `space` bytes had been read in the round trip before.
    pub(crate) fn start(&mut self, space: u32, seq: SeqNumber, now: Instant) {
        (self.space, self.seq, self.since) = (space.max(1), seq, now.short_micros());
    }

    /// The round-trip time in microseconds; 0 before it is measured.
    pub(crate) fn rtt_micros(&self) -> u32 {
        self.rtt8 / 8
    }

    /// Bytes read in a round trip.
    pub(crate) fn space(&self) -> u32 {
        self.space
    }

    /// Linux's `tcp_rcv_rtt_update`. How long a window takes depends on the sender's pauses, so of that the least counts.
    fn measured(&mut self, micros: u32, by_window: bool) {
        let sample = micros.clamp(1, u32::MAX / 16);
        if self.rtt8 == 0 || sample * 8 < self.rtt8 {
            self.rtt8 = sample * 8;
        } else if !by_window {
            self.rtt8 = self.rtt8 - self.rtt8 / 8 + sample;
        }
    }

    /// A window has arrived, or is offered for the first time.
    #[inline(never)] // once a window
    fn next_window(&mut self, edge: SeqNumber, now: Instant) {
        if self.is_timed {
            self.measured(now.short_micros().wrapping_sub(self.window_since), true);
        }
        (self.is_timed, self.window_end, self.window_since) = (true, edge, now.short_micros());
    }
}

impl Receiver {
    /// Data arrived in order, with TSecr, at `clock` by our timestamps; of full segments only, since the peer may have waited
    /// with a small one.
    #[inline]
    pub(crate) fn measure_rtt(&mut self, echo: u32, clock: u32) {
        if echo != self.space.echo {
            self.space.echo = echo;
            let ago = clock.wrapping_sub(echo);
            // An echo from the future, or of before the connection, measures nothing.
            if ago < 1 << 30 {
                self.space.measured(ago.max(1).saturating_mul(1000), false);
            }
        }
    }

    /// Data arrived in order: the time from offering a window to the arrival of its last byte is at least a round trip.
    #[inline(always)]
    pub(crate) fn time_window(&mut self, now: Instant) {
        if !self.space.is_timed || !self.nxt.before(self.space.window_end) {
            cold_path();
            self.space.next_window(self.edge, now);
        }
    }

    /// The application has read: the buffer grows with the rate (Linux's `tcp_rcv_space_adjust`).
    #[inline]
    pub(crate) fn adjust_space(&mut self, now: Instant, config: &TcpConfig) {
        let space = &self.space;
        if space.rtt8 == 0 || now.short_micros().wrapping_sub(space.since) < space.rtt8 / 8 {
            return;
        }
        self.next_round_trip(now, config);
    }

    #[inline(never)] // once a round trip
    fn next_round_trip(&mut self, now: Instant, config: &TcpConfig) {
        let read_up_to = self.nxt - self.queue.len() as u32; // a queue holds less than 2^32
        let copied = read_up_to.since(self.space.seq);
        let last = self.space.space;
        if copied > last {
            if config.tcp_moderate_rcvbuf && !self.space.is_locked {
                // Twice of what was read, for losses, and some for variations; and as much more as the sender is getting faster.
                let wanted = u64::from(copied) * 2 + 16 * u64::from(self.mss);
                let growth = wanted.saturating_mul(u64::from(copied - last)) / u64::from(last);
                let wanted = wanted.saturating_add(growth.saturating_mul(2));
                let most = config.tcp_rmem.max.min(super::receiver::MAX_BUFFER) as u64;
                self.limit = self.limit.max(wanted.min(most) as u32); // at most MAX_BUFFER
            }
            self.space.space = copied;
        }
        (self.space.seq, self.space.since) = (read_up_to, now.short_micros());
    }

    /// SO_RCVBUF: the buffer stays as large as this.
    pub(crate) fn fix_buffer(&mut self, bytes: usize) {
        self.limit = (bytes.min(super::receiver::MAX_BUFFER) as u32).max(MIN_BUFFER); // limited
        self.space.is_locked = true;
    }

    /// TCP_WINDOW_CLAMP.
    pub(crate) fn clamp_window(&mut self, bytes: usize) {
        self.clamp = (bytes.min(super::receiver::MAX_BUFFER) as u32).max(MIN_BUFFER / 2); // limited
    }
}

#[cfg(test)]
mod tests;
