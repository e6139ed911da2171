//! A connection past its first SYN: it owns the parts.

use alloc::boxed::Box;

use super::chrono::Chrono;
use super::congestion::{Congestion, CongestionControl, Phase};
use super::ecn::{self, Cut, Ecn};
use super::fast_open::FastOpen;
use super::memory::Memory;
use super::options::{Negotiated, Timestamps};
use super::output::link_mss;
use super::pacing::Pacing;
use super::path_mtu::Path;
use super::prediction::Predicted;
use super::rate::Rate;
use super::receiver::Receiver;
use super::recovery::{Flight, Recovery};
use super::rtt::Rtt;
use super::send_buffer::SendBuffer;
use super::send_flags::SendFlags;
use super::sender::Sender;
use super::seq::SeqNumber;
use super::socket_options::OwnOptions;
use super::state::Machine;
use super::table::FourTuple;
use super::timers::Timers;
use crate::config::{Link, TcpConfig};
use crate::error::Error;
use crate::event::ListenerId;
use crate::stats::Stats;
use crate::time::Instant;

/// What the rest of the stack has to do after a connection was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Effects {
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// Over in both directions.
    pub(crate) closed: bool,
    /// Something is to be sent, or a deadline moved forward.
    pub(crate) transmit: bool,
    /// A RST with this number, and an ACK of what was received.
    pub(crate) reset: Option<SeqNumber>,
    /// That RST answers a segment, whose ACK is its number: it acknowledges nothing (RFC 9293 3.10.7.1; Linux).
    pub(crate) reset_is_answer: bool,
    /// A challenge ACK, unless the host has sent too many.
    pub(crate) challenge: bool,
}

impl Effects {
    /// What few segments bring about.
    #[inline(always)]
    pub(crate) fn is_rare(&self) -> bool {
        self.writable || self.closed || self.reset.is_some()
    }
}

/// What a connection needs from outside while it handles something.
pub(crate) struct Env<'a> {
    pub(crate) now: Instant,
    pub(crate) config: &'a TcpConfig,
    pub(crate) stats: &'a mut Stats,
    pub(crate) memory: &'a Memory,
    pub(crate) link: &'a Link,
}

impl Env<'_> {
    /// Payload that the link has room for, without options.
    pub(crate) fn link_mss(&self) -> u16 {
        link_mss(self.link)
    }
}

/// What the application did to its socket.
#[derive(Default)]
pub(crate) struct App {
    /// The application let go of it.
    pub(crate) orphan: bool,
    /// The listener whose accept queue it is in.
    pub(crate) listener: Option<ListenerId>,
    /// Why it failed, until somebody asked.
    pub(crate) error: Option<Error>,
    /// What ICMP said: the reason, should the retries run out (RFC 5461).
    pub(crate) soft_error: Option<Error>,
    /// A write found no room: tell when there is some.
    pub(crate) want_write: bool,
    pub(crate) read_shut: bool,
    pub(crate) send_flags: SendFlags,
    /// Events that wait to be asked for.
    pub(crate) readable_queued: bool,
    pub(crate) writable_queued: bool,
}

/// One connection. Its verbs are in the files that answer for them: `input`, `output`, `expire`, `keepalive`.
///
/// Many connections don't stay in the caches, so what every segment needs lies together, and what is needed seldom lies
/// between, in cache lines of its own: a segment takes 12 of the 15.
#[repr(C)]
pub(crate) struct Connection {
    /// What is out, segment by segment.
    pub(crate) flight: Flight,
    pub(crate) timers: Timers,
    pub(crate) rtt: Rtt,
    /// While opening actively: what we would use if the peer agrees.
    pub(crate) timestamps: Option<Timestamps>,
    pub(crate) effects: Effects,
    pub(crate) machine: Machine,
    pub(crate) snd: Sender,
    // Seldom, from the end of `snd` to the begin of `rcv`.
    pub(crate) cut_acks: Option<Box<Cut>>,
    /// A path that takes less than link and peer do.
    pub(crate) path: Option<Box<Path>>,
    /// Fast Open, until the handshake is over.
    pub(crate) fast_open: Option<Box<FastOpen>>,
    /// What was set on the socket, where that is not all as configured.
    pub(crate) options: Option<Box<OwnOptions>>,
    /// When the first of the retransmissions, or window probes, without an answer went out.
    pub(crate) silent_since: Instant,
    pub(crate) send_buffer: SendBuffer,
    pub(crate) iss: SeqNumber,
    pub(crate) rcv: Receiver,
    // Each segment.
    pub(crate) rate: Rate,
    pub(crate) chrono: Chrono,
    pub(crate) app: App,
    pub(crate) tuple: FourTuple,
    pub(crate) ecn: Ecn,
    pub(crate) predicted: Predicted,
    /// In the list of those that have something to send.
    pub(crate) on_ready: bool,
    /// In the flow table.
    pub(crate) attached: bool,
    /// Its end, and the begin of `cc`, seldom.
    pub(crate) recovery: Recovery,
    pub(crate) cc: Congestion,
    /// Where the congestion control paces, or a largest rate is set.
    pub(crate) pacing: Option<Box<Pacing>>,
}

fn fresh_congestion(kind: CongestionControl, mss: u16, config: &TcpConfig) -> Congestion {
    let mut cc = Congestion::new(kind, u32::from(mss), config.initial_cwnd);
    cc.set_hystart(config.hystart);
    cc
}

