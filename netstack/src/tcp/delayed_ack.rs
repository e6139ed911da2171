//! When data are acknowledged (RFC 1122 4.2.3.2, RFC 5681 4.2): at once, with an answer, or after a time that follows the
//! peer's pace, as Linux does.

use core::hint::cold_path;
use core::time::Duration;

use super::connection::{Connection, Env};
use super::receiver::Receiver;
use super::timers::Timer;
use crate::config::TcpConfig;
use crate::time::Instant;

/// Linux's TCP_ATO_MIN and TCP_DELACK_MIN: the shortest delay, in microseconds.
const ATO_MIN: u32 = 40_000;
/// Linux's TCP_DELACK_MAX: the longest one of who answers, in microseconds; and of who does not.
const DELACK_MAX: u32 = 200_000;
const ATO_MAX: u32 = 500_000;
/// Linux's TCP_MAX_QUICKACKS: ACKs sent at once at the start, after a pause and after a loss.
const MAX_QUICK_ACKS: u32 = 16;

/// Half of `ATO_MIN` in [`Instant::short_ticks`].
const SHORT_PAUSE: u32 = ATO_MIN / 2 * 1000 / 1024;

/// [`Instant::short_ticks`] in microseconds.
fn micros(ticks: u32) -> u64 {
    u64::from(ticks) * 1024 / 1000
}

/// What decides on a delay (Linux's `icsk_ack`).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct DelayedAck {
    /// When data arrived last: [`Instant::short_ticks`], so that a pause of more than an hour may count as a shorter one.
    last: u32,
    /// The estimated time between two segments, in microseconds; 0 before the first one.
    ato: u32,
    /// ACKs that are still sent at once.
    quick: u8,
    /// Segments since the last ACK that were not full: the peer has no more for now. It counts to 2.
    pushed: u8,
    /// The application answers what it reads, so that ACKs wait for its answers.
    pingpong: bool,
}

impl DelayedAck {
    /// Linux's `tcp_incr_quickack`: as many as the window has pairs of segments, so that a sender in slow start gets going.
    fn quicken(&mut self, wnd: u32, mss: u16, most: u32) {
        let pairs = (wnd / (2 * u32::from(mss).max(1))).max(2);
        self.quick = self.quick.max(pairs.min(most) as u8); // at most 16
    }

    /// Linux's `tcp_event_data_recv`; `rto` in nanoseconds.
    #[inline(always)]
    fn data_arrived(&mut self, now: Instant, rto: impl FnOnce() -> u64, wnd: impl FnOnce() -> u32, mss: u16) {
        let pause = now.short_ticks().wrapping_sub(self.last);
        self.last = now.short_ticks();
        if self.ato != 0 && pause <= SHORT_PAUSE {
            self.ato = self.ato / 2 + ATO_MIN / 2;
        } else {
            cold_path();
            self.data_after_pause(micros(pause), rto(), wnd(), mss);
        }
    }

    /// After a pause, or for the first time.
    #[inline(never)]
    fn data_after_pause(&mut self, pause: u64, rto: u64, wnd: u32, mss: u16) {
        if self.ato == 0 {
            self.quicken(wnd, mss, MAX_QUICK_ACKS);
            self.ato = ATO_MIN;
        } else if pause < u64::from(self.ato) {
            let ato = u64::from(self.ato / 2) + pause;
            self.ato = ato.min(rto / 1000) as u32; // below twice ato
        } else if pause > rto / 1000 {
            self.quicken(wnd, mss, MAX_QUICK_ACKS); // the sender begins anew with a small window
        }
    }

    /// The estimated time between two of the peer's segments, by which the delay goes.
    pub(crate) fn ato(&self) -> Duration {
        Duration::from_micros(self.ato.into())
    }

    fn is_quick(&self) -> bool {
        self.quick > 0 && !self.pingpong
    }

    /// How long an ACK may wait, in microseconds (Linux's `tcp_send_delayed_ack`).
    #[inline(always)]
    fn delay(&self, srtt: Option<u64>, config: &TcpConfig) -> u64 {
        if self.ato <= ATO_MIN && config.tcp_delack_max >= Duration::from_micros(ATO_MIN.into()) {
            return self.ato.into(); // the peer is quick, as most are
        }
        self.long_delay(srtt, config)
    }

    #[cold]
    fn long_delay(&self, srtt: Option<u64>, config: &TcpConfig) -> u64 {
        let limit =
            config.tcp_delack_max.as_secs() * 1_000_000 + u64::from(config.tcp_delack_max.subsec_micros());
        if self.ato <= ATO_MIN {
            return u64::from(self.ato).min(limit);
        }
        let mut most = if self.pingpong || self.pushed > 0 { DELACK_MAX } else { ATO_MAX };
        if let Some(srtt) = srtt {
            most = most.min((srtt.min(u64::from(ATO_MAX)) as u32).max(ATO_MIN)); // limited
        }
        u64::from(self.ato.min(most)).min(limit)
    }
}

impl Receiver {
    /// A segment out of order, or one that is not acceptable: RFC 5681 4.2, a duplicate ACK at once, and quick ones after
    /// (Linux's `tcp_enter_quickack_mode`).
    pub(crate) fn owe_duplicate_ack(&mut self) {
        self.ack_now = true;
        self.enter_quick_ack(MAX_QUICK_ACKS);
    }

