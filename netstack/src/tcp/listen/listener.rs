//! A listener: its SYN queue and its accept queue.

use alloc::collections::{BTreeMap, VecDeque};
use core::net::Ipv4Addr;
use core::time::Duration;

use super::fast_open::EarlyQueue;
use crate::arena::{Arena, Id};
use crate::config::TcpConfig;
use crate::error::Error;
use crate::event::{ListenerId, SocketId};
use crate::tcp::SocketOptions;
use crate::time::Instant;

/// How long a flood of SYNs is remembered: longer than any of them waits to be answered.
const FLOOD: Duration = Duration::from_secs(120);
/// How often a SYN-ACK is sent again that long.
const FLOOD_RETRIES: u8 = 4;

/// A listener's queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListenerInfo {
    /// Half-open connections: SYNs that were answered and not acknowledged (cookies aside, of which nothing is kept).
    pub syn_queue: usize,
    /// The most half-open connections: the backlog or `tcp_max_syn_backlog`.
    pub syn_limit: usize,
    /// Connections that wait to be accepted.
    pub accept_queue: usize,
    /// Of those, the ones that Fast Open let in before their third ACK.
    pub fast_open_queue: usize,
    /// The backlog; one more than it may wait.
    pub backlog: usize,
    /// SYNs, half-open connections and third ACKs dropped for want of room (`sk_drops`, `ListenDrops` of this listener).
    pub drops: u64,
}

/// Waits for connections to one address, or to all of ours, and one port.
pub(crate) struct Listener {
    /// 0.0.0.0: any of ours.
    pub(crate) address: Ipv4Addr,
    pub(crate) port: u16,
    /// The accept queue's limit.
    pub(crate) backlog: usize,
    /// Open and not accepted.
    pub(crate) accept_queue: VecDeque<SocketId>,
    /// Half-open connections.
    pub(crate) syn_queue: usize,
    /// Those of them whose SYN-ACK was not sent again by the timer.
    pub(crate) young: usize,
    /// Their ids in the order of their SYNs, with some that are gone.
    order: VecDeque<Id>,
    /// When a SYN found the SYN queue full last.
    pub(crate) full_at: Option<Instant>,
    /// When a SYN was answered by a cookie last.
    pub(crate) cookie_sent: Option<Instant>,
    /// SYNs, half-open connections and third ACKs that were dropped for want of room.
    pub(crate) drops: u64,
    /// Fast Open.
    pub(crate) early: EarlyQueue,
    /// What connections that it accepts start with.
    pub(crate) options: SocketOptions,
    /// An `Acceptable` event waits to be asked for.
    pub(crate) acceptable_queued: bool,
}

impl Listener {
    /// Linux's rule: full when there are more than `backlog`.
    pub(crate) fn is_full(&self) -> bool {
        self.accept_queue.len() > self.backlog
    }

    /// The SYN queue's limit: as in Linux no more than may wait to be accepted. One there is even with a backlog of 0.
    pub(crate) fn syn_limit(&self, config: &TcpConfig) -> usize {
        self.backlog.min(config.tcp_max_syn_backlog).max(1)
    }

    /// How often a SYN-ACK is sent again. Linux's rule: when the queue is more than half full, fewer times the older most of
    /// it is, so that those which will never answer make room for the young. And while a flood is not long ago, no SYN brings
    /// more than five: the addresses may be those of the flood's victims.
    pub(crate) fn synack_retries(&self, config: &TcpConfig, now: Instant) -> u8 {
        let mut retries = config.tcp_synack_retries;
        if self.full_at.is_some_and(|at| now - at <= FLOOD) {
            retries = retries.min(FLOOD_RETRIES);
        }
        if self.syn_queue * 2 > self.backlog.max(8) {
            let mut young = self.young * 2;
            while retries > 2 && self.syn_queue >= young {
                retries -= 1;
                young *= 2;
            }
        }
        retries
    }

    /// A half-open connection enters the queue; `is_live`: whether one is still there.
    pub(crate) fn enqueue(&mut self, id: Id, is_live: impl Fn(Id) -> bool) {
        if self.order.len() > 2 * self.syn_queue + 16 {
            self.order.retain(|id| is_live(*id)); // at least as many went since the last time
        }
        self.order.push_back(id);
        self.syn_queue += 1;
        self.young += 1;
    }

    /// One leaves it, whose SYN-ACK was sent again by the timer or was not.
    pub(crate) fn dequeue(&mut self, is_young: bool) {
        self.syn_queue = self.syn_queue.saturating_sub(1);
        self.young = self.young.saturating_sub(usize::from(is_young));
    }

    /// The half-open connection that waits longest.
    pub(crate) fn oldest(&mut self, is_live: impl Fn(Id) -> bool) -> Option<Id> {
        while let Some(id) = self.order.front().copied() {
            if is_live(id) {
                return Some(id);
            }
            self.order.pop_front();
        }
        None
    }
}

/// All listeners of a stack.
pub(crate) struct Listeners {
    arena: Arena<Listener>,
    by_port: BTreeMap<(u16, Ipv4Addr), ListenerId>,
}

impl Listeners {
    pub(crate) const fn new() -> Listeners {
        Listeners { arena: Arena::new(), by_port: BTreeMap::new() }
    }

    /// Who listens for `address` and `port`: the one for the address before the one for all.
    pub(crate) fn find(&self, address: Ipv4Addr, port: u16) -> Option<ListenerId> {
        self.by_port
            .get(&(port, address))
            .or_else(|| self.by_port.get(&(port, Ipv4Addr::UNSPECIFIED)))
            .copied()
    }

    /// Whether any listener has the port.
    pub(crate) fn has_port(&self, port: u16) -> bool {
        self.by_port.range((port, Ipv4Addr::UNSPECIFIED)..=(port, Ipv4Addr::BROADCAST)).next().is_some()
    }

    /// # Errors
    /// `AddrInUse` when another listens there, or for all addresses of the port.
    pub(crate) fn insert(
        &mut self,
        address: Ipv4Addr,
        port: u16,
        backlog: usize,
    ) -> Result<ListenerId, Error> {
        let any = self.by_port.contains_key(&(port, Ipv4Addr::UNSPECIFIED));
        let clash = if address.is_unspecified() {
            self.has_port(port)
        } else {
            any || self.by_port.contains_key(&(port, address))
        };
        if clash {
            return Err(Error::AddrInUse);
        }
        let listener = Listener {
            address,
            port,
            backlog,
            accept_queue: VecDeque::new(),
            syn_queue: 0,
            young: 0,
            order: VecDeque::new(),
            full_at: None,
            cookie_sent: None,
            drops: 0,
            early: EarlyQueue::default(),
            options: SocketOptions::default(),
            acceptable_queued: false,
        };
        let id = ListenerId(self.arena.insert_with(|_| listener));
        self.by_port.insert((port, address), id);
        Ok(id)
    }

    pub(crate) fn get(&self, id: ListenerId) -> Option<&Listener> {
        self.arena.get(id.0)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (ListenerId, &Listener)> {
        self.arena.iter().map(|(id, listener)| (ListenerId(id), listener))
    }

    pub(crate) fn get_mut(&mut self, id: ListenerId) -> Option<&mut Listener> {
        self.arena.get_mut(id.0)
    }

    pub(crate) fn remove(&mut self, id: ListenerId) -> Option<Listener> {
        let listener = self.arena.remove(id.0)?;
        self.by_port.remove(&(listener.port, listener.address));
        Some(listener)
    }
}

impl From<ListenerId> for Id {
    fn from(id: ListenerId) -> Id {
        id.0
    }
}

#[cfg(test)]
mod tests;