impl Connection {
    /// OPEN, active: in SYN-SENT with its SYN still to be sent.
    pub(crate) fn connect(
        tuple: FourTuple,
        iss: SeqNumber,
        ts_offset: u32,
        config: &TcpConfig,
        link_mss: u16,
    ) -> Connection {
        let scale = if config.tcp_window_scaling { Receiver::scale_for(config.tcp_rmem.max) } else { 0 };
        Connection {
            tuple,
            machine: Machine::active_open(Instant::ZERO),
            iss,
            snd: Sender::new(iss, link_mss),
            rcv: Receiver::new(config.tcp_rmem.default, scale),
            rtt: Rtt::new(),
            cc: fresh_congestion(config.tcp_congestion_control, link_mss, config),
            ecn: Ecn::new(ecn::asks(config)),
            cut_acks: None,
            flight: Flight::new(),
            recovery: Recovery::new(iss),
            pacing: None,
            rate: Rate::default(),
            timestamps: config.tcp_timestamps.then_some(Timestamps {
                offset: ts_offset,
                recent: 0,
                recent_at: 0,
            }),
            path: None,
            fast_open: None,
            timers: Timers::new(),
            chrono: Chrono::default(),
            silent_since: Instant::ZERO,
            app: App::default(),
            options: None,
            send_buffer: SendBuffer::new(config),
            effects: Effects { transmit: true, ..Effects::default() },
            predicted: Predicted::default(),
            on_ready: false,
            attached: true,
        }
    }

    /// Takes what the peer's SYN says.
    pub(crate) fn open(&mut self, irs: SeqNumber, window: u16, negotiated: Negotiated, env: &Env<'_>) {
        self.rcv.open(irs, env.now);
        let offered = u32::from(Receiver::first_window(self.rcv.limit.min(self.rcv.clamp) as usize));
        self.rcv.edge = self.rcv.nxt + offered;
        self.rcv.space.start(offered.min(10 * u32::from(env.link_mss())), self.rcv.nxt, env.now);
        if let Some(scale) = negotiated.scale {
            self.snd.scale = scale;
        } else {
            self.rcv.scale = 0;
        }
        self.timestamps = match (self.timestamps, negotiated.timestamps) {
            (Some(ours), Some(recent)) => Some(Timestamps { recent, recent_at: env.now.as_secs(), ..ours }),
            _ => None,
        };
        self.snd.mss = negotiated.mss;
        self.limit_mss();
        self.rcv.sack_permitted = negotiated.sack;
        self.snd.sack = negotiated.sack;
        self.rcv.mss = 536.min(env.link_mss());
        self.cc = fresh_congestion(self.cc.kind(), self.snd.mss, env.config);
        self.start_pacing();
        self.expand_send_buffer();
        self.snd.open_window(irs, u32::from(window));
        self.open_path(env);
    }

    /// Over, by a RST or because retries ran out.
    pub(crate) fn fail(&mut self, error: Error) {
        self.app.error = Some(error);
        self.finish();
        self.effects.readable = true;
        self.effects.writable = true;
    }

    /// Over: nothing is sent or kept any more but what waits to be read.
    pub(crate) fn finish(&mut self) {
        self.unpredict();
        self.machine.closed();
        self.timers.clear_all();
        self.snd.queue.consume(usize::MAX);
        self.flight.clear();
        self.rcv.assembler = None;
        self.effects.closed = true;
    }

    /// The time-out in nanoseconds, with its back-off.
    #[inline]
    pub(crate) fn rto(&self, config: &TcpConfig) -> u64 {
        self.rtt.rto(config)
    }

    /// Notes how much of cwnd is used, after something was sent or cwnd held it back. A window that the application does not
    /// fill for an RTO is no measure of the path any more (RFC 7661, Linux's `tcp_cwnd_validate`).
    #[inline(always)]
    pub(crate) fn note_usage(&mut self, cwnd_limited: bool, now: Instant, config: &TcpConfig) {
        let snd = &mut self.snd;
        snd.note_usage(cwnd_limited);
        if snd.cwnd_limited || self.cc.in_slow_start() && self.cc.cwnd() < 2 * snd.max_out {
            snd.cwnd_used = 0;
            snd.cwnd_stamp = now;
            return;
        }
        snd.cwnd_used = snd.cwnd_used.max(snd.flight());
        let since = now.nanos_since(snd.cwnd_stamp);
        if since >= self.rtt.rto(config) && config.tcp_slow_start_after_idle {
            if self.recovery.phase == Phase::Open {
                self.cc.on_app_limited(now, snd.cwnd_used);
            }
            snd.cwnd_used = 0;
            snd.cwnd_stamp = now;
        }
    }

    /// What is thought to be in the network, in bytes. Without SACK a duplicate ACK stands for a segment that has left it.
    #[inline(always)]
    pub(crate) fn pipe(&self) -> u32 {
        self.flight.pipe().saturating_sub(self.recovery.dup_acks * u32::from(self.snd.mss))
    }

    /// How much more cwnd lets out, in bytes.
    #[inline(always)]
    pub(crate) fn cwnd_room(&self) -> u32 {
        self.cc.cwnd().saturating_sub(self.pipe())
    }
}
