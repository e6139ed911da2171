//! A SYN that has no connection: listeners, SYN queue, accept queue (RFC 9293 3.10.7.2).

mod half_open;
mod isn;
mod listener;

pub(crate) use half_open::{Answer, HalfOpen};
pub(crate) use isn::Isn;
pub(crate) use listener::Listeners;

use super::Net;
use super::Tcp;
use super::connection::{Connection, Env};
use super::options::{self, Negotiated, Timestamps};
use super::segment::Segment;
use super::seq::SeqNumber;
use super::state::Machine;
use super::table::{FourTuple, Owner};
use super::{Timed, output};
use crate::arena::Id;
use crate::event::{Event, ListenerId, SocketId};
use crate::wire::tcp::Flags;

impl Tcp {
    /// A segment for a listener; `least`: the ISN must lie beyond it, since TIME-WAIT is re-used.
    pub(crate) fn listen_input(
        &mut self,
        id: ListenerId,
        tuple: FourTuple,
        segment: &Segment,
        least: Option<SeqNumber>,
        net: &mut Net<'_>,
    ) {
        // First, a RST is ignored; second, an ACK is wrong here; third, a SYN.
        if segment.has(Flags::RST) {
            return;
        }
        if segment.has(Flags::ACK) {
            return self.refuse(&tuple, segment, net);
        }
        if !segment.has(Flags::SYN) || segment.has(Flags::FIN) {
            return;
        }
        let Some(listener) = self.listeners.get_mut(id) else { return };
        if listener.is_full() {
            net.stats.listen_overflows += 1;
            net.stats.listen_drops += 1;
            return;
        }
        let room = self.connections.len() + self.half_open.len() < self.config.max_connections;
        if listener.syn_queue >= self.config.tcp_max_syn_backlog || !room {
            net.stats.req_q_full_drop += 1;
            net.stats.listen_drops += 1;
            return;
        }
        listener.syn_queue += 1;
        let isn = self.isn.sequence(&tuple, net.now);
        let iss = least.map_or(isn, |least| if isn.after(least) { isn } else { least });
        let half = HalfOpen {
            tuple,
            listener: id,
            irs: segment.seq(),
            iss,
            window: segment.header.window,
            negotiated: Negotiated::from(&segment.header.options, &self.config, output::link_mss(&self.link)),
            ts_offset: self.isn.timestamp_offset(&tuple),
            retries: 0,
            timer: None,
        };
        let half_id = self.half_open.insert_with(|_| half);
        self.flows.insert(&tuple, Owner::HalfOpen(half_id));
        self.send_syn_ack(half_id, net);
        self.arm_half_open(half_id, net);
    }

    fn send_syn_ack(&mut self, id: Id, net: &mut Net<'_>) {
        let Some(half) = self.half_open.get(id) else { return };
        let mut wire = net.wire(&self.config, &self.link, &mut self.chunks);
        let mut offer = options::offer(&self.config, wire.link_mss(), Some(&half.negotiated));
        if let (Some(offered), Some(ours)) = (&mut offer.timestamps, half.timestamps(wire.now)) {
            *offered = (Timestamps::value(ours.offset, wire.now), ours.recent);
        }
        let window = self.config.tcp_rmem.min(usize::from(u16::MAX)) as u16; // just limited
        wire.send_bare(&half.tuple, half.iss, half.irs + 1, Flags::SYN.with(Flags::ACK), window, offer);
    }

    fn arm_half_open(&mut self, id: Id, net: &Net<'_>) {
        if let Some(half) = self.half_open.get_mut(id) {
            half.timer = Some(self.wheel.insert(net.now + half.timeout(), Timed::HalfOpen(id)));
        }
    }

    /// The timer of a half-open connection: the SYN-ACK goes out again, or all of it is forgotten.
    pub(crate) fn expire_half_open(&mut self, id: Id, net: &mut Net<'_>) {
        let Some(half) = self.half_open.get_mut(id) else { return };
        half.timer = None;
        if half.retries >= self.config.tcp_synack_retries {
            net.stats.tcp_attempt_fails += 1;
            self.remove_half_open(id);
            return;
        }
        half.retries += 1;
        net.stats.tcp_retrans_segs += 1;
        self.send_syn_ack(id, net);
        self.arm_half_open(id, net);
    }

