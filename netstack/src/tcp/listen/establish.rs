//! The third ACK: a half-open connection or a cookie becomes a connection in the accept queue (RFC 9293 3.10.7.4).

use super::cookie::{self, Kept};
use super::half_open::{Answer, HalfOpen};
use crate::arena::Id;
use crate::event::{Event, ListenerId, SocketId};
use crate::stats::Stats;
use crate::tcp::connection::{Connection, Effects, Env};
use crate::tcp::ecn::Ecn;
use crate::tcp::options::Timestamps;
use crate::tcp::output;
use crate::tcp::segment::Segment;
use crate::tcp::state::Machine;
use crate::tcp::table::{FourTuple, Owner};
use crate::tcp::{Net, Tcp};
use crate::wire::tcp::Flags;
use crate::wire::tcp_options::TcpOptions;

impl Tcp {
    /// A segment for a half-open connection.
    pub(crate) fn half_open_input(&mut self, id: Id, segment: &mut Segment, net: &mut Net<'_>) {
        let Some(half) = self.half_open.get(id) else { return };
        let tuple = half.tuple;
        match half.answer(segment, self.syn_ack_window(), net.now) {
            Answer::Drop => {}
            Answer::SynAck => self.answer_syn_again(id, net),
            Answer::Challenge => self.challenge_half_open(id, net),
            Answer::Paws => {
                net.stats.paws_estab += 1;
                self.challenge_half_open(id, net);
            }
            Answer::Remove => {
                net.stats.tcp_attempt_fails += 1;
                net.stats.embryonic_rsts += 1;
                self.remove_half_open(id);
            }
            Answer::Reset(seq) => {
                net.wire(&self.config, &self.link, &mut self.chunks).send_reset(&tuple, seq, None);
            }
            Answer::Open => self.open_half_open(id, segment, net),
        }
    }

    /// RFC 9293 3.10.7.4, first: <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>.
    fn challenge_half_open(&mut self, id: Id, net: &mut Net<'_>) {
        if !self.may_answer(id, net) {
            return;
        }
        let Some(half) = self.half_open.get(id) else { return };
        let (tuple, seq, ack) = (half.tuple, half.iss + 1, half.irs + 1);
        let timestamps =
            half.timestamps(net.now).map(|ts| (Timestamps::value(ts.offset, net.now), ts.recent));
        let options = TcpOptions { timestamps, ..TcpOptions::default() };
        // From here on windows are scaled. RFC 7323 2.4: rounding down would move the edge that the SYN-ACK told to the left.
        let shift = half.negotiated.scale.map_or(0, |_| self.window_shift());
        let window = self.syn_ack_window().div_ceil(1 << shift);
        let mut wire = net.wire(&self.config, &self.link, &mut self.chunks);
        wire.send_bare(&tuple, seq, ack, Flags::ACK, window, options);
    }

    /// The third ACK: the connection goes to the accept queue, if that has room.
    fn open_half_open(&mut self, id: Id, segment: &mut Segment, net: &mut Net<'_>) {
        let Some(half) = self.half_open.get(id) else { return };
        let (tuple, listener) = (half.tuple, half.listener);
        if self.overflows(listener, net.stats) {
            if self.config.tcp_abort_on_overflow {
                self.remove_half_open(id);
                let mut wire = net.wire(&self.config, &self.link, &mut self.chunks);
                wire.send_reset(&tuple, segment.header.ack, None);
            }
            return; // otherwise dropped: the SYN-ACK is sent again, and the peer's ACK with it
        }
        if let Some(half) = self.remove_half_open(id) {
            self.establish(&half, segment, net);
        }
    }

    /// Whether the accept queue is full; counted, since the third ACK that asks is dropped then.
    fn overflows(&mut self, id: ListenerId, stats: &mut Stats) -> bool {
        let full = self.listeners.get(id).is_none_or(|listener| listener.is_full());
        if full {
            stats.listen_overflows += 1;
            self.count_drop(id, stats);
        }
        full
    }

