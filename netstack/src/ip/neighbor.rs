//! The neighbour cache: which station has an address on our link.
//!
//! States as in Linux and RFC 4861, section 7.3.2:
//!
//! ```text
//!              answer                 time passes               used            5 s               3 s
//!  Incomplete -------> Reachable (confirmed) -----> Stale ---------> Delay ----------> Probe ------------> gone
//!      | 3 s             ^                                             |                 |   no answer
//!      v                 '--------- an answer, or TCP heard from it ---'-----------------'
//!     gone: what waited is dropped, `next_unreachable` tells for whom
//! ```
//!
//! `Reachable` becomes `Stale` without a timer: it is looked at when used. The cache is bounded; what was not used
//! lately goes first (the clock algorithm).

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::hash::Hasher;
use core::hint::cold_path;
use core::net::Ipv4Addr;
use core::time::Duration;

use corelane_nic::{Chunk, MacAddress, Packet, TxOffload};
use hashbrown::HashTable;
use siphasher::sip::SipHasher13;

use super::Context;
use super::arp::solicit;
use super::route::NextHop;
use super::send::push;
use crate::Instant;
use crate::arena::{Arena, Id};
use crate::config::IpConfig;
use crate::rng::Rng;
use crate::time::nanos;
use crate::wheel::{TimerId, Wheel};
use crate::wire::arp::{Arp, Operation};
use crate::wire::ethernet;

/// `delay_first_probe_time`: how long after its use a stale neighbour may still be confirmed before it is asked.
const DELAY_FIRST_PROBE: Duration = Duration::from_secs(5);
/// `locktime`: the first answer counts, so that proxies and liars don't make an entry flap.
const LOCKTIME: Duration = Duration::from_secs(1);
/// `gc_stale_time`: neighbours that were not used for so long are forgotten.
const STALE_TIME: Duration = Duration::from_secs(60);
/// Entries looked at in one step of cleaning or eviction.
const STEP: usize = 64;
/// Destinations whose neighbour is remembered without a search.
const HOPS: usize = 64;
/// Unreachable destinations that are remembered for `next_unreachable`.
const UNREACHABLE_MAX: usize = 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Incomplete,
    Reachable,
    Stale,
    Delay,
    Probe,
}

/// What an ARP packet means for its sender's entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hint {
    /// It asks for us: it will want to talk, so an entry is made.
    Asks,
    /// It answers us.
    Answers,
    /// It tells all, or asks for another: only a known neighbour is updated.
    Announces,
}

/// A frame that waits for its destination address, and what is to go out with it.
pub(super) struct Waiting {
    pub(super) destination: Ipv4Addr,
    /// With an Ethernet header whose destination is still missing.
    pub(super) packet: Packet,
    pub(super) payload: Vec<Chunk>,
    pub(super) offload: TxOffload,
}

struct Neighbor {
    hop: NextHop,
    mac: MacAddress,
    /// The Ethernet header of an IPv4 packet to it: one copy, instead of three parts for each packet.
    header: [u8; ethernet::HEADER_LEN],
    state: State,
    /// When it was last known to hear us.
    confirmed: Instant,
    /// When `mac` was learnt.
    updated: Instant,
    /// Since the clock's hand came by.
    used: bool,
    /// ARP requests since the last state.
    solicits: u8,
    timer: Option<TimerId>,
    waiting: VecDeque<Waiting>,
}

/// Which neighbour a destination was last sent to. Never wrong: routes don't change, and the id says whether the
/// neighbour is still there.
#[derive(Clone, Copy)]
struct Hop {
    destination: Ipv4Addr,
    neighbor: Id,
}

