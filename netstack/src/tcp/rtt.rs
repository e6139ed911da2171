//! The retransmission time-out (RFC 6298).

use core::num::NonZeroU64;
use core::time::Duration;

use crate::config::TcpConfig;

/// Clock granularity G, in nanoseconds: how late a worker is that sleeps, rounded up.
const GRANULARITY: u64 = 1_000_000;
/// RFC 6298 2.1: the RTO before the first measurement.
const INITIAL_RTO: u64 = 1_000_000_000;
/// RFC 6298 5.7: the RTO after a lost SYN.
const LOST_SYN_RTO: u64 = 3_000_000_000;

/// In nanoseconds; longer than 73 years is as good as that.
fn nanos(time: Duration) -> u64 {
    let nanos = time.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(time.subsec_nanos()));
    nanos.min(u64::MAX / 8)
}

/// Round-trip time and what follows from it, in nanoseconds: each ACK computes with them, and a `Duration` divides by
/// a billion at every step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rtt {
    /// SRTT, once measured.
    srtt: Option<NonZeroU64>,
    rttvar: u64,
    rto: u64,
    backoff: u8,
}

impl Rtt {
    pub(crate) const fn new() -> Rtt {
        Rtt { srtt: None, rttvar: 0, rto: INITIAL_RTO, backoff: 0 }
    }

    /// RFC 6298 2.2, 2.3: a measurement of `r` nanoseconds, of a segment that was sent once (or by timestamps).
    #[inline]
    pub(crate) fn measured(&mut self, r: u64, config: &TcpConfig) {
        let r = r.min(u64::MAX / 8);
        let (srtt, rttvar) = match self.srtt.map(NonZeroU64::get) {
            None => (r, r / 2),
            Some(srtt) => (srtt - srtt / 8 + r / 8, self.rttvar - self.rttvar / 4 + srtt.abs_diff(r) / 4),
        };
        self.srtt = Some(NonZeroU64::new(srtt).unwrap_or(NonZeroU64::MIN));
        self.rttvar = rttvar;
        // Each is at most an eighth of what 64 bits hold.
        let rto = srtt + (rttvar * 4).max(GRANULARITY);
        let floor = nanos(config.tcp_rto_min);
        // Nearly always the floor: what both bounds hold is not looked at then.
        self.rto = if rto <= floor { floor } else { rto.min(nanos(config.tcp_rto_max)) };
        self.backoff = 0;
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
            self.backoff = 0;
        }
    }

    pub(crate) fn srtt(&self) -> Option<Duration> {
        self.srtt.map(|srtt| Duration::from_nanos(srtt.get()))
    }

    pub(crate) fn rttvar(&self) -> Option<Duration> {
        self.srtt.map(|_| Duration::from_nanos(self.rttvar))
    }
}

#[cfg(test)]
mod tests;
