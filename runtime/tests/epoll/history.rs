//! What can happen to connections, and random histories of it.

use corelane::poll::{Interest, Trigger};
use corelane_sim::Rng;

/// The token of the listener; connections have their index.
pub const LISTENER: usize = 1000;

/// Which end of a connection: the one whose readiness is watched, or the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Local,
    Peer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    Read,
    Write,
    Both,
}

#[derive(Debug, Clone, Copy)]
pub enum Op {
    /// The peer connects to the local listener.
    Connect,
    /// The listener's oldest connection becomes the local end of this one.
    Accept(usize),
    /// The local end connects, to the peer's listener or to a port where nobody listens.
    Open {
        refused: bool,
    },
    Register(usize, Interest, Trigger),
    Reregister(usize, Interest, Trigger),
    Deregister(usize),
    Read(End, usize, usize),
    Write(End, usize, usize),
    /// When the local end has ended its direction, the peer reads all up to that: Linux delays the ACK of a FIN that waits to be
    /// read (tcp_fin, tcp_cleanup_rbuf), by some 40 ms.
    Shutdown(End, usize, How),
    TakeError(usize),
    Close(End, usize),
    Reset(usize),
    /// Writes until nothing is taken any more.
    Fill(End, usize),
    /// Reads all that the other end has written.
    Drain(End, usize),
    /// Asks for events, so many at most.
    Poll(usize),
}

/// One of the two that are compared. What an operation gave, as text; the state has settled when it returns.
pub trait Engine {
    fn apply(&mut self, op: Op) -> String;
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Local {
    Waiting,
    Open,
    Gone,
}

struct Connection {
    local: Local,
    peer: bool,
    /// Something was shut, closed, or reset.
    ended: bool,
    /// By [`Op::Fill`] of this end.
    full: [bool; 2],
    written: [usize; 2],
    /// What each end has not read of that.
    unread: [usize; 2],
}

/// Chooses operations that can be done.
pub struct History {
    rng: Rng,
    connections: Vec<Connection>,
    /// How often there was room while a stream was filled differs: a look then forgets it.
    was_filled: bool,
}

/// Few, so that much happens to each.
const CONNECTIONS: usize = 4;
/// Small writes of an end in all: they always have room.
const SMALL: usize = 8000;

impl History {
    pub fn new(seed: u64) -> History {
        History { rng: Rng::new(seed), connections: Vec::new(), was_filled: false }
    }