pub(super) struct Neighbors {
    mac: MacAddress,
    config: IpConfig,
    /// `base_reachable_time`, spread by a half to either side once, so that hosts don't probe in step (RFC 4861,
    /// section 6.3.2); in nanoseconds.
    reachable: u64,
    entries: Arena<Neighbor>,
    index: HashTable<Id>,
    /// Strangers choose the addresses that ask us: the hash has a key.
    key: (u64, u64),
    hops: [Hop; HOPS],
    /// The header that was given last, at what time and for whom: a turn's segments mostly have one next hop.
    recent: Option<(Instant, Ipv4Addr, [u8; ethernet::HEADER_LEN])>,
    /// All entries, next to be evicted first; ids of entries that are gone among them.
    ring: VecDeque<Id>,
    timers: Wheel<Id>,
    clean_at: Option<Instant>,
    last_confirmed: (Instant, Ipv4Addr),
    /// Packets that wait, in all.
    waiting: usize,
    unreachable: VecDeque<Ipv4Addr>,
}

fn ipv4_header(destination: MacAddress, source: MacAddress) -> [u8; ethernet::HEADER_LEN] {
    ethernet::Header { destination, source, ether_type: ethernet::IPV4 }.to_bytes()
}

fn hop_slot(destination: Ipv4Addr) -> usize {
    // Fibonacci hashing to the upper 6 bits: below HOPS.
    (u32::from(destination).wrapping_mul(0x9e37_79b1) >> 26) as usize
}

impl Neighbors {
    pub(super) fn new(mac: MacAddress, config: &IpConfig, secret: &[u8; 32]) -> Neighbors {
        let mut rng = Rng::new(secret, u64::from_le_bytes(*b"neighbor"));
        let base = config.neighbor_reachable;
        let millis = u32::try_from(base.as_millis()).unwrap_or(u32::MAX);
        Neighbors {
            mac,
            config: config.clone(),
            reachable: nanos(base / 2) + u64::from(rng.below(millis)) * 1_000_000,
            entries: Arena::new(),
            index: HashTable::new(),
            key: (rng.next_u64(), rng.next_u64()),
            hops: [Hop { destination: Ipv4Addr::UNSPECIFIED, neighbor: Id::from_parts(u32::MAX, 0) }; HOPS],
            recent: None,
            ring: VecDeque::new(),
            timers: Wheel::new(Instant::ZERO),
            clean_at: None,
            last_confirmed: (Instant::ZERO, Ipv4Addr::UNSPECIFIED),
            waiting: 0,
            unreachable: VecDeque::new(),
        }
    }

    pub(super) fn own_mac(&self) -> MacAddress {
        self.mac
    }

    /// The fast path of sending: the Ethernet header to the neighbour last used for this destination, when nothing
    /// needs to be done about it.
    #[inline]
    pub(super) fn cached(
        &mut self,
        now: Instant,
        destination: Ipv4Addr,
    ) -> Option<&[u8; ethernet::HEADER_LEN]> {
        let is_recent = self.recent.is_some_and(|(at, whose, _)| at == now && whose == destination);
        if !is_recent {
            self.recent = Some((now, destination, self.look_up(now, destination)?));
        }
        self.recent.as_ref().map(|(_, _, header)| header)
    }

    #[inline(never)]
    fn look_up(&mut self, now: Instant, destination: Ipv4Addr) -> Option<[u8; ethernet::HEADER_LEN]> {
        let hop = self.hops[hop_slot(destination)];
        if hop.destination != destination {
            return None;
        }
        let entry = self.entries.get_mut(hop.neighbor)?;
        let is_good = if entry.state == State::Reachable {
            now.nanos_since(entry.confirmed) <= self.reachable
        } else {
            matches!(entry.state, State::Delay | State::Probe)
        };
        if !is_good {
            cold_path();
            return None;
        }
        entry.used = true;
        Some(entry.header)
    }

