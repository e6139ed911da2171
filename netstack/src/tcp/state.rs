//! The state of a connection, and the only place that changes it.
//!
//! ```text
//!                 connect                      SYN (half_open.rs holds it until the third ACK)
//!      SYN-SENT <--------- CLOSED ---------> SYN-RECEIVED
//!          |  \-- SYN ----------------------->   |
//!   SYN-ACK|            (simultaneous open)      | ACK
//!          v                                     v
//!          +----------> ESTABLISHED <------------+
//!                close /            \ FIN
//!                     v              v
//!              FIN-WAIT-1        CLOSE-WAIT
//!       ACK of FIN /  \ FIN           \ close
//!                 v    v               v
//!        FIN-WAIT-2   CLOSING        LAST-ACK
//!               FIN \  / ACK of FIN     | ACK of FIN
//!                    vv                 v
//!                TIME-WAIT           CLOSED
//! ```

use core::time::Duration;

use crate::time::Instant;

/// RFC 9293 3.3.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// A listener waits for SYNs.
    Listen,
    /// A SYN was sent.
    SynSent,
    /// A SYN was received and answered.
    SynReceived,
    /// Open both ways.
    Established,
    /// We closed; our FIN is not acknowledged.
    FinWait1,
    /// We closed; our FIN is acknowledged, the peer may still send.
    FinWait2,
    /// The peer closed; we may still send.
    CloseWait,
    /// Both closed at once; our FIN is not acknowledged.
    Closing,
    /// The peer closed first, then we; our FIN is not acknowledged.
    LastAck,
    /// Both closed; old segments may still arrive.
    TimeWait,
    /// Over.
    Closed,
}

impl State {
    /// The peer may still send data that we have not seen the end of. In SYN-RECEIVED they come with a SYN by Fast Open.
    pub(crate) const fn can_receive(self) -> bool {
        matches!(self, State::SynReceived | State::Established | State::FinWait1 | State::FinWait2)
    }

    /// The application may still write.
    pub(crate) const fn can_write(self) -> bool {
        matches!(self, State::Established | State::CloseWait)
    }

    /// Past the handshake, and not over.
    pub(crate) const fn is_synchronized(self) -> bool {
        !matches!(self, State::Listen | State::SynSent | State::SynReceived | State::Closed)
    }
}

/// Holds the state, and since when; each verb is an event of RFC 9293 3.10. An event that has no place in a state changes
/// nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Machine {
    state: State,
    /// In seconds: it is for people to look at.
    since: u32,
}

impl Machine {
    /// OPEN, active.
    pub(crate) const fn active_open(now: Instant) -> Machine {
        Machine { state: State::SynSent, since: now.as_secs() }
    }

    /// The third ACK of a passive opening arrived (until then there is only a half-open record).
    pub(crate) const fn passive_open(now: Instant) -> Machine {
        Machine { state: State::Established, since: now.as_secs() }
    }

    /// A SYN whose data are taken before the third ACK (Fast Open).
    pub(crate) const fn early_open(now: Instant) -> Machine {
        Machine { state: State::SynReceived, since: now.as_secs() }
    }

    pub(crate) const fn get(self) -> State {
        self.state
    }

    /// How long it has been in this state, to the second.
    pub(crate) fn age(self, now: Instant) -> Duration {
        Duration::from_secs(now.as_secs().saturating_sub(self.since).into())
    }

    fn enter(&mut self, state: State, now: Instant) {
        if self.state != state {
            *self = Machine { state, since: now.as_secs() };
        }
    }

    /// A SYN-ACK that acknowledges our SYN, or in SYN-RECEIVED its ACK.
    pub(crate) fn syn_acked(&mut self, now: Instant) {
        if let State::SynSent | State::SynReceived = self.state {
            self.enter(State::Established, now);
        }
    }

    /// A SYN without an ACK while we opened: simultaneous open.
    pub(crate) fn syn_crossed(&mut self, now: Instant) {
        if self.state == State::SynSent {
            self.enter(State::SynReceived, now);
        }
    }

    /// CLOSE, or shutdown of the writing side.
    pub(crate) fn close(&mut self, now: Instant) {
        let next = match self.state {
            State::SynReceived | State::Established => State::FinWait1,
            State::CloseWait => State::LastAck,
            State::SynSent => State::Closed,
            other => other,
        };
        self.enter(next, now);
    }

    /// The peer's FIN, in order.
    pub(crate) fn fin_received(&mut self, now: Instant) {
        let next = match self.state {
            State::SynReceived | State::Established => State::CloseWait,
            State::FinWait1 => State::Closing,
            State::FinWait2 => State::TimeWait,
            other => other,
        };
        self.enter(next, now);
    }

    /// Our FIN is acknowledged.
    pub(crate) fn fin_acked(&mut self, now: Instant) {
        let next = match self.state {
            State::FinWait1 => State::FinWait2,
            State::Closing => State::TimeWait,
            State::LastAck => State::Closed,
            other => other,
        };
        self.enter(next, now);
    }

    /// RST in or out, retries run out, or all done.
    pub(crate) fn closed(&mut self) {
        self.state = State::Closed;
    }

    /// The time of `closed`, which many places call that have none.
    pub(crate) fn closed_at(&mut self, now: Instant) {
        if self.state == State::Closed {
            self.since = now.as_secs();
        }
    }
}

#[cfg(test)]
mod tests;
