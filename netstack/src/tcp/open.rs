//! OPEN, active (RFC 9293 3.9.1.1): which port, which numbers.

use core::net::{Ipv4Addr, SocketAddr};

use super::commands::v4;
use super::connection::Connection;
use super::lookup::Records;
use super::ports::CorePorts;
use super::seq::SeqNumber;
use super::state::Machine;
use super::table::{FourTuple, Owner};
use super::{REUSE_DISTANCE, Tcp, output};
use crate::arena::Id;
use crate::error::Error;
use crate::event::SocketId;
use crate::ip::Ip;
use crate::stats::Stats;

impl Tcp {
    pub(crate) fn connect(
        &mut self,
        ip: &Ip,
        local: Option<SocketAddr>,
        remote: SocketAddr,
        stats: &mut Stats,
    ) -> Result<SocketId, Error> {
        let id = self.open(ip, local, remote, stats)?;
        self.settle(id.0);
        Ok(id)
    }

    /// As `connect`; the SYN is still to be settled.
    pub(crate) fn open(
        &mut self,
        ip: &Ip,
        local: Option<SocketAddr>,
        remote: SocketAddr,
        stats: &mut Stats,
    ) -> Result<SocketId, Error> {
        let tuple = self.source(ip, local, remote)?;
        // RFC 6191: beyond the numbers of a connection that is re-used.
        let least = self.take_time_wait(&tuple, stats);
        let isn = self.isn.sequence(&tuple, self.now);
        let iss = least.map_or(isn, |least| if isn.after(least) { isn } else { least });
        let offset = self.isn.timestamp_offset(&tuple);
        let (config, link_mss) = (&self.config, output::link_mss(&self.link));
        let now = self.now;
        let id = self.connections.insert_with(|_| {
            let mut connection = Connection::connect(tuple, iss, offset, config, link_mss);
            connection.machine = Machine::active_open(now);
            connection.note_began(now);
            connection
        });
        self.flows.insert(&tuple, Owner::Connection(id));
        stats.tcp_active_opens += 1;
        self.note_opening(id);
        Ok(SocketId(id))
    }

    pub(crate) fn set_cores(&mut self, cores: CorePorts) {
        self.ports.set_cores(cores);
    }

    /// Address and port that a connection to `remote` comes from.
    fn source(&mut self, ip: &Ip, local: Option<SocketAddr>, remote: SocketAddr) -> Result<FourTuple, Error> {
        let (remote, remote_port) = v4(remote)?;
        if remote_port == 0 {
            return Err(Error::InvalidInput);
        }
        let (wanted, port) = local.map_or(Ok((Ipv4Addr::UNSPECIFIED, 0)), v4)?;
        let route = ip.source_for(remote)?;
        let local = if wanted.is_unspecified() { route } else { wanted };
        if !ip.is_local(local) {
            return Err(Error::AddrNotAvailable);
        }
        if self.connections.len() >= self.config.max_connections {
            return Err(Error::OutOfMemory);
        }
        let records = Records::new(&self.connections, &self.half_open, &self.time_wait);
        let is_free = |tuple: &FourTuple| match self.flows.find(tuple, &records) {
            None => true,
            Some(Owner::TimeWait(id)) => {
                self.time_wait.get(id).is_some_and(|record| record.gives_way(&self.config, self.now))
            }
            Some(_) => false,
        };
        let tuple = FourTuple { local, remote, local_port: port, remote_port };
        if port != 0 {
            return if is_free(&tuple) { Ok(tuple) } else { Err(Error::AddrInUse) };
        }
        let free = |tuple: &FourTuple| !self.listeners.has_port(tuple.local_port) && is_free(tuple);
        let picked = self.ports.pick(local, remote, remote_port, free);
        picked.map(|local_port| FourTuple { local_port, ..tuple }).ok_or(Error::AddrNotAvailable)
    }

    /// Takes a TIME-WAIT record out of the way; gives the number that the next connection starts beyond.
    fn take_time_wait(&mut self, tuple: &FourTuple, stats: &mut Stats) -> Option<SeqNumber> {
        let Some(Owner::TimeWait(id)) = self.lookup(tuple) else { return None };
        let record = self.time_wait.remove(id)?;
        self.flows.remove(tuple, Owner::TimeWait(id));
        stats.time_wait_recycled += 1;
        Some(record.snd_nxt + REUSE_DISTANCE)
    }

    fn note_opening(&mut self, id: Id) {
        if self.opening.len() == self.opening.capacity() {
            // Before the list grows, those that are open by now leave it.
            let mut list = core::mem::take(&mut self.opening);
            list.retain(|id| self.is_opening_to(*id, None));
            self.opening = list;
        }
        self.opening.push(id);
    }
}
