//! The retransmission time-out (RFC 6298).

use core::time::Duration;

use crate::config::TcpConfig;

/// Clock granularity G: the timer wheel's tick, rounded up.
const GRANULARITY: Duration = Duration::from_millis(1);
/// RFC 6298 2.1: the RTO before the first measurement.
const INITIAL_RTO: Duration = Duration::from_secs(1);

/// Round-trip time and what follows from it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rtt {
    /// SRTT and RTTVAR, once measured.
    estimate: Option<(Duration, Duration)>,
    rto: Duration,
    backoff: u8,
}

impl Rtt {
    pub(crate) const fn new() -> Rtt {
        Rtt { estimate: None, rto: INITIAL_RTO, backoff: 0 }
    }

    /// RFC 6298 2.2, 2.3: a measurement of a segment that was sent once (or by timestamps).
    pub(crate) fn measured(&mut self, r: Duration, config: &TcpConfig) {
        let (srtt, rttvar) = match self.estimate {
            None => (r, r / 2),
            Some((srtt, rttvar)) => (srtt * 7 / 8 + r / 8, rttvar * 3 / 4 + srtt.abs_diff(r) / 4),
        };
        self.estimate = Some((srtt, rttvar));
        let variance = (rttvar * 4).max(GRANULARITY);
        self.rto = (srtt + variance).clamp(config.tcp_rto_min, config.tcp_rto_max);
        self.backoff = 0;
    }

    /// The time-out, with its back-off.
    pub(crate) fn rto(&self, config: &TcpConfig) -> Duration {
        self.rto.saturating_mul(1 << self.backoff.min(16)).min(config.tcp_rto_max)
    }

    /// RFC 6298 5.5: the timer fired.
    pub(crate) fn back_off(&mut self) {
        self.backoff = self.backoff.saturating_add(1);
    }

    /// New data were acknowledged: the path works again.
    pub(crate) fn restart(&mut self) {
        self.backoff = 0;
    }

    /// RFC 6298 5.7: the SYN was lost, so the first RTO of the data is 3 s.
    pub(crate) fn syn_was_lost(&mut self) {
        if self.estimate.is_none() {
            self.rto = Duration::from_secs(3);
        }
    }

    pub(crate) fn srtt(&self) -> Option<Duration> {
        self.estimate.map(|(srtt, _)| srtt)
    }

    pub(crate) fn rttvar(&self) -> Option<Duration> {
        self.estimate.map(|(_, rttvar)| rttvar)
    }
}

#[cfg(test)]
mod tests;
