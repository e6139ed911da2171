//! CLOSE and ABORT (RFC 9293 3.9.1, 3.10.4, 3.10.5), and what becomes of connections that no application holds: orphans.

use alloc::vec::Vec;
use core::time::Duration;

use super::Tcp;
use super::connection::Connection;
use super::resets::Reset;
use super::state::State;
use super::timers::Timer;
use crate::arena::Id;
use crate::config::TcpConfig;
use crate::error::Error;
use crate::event::SocketId;
use crate::stats::Stats;
use crate::time::Instant;

/// Which direction is shut down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// Reading ends once what is there was read: then it gives the end of data instead of waiting. As in Linux the peer
    /// is not told, and what it still sends is taken and can be read.
    Read,
    /// A FIN follows what was written.
    Write,
    /// Both. New data of the peer are then answered by a RST, as after closing.
    Both,
}

impl Tcp {
    pub(crate) fn shutdown(&mut self, id: SocketId, how: Shutdown) -> Result<(), Error> {
        let now = self.now;
        let connection = self.socket_mut(id)?;
        let state = connection.machine.get();
        if !state.is_synchronized() && state != State::SynReceived && !connection.closes_early() {
            return Err(Error::NotConnected);
        }
        if let Shutdown::Read | Shutdown::Both = how {
            connection.app.read_shut = true;
            connection.effects.readable = true;
        }
        if let Shutdown::Write | Shutdown::Both = how {
            connection.close_write(now);
        }
        self.settle(id.0);
        Ok(())
    }

    pub(crate) fn close(&mut self, id: SocketId, stats: &mut Stats) -> Result<(), Error> {
        let now = self.now;
        let connection = self.connections.get_mut(id.0).filter(|c| !c.app.orphan).ok_or(Error::NotOpen)?;
        if !connection.attached {
            self.remove(id.0);
            return Ok(());
        }
        // RFC 1122 4.2.2.13: with unread data the peer must learn that it was lost.
        let unread = connection.rcv.queue.len() > 0;
        if unread || connection.options().linger == Some(Duration::ZERO) {
            stats.abort_on_close += u64::from(unread);
            stats.abort_on_data += u64::from(!unread); // where Linux counts SO_LINGER
            self.reset(id.0, stats);
            return Ok(());
        }
        connection.unpredict();
        connection.app.orphan = true;
        self.orphans += 1;
        connection.close_write(now);
        connection.orphan_fin_wait_2(now, &self.config, stats);
        if connection.machine.get() != State::Closed && self.is_out_of_resources(id.0) {
            stats.abort_on_memory += 1;
            self.reset(id.0, stats);
        }
        self.settle(id.0);
        Ok(())
    }

    pub(crate) fn abort(&mut self, id: SocketId, stats: &mut Stats) -> Result<(), Error> {
        self.socket(id)?;
        self.reset(id.0, stats);
        Ok(())
    }

    /// ABORT for all: a RST to each peer, and nothing is left but TIME-WAIT.
    pub(crate) fn abort_all(&mut self, stats: &mut Stats) {
        let all: Vec<Id> = self.connections.iter().map(|(id, _)| id).collect();
        for id in all {
            self.reset(id, stats);
        }
    }

    /// RFC 9293 3.10.5: a RST where the peer may wait for something, and the connection is gone.
    fn reset(&mut self, id: Id, stats: &mut Stats) {
        let Some(connection) = self.connections.get(id) else { return };
        if connection.attached && connection.needs_reset() {
            if let State::Established | State::CloseWait = connection.machine.get() {
                stats.tcp_estab_resets += 1;
            }
            let (tuple, seq, ack) = (connection.tuple, connection.snd.nxt, connection.rcv.nxt);
            let timestamps = connection.timestamps;
            self.lists.resets.push(Reset { tuple, seq, ack: Some(ack), timestamps });
        }
        self.remove(id);
    }

