//! Keep-alive (RFC 9293 3.8.4, RFC 1122 4.2.3.6).

use core::time::Duration;

use super::connection::{Connection, Env};
use super::timers::Timer;
use crate::config::TcpConfig;
use crate::error::Error;
use crate::time::Instant;

/// Linux's MAX_TCP_KEEPIDLE and MAX_TCP_KEEPINTVL.
const MAX_TIME: Duration = Duration::from_secs(32_767);
/// Linux's MAX_TCP_KEEPCNT.
const MAX_PROBES: u8 = 127;

/// Keep-alive settings of one connection (SO_KEEPALIVE with TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT).
///
/// After `time` without a word from the peer it gets a probe, and another each `interval`, until it answers (then `time`
/// starts anew) or `probes` of them were in vain: then it gets a RST, and reading and writing fail with `TimedOut`. A peer
/// that has forgotten the connection answers with a RST: `ConnectionReset`.
///
/// Nothing is probed while data are in flight: their retransmission tells whether the peer is there, and takes a quarter of an
/// hour by default. Who wants to know sooner sets the user timeout as well, mostly to [`Keepalive::gives_up_after`]; it then
/// also ends probing in the place of `probes` (as in Linux).
///
/// The constants are ready-made settings. Shorter times find dead peers sooner and cost more: a probe and its answer are
/// two packets of some 60 bytes, on a connection that says nothing else.
///
/// | for | first probe | then each | probes | given up after |
/// |---|---|---|---|---|
/// | [`LINUX`](Keepalive::LINUX) | 7200 s | 75 s | 9 | 2 h 11 min 15 s |
/// | [`MACOS`](Keepalive::MACOS) | 7200 s | 75 s | 8 | 2 h 10 min |
/// | [`WINDOWS`](Keepalive::WINDOWS) | 7200 s | 1 s | 10 | 2 h 10 s |
/// | [`WEB`](Keepalive::WEB) | 60 s | 10 s | 6 | 2 min |
/// | [`DATABASE_POOL`](Keepalive::DATABASE_POOL) | 30 s | 10 s | 3 | 1 min |
/// | [`FINANCE`](Keepalive::FINANCE) | 10 s | 2 s | 3 | 16 s |
/// | [`REAL_TIME`](Keepalive::REAL_TIME) | 2 s | 1 s | 3 | 5 s |
/// | [`NAT`](Keepalive::NAT) | 120 s | 20 s | 5 | 3 min 40 s |
/// | [`IOT`](Keepalive::IOT) | 900 s | 60 s | 5 | 20 min |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepalive {
    /// Idle time before the first probe.
    pub time: Duration,
    /// Between two probes.
    pub interval: Duration,
    /// Probes without an answer before the connection is dropped.
    pub probes: u8,
}

impl Keepalive {
    const fn seconds(time: u64, interval: u64, probes: u8) -> Keepalive {
        Keepalive { time: Duration::from_secs(time), interval: Duration::from_secs(interval), probes }
    }

    /// What Linux does by default (`tcp_keepalive_time`, `_intvl`, `_probes`), and the least that RFC 1122 allows as a
    /// default. It frees what hosts that vanished have left, and no more: routers forget a silent connection long before.
    pub const LINUX: Keepalive = Keepalive::seconds(7200, 75, 9);

    /// What macOS does by default (`net.inet.tcp.keepidle`, `keepintvl`, `keepcnt`): 4.4BSD's settings.
    pub const MACOS: Keepalive = Keepalive::seconds(7200, 75, 8);

    /// What Windows does by default (`KeepAliveTime`, `KeepAliveInterval`; ten probes since Vista).
    pub const WINDOWS: Keepalive = Keepalive::seconds(7200, 1, 10);

    /// A server of web clients. Idle connections are closed by HTTP's own timers, mostly after a minute, so this is for
    /// long ones: web sockets, server-sent events, long polls. A minute lies below the idle limits of the usual load balancers
    /// (60 to 350 s), and ten seconds between probes outlast a phone's change of its cell.
    pub const WEB: Keepalive = Keepalive::seconds(60, 10, 6);

    /// A pool of connections to a database, in a data centre. They idle by design; a server that failed over must be out
    /// of the pool within a minute, and firewalls between the two (Azure's drop after 4 minutes, AWS's after 350 s) must not
    /// forget them. Round trips are short, so three probes are enough.
    pub const DATABASE_POOL: Keepalive = Keepalive::seconds(30, 10, 3);

    /// An order or market data session. A dead line must be known before the counterparty acts on it: FIX gives up after one
    /// heartbeat of mostly 30 s and some more, so 16 s leaves time to log on again.
    pub const FINANCE: Keepalive = Keepalive::seconds(10, 2, 3);

