//! Whose segment is it? From the 4-tuple to the record that answers for it.

use core::hint::cold_path;
use core::net::Ipv4Addr;

use super::Tcp;
use super::connection::Connection;
use super::listen::HalfOpen;
use super::seq::SeqNumber;
use super::sizes::USUAL_LINES;
use super::table::{FlowTable, FourTuple, Owner};
use super::time_wait::TimeWaits;
use super::wire_tuple::WireTuple;
use crate::arena::{Arena, Id};
use crate::fifo::Fifo;
use crate::time::Instant;
use crate::wire::tcp::Flags;

/// Flows that fit the caches with room to spare.
const CROWDED: usize = 512;

/// Connections that are served in the time that memory takes to answer.
pub(crate) const AHEAD: usize = 4;

/// What `look_ahead` found for the segments of the burst under way.
#[derive(Default)]
pub(crate) struct LookAhead {
    /// The tuple, and which connection it seems to belong to.
    found: Fifo<(WireTuple, Option<Id>)>,
}

/// All records that the flow table leads to: the table itself holds no tuples.
pub(crate) struct Records<'a> {
    connections: &'a Arena<Connection>,
    half_open: &'a Arena<HalfOpen>,
    time_wait: &'a TimeWaits,
}

impl<'a> Records<'a> {
    pub(crate) fn new(
        connections: &'a Arena<Connection>,
        half_open: &'a Arena<HalfOpen>,
        time_wait: &'a TimeWaits,
    ) -> Records<'a> {
        Records { connections, half_open, time_wait }
    }

    /// Whether the record that `owner` names has this tuple.
    pub(crate) fn is_of(&self, owner: Owner, tuple: &FourTuple) -> bool {
        match owner {
            Owner::Connection(id) => self.connections.get(id).is_some_and(|record| record.tuple == *tuple),
            Owner::HalfOpen(id) => self.half_open.get(id).is_some_and(|record| record.tuple == *tuple),
            Owner::TimeWait(id) => self.time_wait.get(id).is_some_and(|record| record.tuple == *tuple),
        }
    }
}

impl Tcp {
    /// Who answers for `tuple`.
    #[inline]
    pub(crate) fn lookup(&mut self, tuple: &FourTuple) -> Option<Owner> {
        let records = Records::new(&self.connections, &self.half_open, &self.time_wait);
        self.flows.get(tuple, &records)
    }

    /// Whether a segment is none of this core's, and may be another's: no flow here, and no listener that takes it. `segment`
    /// starts with the TCP header.
    pub(crate) fn is_stray(
        &mut self,
        source: Ipv4Addr,
        destination: Ipv4Addr,
        segment: &[u8],
        now: Instant,
    ) -> bool {
        let Some(h) = segment.first_chunk::<14>() else { return false };
        let word = |at: usize| u32::from_be_bytes([h[at], h[at + 1], h[at + 2], h[at + 3]]);
        let tuple = FourTuple {
            local: destination,
            remote: source,
            local_port: u16::from_be_bytes([h[2], h[3]]),
            remote_port: u16::from_be_bytes([h[0], h[1]]),
        };
        if self.lookup(&tuple).is_some() {
            return false;
        }
        if self.listeners.find(tuple.local, tuple.local_port).is_none() {
            return true;
        }
        let flags = Flags(h[13]);
        let opens = flags.has(Flags::SYN) && !flags.has(Flags::ACK) && !flags.has(Flags::RST);
        let irs = SeqNumber(word(4)) - 1;
        !opens && self.cookies.check(&tuple, irs, SeqNumber(word(8)) - 1, now).is_none()
    }

    /// Whether flows are so many that their records don't stay in the caches.
    pub(crate) fn is_crowded(&self) -> bool {
        self.flows.len() > CROWDED
    }

    /// Looks up the flows of a burst before its first segment is handled. A look-up among many flows waits for memory;
    /// these do not depend on each other, so that the processor waits for all of them at once.
    pub(crate) fn look_ahead(&mut self, tuples: impl Iterator<Item = WireTuple>) {
        let LookAhead { found } = &mut self.ahead;
        // Each step for all segments before the next one: short loops, so that many loads are under way at once.
        found.clear();
        for tuple in tuples {
            found.push((tuple, None));
        }
        for (tuple, id) in found.iter_mut() {
            if let Some(Owner::Connection(likely)) = self.flows.likely(*tuple) {
                *id = Some(likely);
            }
        }
        // The rest of the burst follows while these are handled: more at once would push each other out again.
        for (_, id) in found.iter_mut().take(3 * AHEAD) {
            if let Some(id) = *id {
                self.connections.prefetch_lines(id, USUAL_LINES);
            }
        }
    }

    /// Brings near what the next connections to send will need; many may have waited for so long that it is in no cache
    /// any more. In steps, since each needs what the one before has brought.
    #[inline]
    pub(crate) fn prefetch_ready(&self) {
        let ready = &self.lists.ready;
        if let Some(id) = ready.get(3 * AHEAD) {
            self.connections.prefetch_lines(id, USUAL_LINES);
        }
        let queue = |place| ready.get(place).and_then(|id| Some(&self.connections.get(id)?.snd.queue));
        if let Some(queue) = queue(2 * AHEAD) {
            queue.prefetch_record();
        }
        if let Some(queue) = queue(AHEAD) {
            queue.prefetch_data();
        }
    }
}

impl LookAhead {
    /// The connection that `tuple` nearly always is of: whoever uses it looks at its tuple.
    #[inline(always)]
    pub(crate) fn likely(
        &mut self,
        tuple: WireTuple,
        flows: &mut FlowTable,
        connections: &Arena<Connection>,
    ) -> Option<Id> {
        // Frames of the burst that were dropped on the way here are passed over.
        while let Some((ahead, id)) = self.found.front() {
            if ahead == tuple {
                self.prefetch(connections);
                return id;
            }
            self.found.pop();
        }
        if let Some(Owner::Connection(id)) = flows.recent(tuple) {
            return Some(id);
        }
        cold_path();
        match flows.likely(tuple)? {
            Owner::Connection(id) => Some(id),
            _ => None,
        }
    }

    /// As `prefetch_ready`, for the segments of the burst that come next: an ACK gives a buffer back by its record.
    #[inline]
    fn prefetch(&self, connections: &Arena<Connection>) {
        let id = |place| self.found.get(place).and_then(|(_, id)| id);
        if let Some(id) = id(3 * AHEAD) {
            connections.prefetch_lines(id, USUAL_LINES);
        }
        if let Some(connection) = id(2 * AHEAD).and_then(|id| connections.get(id)) {
            connection.snd.queue.prefetch_record();
        }
    }
}
