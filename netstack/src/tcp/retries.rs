//! When a connection whose peer does not answer is given up: `tcp_retries2`, `tcp_orphan_retries`, TCP_USER_TIMEOUT,
//! TCP_SYNCNT. As Linux's tcp_write_timeout and tcp_probe_timer decide it.

use core::time::Duration;

use super::connection::{Connection, Env};
use super::socket_options::OwnOptions;
use super::state::State;
use crate::time::Instant;

/// Linux's TCP_RTO_MIN: what `tcp_retries1` and `tcp_retries2` are reckoned from, whatever `tcp_rto_min` and the path are.
const RTO_BASE: Duration = Duration::from_millis(200);
/// Linux's TCP_TIMEOUT_INIT.
const SYN_TIMEOUT: Duration = Duration::from_secs(1);
/// Retries of an orphan where `tcp_orphan_retries` is 0: more than 100 s.
const ORPHAN_RETRIES: u8 = 8;

/// The time that `retries` retransmissions would take, each after twice the time of the one before, from 200 ms to `rto_max`:
/// 924.6 s for 15 (Linux's tcp_model_timeout). RFC 1122 4.2.3.5 says R1 and R2 in time or in retransmissions; Linux turns
/// the number into a time, so that a path with a short RTO is not given up early.
fn model_timeout(retries: u8, rto_max: Duration) -> Duration {
    let doublings = (rto_max.as_nanos() / RTO_BASE.as_nanos()).checked_ilog2().unwrap_or(0).min(24);
    let exponential = |n: u32| RTO_BASE.saturating_mul((2 << n) - 1); // n is at most 24
    match u32::from(retries).checked_sub(doublings) {
        Some(linear) if linear > 0 => exponential(doublings) + rto_max.saturating_mul(linear),
        _ => exponential(u32::from(retries)),
    }
}

impl Connection {
    /// The retransmission timer fired: whether that was the last time.
    pub(crate) fn is_given_up(&mut self, env: &Env<'_>) -> bool {
        if self.snd.retries == 0 {
            self.silent_since = env.now; // the first retransmission, or probe, goes out in this turn
        }
        match self.machine.get() {
            State::SynSent => {
                let syncnt = self.own_options().and_then(|options| options.syncnt);
                self.snd.retries >= syncnt.unwrap_or(env.config.tcp_syn_retries)
                    || self.has_waited(None, env.now)
            }
            State::SynReceived => {
                self.snd.retries >= env.config.tcp_synack_retries || self.has_waited(None, env.now)
            }
            _ if self.snd.flight() == 0 => self.probes_ran_out(env),
            _ => self.retries_ran_out(env),
        }
    }

    /// Since when the user timeout counts: as in Linux from the first SYN, or from the first retransmission of data.
    fn waiting_since(&self) -> Instant {
        match self.machine.get() {
            // That was a time-out before the first retry.
            State::SynSent | State::SynReceived => {
                let first = self.silent_since - Instant::ZERO;
                Instant::ZERO + first.saturating_sub(SYN_TIMEOUT)
            }
            _ => self.silent_since,
        }
    }

    /// Whether the peer was silent for as long as the user timeout allows, or else for `limit`.
    fn has_waited(&self, limit: Option<Duration>, now: Instant) -> bool {
        let limit = self.user_timeout().or(limit);
        self.snd.retries > 0 && limit.is_some_and(|limit| now - self.waiting_since() >= limit)
    }

    fn retries_ran_out(&self, env: &Env<'_>) -> bool {
        let rto_max = env.config.tcp_rto_max;
        let retries = if self.app.orphan { self.orphan_retries(env) } else { env.config.tcp_retries2 };
        self.has_waited(Some(model_timeout(retries, rto_max)), env.now)
    }

    /// RFC 9293 3.8.6.1: a shut window is probed for as long as the peer answers (each answer takes the retries back to 0). An
    /// orphan gets no more than its retries, and the user timeout counts from the first probe, answers or not.
    fn probes_ran_out(&mut self, env: &Env<'_>) -> bool {
        let una = self.snd.una;
        if let Some(own) = &mut self.options
            && let Some(limit) = own.set.user_timeout
        {
            let since = match own.probing {
                Some((at, since)) if at == una => since,
                _ => env.now,
            };
            own.probing = Some((una, since));
            if env.now - since >= limit {
                return true;
            }
        }
        if !self.app.orphan {
            return self.snd.retries >= env.config.tcp_retries2;
        }
        let retries = self.orphan_retries(env);
        // A peer that answers and never opens its window would keep an orphan for ever.
        let exhausted = !self.is_alive(env) && self.rtt.backoff() >= retries;
        exhausted || self.snd.retries >= retries
    }

    /// Whether the time-out has not grown to its ceiling yet.
    fn is_alive(&self, env: &Env<'_>) -> bool {
        u128::from(self.rto(env.config)) < env.config.tcp_rto_max.as_nanos()
    }

    fn orphan_retries(&self, env: &Env<'_>) -> u8 {
        match (env.config.tcp_orphan_retries, self.is_alive(env)) {
            (_, false) if self.app.soft_error.is_some() => 0, // ICMP says that something is wrong
            (0, true) => ORPHAN_RETRIES,
            (retries, _) => retries,
        }
    }

    /// The next time-out in nanoseconds: not beyond the end of the user timeout.
    #[inline]
    pub(crate) fn within_user_timeout(&self, rto: u64, now: Instant) -> u64 {
        // Mostly so: then the options, which lie elsewhere, aren't looked at.
        if self.snd.flight() > 0 && self.snd.retries == 0 {
            return rto;
        }
        match &self.options {
            None => rto,
            Some(own) => self.limit_rto(own, rto, now),
        }
    }

    #[inline(never)]
    fn limit_rto(&self, own: &OwnOptions, rto: u64, now: Instant) -> u64 {
        let Some(limit) = own.set.user_timeout else { return rto };
        let since = match own.probing {
            _ if self.snd.flight() > 0 => self.waiting_since(),
            Some((at, since)) if at == self.snd.una => since,
            _ => return rto,
        };
        let left = (since + limit).nanos_since(now);
        rto.min(left.max(1_000_000)) // it is over: as soon as the wheel can
    }
}

#[cfg(test)]
mod tests;
