//! Which addresses are ours, and which can be a host's.

use alloc::vec::Vec;
use core::net::Ipv4Addr;

use crate::config::Ipv4Cidr;

/// Our addresses and the broadcast addresses of their networks; both sorted, since there may be many.
pub(super) struct Addresses {
    local: Vec<Ipv4Addr>,
    broadcasts: Vec<Ipv4Addr>,
}

impl Addresses {
    pub(super) fn new(cidrs: &[Ipv4Cidr]) -> Addresses {
        let sorted = |mut addresses: Vec<Ipv4Addr>| {
            addresses.sort_unstable();
            addresses.dedup();
            addresses
        };
        Addresses {
            local: sorted(cidrs.iter().map(|cidr| cidr.address).collect()),
            broadcasts: sorted(cidrs.iter().filter_map(Ipv4Cidr::broadcast).collect()),
        }
    }

    /// Whether the address is ours.
    pub(super) fn is_local(&self, address: Ipv4Addr) -> bool {
        self.local.binary_search(&address).is_ok()
    }

    /// Our first address.
    pub(super) fn any(&self) -> Option<Ipv4Addr> {
        self.local.first().copied()
    }

    /// Whether another host can have the address (RFC 1122, section 3.2.1.3): not ours, not a group's, not a
    /// broadcast, not "this network", not loopback, not of the reserved class E.
    pub(super) fn is_peer(&self, address: Ipv4Addr) -> bool {
        let first = address.octets()[0];
        (1..224).contains(&first)
            && first != 127
            && self.broadcasts.binary_search(&address).is_err()
            && !self.is_local(address)
    }
}

#[cfg(test)]
mod tests;