    /// The neighbour for `hop`, made and asked for when it is new, and remembered for `destination`.
    pub(super) fn use_for(
        &mut self,
        now: Instant,
        hop: NextHop,
        destination: Ipv4Addr,
        cx: &mut Context<'_>,
    ) -> Id {
        let id = match self.find(hop.address) {
            Some(id) => id,
            None => {
                let id = self.insert(now, hop, State::Incomplete, MacAddress::default(), cx);
                self.ring.push_back(id);
                self.ask(now, id, cx);
                id
            }
        };
        self.hops[hop_slot(destination)] = Hop { destination, neighbor: id };
        if let Some(entry) = self.entries.get_mut(id) {
            entry.used = true;
            let is_old = match entry.state {
                State::Reachable => now.nanos_since(entry.confirmed) > self.reachable,
                state => state == State::Stale,
            };
            if is_old {
                entry.state = State::Delay;
                self.set_timer(id, now + DELAY_FIRST_PROBE);
            }
        }
        id
    }

    /// The address of a neighbour; `None` while it is not known.
    pub(super) fn mac(&self, id: Id) -> Option<MacAddress> {
        self.entries.get(id).filter(|entry| entry.state != State::Incomplete).map(|entry| entry.mac)
    }

    /// Keeps a packet until its neighbour answers. Full: the oldest of this neighbour goes; too many in all: this one.
    pub(super) fn wait(&mut self, id: Id, waiting: Waiting, cx: &mut Context<'_>) {
        // An eighth of the pool: a host that is down must not starve those that are up.
        let limit = (cx.pool.config().slots / 8).max(1) as usize;
        let entry = self.entries.get_mut(id);
        let Some(entry) = entry.filter(|_| self.config.neighbor_queue > 0 && self.waiting < limit) else {
            cx.stats.neighbor_unresolved_discards += 1;
            return;
        };
        if entry.waiting.len() >= self.config.neighbor_queue && entry.waiting.pop_front().is_some() {
            self.waiting -= 1;
            cx.stats.neighbor_unresolved_discards += 1;
        }
        entry.waiting.push_back(waiting);
        self.waiting += 1;
    }

    /// Upper-layer confirmation: an array look-up and a store; nothing for the same one again at the same time.
    #[inline(always)]
    pub(super) fn confirm(&mut self, now: Instant, destination: Ipv4Addr) {
        if self.last_confirmed != (now, destination) {
            self.last_confirmed = (now, destination);
            self.confirm_hop(now, destination);
        }
    }

    #[inline(never)]
    fn confirm_hop(&mut self, now: Instant, destination: Ipv4Addr) {
        let hop = self.hops[hop_slot(destination)];
        if hop.destination != destination {
            return; // sending puts it there, so the next one counts
        }
        let Some(entry) = self.entries.get_mut(hop.neighbor) else { return };
        match entry.state {
            State::Incomplete => return,
            State::Reachable => {}
            State::Stale | State::Delay | State::Probe => {
                entry.state = State::Reachable;
                if let Some(timer) = entry.timer.take() {
                    self.timers.remove(timer);
                }
            }
        }
        entry.confirmed = now;
    }

    /// Negative advice (RFC 1122 3.3.1.4): the upper layer doubts that its segments arrive. When it is used next, the neighbour has
    /// five seconds to show that it lives, and then is asked.
    pub(super) fn suspect(&mut self, destination: Ipv4Addr) {
        self.recent = None;
        let hop = self.hops[hop_slot(destination)];
        let entry = self.entries.get_mut(hop.neighbor).filter(|_| hop.destination == destination);
        if let Some(entry) = entry.filter(|entry| entry.state == State::Reachable) {
            entry.state = State::Stale;
        }
    }

    /// Takes in what an ARP packet said. `hop` is the route to the sender, when it is on our link.
    pub(super) fn learn(
        &mut self,
        now: Instant,
        hint: Hint,
        sender: Ipv4Addr,
        mac: MacAddress,
        hop: Option<NextHop>,
        cx: &mut Context<'_>,
    ) {
        let Some(id) = self.find(sender) else {
            if let Some(hop) = hop.filter(|_| hint == Hint::Asks) {
                let id = self.insert(now, hop, State::Stale, mac, cx);
                // At the cold end: a flood of askers only evicts its own.
                self.ring.push_front(id);
            }
            return;
        };
        let Some(entry) = self.entries.get(id) else { return };
        let is_new = entry.mac != mac;
        let state = match (hint, entry.state) {
            (Hint::Answers, State::Incomplete | State::Probe) => State::Reachable,
            (_, State::Incomplete) => State::Stale,
            // Nobody asked, so a new address is used but not trusted.
            _ if is_new => State::Stale,
            _ => return,
        };
        if is_new && entry.state != State::Incomplete && now < entry.updated + LOCKTIME {
            return;
        }
        self.update(now, id, mac, state, cx);
    }

