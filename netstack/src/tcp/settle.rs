//! After a connection was looked at: events, lists and tables follow its effects.

use core::mem;
use core::time::Duration;

use super::connection::{Connection, Env};
use super::lookup::AHEAD;
use super::resets::{Reset, Resets};
use super::sizes::USUAL_LINES;
use super::state::State;
use super::table::Owner;
use super::time_wait::TimeWait;
use super::timers::{Timer, Timers};
use super::{Net, Tcp, Timed};
use crate::arena::Id;
use crate::event::{Event, SocketId};
use crate::fifo::Fifo;
use crate::time::Instant;
use crate::wheel::Wheel;

/// Puts the earliest deadline into the wheel, unless an earlier entry is there already.
#[inline(always)]
fn arm(timers: &mut Timers, wheel: &mut Wheel<Timed>, id: Id) {
    if timers.may_be_earlier() {
        rearm(timers, wheel, id);
    }
}

#[inline(never)]
fn rearm(timers: &mut Timers, wheel: &mut Wheel<Timed>, id: Id) {
    let Some(next) = timers.next() else { return };
    if let Some((timer, at)) = timers.armed() {
        if at <= next {
            return timers.set_armed(timer, at); // the deadline that was earlier has moved on
        }
        wheel.remove(timer);
    }
    timers.set_armed(wheel.insert(next, Timed::Connection(id)), next);
}

/// How long memory is kept that only busy connections need, where no deadline comes before.
const MEMORY_KEPT: Duration = Duration::from_millis(200);

/// The application has read. Where memory is kept for later chunks and no entry of the wheel will come to give it back, one does.
#[inline(always)]
pub(super) fn watch_memory(connection: &mut Connection, wheel: &mut Wheel<Timed>, id: Id, now: Instant) {
    if connection.rcv.queue.keeps_memory() && connection.timers.armed().is_none() {
        look_again(connection, wheel, id, now);
    }
}

#[inline(never)]
fn look_again(connection: &mut Connection, wheel: &mut Wheel<Timed>, id: Id, now: Instant) {
    if connection.timers.armed().is_none() {
        let at = now + MEMORY_KEPT;
        connection.timers.set_armed(wheel.insert(at, Timed::Connection(id)), at);
    }
}

/// What connections wait for: to send, to be told about.
pub(crate) struct Lists {
    /// Connections with something to send, or a deadline that moved forward.
    pub(crate) ready: Fifo<Id>,
    pub(crate) events: Fifo<Event>,
    pub(crate) resets: Resets,
}

impl Lists {
    /// For `connections` at most: when all are aborted at once, each has a RST to be sent.
    pub(crate) fn new(connections: usize) -> Lists {
        Lists { ready: Fifo::default(), events: Fifo::default(), resets: Resets::new(connections) }
    }

    /// The connection has something to send.
    #[inline(always)]
    pub(crate) fn want_transmit(&mut self, connection: &mut Connection, id: Id) {
        if !connection.on_ready {
            connection.on_ready = true;
            self.ready.push(id);
        }
    }

    /// As `note`, after a segment that was predicted: it ends no state, and nobody waits for what it brings but readers.
    #[inline(always)]
    pub(crate) fn note_predicted(&mut self, connection: &mut Connection, id: Id) {
        debug_assert!(!connection.effects.is_rare(), "no predicted segment does that");
        self.note_usual(connection, id);
    }

    #[inline(always)]
    fn note_usual(&mut self, connection: &mut Connection, id: Id) {
        // Field by field: a look at all of them at once would wait until the store to each has gone through.
        let effects = &mut connection.effects;
        if effects.transmit {
            effects.transmit = false;
            self.want_transmit(connection, id);
        }
        let effects = &mut connection.effects;
        if effects.readable {
            effects.readable = false;
            let app = &mut connection.app;
            // Nobody knows the id of an orphan, or of a connection that waits to be accepted.
            if !app.readable_queued && !app.orphan && app.listener.is_none() {
                app.readable_queued = true;
                self.events.push(Event::Readable(SocketId(id)));
            }
        }
    }

    /// Enters a connection by its effects. Whether its state may have ended: `Tcp::end_state` sees to that.
    #[inline(always)]
    pub(crate) fn note(&mut self, connection: &mut Connection, id: Id) -> bool {
        self.note_usual(connection, id);
        if connection.effects.is_rare() {
            self.note_rare(connection, id)
        } else {
            connection.machine.get() == State::TimeWait
        }
    }

