//! What is sent: headers in front, then to the neighbour that the route names.

use alloc::vec::Vec;
use core::net::Ipv4Addr;

use corelane_nic::{Chunk, MacAddress, Medium, Packet, TxOffload};

use super::neighbor::Waiting;
use super::{Context, Ip};
use crate::Instant;
use crate::wire::{ethernet, ipv4};

/// The parts of an IPv4 header that the transport knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ipv4Send {
    pub(crate) source: Ipv4Addr,
    pub(crate) destination: Ipv4Addr,
    pub(crate) protocol: u8,
    /// The two bits of RFC 3168.
    pub(crate) ecn: u8,
    /// The DSCP, in the upper six bits of the octet whose lower two are `ecn`.
    pub(crate) tos: u8,
    /// `None`: the configured one.
    pub(crate) ttl: Option<u8>,
    pub(crate) dont_fragment: bool,
}

impl Ip {
    /// Sends `packet`, which starts with the transport's header and has [`super::HEADROOM`] in front of it, and the
    /// chunks of `payload` behind it, which are drained. `offload.checksum.start` counts from the transport's header.
    ///
    /// What can't be sent is dropped and counted, as on a wire.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        header: Ipv4Send,
        mut packet: Packet,
        payload: &mut Vec<Chunk>,
        mut offload: TxOffload,
        cx: &mut Context<'_>,
    ) {
        let chunks = if payload.is_empty() { 0 } else { payload.iter().map(|c| c.len()).sum::<usize>() };
        let Some(ip_header) = self.ipv4_header(&header, ipv4::HEADER_LEN + packet.len() + chunks) else {
            return discard(payload, cx);
        };
        let Medium::Ethernet(_) = self.link.medium else {
            let Some(front) = packet.push_front(ipv4::HEADER_LEN) else { return discard(payload, cx) };
            front.copy_from_slice(&ip_header);
            shift(&mut offload, ipv4::HEADER_LEN);
            cx.stats.ip_out_requests += 1;
            return push(packet, payload, offload, cx);
        };
        // Without a recent neighbour the header is written later, once there is one.
        let link_header = self.neighbors.cached(now, header.destination).copied();
        let front = packet
            .push_front(super::HEADROOM)
            .and_then(|front| front.first_chunk_mut::<{ super::HEADROOM }>());
        let Some(front) = front else { return discard(payload, cx) };
        front[..ethernet::HEADER_LEN].copy_from_slice(&link_header.unwrap_or_default());
        front[ethernet::HEADER_LEN..].copy_from_slice(&ip_header);
        shift(&mut offload, super::HEADROOM);
        cx.stats.ip_out_requests += 1;
        if link_header.is_some() {
            return push(packet, payload, offload, cx);
        }
        self.send_by_route(now, header.destination, packet, payload, offload, cx);
    }

    /// The slow path: no recent neighbour for this destination.
    fn send_by_route(
        &mut self,
        now: Instant,
        destination: Ipv4Addr,
        mut packet: Packet,
        payload: &mut Vec<Chunk>,
        offload: TxOffload,
        cx: &mut Context<'_>,
    ) {
        let Some(hop) = self.routes.lookup(destination) else {
            cx.stats.ip_out_no_routes += 1;
            payload.clear();
            return;
        };
        let id = self.neighbors.use_for(now, hop, destination, cx);
        let mac = self.neighbors.mac(id);
        write_ethernet(&mut packet, mac.unwrap_or_default(), self.neighbors.own_mac());
        if mac.is_some() {
            push(packet, payload, offload, cx);
        } else {
            let waiting = Waiting { destination, packet, payload: core::mem::take(payload), offload };
            self.neighbors.wait(id, waiting, cx);
        }
    }

    /// `None` when the packet is too long for IP.
    fn ipv4_header(&mut self, header: &Ipv4Send, total_len: usize) -> Option<[u8; ipv4::HEADER_LEN]> {
        let emit = ipv4::Emit {
            total_len: u16::try_from(total_len).ok()?,
            ecn: header.ecn,
            tos: header.tos,
            // What is never fragmented needs no identification (RFC 6864, section 4.1), and a constant one tells
            // nothing about our other traffic and lets the peer's GRO merge.
            identification: if header.dont_fragment { 0 } else { self.identification.next_u32() as u16 },
            dont_fragment: header.dont_fragment,
            ttl: header.ttl.unwrap_or(self.config.default_ttl),
            protocol: header.protocol,
            source: header.source,
            destination: header.destination,
        };
        Some(emit.to_bytes())
    }
}

/// Writes the Ethernet header of an IPv4 packet into the room left for it.
fn write_ethernet(packet: &mut Packet, destination: MacAddress, source: MacAddress) {
    let header = ethernet::Header { destination, source, ether_type: ethernet::IPV4 };
    if let Some(room) = packet.first_chunk_mut() {
        *room = header.to_bytes();
    }
}

/// The checksum's place counts from the frame's first byte.
fn shift(offload: &mut TxOffload, headers: usize) {
    if let Some(checksum) = &mut offload.checksum {
        checksum.start += headers as u16; // at most HEADROOM, and the start is within the transport's header
    }
}

pub(super) fn push(packet: Packet, payload: &mut Vec<Chunk>, offload: TxOffload, cx: &mut Context<'_>) {
    cx.out.push(packet, offload);
    if !payload.is_empty() {
        payload.drain(..).for_each(|chunk| cx.out.attach(chunk));
    }
}

/// Too long, or without [`super::HEADROOM`]: a defect of the caller, which must not become a panic.
fn discard(payload: &mut Vec<Chunk>, cx: &mut Context<'_>) {
    cx.stats.ip_out_discards += 1;
    payload.clear();
}

#[cfg(test)]
mod tests;