    /// Whether there are too many orphans, or no memory, for this one to stay (Linux's tcp_out_of_resources): one that
    /// has sent nothing for long, or of which ICMP said that something is wrong, counts for two each.
    pub(crate) fn is_out_of_resources(&self, id: Id) -> bool {
        let Some(connection) = self.connections.get(id) else { return false };
        let silent = self.now - connection.snd.last_sent > self.config.tcp_rto_max.saturating_mul(2);
        let penalty =
            u32::from(silent && connection.snd.retries > 0) + u32::from(connection.app.soft_error.is_some());
        self.orphans << penalty > self.config.tcp_max_orphans
            || (connection.snd.queue.len() > self.config.tcp_wmem.min && !self.memory.has_room())
    }

    /// An orphan's timer has fired: it goes, with a RST, when there is no room for it any more. Whether it went.
    pub(crate) fn shed_orphan(&mut self, id: Id, stats: &mut Stats) -> bool {
        let orphan = self.connections.get(id).is_some_and(|c| c.app.orphan && c.attached);
        if !orphan || !self.is_out_of_resources(id) {
            return false;
        }
        stats.abort_on_memory += 1;
        self.reset(id, stats);
        true
    }

    pub(crate) fn has_unread(&self, id: SocketId) -> Result<bool, Error> {
        Ok(self.socket(id)?.rcv.queue.len() > 0)
    }

    /// Whether the peer has acknowledged all that was written, and our FIN.
    ///
    /// # Errors
    /// `WouldBlock`: `Writable` or `Closed` will tell.
    pub(crate) fn delivered(&mut self, id: SocketId) -> Result<(), Error> {
        let connection = self.socket_mut(id)?;
        if let Some(error) = connection.app.error.take() {
            return Err(error);
        }
        match connection.machine.get() {
            State::Closed | State::TimeWait | State::FinWait2 => Ok(()),
            _ => {
                connection.app.want_write = true;
                Err(Error::WouldBlock)
            }
        }
    }
}

impl Connection {
    /// Where a RST tells the peer something: not in SYN-SENT, and not once each side has closed and all is sent.
    fn needs_reset(&self) -> bool {
        match self.machine.get() {
            State::SynSent | State::Closed | State::Listen | State::TimeWait => false,
            State::Closing | State::LastAck => self.snd.has_unsent(),
            _ => true,
        }
    }

    /// CLOSE: a FIN goes out behind what was written.
    pub(crate) fn close_write(&mut self, now: Instant) {
        if self.snd.fin || self.machine.get() == State::Closed {
            return;
        }
        if self.closes_early() {
            self.snd.fin = true; // the state follows when the SYN is acknowledged
            self.effects.transmit = true;
            return;
        }
        self.machine.close(now);
        if self.machine.get() == State::Closed {
            self.finish(); // in SYN-SENT there is nothing to finish
        } else {
            self.snd.fin = true;
            self.effects.transmit = true;
        }
    }

    /// Linux's tcp_fin_time: TCP_LINGER2 or `tcp_fin_timeout`, but at least 3.5 RTO, so that the peer's FIN may get lost.
    fn fin_timeout(&self, config: &TcpConfig) -> Duration {
        let time = self.own_options().and_then(|options| options.linger2).unwrap_or(config.tcp_fin_timeout);
        time.max(Duration::from_nanos(self.rto(config).saturating_mul(7) / 2))
    }

    /// FIN-WAIT-2 of an orphan ends by time, or is over at once, with a RST, by a TCP_LINGER2 of zero.
    pub(crate) fn orphan_fin_wait_2(&mut self, now: Instant, config: &TcpConfig, stats: &mut Stats) {
        if !self.app.orphan || self.machine.get() != State::FinWait2 || self.timers.is_set(Timer::Close) {
            return;
        }
        if self.own_options().is_some_and(|options| options.linger2 == Some(Duration::ZERO)) {
            stats.abort_on_linger += 1;
            self.effects.reset = Some(self.snd.nxt);
            return self.finish();
        }
        self.timers.set(Timer::Close, now + self.fin_timeout(config));
        self.effects.transmit = true;
    }

    /// Our FIN is acknowledged: all are told (Linux's sk_state_change: "wake up lingering close").
    pub(crate) fn tell_delivered(&mut self) {
        self.app.want_write = false;
        self.effects.readable = true;
        self.effects.writable = true;
    }
}
