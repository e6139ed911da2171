//! Which segments are believed, in the order of RFC 9293 3.10.7.4 and by RFC 5961, and how often the rest is answered.

use core::mem;

use super::connection::{Connection, Env};
use super::paws::Verdict;
use super::segment::Segment;
use super::state::State;
use crate::config::TcpConfig;
use crate::error::Error;
use crate::rng::Rng;
use crate::stats::Stats;
use crate::time::Instant;
use crate::wire::tcp::Flags;

/// How many challenge ACKs all connections together may send (RFC 5961 7).
///
/// Each second has a number of its own, from half of `tcp_challenge_ack_limit` to one and a half of it: with a fixed one, a
/// stranger counts what his own connection still gets, and so finds out when he has hit another's (CVE-2016-5696).
pub(crate) struct ChallengeLimit {
    rng: Rng,
    second: Option<u32>,
    left: u32,
}

impl ChallengeLimit {
    pub(crate) fn new(secret: &[u8; 32]) -> ChallengeLimit {
        ChallengeLimit { rng: Rng::new(secret, u64::from_le_bytes(*b"RFC 5961")), second: None, left: 0 }
    }

    /// Takes one of this second's, if one is left. The largest number means no limit, as in Linux.
    pub(crate) fn take(&mut self, now: Instant, limit: u32) -> bool {
        if limit == u32::MAX {
            return true;
        }
        if self.second != Some(now.as_secs()) {
            self.second = Some(now.as_secs());
            self.left = limit.div_ceil(2).saturating_add(self.rng.below(limit));
        }
        let may = self.left > 0;
        self.left -= u32::from(may);
        may
    }
}

/// What an ACK would answer that nothing obliges to: its counter tells when it is not sent.
#[derive(Clone, Copy)]
enum Unwanted {
    Paws,
    Sequence,
    Challenge,
}

impl Connection {
    /// First, check the sequence number; PAWS goes before it (RFC 7323 5.3 R1).
    pub(crate) fn check_sequence(&mut self, segment: &Segment, env: &mut Env<'_>) -> bool {
        let (rst, syn) = (segment.has(Flags::RST), segment.has(Flags::SYN));
        // A RST counts even when its timestamp is old (RFC 7323 5.2).
        match self.paws(segment, env) {
            Verdict::Discard | Verdict::OldAck if syn && !rst => self.challenge_syn(env),
            Verdict::OldAck if !rst => env.stats.paws_old_ack += 1,
            Verdict::Discard if !rst => {
                env.stats.paws_estab += 1;
                self.acknowledge_unwanted(segment, Unwanted::Paws, env);
            }
            _ if self.is_acceptable(segment, env) => return true,
            _ if rst => {
                if self.is_reset_after_fin(segment) {
                    self.reset_by_peer(env);
                }
            }
            _ if syn => self.challenge_syn(env),
            _ => self.acknowledge_unwanted(segment, Unwanted::Sequence, env),
        }
        false
    }

    /// RFC 9293 3.10.7.4, table 6, and two more.
    fn is_acceptable(&mut self, segment: &Segment, env: &mut Env<'_>) -> bool {
        let (seq, len) = (segment.seq(), segment.seq_len());
        if self.rcv.acceptable(seq, len) || self.is_crossed_syn(segment) {
            return true;
        }
        // As Linux: at the right edge, too. A peer that has used up its window speaks with this number, and its RST, ACK and
        // window count (MUST-66); the table takes none of them. Its data, such as those of a window probe, don't fit.
        let at_edge = seq == self.rcv.edge;
        if at_edge && len > 0 && !segment.has(Flags::RST) {
            env.stats.zero_window_drop += 1;
            self.rcv.owe_duplicate_ack();
            self.effects.transmit = true;
        }
        at_edge
    }

    /// Second, the RST bit, and fourth, the SYN bit, by RFC 5961 3.2 and 4.2.
    pub(crate) fn check_rst_and_syn(&mut self, segment: &Segment, env: &mut Env<'_>) -> bool {
        if segment.has(Flags::RST) {
            if self.is_reset(segment) {
                self.reset_by_peer(env);
            } else {
                env.stats.rst_ignored += 1;
                self.challenge(env);
            }
            return false;
        }
        if segment.has(Flags::SYN) && !self.is_crossed_syn(segment) {
            self.challenge_syn(env);
            return false;
        }
        true
    }

    /// Whether a RST is the peer's, and not a guess: it has the next number, or, as Linux adds, that behind all that has
    /// arrived out of order (the peer counts on from there).
    fn is_reset(&self, segment: &Segment) -> bool {
        let highest = self.rcv.sack().blocks().iter().map(|(_, end)| *end).reduce(|a, b| a.max(b));
        segment.seq() == self.rcv.nxt
            || self.is_reset_after_fin(segment)
            || (self.rcv.sack_permitted && highest == Some(segment.seq()))
    }