    /// At most `most` ACKs go at once.
    pub(crate) fn enter_quick_ack(&mut self, most: u32) {
        let wnd = self.wnd();
        self.delayed.quicken(wnd, self.mss, most);
        self.delayed.pingpong = false;
        self.delayed.ato = ATO_MIN;
    }

    /// `len` bytes of data arrived in order: is an ACK owed at once? Otherwise it is delayed.
    #[inline(always)]
    pub(crate) fn owe_ack(&mut self, len: u32, now: Instant, rto: impl FnOnce() -> u64) {
        let (edge, nxt, mss) = (self.edge, self.nxt, self.mss);
        self.delayed.data_arrived(now, rto, || edge.since(nxt), mss);
        if len < u32::from(mss) && self.delayed.pushed < 2 {
            self.delayed.pushed += 1;
        }
        // RFC 5681 4.2: every second full segment, and while there is a hole, at once. (Linux waits with the former until the
        // application has read; here it reads in the same turn.)
        if self.nxt.since(self.acked) > u32::from(mss) || self.assembler.is_some() || self.delayed.is_quick()
        {
            self.ack_now = true;
        }
    }

    /// Whether an ACK follows from the application's reading (Linux's `tcp_cleanup_rbuf`): the peer has no more to say for
    /// now, all was read, and the application is not one that answers.
    pub(crate) fn is_read_out(&self) -> bool {
        let pushed = if self.delayed.pingpong { 2 } else { 1 };
        self.queue.len() == 0 && self.delayed.pushed >= pushed && self.nxt != self.acked
    }
}

impl Connection {
    /// Nothing took the ACK of data along: it may wait for more data, for the application's answer, or for this timer. Set when
    /// the turn ends: most answers are in time for it.
    #[inline(always)]
    pub(crate) fn delay_ack(&mut self, now: Instant, config: &TcpConfig) {
        if self.rcv.acked != self.rcv.nxt && !self.timers.is_set(Timer::DelayedAck) {
            self.timers.set(Timer::DelayedAck, now.plus_nanos(self.ack_delay(config)));
        }
    }

    /// More data have arrived while an ACK waits.
    pub(crate) fn hasten_ack(&mut self, env: &Env<'_>) {
        let delay = self.ack_delay(env.config);
        match self.timers.deadline(Timer::DelayedAck) {
            // One that is about to expire is not waited for.
            Some(at) if at <= env.now.plus_nanos(delay / 4) => self.rcv.ack_now = true,
            Some(at) if at <= env.now.plus_nanos(delay) => {}
            _ => self.timers.set(Timer::DelayedAck, env.now.plus_nanos(delay)),
        }
    }

    /// In nanoseconds.
    fn ack_delay(&self, config: &TcpConfig) -> u64 {
        self.rcv.delayed.delay(self.rtt.srtt_nanos().map(|srtt| srtt / 1000), config) * 1000
    }

    /// The delay is over, and no answer came.
    pub(crate) fn delayed_ack_timeout(&mut self, env: &mut Env<'_>) {
        let rto = self.rto(env.config) / 1000;
        let delayed = &mut self.rcv.delayed;
        delayed.ato = if delayed.pingpong {
            ATO_MIN
        } else {
            u64::from(delayed.ato).saturating_mul(2).min(rto).min(u64::from(u32::MAX)) as u32 // limited
        };
        delayed.pingpong = false;
        env.stats.delayed_acks += 1;
        self.rcv.ack_now = true;
        self.effects.transmit = true;
    }

    /// Notes that a segment with `len` bytes went out: each carries an ACK.
    #[inline(always)]
    pub(crate) fn sent_ack(&mut self, len: usize, now: Instant) {
        let rcv = &mut self.rcv;
        if rcv.delayed.quick > 0 && (rcv.ack_now || rcv.acked != rcv.nxt) {
            rcv.delayed.quick -= 1;
            if rcv.delayed.quick == 0 {
                rcv.delayed.ato = ATO_MIN;
            }
        }
        if len > 0
            && !rcv.delayed.pingpong
            && micros(now.short_ticks().wrapping_sub(rcv.delayed.last)) < rcv.delayed.ato.into()
        {
            rcv.delayed.pingpong = true; // an answer (Linux's `tcp_event_data_sent`)
        }
        rcv.delayed.pushed = 0;
        rcv.acked = rcv.nxt;
        rcv.ack_now = false;
        self.timers.clear(Timer::DelayedAck);
    }

    /// TCP_QUICKACK: off waits for answers, on does not; either lasts until what happens says otherwise.
    pub(crate) fn set_quickack(&mut self, on: bool) {
        self.rcv.delayed.pingpong = !on;
        if on && self.rcv.acked != self.rcv.nxt && self.machine.get().can_receive() {
            self.rcv.ack_now = true;
            self.effects.transmit = true;
        }
    }

    /// Whether ACKs don't wait for answers.
    pub(crate) fn quickack(&self) -> bool {
        !self.rcv.delayed.pingpong
    }
}

#[cfg(test)]
mod tests;
