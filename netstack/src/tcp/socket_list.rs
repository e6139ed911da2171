//! The list of sockets, for people: what `ss` shows.

use core::net::SocketAddr;
use core::time::Duration;

use super::Tcp;
use super::state::State;
use crate::arena::Id;
use crate::event::{ListenerId, SocketId};

/// Who can be asked about a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SocketOwner {
    /// The application that holds it, or could accept it.
    Socket(SocketId),
    /// The application that listens.
    Listener(ListenerId),
    /// Nobody: an orphan, a half-open connection, a TIME-WAIT record.
    Nobody,
}

/// One line of the list: a listener, a connection in any state, half-open ones and TIME-WAIT among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketInfo {
    /// Whose it is.
    pub owner: SocketOwner,
    /// Our address and port.
    pub local: SocketAddr,
    /// The peer's; `None` for a listener.
    pub peer: Option<SocketAddr>,
    /// The state.
    pub state: State,
    /// How long it has been in this state, to the second; `None` for listeners. A CLOSE-WAIT that gets old is one that the
    /// application forgot to close.
    pub age: Option<Duration>,
    /// Bytes received and not read; of a listener: connections that wait to be accepted.
    pub recv_queue: usize,
    /// Bytes written and not acknowledged; of a listener: its backlog.
    pub send_queue: usize,
    /// The application has closed it, and it still delivers what was written or waits for the peer's FIN.
    pub orphan: bool,
    /// It waits in an accept queue.
    pub unaccepted: bool,
    /// Time-outs in a row without an answer.
    pub retransmits: u8,
}

impl Tcp {
    /// Each socket, listeners first. It looks at all of them: never on the data path.
    pub(crate) fn sockets(&self) -> impl Iterator<Item = SocketInfo> {
        let listeners = self.listeners.iter().map(|(id, listener)| SocketInfo {
            owner: SocketOwner::Listener(id),
            recv_queue: listener.accept_queue.len(),
            send_queue: listener.backlog,
            ..bare(SocketAddr::from((listener.address, listener.port)), State::Listen)
        });
        let connections = self.connections.iter().filter_map(|(id, _)| self.socket_info(id));
        let half_open = self.half_open.iter().map(|(_, half)| SocketInfo {
            peer: Some(half.tuple.remote_addr()),
            age: Some(self.now - half.since),
            retransmits: half.retries,
            ..bare(half.tuple.local_addr(), State::SynReceived)
        });
        let time_wait = self.time_wait.iter().map(|record| {
            let left = record.expires - self.now;
            SocketInfo {
                peer: Some(record.tuple.remote_addr()),
                age: Some(self.config.tcp_timewait_len.saturating_sub(left)),
                ..bare(record.tuple.local_addr(), State::TimeWait)
            }
        });
        listeners.chain(connections).chain(half_open).chain(time_wait)
    }

    fn socket_info(&self, id: Id) -> Option<SocketInfo> {
        let c = self.connections.get(id)?;
        let orphan = c.app.orphan;
        Some(SocketInfo {
            owner: if orphan { SocketOwner::Nobody } else { SocketOwner::Socket(SocketId(id)) },
            peer: Some(c.tuple.remote_addr()),
            age: Some(c.machine.age(self.now)),
            recv_queue: c.rcv.queue.len(),
            send_queue: c.snd.queue.len(),
            orphan,
            unaccepted: c.app.listener.is_some(),
            retransmits: c.snd.retries,
            ..bare(c.tuple.local_addr(), c.machine.get())
        })
    }
}

/// A line with nothing but its address and state.
fn bare(local: SocketAddr, state: State) -> SocketInfo {
    SocketInfo {
        owner: SocketOwner::Nobody,
        local,
        peer: None,
        state,
        age: None,
        recv_queue: 0,
        send_queue: 0,
        orphan: false,
        unaccepted: false,
        retransmits: 0,
    }
}