    /// An ACK for a listener: it may bring back a cookie.
    pub(super) fn cookie_input(
        &mut self,
        id: ListenerId,
        tuple: FourTuple,
        segment: &mut Segment,
        net: &mut Net<'_>,
    ) {
        let recent = |at| net.now - at <= cookie::VALID;
        let expected =
            self.listeners.get(id).is_some_and(|listener| listener.cookie_sent.is_some_and(recent));
        if !expected || self.config.tcp_syncookies == 0 || segment.has(Flags::SYN) {
            return self.refuse(&tuple, segment, net);
        }
        let Some(half) = self.half_open_from_cookie(id, tuple, segment, net) else {
            return self.refuse(&tuple, segment, net);
        };
        if self.overflows(id, net.stats) {
            return; // the peer believes it is open and sends what it has again, with the cookie
        }
        if self.connections.len() >= self.config.max_connections {
            return self.count_drop(id, net.stats);
        }
        self.establish(&half, segment, net);
    }

    /// What was half open, from an ACK: the cookie is the number before the one that it acknowledges.
    fn half_open_from_cookie(
        &self,
        id: ListenerId,
        tuple: FourTuple,
        segment: &Segment,
        net: &mut Net<'_>,
    ) -> Option<HalfOpen> {
        let (irs, iss) = (segment.seq() - 1, segment.header.ack - 1);
        let Some(mss) = self.cookies.check(&tuple, irs, iss, net.now) else {
            net.stats.syncookies_failed += 1;
            return None;
        };
        net.stats.syncookies_recv += 1;
        let ts_offset = self.isn.timestamp_offset(&tuple);
        let link_mss = output::link_mss(&self.link);
        let Kept { negotiated, ecn_ok } =
            cookie::recover(mss, &segment.header.options, ts_offset, &self.config, link_mss)?;
        let half = self.half_open_from(id, tuple, segment, iss);
        // The window of the SYN is lost; that of this ACK follows at once.
        Some(HalfOpen { irs, window: 0, negotiated, ecn_ok, by_cookie: true, ..half })
    }

    /// A connection in the accept queue.
    fn establish(&mut self, half: &HalfOpen, segment: &mut Segment, net: &mut Net<'_>) {
        net.stats.tcp_passive_opens += 1;
        let echo = segment.header.options.timestamps.map(|(_, echo)| echo);
        let socket = self.passive_connection(half, echo, net);
        if let Some(listener) = self.listeners.get_mut(half.listener) {
            listener.accept_queue.push_back(SocketId(socket));
            if !listener.acceptable_queued {
                listener.acceptable_queued = true;
                self.lists.events.push(Event::Acceptable(half.listener));
            }
        }
        self.connection_input(socket, segment, net);
    }

    /// `echo`: TSecr of the third ACK.
    fn passive_connection(&mut self, half: &HalfOpen, echo: Option<u32>, net: &mut Net<'_>) -> Id {
        let link_mss = output::link_mss(&self.link);
        let env = Env {
            now: net.now,
            config: &self.config,
            stats: net.stats,
            memory: &self.memory,
            link: &self.link,
        };
        let own = self.inherited(half.listener);
        let id = self.connections.insert_with(|_| {
            let mut connection =
                Connection::connect(half.tuple, half.iss, half.ts_offset, env.config, link_mss);
            connection.set_options(&own, env.config);
            connection.open(half.irs, half.window, half.negotiated, &env);
            connection.machine = Machine::passive_open(env.now);
            connection.ecn = Ecn::new(half.ecn_ok);
            connection.snd.acknowledge(half.iss + 1);
            connection.snd.nxt = half.iss + 1;
            if !half.by_cookie {
                if half.retransmits == 0 {
                    connection.snd.time_syn(half.since); // otherwise it says nothing (Karn)
                }
                connection.snd.retransmits = u64::from(half.retransmits);
                connection.syn_acked(echo, &env);
            }
            connection.app.listener = Some(half.listener);
            connection.effects = Effects::default();
            connection.start_inherited_keepalive(env.now);
            connection
        });
        self.flows.insert(&half.tuple, Owner::Connection(id));
        id
    }
}
