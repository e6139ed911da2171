//! What happened to a socket.

use crate::arena::Id;

/// A connection, opening or open. A closed one's id never names another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SocketId(pub(crate) Id);

/// A listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ListenerId(pub(crate) Id);

impl SocketId {
    /// The slot: small, dense, re-used after the socket is gone. For tables beside the stack.
    pub fn slot(self) -> u32 {
        self.0.slot()
    }

    /// Tells sockets that had the same slot apart.
    pub fn generation(self) -> u32 {
        self.0.generation()
    }

    /// The id with these parts; it may name nothing.
    pub fn from_parts(slot: u32, generation: u32) -> SocketId {
        SocketId(Id::from_parts(slot, generation))
    }
}

impl ListenerId {
    /// The slot: small, dense, re-used after the listener is gone.
    pub fn slot(self) -> u32 {
        self.0.slot()
    }

    /// Tells listeners that had the same slot apart.
    pub fn generation(self) -> u32 {
        self.0.generation()
    }

    /// The id with these parts; it may name nothing.
    pub fn from_parts(slot: u32, generation: u32) -> ListenerId {
        ListenerId(Id::from_parts(slot, generation))
    }
}

/// What happened since it was last asked for. Edge-triggered: one event for a change, however much changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// Data, the peer's FIN or an error arrived: read until `WouldBlock`.
    Readable(SocketId),
    /// The connection opened, or there is room to write again after a write found too little: write until `WouldBlock`. Also, with
    /// `Readable`, when the peer's FIN arrived or ours was acknowledged: as Linux wakes whoever waits for anything.
    Writable(SocketId),
    /// A connection waits in the accept queue: accept until `WouldBlock`.
    Acceptable(ListenerId),
    /// The connection is over in both directions, by FIN or by an error (`take_error`). What was received can still be read.
    Closed(SocketId),
}
