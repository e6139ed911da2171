//! The link that all engines run on.

use std::io;
use std::net::Ipv4Addr;

use corelane_drivers::sim::{Link, LinkConfig, LinkQueue};

/// The server's address.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

/// The client's address.
pub const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// Bits of their network.
pub const PREFIX: u8 = 24;

/// The echo service (RFC 862).
pub const PORT: u16 = 7;

/// The client's ports, one a connection: more than any number of connections that can be asked for.
pub const CLIENT_PORTS: (u16, u16) = (1024, 65_535);

/// The most connections that ports of one address are for.
pub const CONNECTIONS: usize = 60_000;

/// Connections being opened at once, after the first one: that one resolves the address.
pub const OPENING: usize = 64;

/// Buffers of each end, besides those that each connection may hold.
const SLOTS: u32 = 4096;

/// The queues of the client and of the server: Ethernet, MTU 1500, no faults, nobody but the stack sums.
pub fn make(connections: usize) -> io::Result<(LinkQueue, LinkQueue)> {
    let held = u32::try_from(connections).unwrap_or(u32::MAX);
    let config = LinkConfig {
        slots: SLOTS.saturating_add(held.saturating_mul(2)),
        // smoltcp's sockets send in a fixed order: with a smaller ring the last ones would starve.
        ring: LinkConfig::default().ring + connections,
        ..LinkConfig::default()
    };
    let (_wire, client, server) = Link::new(&config)?;
    Ok((client, server))
}

/// How many connections may be opened now.
pub fn may_open(wanted: usize, opened: usize, connected: usize) -> usize {
    let limit = if connected == 0 { 1 } else { OPENING };
    (connected + limit).min(wanted).saturating_sub(opened)
}
