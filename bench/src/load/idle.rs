//! Connections that stay idle beside those that are measured (`--idle`).

use std::io;
use std::net::{Ipv4Addr, TcpStream};
use std::time::Instant;

use super::connect;
use super::connection::Connection;
use super::exchange::{Exchange, Progress};
use super::silence::STALL;
use super::tally::Tally;
use crate::cli::{Cidr, LoadArgs};
use crate::error::bad_input;
use crate::sys::{self, ConnectOptions, Stop};

/// Connections of one address, where there are several: half of the ports that Linux gives out by default, since connect(2) searches
/// long for the last ones.
const EACH_ADDRESS: usize = 14_000;

/// Connections that are asked once at the end: all of them where there are fewer.
const SAMPLE: usize = 1000;

/// All of 127.0.0.0/8 is this host's.
const LOOPBACK: Cidr = Cidr { address: Ipv4Addr::new(127, 1, 0, 0), prefix: 24 };

/// The idle connections. They are reset when they go away, so that no TIME-WAIT is left of so many.
pub struct Idle {
    streams: Vec<TcpStream>,
}

impl Idle {
    /// Makes them all.
    ///
    /// # Errors
    /// One can't be made: the error says which, and the way out.
    pub fn open(args: &LoadArgs, stop: &Stop) -> anyhow::Result<Self> {
        let sources = Sources::new(args)?;
        let options = |index| ConnectOptions { from: sources.of(index), ..ConnectOptions::default() };
        let refused = |index, error: &io::Error| refused(args, index, error);
        let streams = connect::all(args, args.idle, options, refused, stop)?;
        streams.iter().try_for_each(sys::reset_on_close)?;
        Ok(Self { streams })
    }

    /// Looks whether all of them are still there, and asks some a question; how many. What is wrong is in the tally.
    pub fn end(self, args: &LoadArgs, tally: &mut Tally) -> usize {
        let step = step(self.streams.len());
        let mut asked = 0;
        for (index, stream) in self.streams.into_iter().enumerate() {
            let checked = match check(&stream) {
                Ok(()) if index % step == 0 => {
                    asked += 1;
                    ask(stream, args, args.connections + index, tally)
                }
                checked => checked,
            };
            if let Err(error) = checked {
                tally.connection_error(&error);
            }
        }
        asked
    }
}

/// Of so many connections, which are asked once: those whose index is a multiple.
pub fn step(connections: usize) -> usize {
    connections.div_ceil(SAMPLE).max(1)
}

/// An error when it is over, or has bytes that nobody asked for.
fn check(stream: &TcpStream) -> io::Result<()> {
    match stream.peek(&mut [0]) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        Err(error) => Err(error),
        Ok(count) => Err(no_rest(count)),
    }
}

/// What is wrong with an idle connection on which so many bytes came.
pub fn no_rest(count: usize) -> io::Error {
    match count {
        0 => io::Error::new(io::ErrorKind::UnexpectedEof, "the server has closed an idle connection"),
        _ => io::Error::new(io::ErrorKind::InvalidData, "an idle connection has an answer"),
    }
}

/// One request, whose answer is checked.
fn ask(stream: TcpStream, args: &LoadArgs, id: usize, tally: &mut Tally) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(STALL))?;
    let exchange = Exchange::new(id, args.workload, args.size, false);
    let mut connection = Connection::new(stream, exchange);
    connection.start(Instant::now());
    let mut buffer = [0; 4096];
    // It reads until the answer is whole, or the time is over.
    match connection.ready(sys::IN | sys::CLOSED, &mut buffer, tally)? {
        Progress::Answered => Ok(()),
        Progress::Waiting => {
            Err(io::Error::new(io::ErrorKind::TimedOut, "an idle connection doesn't answer any more"))
        }
    }
}

/// The addresses that the connections come from, in turns.
#[derive(Debug, PartialEq, Eq)]
pub struct Sources {
    /// The first one, and how many there are; `None`: that of the route.
    range: Option<(u32, u32)>,
}

impl Sources {
    /// As many as are needed, of those that may be taken.
    ///
    /// # Errors
    /// There is no choice among IPv6 addresses.
    pub fn new(args: &LoadArgs) -> anyhow::Result<Self> {
        if let (Some(from), false) = (args.from, args.addr.is_ipv4()) {
            return Err(bad_input(format!(
                "--from {}: --addr {} is no IPv4 address",
                from.address, args.addr
            )));
        }
        let needed = args.idle.div_ceil(EACH_ADDRESS);
        let own = (args.addr.is_ipv4() && args.addr.ip().is_loopback() && needed > 1).then_some(LOOPBACK);
        Ok(Self { range: args.from.or(own).map(|network| range(network, needed)) })
    }

    /// All of them; none: that of the route.
    pub fn all(&self) -> impl Iterator<Item = Ipv4Addr> {
        let (first, count) = self.range.unwrap_or((0, 0));
        (first..first + count).map(Ipv4Addr::from_bits)
    }

    /// Where connection `index` comes from; `None`: that of the route.
    pub fn of(&self, index: usize) -> Option<Ipv4Addr> {
        let (first, count) = self.range?;
        let offset = u32::try_from(index % count as usize).unwrap_or(0); // below count
        Some(Ipv4Addr::from_bits(first + offset))
    }
}

/// So many addresses of a network from its first, or all of them.
fn range(network: Cidr, needed: usize) -> (u32, u32) {
    let mask = u32::MAX.checked_shl(32 - u32::from(network.prefix)).unwrap_or(0);
    let all = (!mask).saturating_add(1);
    (network.address.to_bits() & mask, u32::try_from(needed.max(1)).unwrap_or(u32::MAX).min(all))
}

/// Why the connection after so many others can't be made, and the way out.
pub fn refused(args: &LoadArgs, index: usize, error: &io::Error) -> anyhow::Error {
    let way_out = match error.kind() {
        io::ErrorKind::AddrNotAvailable if args.from.is_some() => {
            "these addresses must be this host's, with ports enough (net.ipv4.ip_local_port_range)"
        }
        io::ErrorKind::AddrNotAvailable => "no port is left: give more addresses of this host with --from",
        _ => "does the server keep so many, and is its limit of open files high enough?",
    };
    bad_input(format!("--idle {}: after {index} connections: {error}: {way_out}", args.idle))
}

#[cfg(test)]
mod tests;