    /// As Linux: macOS repeats the number of its FIN in the RST that follows it.
    fn is_reset_after_fin(&self, segment: &Segment) -> bool {
        segment.seq() + 1 == self.rcv.nxt
            && matches!(self.machine.get(), State::CloseWait | State::LastAck | State::Closing)
    }

    /// RFC 9293 3.5: the peer's SYN-ACK completes a simultaneous opening. Its SYN was received before, so by the table
    /// it lies in front of the window.
    fn is_crossed_syn(&self, segment: &Segment) -> bool {
        self.machine.get() == State::SynReceived
            && segment.has(Flags::SYN)
            && segment.has(Flags::ACK)
            && segment.seq() + 1 == self.rcv.nxt
    }

    fn reset_by_peer(&mut self, env: &mut Env<'_>) {
        let error = match self.machine.get() {
            State::SynReceived if self.fast_open.is_none() => Error::ConnectionRefused,
            State::CloseWait => Error::BrokenPipe,
            _ => Error::ConnectionReset,
        };
        if let State::Established | State::CloseWait = self.machine.get() {
            env.stats.tcp_estab_resets += 1;
        }
        if let State::Closing | State::LastAck | State::TimeWait = self.machine.get() {
            self.finish();
        } else {
            self.fail(error);
        }
    }

    /// Fifth, check the ACK field once the connection is open: what it may acknowledge (RFC 5961 5.2).
    pub(crate) fn check_ack_range(&mut self, segment: &Segment, env: &mut Env<'_>) -> bool {
        let ack = segment.header.ack;
        if ack.after(self.snd.nxt) {
            env.stats.ack_unsent_data += 1;
            // The RFC answers with an ACK. Linux does not while the connection is open: two ends that believe each other
            // wrong would answer for ever.
            if self.machine.get() != State::Established {
                self.challenge(env);
            }
            return false;
        }
        // As Linux: no more below SND.UNA than was ever acknowledged.
        let oldest = u64::from(self.snd.max_wnd).min(self.snd.bytes_acked) as u32; // at most a u32
        if ack.before(self.snd.una - oldest) {
            env.stats.too_old_ack += 1;
            self.challenge(env);
            return false;
        }
        true
    }

    fn challenge_syn(&mut self, env: &mut Env<'_>) {
        env.stats.syn_challenge += 1;
        self.challenge(env);
    }

    /// A challenge ACK, as far as this connection's limit goes; [`Connection::send_challenge`] asks that of the host.
    fn challenge(&mut self, env: &mut Env<'_>) {
        self.effects.challenge |= self.may_acknowledge(Unwanted::Challenge, env.now, env.config, env.stats);
    }

    /// Sends the challenge ACK that a segment has called for, if all connections together have not sent too many.
    pub(crate) fn send_challenge(
        &mut self,
        limit: &mut ChallengeLimit,
        now: Instant,
        config: &TcpConfig,
        stats: &mut Stats,
    ) {
        if mem::take(&mut self.effects.challenge) && limit.take(now, config.tcp_challenge_ack_limit) {
            stats.challenge_ack += 1;
            self.rcv.ack_now = true;
            self.effects.transmit = true;
        }
    }

    /// An ACK for a segment that is not taken.
    fn acknowledge_unwanted(&mut self, segment: &Segment, why: Unwanted, env: &mut Env<'_>) {
        self.note_old(segment, env);
        // Data without a SYN can't be part of a loop of ACKs, so they are always answered (as Linux does).
        let data = segment.seq_len() > 0 && !segment.has(Flags::SYN);
        if data || self.may_acknowledge(why, env.now, env.config, env.stats) {
            self.rcv.owe_duplicate_ack();
            self.effects.transmit = true;
        }
    }

    /// Whether an ACK may go out that could be part of a loop (`tcp_invalid_ratelimit`).
    fn may_acknowledge(
        &mut self,
        why: Unwanted,
        now: Instant,
        config: &TcpConfig,
        stats: &mut Stats,
    ) -> bool {
        let may = self.rcv.may_ack_invalid(now, config);
        if !may {
            let waiting = self.machine.get() == State::FinWait2 && self.app.orphan;
            *match why {
                Unwanted::Challenge => &mut stats.ack_skipped_challenge,
                _ if waiting => &mut stats.ack_skipped_fin_wait2,
                Unwanted::Paws => &mut stats.ack_skipped_paws,
                Unwanted::Sequence => &mut stats.ack_skipped_seq,
            } += 1;
        }
        may
    }
}

#[cfg(test)]
mod tests;