    pub(crate) fn remove_half_open(&mut self, id: Id) -> Option<HalfOpen> {
        let half = self.half_open.remove(id)?;
        self.flows.remove(&half.tuple, Owner::HalfOpen(id));
        if let Some(timer) = half.timer {
            self.wheel.remove(timer);
        }
        if let Some(listener) = self.listeners.get_mut(half.listener) {
            listener.syn_queue = listener.syn_queue.saturating_sub(1);
        }
        Some(half)
    }

    /// A segment for a half-open connection.
    pub(crate) fn half_open_input(&mut self, id: Id, segment: &mut Segment, net: &mut Net<'_>) {
        let Some(half) = self.half_open.get(id) else { return };
        let tuple = half.tuple;
        match half_open_answer(half, segment, net) {
            Answer::Drop => {}
            Answer::SynAck => self.send_syn_ack(id, net),
            Answer::Remove => {
                net.stats.tcp_attempt_fails += 1;
                self.remove_half_open(id);
            }
            Answer::Reset(seq) => self.lists.resets.push_back((tuple, seq, None)),
            Answer::Open => self.open_half_open(id, segment, net),
        }
    }

    /// The third ACK: the connection goes to the accept queue, if that has room.
    fn open_half_open(&mut self, id: Id, segment: &mut Segment, net: &mut Net<'_>) {
        let Some(listener_id) = self.half_open.get(id).map(|half| half.listener) else { return };
        let Some(listener) = self.listeners.get(listener_id) else { return };
        if listener.is_full() {
            net.stats.listen_overflows += 1;
            net.stats.listen_drops += 1;
            if self.config.tcp_abort_on_overflow
                && let Some(half) = self.remove_half_open(id)
            {
                self.lists.resets.push_back((half.tuple, segment.header.ack, None));
            }
            return; // otherwise dropped: the SYN-ACK is sent again, and the peer's ACK with it
        }
        let Some(half) = self.remove_half_open(id) else { return };
        net.stats.tcp_passive_opens += 1;
        let socket = self.passive_connection(&half, listener_id, net);
        if let Some(listener) = self.listeners.get_mut(listener_id) {
            listener.accept_queue.push_back(SocketId(socket));
            if !listener.acceptable_queued {
                listener.acceptable_queued = true;
                self.lists.events.push(Event::Acceptable(listener_id));
            }
        }
        self.connection_input(socket, segment, net);
    }

    fn passive_connection(&mut self, half: &HalfOpen, listener: ListenerId, net: &mut Net<'_>) -> Id {
        let link_mss = output::link_mss(&self.link);
        let env =
            Env { now: net.now, config: &self.config, stats: net.stats, memory: &self.memory, link_mss };
        let id = self.connections.insert_with(|_| {
            let mut connection =
                Connection::connect(half.tuple, half.iss, half.ts_offset, env.config, link_mss);
            connection.open(half.irs, half.window, half.negotiated, &env);
            connection.machine = Machine::passive_open();
            connection.snd.acknowledge(half.iss + 1);
            connection.snd.nxt = half.iss + 1;
            connection.app.listener = Some(listener);
            connection.effects = super::connection::Effects::default();
            connection
        });
        self.flows.insert(&half.tuple, Owner::Connection(id));
        id
    }
}

/// RFC 9293 3.10.7.4 in SYN-RECEIVED.
fn half_open_answer(half: &HalfOpen, segment: &Segment, net: &Net<'_>) -> Answer {
    let next = half.irs + 1;
    // The window that the SYN-ACK offered; data may come with the third ACK.
    let inside = segment.seq().at_or_after(next) && segment.seq().before(next + u32::from(u16::MAX));
    if segment.has(Flags::RST) {
        return if segment.seq() == next { Answer::Remove } else { Answer::Drop };
    }
    if segment.has(Flags::SYN) {
        return if segment.seq() == half.irs && !segment.has(Flags::ACK) {
            Answer::SynAck
        } else {
            Answer::Drop
        };
    }
    if !segment.has(Flags::ACK) {
        return Answer::Drop;
    }
    if segment.header.ack != half.iss + 1 {
        return Answer::Reset(segment.header.ack);
    }
    let old = match (half.timestamps(net.now), segment.header.options.timestamps) {
        (Some(ours), Some((value, _))) => ours.is_old(value, net.now),
        _ => false,
    };
    if inside && !old { Answer::Open } else { Answer::Drop }
}
