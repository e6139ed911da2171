//! Which worker a flow belongs to: where it arrives by the device, and where software spreads it from there.
//!
//! ```text
//!  flow --RSS hash--> table, as told and learnt --> queue --our hash--> shares --> worker
//! ```

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU32, Ordering};

use corelane_netstack::FourTuple;
use corelane_nic::{Medium, NicInfo, Rss};

/// Entries of a queue's shares: weights are kept to 1 in 256.
const SHARES: usize = 256;

/// So many frames of an entry of the device's table must have arrived at the same other queue, one after the other, before
/// that is believed: a frame that was on its way while a table changed proves nothing.
const REFUTATIONS: u32 = 3;

pub(crate) struct Steering {
    medium: Medium,
    queues: u16,
    rss: Option<LearntRss>,
    /// Of each queue the workers that its flows go to, by hash.
    shares: Vec<Box<[u16]>>,
    /// The same, with something for each worker: who may open a connection. It never changes, so that no two workers may open the same.
    owners: Vec<Box<[u16]>>,
    /// Local ports of connections that were opened from here.
    ephemeral: RangeInclusive<u16>,
    /// So that nobody outside can choose flows that all go to one worker.
    key: RandomState,
}

impl Steering {
    /// Worker `i` has queue `i`; those beyond the queues are fed by worker `i % queues`. `weights`: how much of its queue each
    /// worker gets; none: all the same. `ephemeral`: `ip_local_port_range`.
    ///
    /// # Errors
    /// When nobody of a queue has any weight.
    pub(crate) fn new(
        info: &NicInfo,
        queues: u16,
        workers: u16,
        weights: &[u32],
        ephemeral: (u16, u16),
    ) -> io::Result<Steering> {
        let members = |queue| (0..workers).filter(move |worker| worker % queues == queue);
        let weight = |worker: u16| weights.get(usize::from(worker)).copied().unwrap_or(1);
        let tables = |least: u32| {
            (0..queues).map(move |queue| {
                let weighed: Vec<_> =
                    members(queue).map(|worker| (worker, weight(worker).max(least))).collect();
                share_out(&weighed).ok_or_else(|| {
                    let sharing: Vec<u16> = members(queue).collect();
                    let message = format!(
                        "runtime.spread = {weights:?}: workers {sharing:?} share queue {queue}: give one of them more than 0"
                    );
                    io::Error::new(io::ErrorKind::InvalidInput, message)
                })
            })
        };
        let rss = info.rss.as_ref().filter(|rss| !rss.table.is_empty()).map(LearntRss::new);
        Ok(Steering {
            medium: info.medium,
            queues,
            rss,
            shares: tables(0).collect::<io::Result<_>>()?,
            owners: tables(1).collect::<io::Result<_>>()?,
            ephemeral: ephemeral.0..=ephemeral.1,
            key: RandomState::new(),
        })
    }

    /// The flow of a frame; `None` for what is no TCP segment.
    pub(crate) fn flow(&self, frame: &[u8]) -> Option<FourTuple> {
        FourTuple::of_frame(frame, self.medium)
    }

    fn hash(&self, flow: &FourTuple) -> u64 {
        self.key.hash_one(flow.rss_input())
    }

    /// The worker that a frame belongs to which arrived at `queue`. What is no TCP stays where it is: others are told of it.
    pub(crate) fn worker_at(&self, queue: u16, frame: &[u8]) -> u16 {
        self.flow(frame).map_or(queue, |flow| self.share(queue, &flow))
    }

    fn share(&self, queue: u16, flow: &FourTuple) -> u16 {
        self.entry(&self.shares, queue, flow)
    }

    fn entry(&self, tables: &[Box<[u16]>], queue: u16, flow: &FourTuple) -> u16 {
        let Some(table) = tables.get(usize::from(queue)) else { return queue };
        if table.len() == 1 { table[0] } else { table[self.hash(flow) as usize % table.len()] }
    }

