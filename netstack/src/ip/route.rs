//! Where a packet goes next.

use alloc::vec::Vec;
use core::net::Ipv4Addr;

use super::address::Addresses;
use crate::config::{Config, Ipv4Cidr};

/// The next hop of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NextHop {
    /// The gateway, or the destination itself when it is on our link.
    pub(super) address: Ipv4Addr,
    /// Which of our addresses speaks to it.
    pub(super) source: Ipv4Addr,
}

struct Route {
    destination: Ipv4Cidr,
    gateway: Option<Ipv4Addr>,
    source: Ipv4Addr,
}

/// Routes, longest prefix first. A host has few: they are searched in order, and the neighbour cache remembers
/// what came out.
pub(super) struct Routes {
    routes: Vec<Route>,
}

impl Routes {
    /// The networks of our addresses, then the configured routes. A gateway that is in none of our networks counts
    /// as on our link all the same, as with Linux's `onlink`: networks of /32 addresses are made so.
    pub(super) fn new(config: &Config, addresses: &Addresses) -> Routes {
        let on_link = config.addresses.iter().map(|cidr| Route {
            destination: *cidr,
            gateway: None,
            source: cidr.address,
        });
        let configured = config.routes.iter().filter_map(|route| {
            let near = config.addresses.iter().find(|cidr| cidr.contains(route.gateway));
            let source = near.map(|cidr| cidr.address).or(addresses.any())?;
            Some(Route { destination: route.destination, gateway: Some(route.gateway), source })
        });
        let mut routes: Vec<Route> = on_link.chain(configured).collect();
        // A stable sort: of equal prefixes the first one given wins.
        routes.sort_by_key(|route| core::cmp::Reverse(route.destination.prefix_len));
        Routes { routes }
    }

    /// `None` when no route leads there.
    pub(super) fn lookup(&self, destination: Ipv4Addr) -> Option<NextHop> {
        let route = self.routes.iter().find(|route| route.destination.contains(destination))?;
        Some(NextHop { address: route.gateway.unwrap_or(destination), source: route.source })
    }
}

#[cfg(test)]
mod tests;
