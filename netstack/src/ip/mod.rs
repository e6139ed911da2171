//! IPv4: what arrives is checked and handed up, what is sent finds its way. ARP and ICMP are answered here.
//!
//! ```text
//!  RxFrame -> receive --- ARP --> arp, neighbor      (who has this address)
//!                     \-- ICMP -> icmp               (echo, errors in and out)
//!                      \- TCP --> Received           (to the transport)
//!  TxBurst <- send <-- neighbor <-- route <-- Ipv4Send (from the transport)
//! ```

mod address;
mod arp;
mod chain;
mod context;
mod icmp;
mod neighbor;
mod rate_limit;
mod receive;
mod received;
mod route;
mod send;

use alloc::vec::Vec;
use core::net::Ipv4Addr;
use core::time::Duration;

use corelane_nic::{MacAddress, Medium, Packet};

pub(crate) use arp::Heard;
pub(crate) use context::Context;
pub(crate) use received::Received;
pub(crate) use send::Ipv4Send;

use crate::config::{Config, IpConfig, Link};
use crate::rng::Rng;
use crate::wire::plain::Station;
use crate::wire::{ethernet, ipv4};
use crate::{Error, Instant};
use address::Addresses;
use neighbor::Neighbors;
use rate_limit::TokenBucket;
use route::Routes;

/// Bytes that must be free in front of what is sent: the headers of IPv4 and Ethernet.
pub(crate) const HEADROOM: usize = ethernet::HEADER_LEN + ipv4::HEADER_LEN;

/// The IP layer of one stack.
pub(crate) struct Ip {
    link: Link,
    station: Station,
    config: IpConfig,
    addresses: Addresses,
    routes: Routes,
    /// Unused on a link without Ethernet.
    neighbors: Neighbors,
    icmp_limit: TokenBucket,
    /// For packets that may be fragmented on their way.
    identification: Rng,
    /// Scratch space of `chain`, empty between calls.
    rest: Vec<Packet>,
    /// What the last ARP packet for us said.
    heard: Option<Heard>,
}

impl Ip {
    pub(crate) fn new(config: &Config, link: &Link, secret: &[u8; 32]) -> Ip {
        let addresses = Addresses::new(&config.addresses);
        let mac = match link.medium {
            Medium::Ethernet(mac) => mac,
            Medium::Ip => Default::default(),
        };
        Ip {
            link: *link,
            station: Station::new(matches!(link.medium, Medium::Ethernet(_)).then_some(mac)),
            config: config.ip.clone(),
            routes: Routes::new(config, &addresses),
            addresses,
            neighbors: Neighbors::new(mac, &config.ip, secret),
            icmp_limit: TokenBucket::new(config.ip.icmp_msgs_per_sec),
            identification: Rng::new(secret, u64::from_le_bytes(*b"IPv4 id ")),
            rest: Vec::new(),
            heard: None,
        }
    }

    /// Our station's address; `None` on a link without Ethernet.
    #[inline]
    pub(crate) fn mac(&self) -> Option<MacAddress> {
        match self.link.medium {
            Medium::Ethernet(mac) => Some(mac),
            Medium::Ip => None,
        }
    }

    /// Our station, as plain frames are compared with it.
    #[inline]
    pub(crate) fn station(&self) -> Station {
        self.station
    }

    /// TTL of what is sent.
    #[inline]
    pub(crate) fn ttl(&self) -> u8 {
        self.config.default_ttl
    }

    /// The smallest MTU of a path that is believed.
    pub(crate) fn min_pmtu(&self) -> u16 {
        self.config.min_pmtu
    }

    /// How long the MTU of a path is believed.
    pub(crate) fn mtu_expires(&self) -> Duration {
        self.config.mtu_expires
    }

    /// The Ethernet header towards `destination`, while its neighbour is known and needs nothing.
    #[inline]
    pub(crate) fn link_header(
        &mut self,
        now: Instant,
        destination: Ipv4Addr,
    ) -> Option<&[u8; ethernet::HEADER_LEN]> {
        self.mac()?;
        self.neighbors.cached(now, destination)
    }

    /// Whether the address is ours.
    pub(crate) fn is_local(&self, address: Ipv4Addr) -> bool {
        self.addresses.is_local(address)
    }

    /// Whether another host can have the address.
    pub(crate) fn is_peer(&self, address: Ipv4Addr) -> bool {
        self.addresses.is_peer(address)
    }

    /// Which of our addresses speaks to `destination`.
    ///
    /// # Errors
    /// `InvalidInput` for what no host can have; `NetworkUnreachable` when no route leads there, and for our own
    /// and loopback addresses, since nothing is looped back.
    pub(crate) fn source_for(&self, destination: Ipv4Addr) -> Result<Ipv4Addr, Error> {
        if self.is_local(destination) || destination.is_loopback() {
            return Err(Error::NetworkUnreachable);
        }
        if !self.is_peer(destination) {
            return Err(Error::InvalidInput);
        }
        self.routes.lookup(destination).map(|hop| hop.source).ok_or(Error::NetworkUnreachable)
    }

    /// The transport heard from `address` something that answers what it sent: its neighbour is reachable
    /// (RFC 4861, section 7.3.1). Called for each accepted ACK.
    #[inline(always)]
    pub(crate) fn confirm(&mut self, now: Instant, address: Ipv4Addr) {
        self.neighbors.confirm(now, address);
    }

    /// The transport has sent to `address` again and again, and hears nothing.
    pub(crate) fn suspect(&mut self, address: Ipv4Addr) {
        self.neighbors.suspect(address);
    }

    /// A destination whose neighbour did not answer while packets waited for it.
    pub(crate) fn next_unreachable(&mut self) -> Option<Ipv4Addr> {
        self.neighbors.next_unreachable()
    }

    /// Whether `expire` has something to do.
    #[inline(always)]
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.neighbors.is_due(now)
    }

    /// Asks neighbours again, or gives them up.
    pub(crate) fn expire(&mut self, now: Instant, cx: &mut Context<'_>) {
        self.neighbors.expire(now, cx);
    }

    /// When `expire` has something to do.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.neighbors.next_deadline()
    }
}

#[cfg(test)]
mod tests;
