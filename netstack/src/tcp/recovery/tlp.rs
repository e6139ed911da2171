//! Tail loss probe (RFC 8985 7): when the ACK of the last segments does not come, one segment asks for it long before
//! the retransmission timer would.

use super::TIMEOUT_MIN;
use crate::config::TcpConfig;
use crate::tcp::ack::Outcome;
use crate::tcp::congestion::Phase;
use crate::tcp::connection::{Connection, Env};
use crate::tcp::seq::SeqNumber;
use crate::tcp::timers::Timer;
use crate::time::{Instant, nanos};

/// Before the first measurement, as the RTO (RFC 6298 2.1): nanoseconds.
const INITIAL: u64 = 1_000_000_000;

/// A probe that is out: TLP.end_seq, and TLP.is_retrans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TailProbe {
    end: SeqNumber,
    is_retransmission: bool,
}

impl TailProbe {
    pub(crate) fn end(&self) -> SeqNumber {
        self.end
    }
}

impl Connection {
    /// RFC 8985 7.2: schedules the probe, while nothing is being repaired.
    #[inline(always)]
    pub(crate) fn set_tail_probe(&mut self, now: Instant, config: &TcpConfig) {
        let is_open = matches!(self.recovery.phase, Phase::Open | Phase::Cwr)
            && !self.flight.is_empty()
            && self.recovery.tail_probe.is_none(); // one at a time; while it is out the time-out watches
        if !is_open || !self.may_probe(config) {
            return self.timers.clear(Timer::TailProbe);
        }
        let mut at = now.plus_nanos(self.probe_timeout(config));
        if let Some(rto) = self.timers.deadline(Timer::Retransmit) {
            at = at.min(rto);
        }
        self.timers.set(Timer::TailProbe, at);
    }

    /// As `set_retransmit` and `set_tail_probe`, when new data have gone out on a connection that is calm.
    #[inline(always)]
    pub(crate) fn set_timers_of_new(&mut self, now: Instant, config: &TcpConfig) {
        debug_assert!(self.recovery.is_calm() && self.snd.retries == 0 && !self.flight.is_empty());
        let rto = match self.timers.deadline(Timer::Retransmit) {
            Some(at) => at,
            None => now.plus_nanos(self.rto(config)),
        };
        if self.may_probe(config) {
            let at = now.plus_nanos(self.probe_timeout(config)).min(rto);
            self.timers.set_two((Timer::TailProbe, at), (Timer::Retransmit, rto));
        } else {
            self.timers.clear(Timer::TailProbe);
            self.timers.set(Timer::Retransmit, rto);
        }
    }

    #[inline(always)]
    fn may_probe(&self, config: &TcpConfig) -> bool {
        self.snd.sack && config.tcp_early_retrans && !self.timers.is_set(Timer::Reorder)
    }

    /// PTO, in nanoseconds.
    #[inline(always)]
    fn probe_timeout(&self, config: &TcpConfig) -> u64 {
        match self.rtt.srtt_nanos() {
            // With one segment out the peer may delay its ACK.
            Some(srtt) if self.flight.len() == 1 => 2 * srtt + nanos(config.tcp_rto_min),
            Some(srtt) => 2 * srtt + nanos(TIMEOUT_MIN),
            None => INITIAL,
        }
    }

    /// RFC 8985 7.3: new data if there are any that the peer takes, else the last segment once more.
    pub(crate) fn tail_probe_timeout(&mut self, env: &mut Env<'_>) {
        if self.flight.is_empty() {
            return;
        }
        let new =
            self.snd.nxt.before(self.snd.data_end()) && (self.snd.una + self.snd.wnd).after(self.snd.nxt);
        if new {
            self.snd.force = true;
        } else {
            self.snd.resend_tail = true;
        }
        let end = self.snd.nxt; // new data move it: `tail_probe_sent`
        self.recovery.tail_probe = Some(TailProbe { end, is_retransmission: !new });
        env.stats.loss_probes += 1;
        self.effects.transmit = true;
        // RFC 8985 7.3: the retransmission timer starts anew.
        self.timers.set(Timer::Retransmit, env.now.plus_nanos(self.rto(env.config)));
    }

    /// The probe has gone out: SND.NXT tells when it is acknowledged.
    pub(crate) fn tail_probe_sent(&mut self) {
        if let Some(probe) = &mut self.recovery.tail_probe {
            probe.end = self.snd.nxt;
        }
    }

    /// RFC 8985 7.4: an ACK while a probe is out. Unless both copies have arrived, the probe has repaired a loss, and the
    /// congestion control must know.
    pub(crate) fn tail_probe_acked(&mut self, ack: SeqNumber, outcome: &Outcome, env: &mut Env<'_>) {
        let Some(probe) = self.recovery.tail_probe else { return };
        if ack.before(probe.end) {
            return;
        }
        if !probe.is_retransmission || outcome.dsack_of_probe {
            self.recovery.tail_probe = None;
        } else if ack.after(probe.end) {
            self.probe_repaired(env);
        } else if outcome.is_duplicate() && !outcome.sacked {
            self.recovery.tail_probe = None; // both copies have arrived
        }
    }

    fn probe_repaired(&mut self, env: &mut Env<'_>) {
        self.begin_reduction(false, env);
        self.recovery.phase = Phase::Cwr;
        self.end_reduction();
        self.keep_open();
        env.stats.loss_probe_recovery += 1;
    }
}