    fn below(&mut self, n: usize) -> usize {
        (self.rng.next_u64() % n as u64) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// The next operation.
    pub fn next(&mut self) -> Op {
        loop {
            if let Some(op) = self.try_next() {
                self.note(op);
                return op;
            }
        }
    }

    fn interest(&mut self) -> Interest {
        match self.below(4) {
            0 => Interest::READABLE,
            1 => Interest::WRITABLE,
            _ => Interest::READABLE | Interest::WRITABLE,
        }
    }

    fn trigger(&mut self) -> Trigger {
        [Trigger::Edge, Trigger::Edge, Trigger::Level, Trigger::OneShot][self.below(4)]
    }

    fn try_next(&mut self) -> Option<Op> {
        if std::mem::take(&mut self.was_filled) {
            return Some(Op::Poll(16));
        }
        if self.chance(30) {
            let capacity = [1, 2, 16, 16][self.below(4)];
            return Some(Op::Poll(capacity));
        }
        if self.connections.is_empty() || (self.connections.len() < CONNECTIONS && self.chance(12)) {
            return Some(match self.below(8) {
                0 => Op::Open { refused: true },
                1..4 => Op::Open { refused: false },
                _ => Op::Connect,
            });
        }
        if self.chance(8) {
            return self.registration(LISTENER);
        }
        let index = self.below(self.connections.len());
        let local = self.connections[index].local;
        match local {
            Local::Waiting if self.chance(40) => {
                let oldest = self.connections.iter().position(|c| c.local == Local::Waiting)?;
                return Some(Op::Accept(oldest));
            }
            Local::Open if self.chance(30) => return self.registration(index),
            _ => {}
        }
        let end = if self.chance(50) { End::Local } else { End::Peer };
        let op = self.transfer(end, index);
        self.is_possible(op).then_some(op)
    }

    fn registration(&mut self, source: usize) -> Option<Op> {
        let (interest, trigger) = (self.interest(), self.trigger());
        Some(match self.below(8) {
            0..4 => Op::Register(source, interest, trigger),
            4..7 => Op::Reregister(source, interest, trigger),
            _ => Op::Deregister(source),
        })
    }

    fn transfer(&mut self, end: End, index: usize) -> Op {
        let length = [1, 100, 600][self.below(3)];
        let how = [How::Write, How::Write, How::Read, How::Both][self.below(4)];
        match self.below(24) {
            0..7 => Op::Write(end, index, length),
            7..13 => Op::Read(end, index, if self.below(3) == 0 { 8 } else { 10_000 }),
            13..15 => Op::Shutdown(end, index, how),
            15 => Op::Close(end, index),
            16 => Op::Reset(index),
            17 => Op::TakeError(index),
            18..20 => Op::Fill(end, index),
            _ => Op::Drain(end, index),
        }
    }

    fn is_possible(&self, op: Op) -> bool {
        let (end, index) = match op {
            Op::Read(end, index, _) | Op::Write(end, index, _) | Op::Shutdown(end, index, _) => (end, index),
            Op::Close(end, index) | Op::Fill(end, index) | Op::Drain(end, index) => (end, index),
            Op::TakeError(index) => (End::Local, index),
            Op::Reset(index) => (End::Peer, index),
            _ => return true,
        };
        let c = &self.connections[index];
        let is_open = if end == End::Local { c.local == Local::Open } else { c.peer };
        let is_full = c.full[0] || c.full[1];
        is_open
            && match op {
                // Nobody sees how often there was room meanwhile where nothing else is to be told.
                Op::Fill(..) => c.local == Local::Open && c.peer && !c.ended && !is_full && c.unread[0] == 0,
                Op::Drain(..) => c.full[1 - end as usize] && c.local == Local::Open && c.peer,
                Op::Write(_, _, length) => !is_full && c.written[end as usize] + length <= SMALL,
                // How far a stream has come that is full differs: it is drained or broken off.
                Op::Read(..) | Op::Shutdown(..) => !is_full,
                Op::Close(end, _) => !is_full || end == End::Local,
                _ => true,
            }
    }

    /// What the last operation gave.
    pub fn note_outcome(&mut self, op: Op, outcome: &str) {
        let count =
            outcome.strip_prefix("Ok(").and_then(|text| text.strip_suffix(')')?.parse::<usize>().ok());
        match (op, count) {
            (Op::Write(end, index, _), Some(n)) => self.connections[index].unread[1 - end as usize] += n,
            (Op::Read(end, index, _), Some(n)) => self.connections[index].unread[end as usize] -= n,
            (Op::Drain(end, index), _) => self.connections[index].unread[end as usize] = 0,
            _ => {}
        }
    }

    /// Whether an ACK of this may be delayed, and must come before what follows.
    pub fn waits_for_acks(op: Op) -> bool {
        matches!(op, Op::Write(..) | Op::Fill(..) | Op::Drain(..) | Op::Shutdown(..))
    }

    /// Whether the peer reads up to the end after this.
    pub fn ends_local(op: Op) -> Option<usize> {
        match op {
            Op::Shutdown(End::Local, index, How::Write | How::Both) => Some(index),
            _ => None,
        }
    }

    fn note(&mut self, op: Op) {
        let fresh = |local, peer| Connection {
            local,
            peer,
            ended: false,
            full: [false; 2],
            written: [0; 2],
            unread: [0; 2],
        };
        match op {
            Op::Connect => self.connections.push(fresh(Local::Waiting, true)),
            Op::Open { refused } => {
                self.connections.push(fresh(Local::Open, !refused));
                self.connections.last_mut().unwrap().ended = refused;
            }
            Op::Accept(index) => self.connections[index].local = Local::Open,
            Op::Write(end, index, length) => self.connections[index].written[end as usize] += length,
            Op::Shutdown(_, index, _) => {
                self.connections[index].ended = true;
                if History::ends_local(op).is_some() {
                    self.connections[index].unread[1] = 0;
                }
            }
            Op::Close(End::Local, index) => {
                let connection = &mut self.connections[index];
                (connection.local, connection.ended) = (Local::Gone, true);
            }
            Op::Close(End::Peer, index) | Op::Reset(index) => {
                let connection = &mut self.connections[index];
                (connection.peer, connection.ended) = (false, true);
            }
            Op::Fill(end, index) => {
                self.connections[index].full[end as usize] = true;
                self.was_filled = true;
            }
            Op::Drain(end, index) => {
                let connection = &mut self.connections[index];
                connection.full[1 - end as usize] = false;
                connection.written[1 - end as usize] = 0;
            }
            _ => {}
        }
    }
}