    /// Games, voice signalling, live control: what is silent for five seconds is gone, and a new connection is cheaper than
    /// waiting. On paths that lose much, such as mobile ones, it drops connections that would have come back.
    pub const REAL_TIME: Keepalive = Keepalive::seconds(2, 1, 3);

    /// Through a NAT or a firewall whose limits nobody knows. RFC 5382 asks for 2 h 4 min, but home routers and mobile
    /// networks forget after 4 to 5 minutes. Two minutes leave room for a lost probe, and cost half of what one minute does.
    pub const NAT: Keepalive = Keepalive::seconds(120, 20, 5);

    /// A device on a battery: each probe wakes its radio for seconds. A quarter of an hour is what push services have
    /// settled on for mobile networks; a device that sleeps gets five minutes to answer. Behind a NAT that forgets sooner,
    /// use [`Keepalive::NAT`].
    pub const IOT: Keepalive = Keepalive::seconds(900, 60, 5);

    /// The time from the last word of the peer to `TimedOut`.
    pub const fn gives_up_after(&self) -> Duration {
        self.time.saturating_add(self.interval.saturating_mul(self.probes as u32))
    }

    /// From `tcp_keepalive_time`, `tcp_keepalive_intvl` and `tcp_keepalive_probes`: what SO_KEEPALIVE alone means.
    pub(crate) fn configured(config: &TcpConfig) -> Keepalive {
        Keepalive {
            time: config.tcp_keepalive_time,
            interval: config.tcp_keepalive_intvl,
            probes: config.tcp_keepalive_probes,
        }
    }

    /// # Errors
    /// `InvalidInput` for a zero, and beyond Linux's bounds: 32,767 s, 127 probes.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let time = |time: Duration| !time.is_zero() && time <= MAX_TIME;
        let fits = time(self.time) && time(self.interval) && (1..=MAX_PROBES).contains(&self.probes);
        if fits { Ok(()) } else { Err(Error::InvalidInput) }
    }
}

impl Connection {
    fn keepalive(&self) -> Option<Keepalive> {
        self.own_options().and_then(|options| options.keepalive)
    }

    /// The settings have changed; the idle time counts from what was heard last.
    pub(crate) fn restart_keepalive(&mut self) {
        self.timers.clear(Timer::Keepalive);
        self.snd.keepalive_probes = 0;
        self.start_keepalive(self.rcv.heard);
        self.effects.transmit = true;
    }

    /// Starts the timer where the connection is open and wants one.
    pub(crate) fn start_keepalive(&mut self, heard: Instant) {
        if let Some(keepalive) = self.keepalive()
            && self.machine.get().is_synchronized()
        {
            self.timers.set(Timer::Keepalive, heard + keepalive.time);
        }
    }

    /// An accepted connection begins with what its listener has.
    pub(crate) fn start_inherited_keepalive(&mut self, now: Instant) {
        self.start_keepalive(now);
        self.effects.transmit |= self.keepalive().is_some(); // so that the wheel hears of it
    }

    /// The timer fired: it may have been overtaken by what was heard since.
    pub(crate) fn keepalive_timeout(&mut self, env: &mut Env<'_>) {
        let Some(keepalive) = self.keepalive() else { return };
        let idle_until = self.rcv.heard + keepalive.time;
        // Not while data are in flight: their retransmission tells whether the peer is there.
        let busy = self.snd.flight() > 0 || self.snd.has_unsent();
        if busy || (self.snd.keepalive_probes == 0 && env.now < idle_until) {
            self.timers.set(Timer::Keepalive, if busy { env.now + keepalive.time } else { idle_until });
            return;
        }
        if self.keepalive_is_over(&keepalive, env.now) {
            return self.give_up_keepalive(env);
        }
        self.snd.keepalive_probes = self.snd.keepalive_probes.saturating_add(1);
        env.stats.keep_alive += 1;
        self.snd.probe = true;
        self.effects.transmit = true;
        self.timers.set(Timer::Keepalive, env.now + keepalive.interval);
    }

    /// As Linux's tcp_keepalive_timer: TCP_USER_TIMEOUT decides in the place of the count, once a probe was sent.
    fn keepalive_is_over(&self, keepalive: &Keepalive, now: Instant) -> bool {
        match self.user_timeout() {
            Some(limit) => self.snd.keepalive_probes > 0 && now - self.rcv.heard >= limit,
            None => self.snd.keepalive_probes >= keepalive.probes,
        }
    }

    /// The peer is gone: it gets a RST, in case it is not.
    fn give_up_keepalive(&mut self, env: &mut Env<'_>) {
        self.effects.reset = Some(self.snd.nxt);
        self.give_up(env.stats);
    }
}

#[cfg(test)]
mod tests;
