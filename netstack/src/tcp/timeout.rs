//! A connection's deadline has passed: retransmission, window probes, delayed ACKs, keep-alive, FIN-WAIT-2.

use super::connection::{Connection, Env};
use super::state::State;
use super::timers::Timer;
use crate::error::Error;
use crate::stats::Stats;

impl Connection {
    /// Handles each timer that is due.
    pub(crate) fn expire(&mut self, env: &mut Env<'_>) {
        self.unpredict();
        if self.timers.fired(Timer::DelayedAck, env.now) {
            self.delayed_ack_timeout(env);
        }
        if self.timers.fired(Timer::Pace, env.now) {
            self.effects.transmit = true;
        }
        if self.timers.fired(Timer::Reorder, env.now) {
            self.reordering_timeout(env);
        }
        if self.timers.fired(Timer::TailProbe, env.now) {
            self.tail_probe_timeout(env);
        }
        if self.timers.fired(Timer::Retransmit, env.now) {
            self.retransmission_timeout(env);
        }
        if self.timers.fired(Timer::Keepalive, env.now) {
            self.keepalive_timeout(env);
        }
        if self.timers.fired(Timer::Close, env.now) {
            self.finish();
        }
    }

    /// RFC 6298 5.4 to 5.6; with nothing in flight the persist timer of RFC 9293 3.8.6.1.
    fn retransmission_timeout(&mut self, env: &mut Env<'_>) {
        let probing = self.snd.flight() == 0;
        if probing && !self.snd.has_unsent() {
            return;
        }
        if probing && self.cork_timeout() {
            return;
        }
        if self.is_given_up(env) {
            return self.give_up(env.stats);
        }
        self.snd.retries += 1;
        self.rtt.back_off();
        self.effects.transmit = true;
        if probing && self.snd.syn_acked {
            self.probe_window(env.stats);
            return;
        }
        env.stats.timeouts += 1;
        self.timers.clear(Timer::TailProbe);
        self.timers.clear(Timer::Reorder);
        self.snd.resend_tail = false;
        if !self.snd.syn_acked {
            self.snd.forget_syn_time();
            self.snd.syn_due = true;
            return;
        }
        self.snd.small_end = self.snd.una;
        self.enter_loss(self.snd.retries > 1, env);
        self.detect_black_hole(env);
        self.snd.resend_head = true;
    }

    /// RFC 9293 3.8.6.1: with a window that is open but small, what fits; with one that is shut, a segment
    /// that asks for an ACK (as Linux sends it: nothing new, one below the window).
    fn probe_window(&mut self, stats: &mut Stats) {
        if self.snd.wnd > 0 {
            self.snd.force = true;
        } else {
            stats.win_probe += 1;
            self.snd.probe = true;
        }
    }

    /// Retries ran out.
    pub(crate) fn give_up(&mut self, stats: &mut Stats) {
        stats.abort_on_timeout += 1;
        if let State::SynSent | State::SynReceived = self.machine.get() {
            stats.tcp_attempt_fails += 1;
        }
        let error = self.app.soft_error.take().unwrap_or(Error::TimedOut);
        self.fail(error);
    }
}
