//! Keep-alive (RFC 9293 3.8.4, RFC 1122 4.2.3.6).

use alloc::boxed::Box;

use super::connection::{Connection, Env, Keepalive};
use super::timers::Timer;
use crate::time::Instant;

impl Connection {
    /// Sets or ends keep-alive; the idle time counts from what was heard last.
    pub(crate) fn set_keepalive(&mut self, keepalive: Option<Keepalive>) {
        self.app.keepalive = keepalive.map(Box::new);
        self.timers.clear(Timer::Keepalive);
        self.keepalive_probes = 0;
        self.start_keepalive(self.rcv.heard);
        self.effects.transmit = true;
    }

    /// Starts the timer where the connection is open and wants one.
    pub(crate) fn start_keepalive(&mut self, heard: Instant) {
        if let Some(keepalive) = &self.app.keepalive
            && self.machine.get().is_synchronized()
        {
            self.timers.set(Timer::Keepalive, heard + keepalive.time);
        }
    }

    /// The timer fired: it may have been overtaken by what was heard since.
    pub(crate) fn keepalive_timeout(&mut self, env: &mut Env<'_>) {
        let Some(keepalive) = self.app.keepalive.as_deref().copied() else { return };
        let idle_until = self.rcv.heard + keepalive.time;
        // Not while data are in flight: their retransmission tells whether the peer is there.
        let busy = self.snd.flight() > 0 || self.snd.has_unsent();
        if busy || (self.keepalive_probes == 0 && env.now < idle_until) {
            self.timers.set(Timer::Keepalive, if busy { env.now + keepalive.time } else { idle_until });
            return;
        }
        if self.keepalive_probes >= keepalive.probes {
            return self.give_up_keepalive(env);
        }
        self.keepalive_probes += 1;
        env.stats.keep_alive += 1;
        self.snd.probe = true;
        self.effects.transmit = true;
        self.timers.set(Timer::Keepalive, env.now + keepalive.interval);
    }

    /// The peer is gone: it gets a RST, in case it is not.
    fn give_up_keepalive(&mut self, env: &mut Env<'_>) {
        self.effects.reset = Some(self.snd.nxt);
        self.give_up(env.stats);
    }
}