    /// As `note`, for what few segments bring about.
    #[inline(never)]
    fn note_rare(&mut self, connection: &mut Connection, id: Id) -> bool {
        let effects = mem::take(&mut connection.effects);
        let known = !connection.app.orphan && connection.app.listener.is_none();
        if known && effects.writable && !mem::replace(&mut connection.app.writable_queued, true) {
            self.events.push(Event::Writable(SocketId(id)));
        }
        if let Some(seq) = effects.reset {
            // In SYN-SENT and SYN-RECEIVED the number is the peer's and nothing is acknowledged (RFC 9293 3.10.7).
            let open =
                connection.machine.get().is_synchronized() || connection.machine.get() == State::Closed;
            let open = open && !effects.reset_is_answer;
            let ack = open.then_some(connection.rcv.nxt);
            self.resets.push(Reset { tuple: connection.tuple, seq, ack, timestamps: None });
        }
        connection.effects.closed = effects.closed;
        effects.closed || connection.machine.get() == State::TimeWait
    }
}

impl Tcp {
    /// Carries out what a connection's effects ask for.
    #[inline(never)]
    pub(crate) fn settle(&mut self, id: Id) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        if self.lists.note(connection, id) {
            self.end_state(id);
        }
    }

    /// The connection may be over: into TIME-WAIT, or out of the tables.
    pub(crate) fn end_state(&mut self, id: Id) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        match connection.machine.get() {
            State::TimeWait if connection.attached => self.enter_time_wait(id),
            State::Closed if mem::take(&mut connection.effects.closed) => self.leave(id),
            _ => {}
        }
    }

    /// The connection's record takes its place in the flow table; what the application has not read stays.
    fn enter_time_wait(&mut self, id: Id) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        if connection.on_ready && connection.rcv.ack_now {
            return; // the ACK of the peer's FIN goes out first; `transmit` comes here again
        }
        let room = self.time_wait.len() < self.config.tcp_max_tw_buckets;
        let tuple = connection.tuple;
        let record = TimeWait {
            tuple,
            snd_nxt: connection.snd.nxt,
            rcv_nxt: connection.rcv.nxt,
            window: connection.rcv.advertise(),
            timestamps: connection.timestamps,
            expires: self.now + self.config.tcp_timewait_len,
            acked_at: None,
        };
        connection.attached = false;
        connection.finish();
        self.flows.remove(&tuple, Owner::Connection(id));
        if room {
            let record_id = self.time_wait.insert(record);
            self.flows.insert(&tuple, Owner::TimeWait(record_id));
        } else {
            self.time_wait.overflows += 1;
        }
        self.leave(id);
    }

    /// The connection is over: out of the flow table, and gone unless the application holds it.
    fn leave(&mut self, id: Id) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        connection.effects = Default::default();
        let fast_open = connection.fast_open.take();
        connection.machine.closed_at(self.now);
        if mem::replace(&mut connection.attached, false) {
            self.flows.remove(&connection.tuple, Owner::Connection(id));
        }
        if connection.app.orphan {
            self.remove(id);
        } else if connection.app.listener.is_none() {
            self.lists.events.push(Event::Closed(SocketId(id)));
        }
        self.forget_fast_open(fast_open.as_deref());
    }

    /// Forgets a connection.
    pub(crate) fn remove(&mut self, id: Id) {
        let Some(connection) = self.connections.remove(id) else { return };
        if connection.attached {
            self.flows.remove(&connection.tuple, Owner::Connection(id));
        }
        if let Some((timer, _)) = connection.timers.armed() {
            self.wheel.remove(timer);
        }
        if connection.app.orphan {
            self.orphans -= 1;
        }
        self.forget_fast_open(connection.fast_open.as_deref());
    }

    /// The time of the turn: commands have no clock of their own.
    #[inline(always)]
    pub(crate) fn set_now(&mut self, now: Instant) {
        self.now = now;
    }

    /// Whether `expire` has something to do.
    #[inline(always)]
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.wheel.is_due(now)
            || self.time_wait.next_deadline().is_some_and(|next| next <= now)
            || self.lists.resets.has_dropped()
    }

    /// Timers that are due.
    pub(crate) fn expire(&mut self, net: &mut Net<'_>) {
        while let Some(timed) = self.wheel.expire(net.now) {
            if let Some(Timed::Connection(id)) = self.wheel.coming() {
                self.connections.prefetch_lines(id, USUAL_LINES);
            }
            match timed {
                Timed::HalfOpen(id) => self.expire_half_open(id, net),
                Timed::Connection(id) => self.expire_connection(id, net),
            }
        }
        while let Some((id, record)) = self.time_wait.expire(net.now) {
            self.flows.remove(&record.tuple, Owner::TimeWait(id));
            net.stats.time_wait += 1;
        }
        net.stats.abort_failed += self.lists.resets.take_dropped(); // here: `transmit` rests while the device takes nothing
    }

    fn expire_connection(&mut self, id: Id, net: &mut Net<'_>) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        connection.timers.disarm();
        // Mostly the deadline has moved on; then no more of a record that is in no cache is looked at.
        if connection.timers.next().is_none_or(|next| next > net.now) {
            if !connection.timers.is_set(Timer::Retransmit) {
                connection.release_memory(net.now, &self.config);
            }
            arm(&mut connection.timers, &mut self.wheel, id);
            if connection.recovery.keeps_memory() {
                look_again(connection, &mut self.wheel, id, net.now);
            }
            return;
        }
        let mut env = Env {
            now: net.now,
            config: &self.config,
            stats: net.stats,
            memory: &self.memory,
            link: &self.link,
        };
        let retries = connection.snd.retries;
        connection.expire(&mut env);
        // RFC 9293 3.8.3, R1.
        if retries < self.config.tcp_retries1 && connection.snd.retries >= self.config.tcp_retries1 {
            net.ip.suspect(connection.tuple.remote);
        }
        arm(&mut connection.timers, &mut self.wheel, id);
        if !self.shed_orphan(id, net.stats) {
            self.settle(id);
        }
    }

    /// When something is due.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        [self.wheel.next_deadline(), self.time_wait.next_deadline()].into_iter().flatten().min()
    }

    /// Whether something waits to be asked for.
    pub(crate) fn has_events(&self) -> bool {
        !self.lists.events.is_empty()
    }

    /// Whether `transmit` has something to do.
    #[inline(always)]
    pub(crate) fn wants_transmit(&self) -> bool {
        !self.lists.ready.is_empty() || !self.lists.resets.is_empty()
    }

    /// Whether calling `transmit` changes anything: beside what `wants_transmit` tells, writers may wait for memory.
    #[inline(always)]
    pub(crate) fn has_to_transmit(&self) -> bool {
        self.wants_transmit() || !self.starved.is_empty() || self.time_wait.overflows > 0
    }

    /// Sends what is to be sent, as far as the burst has room.
    pub(crate) fn transmit(&mut self, net: &mut Net<'_>) {
        while net.out.room() > 0
            && let Some(reset) = self.lists.resets.pop()
        {
            if !net.wire(&self.config, &self.link, &mut self.chunks).send_abort(&reset) {
                net.stats.abort_failed += 1;
            }
        }
        self.feed_starved();
        let crowded = self.is_crowded();
        for _ in 0..self.lists.ready.len() {
            if crowded {
                self.prefetch_ready();
            }
            net.pool.prefetch_free(2 * AHEAD); // what another core has read since is not ours alone any more
            let Some(id) = self.lists.ready.front() else { break };
            if let Some(connection) = self.connections.get_mut(id) {
                let (config, link) = (&self.config, &self.link);
                let done = connection.output_predicted(net, config, link)
                    || connection.output(&mut net.wire(config, link, &mut self.chunks));
                arm(&mut connection.timers, &mut self.wheel, id);
                if !done {
                    break; // no room or no buffer: the rest waits with it
                }
                connection.on_ready = false;
                if connection.sent_some(net.now) {
                    self.lists.note(connection, id);
                }
                if connection.machine.get() == State::TimeWait {
                    self.enter_time_wait(id);
                }
            }
            self.lists.ready.pop();
        }
        net.stats.time_wait_overflow += mem::take(&mut self.time_wait.overflows);
    }

    /// Writers that found no memory may try again.
    fn feed_starved(&mut self) {
        if self.starved.is_empty() || !self.memory.has_room() {
            return;
        }
        for id in mem::take(&mut self.starved) {
            if let Some(connection) = self.connections.get_mut(id) {
                connection.app.want_write = false;
                connection.effects.writable = true;
            }
            self.settle(id);
        }
    }
}
