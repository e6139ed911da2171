//! Whose segment is it? From the 4-tuple to the record that answers for it.

use corelane_nic::Pool;

use super::Tcp;
use super::connection::Connection;
use super::listen::HalfOpen;
use super::table::{FlowHash, FourTuple, Owner};
use super::time_wait::TimeWaits;
use crate::arena::{Arena, Id};
use crate::fifo::Fifo;

/// Flows that fit the caches with room to spare.
const CROWDED: usize = 512;

/// Connections that are served in the time that memory takes to answer.
const AHEAD: usize = 4;

/// What `look_ahead` found for the segments of the burst under way.
#[derive(Default)]
pub(crate) struct LookAhead {
    /// The tuple, its hash, and which connection it seems to belong to.
    found: Fifo<(FourTuple, FlowHash, Option<Id>)>,
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

    /// Whether flows are so many that their records don't stay in the caches.
    pub(crate) fn is_crowded(&self) -> bool {
        self.flows.len() > CROWDED
    }

    /// Looks up the flows of a burst before its first segment is handled. A look-up among many flows waits for memory;
    /// these do not depend on each other, so that the processor waits for all of them at once.
    pub(crate) fn look_ahead(&mut self, tuples: impl Iterator<Item = FourTuple>) {
        let LookAhead { found } = &mut self.ahead;
        // Each step for all segments before the next one: short loops, so that many loads are under way at once.
        found.clear();
        for tuple in tuples {
            found.push((tuple, self.flows.hash(&tuple), None));
        }
        for (_, hash, id) in found.iter_mut() {
            if let Some(Owner::Connection(likely)) = self.flows.likely(*hash) {
                *id = Some(likely);
            }
        }
        // The rest of the burst follows while these are handled: more at once would push each other out again.
        for (_, _, id) in found.iter_mut().take(3 * AHEAD) {
            if let Some(id) = *id {
                self.connections.prefetch(id);
            }
        }
    }

    /// As `prefetch_ready`, for the segments of the burst that come next: an ACK gives a buffer back by its record.
    #[inline]
    fn prefetch_found(&self) {
        let id = |place| self.ahead.found.get(place).and_then(|(_, _, id)| id);
        if let Some(id) = id(3 * AHEAD) {
            self.connections.prefetch(id);
        }
        if let Some(connection) = id(2 * AHEAD).and_then(|id| self.connections.get(id)) {
            connection.snd.queue.prefetch_record();
        }
    }

    /// Brings near what the next connections to send will need; many may have waited for so long that it is in no cache
    /// any more. In steps, since each needs what the one before has brought.
    #[inline]
    pub(crate) fn prefetch_ready(&self, pool: &Pool) {
        let ready = &self.lists.ready;
        if let Some(id) = ready.get(3 * AHEAD) {
            self.connections.prefetch(id);
        }
        let queue = |place| ready.get(place).and_then(|id| Some(&self.connections.get(id)?.snd.queue));
        if let Some(queue) = queue(2 * AHEAD) {
            queue.prefetch_record();
        }
        if let Some(queue) = queue(AHEAD) {
            queue.prefetch_data();
        }
        // The free buffers on top are those that acknowledgments gave back, unused for as long as the records.
        pool.prefetch_free(2 * AHEAD);
    }

    /// Who answers for `tuple`: known from `look_ahead`, if that still holds.
    #[inline]
    pub(crate) fn owner(&mut self, tuple: &FourTuple) -> Option<Owner> {
        // Frames of the burst that were dropped on the way here are passed over.
        while let Some((ahead, _, id)) = self.ahead.found.front() {
            if ahead == *tuple {
                self.prefetch_found();
                let known = id.and_then(|id| self.connections.get(id));
                if known.is_some_and(|connection| connection.tuple == *tuple && connection.attached) {
                    return id.map(Owner::Connection);
                }
                break;
            }
            self.ahead.found.pop();
        }
        self.lookup(tuple)
    }
}