    fn update(&mut self, now: Instant, id: Id, mac: MacAddress, state: State, cx: &mut Context<'_>) {
        self.recent = None;
        let Some(entry) = self.entries.get_mut(id) else { return };
        if let Some(timer) = entry.timer.take() {
            self.timers.remove(timer);
        }
        if entry.mac != mac {
            entry.updated = now;
        }
        entry.mac = mac;
        entry.header = ipv4_header(mac, self.mac);
        entry.state = state;
        if state == State::Reachable {
            entry.confirmed = now;
        }
        let waiting = core::mem::take(&mut entry.waiting);
        self.waiting -= waiting.len();
        if state == State::Stale && !waiting.is_empty() {
            entry.state = State::Delay; // it is used right now
            self.set_timer(id, now + DELAY_FIRST_PROBE);
        }
        for Waiting { mut packet, mut payload, offload, .. } in waiting {
            if let Some(destination) = packet.first_chunk_mut() {
                *destination = mac.0;
            }
            push(packet, &mut payload, offload, cx);
        }
    }

    /// A destination that could not be reached while packets waited for it.
    pub(super) fn next_unreachable(&mut self) -> Option<Ipv4Addr> {
        self.unreachable.pop_front()
    }

    /// Whether `expire` has something to do, or `next_unreachable` to tell.
    #[inline(always)]
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.timers.is_due(now) || self.clean_at.is_some_and(|at| at <= now) || !self.unreachable.is_empty()
    }

    /// Asks again, gives up, and forgets what was not used.
    pub(super) fn expire(&mut self, now: Instant, cx: &mut Context<'_>) {
        while let Some(id) = self.timers.expire(now) {
            let Some(entry) = self.entries.get_mut(id) else { continue };
            entry.timer = None;
            match entry.state {
                State::Incomplete | State::Probe if entry.solicits >= self.config.neighbor_solicits => {
                    cx.stats.neighbor_failed += 1;
                    self.remove(id, true, cx);
                }
                State::Incomplete | State::Probe => self.ask(now, id, cx),
                State::Delay => {
                    entry.state = State::Probe;
                    entry.solicits = 0;
                    self.ask(now, id, cx);
                }
                State::Reachable | State::Stale => {}
            }
        }
        if self.clean_at.is_some_and(|at| at <= now) {
            self.clean(now, cx);
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let timer = self.timers.next_deadline();
        timer.into_iter().chain(self.clean_at).min()
    }

    /// Sends a request: to all when the address is not known, otherwise to the one that had it.
    fn ask(&mut self, now: Instant, id: Id, cx: &mut Context<'_>) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        entry.solicits = entry.solicits.saturating_add(1);
        let is_known = entry.state != State::Incomplete;
        let request = Arp {
            operation: Operation::Request,
            sender_mac: self.mac,
            sender: entry.hop.source,
            target_mac: MacAddress::default(),
            target: entry.hop.address,
        };
        solicit(request, if is_known { entry.mac } else { MacAddress::BROADCAST }, cx);
        self.set_timer(id, now + self.config.neighbor_retransmit);
    }

    fn set_timer(&mut self, id: Id, at: Instant) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        if let Some(old) = entry.timer.replace(self.timers.insert(at, id)) {
            self.timers.remove(old);
        }
    }

    fn hash(key: (u64, u64), address: Ipv4Addr) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(key.0, key.1);
        hasher.write_u32(address.into());
        hasher.finish()
    }

    fn find(&self, address: Ipv4Addr) -> Option<Id> {
        let is_it = |id: &Id| self.entries.get(*id).is_some_and(|entry| entry.hop.address == address);
        self.index.find(Neighbors::hash(self.key, address), is_it).copied()
    }

    /// Adds an entry, in the place of another when the cache is full. The caller puts it into the ring.
    fn insert(
        &mut self,
        now: Instant,
        hop: NextHop,
        state: State,
        mac: MacAddress,
        cx: &mut Context<'_>,
    ) -> Id {
        while self.entries.len() >= self.config.neighbor_max.max(1) && self.evict(cx) {}
        if self.ring.len() > 2 * self.entries.len() + STEP {
            let entries = &self.entries;
            self.ring.retain(|id| entries.get(*id).is_some());
        }
        let id = self.entries.insert_with(|_| Neighbor {
            hop,
            mac,
            header: ipv4_header(mac, self.mac),
            state,
            confirmed: now,
            updated: now,
            used: false,
            solicits: 0,
            timer: None,
            waiting: VecDeque::new(),
        });
        let (entries, key) = (&self.entries, self.key);
        let rehash = |id: &Id| entries.get(*id).map_or(0, |e| Neighbors::hash(key, e.hop.address));
        self.index.insert_unique(Neighbors::hash(key, hop.address), id, rehash);
        self.clean_at.get_or_insert(now + STALE_TIME);
        id
    }

    /// Removes an entry that was not used since the last time round; after some steps, any. `false` when none is left.
    fn evict(&mut self, cx: &mut Context<'_>) -> bool {
        self.recent = None;
        for step in 0.. {
            let Some(id) = self.ring.pop_front() else { break };
            let Some(entry) = self.entries.get_mut(id) else { continue };
            if !entry.used || step >= STEP {
                self.remove(id, false, cx);
                return true;
            }
            entry.used = false;
            self.ring.push_back(id);
        }
        false
    }

    /// Forgets neighbours that nobody used for a minute, a few a call.
    fn clean(&mut self, now: Instant, cx: &mut Context<'_>) {
        self.recent = None;
        for _ in 0..STEP.min(self.ring.len()) {
            let Some(id) = self.ring.pop_front() else { break };
            let Some(entry) = self.entries.get_mut(id) else { continue };
            let is_idle = match entry.state {
                State::Stale => true,
                State::Reachable => now.nanos_since(entry.confirmed) > self.reachable,
                State::Incomplete | State::Delay | State::Probe => false,
            };
            if is_idle && !entry.used {
                self.remove(id, false, cx);
            } else {
                entry.used = false;
                self.ring.push_back(id);
            }
        }
        // The more there are, the more often, so that the whole ring comes round in a minute.
        let rounds = (self.ring.len() / STEP + 1) as u32; // the ring is bounded far below
        self.clean_at = (self.entries.len() > 0).then(|| now + STALE_TIME / rounds);
    }

    fn remove(&mut self, id: Id, is_failed: bool, cx: &mut Context<'_>) {
        self.recent = None;
        let Some(entry) = self.entries.get(id) else { return };
        let hash = Neighbors::hash(self.key, entry.hop.address);
        if let Ok(place) = self.index.find_entry(hash, |other| *other == id) {
            place.remove();
        }
        let Some(entry) = self.entries.remove(id) else { return };
        if let Some(timer) = entry.timer {
            self.timers.remove(timer);
        }
        self.waiting -= entry.waiting.len();
        cx.stats.neighbor_unresolved_discards += entry.waiting.len() as u64;
        for Waiting { destination, .. } in entry.waiting {
            let is_told = self.unreachable.contains(&destination);
            if is_failed && !is_told && self.unreachable.len() < UNREACHABLE_MAX {
                self.unreachable.push_back(destination);
            }
        }
    }
}

#[cfg(test)]
mod tests;