    /// The worker that the segments of a flow should arrive at, as far as is known.
    pub(crate) fn worker_of(&self, flow: &FourTuple) -> u16 {
        self.share(self.queue_of(flow, LearntRss::queue), flow)
    }

    /// The worker that may open the connection: where its answers should arrive by what the device told at first.
    pub(crate) fn owner_of(&self, flow: &FourTuple) -> u16 {
        let queue = self.queue_of(flow, |rss, flow| rss.told.queue(rss.told.hash(&flow.rss_input())));
        self.entry(&self.owners, queue, flow)
    }

    /// The worker that has the flow most likely, when it is not the one where a segment arrived.
    pub(crate) fn guess(&self, flow: &FourTuple) -> u16 {
        if self.ephemeral.contains(&flow.local_port) { self.owner_of(flow) } else { self.worker_of(flow) }
    }

    fn queue_of(&self, flow: &FourTuple, by_rss: impl Fn(&LearntRss, &FourTuple) -> u16) -> u16 {
        if self.queues == 1 {
            return 0;
        }
        match &self.rss {
            Some(rss) => by_rss(rss, flow) % self.queues,
            // The device doesn't tell. A guess that all cores share is still worth it: it says whose the flow is if it was opened here.
            None => ((self.hash(flow) >> 32) % u64::from(self.queues)) as u16, // below queues
        }
    }

    /// A frame of the flow arrived at `queue`.
    pub(crate) fn learn(&self, flow: &FourTuple, queue: u16) {
        if let Some(rss) = &self.rss {
            rss.learn(flow, queue);
        }
    }
}

/// Each member as often as its weight asks for, evenly mixed. A single member needs one entry. `None` without any weight.
fn share_out(members: &[(u16, u32)]) -> Option<Box<[u16]>> {
    let members: Vec<(u16, i64)> = members
        .iter()
        .filter(|(_, weight)| *weight > 0)
        .map(|(worker, weight)| (*worker, i64::from(*weight)))
        .collect();
    let total: i64 = members.iter().map(|(_, weight)| weight).sum();
    let len = if members.len() == 1 { 1 } else { SHARES };
    let mut credits = vec![0; members.len()];
    (0..len)
        .map(|_| {
            for (credit, (_, weight)) in credits.iter_mut().zip(&members) {
                *credit += weight;
            }
            // The first of those with the most credit.
            let chosen = (0..members.len()).rev().max_by_key(|member| credits[*member])?;
            credits[chosen] -= total;
            Some(members[chosen].0)
        })
        .collect()
}

/// The device's table, as it told it and as frames have shown it to be since: cards hash otherwise than they say, and tables change.
struct LearntRss {
    told: Rss,
    /// Of each entry the queue in the upper half, and how often it was refuted in a row in the lower.
    table: Box<[AtomicU32]>,
}

impl LearntRss {
    fn new(told: &Rss) -> LearntRss {
        let table = told.table.iter().map(|queue| AtomicU32::new(u32::from(*queue) << 16)).collect();
        LearntRss { told: told.clone(), table }
    }

    fn entry(&self, flow: &FourTuple) -> Option<&AtomicU32> {
        self.told.place(self.told.hash(&flow.rss_input())).map(|place| &self.table[place])
    }

    fn queue(&self, flow: &FourTuple) -> u16 {
        self.entry(flow).map_or(0, |entry| (entry.load(Ordering::Relaxed) >> 16) as u16)
    }

    /// Several workers may learn at a time: what one of them overwrites is learnt again by the next frame.
    fn learn(&self, flow: &FourTuple, arrived: u16) {
        let Some(entry) = self.entry(flow) else { return };
        let value = entry.load(Ordering::Relaxed);
        let (queue, refuted) = ((value >> 16) as u16, value & 0xffff);
        let next = match refuted + 1 {
            _ if queue == arrived => u32::from(queue) << 16,
            REFUTATIONS.. => u32::from(arrived) << 16,
            more => u32::from(queue) << 16 | more,
        };
        entry.store(next, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
