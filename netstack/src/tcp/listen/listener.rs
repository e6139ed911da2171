//! A listener: its SYN queue's length and its accept queue.

use alloc::collections::{BTreeMap, VecDeque};
use core::net::Ipv4Addr;

use crate::arena::{Arena, Id};
use crate::error::Error;
use crate::event::{ListenerId, SocketId};

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
    /// An `Acceptable` event waits to be asked for.
    pub(crate) acceptable_queued: bool,
}

impl Listener {
    /// Linux's rule: full when there are more than `backlog`.
    pub(crate) fn is_full(&self) -> bool {
        self.accept_queue.len() > self.backlog
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
            acceptable_queued: false,
        };
        let id = ListenerId(self.arena.insert_with(|_| listener));
        self.by_port.insert((port, address), id);
        Ok(id)
    }

    pub(crate) fn get(&self, id: ListenerId) -> Option<&Listener> {
        self.arena.get(id.0)
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
