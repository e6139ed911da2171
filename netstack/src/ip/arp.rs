//! ARP packets: what they teach and how they are answered (RFC 826, with the cautions of RFC 5227).

use core::net::Ipv4Addr;

use corelane_nic::{MacAddress, Packet, TxOffload};

use super::neighbor::Hint;
use super::{Context, Ip};
use crate::Instant;
use crate::wire::arp::{Arp, LEN, Operation};
use crate::wire::ethernet;

/// What a neighbour said of itself to us, for the stacks of other cores: they hear nothing of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard {
    hint: Hint,
    sender: Ipv4Addr,
    mac: MacAddress,
}

impl Ip {
    /// What the packet received last taught of a neighbour that speaks to us.
    #[inline]
    pub(crate) fn take_heard(&mut self) -> Option<Heard> {
        self.heard.take()
    }

    /// Takes in what another core heard. A question for us makes a place in the cache here too, since whoever asks may talk to any core.
    pub(crate) fn learn(&mut self, now: Instant, heard: &Heard, cx: &mut Context<'_>) {
        // Only what is on our link is worth a place in the cache.
        let hop = self.routes.lookup(heard.sender).filter(|hop| hop.address == heard.sender);
        self.neighbors.learn(now, heard.hint, heard.sender, heard.mac, hop, cx);
    }

    /// `packet` starts behind the Ethernet header; `is_group`: it was sent to more stations than us.
    pub(super) fn receive_arp(&mut self, now: Instant, packet: Packet, is_group: bool, cx: &mut Context<'_>) {
        cx.stats.arp_in += 1;
        let Some(arp) = Arp::parse(&packet).filter(|arp| self.is_plausible(arp)) else {
            cx.stats.arp_in_errors += 1;
            return;
        };
        let is_for_us = self.is_local(arp.target);
        // From 0.0.0.0: a host asks whether an address is taken, and has none yet (RFC 5227).
        if !arp.sender.is_unspecified() {
            let hint = match arp.operation {
                Operation::Request if is_for_us => Hint::Asks,
                Operation::Reply if is_for_us && !is_group => Hint::Answers,
                _ => Hint::Announces,
            };
            let heard = Heard { hint, sender: arp.sender, mac: arp.sender_mac };
            self.learn(now, &heard, cx);
            self.heard = (hint != Hint::Announces).then_some(heard);
        }
        if is_for_us && arp.operation == Operation::Request {
            reply(&arp, self.neighbors.own_mac(), packet, cx);
        }
    }

    /// Whether a host can have said so: a sender with a station's address, not ours.
    fn is_plausible(&self, arp: &Arp) -> bool {
        arp.sender_mac.is_unicast()
            && arp.sender_mac != self.neighbors.own_mac()
            && (arp.sender.is_unspecified() || self.is_peer(arp.sender))
    }
}

/// Answers in the buffer of the request.
fn reply(request: &Arp, mac: MacAddress, mut packet: Packet, cx: &mut Context<'_>) {
    let reply = Arp {
        operation: Operation::Reply,
        sender_mac: mac,
        sender: request.target,
        target_mac: request.sender_mac,
        target: request.sender,
    };
    packet.truncate(LEN);
    drop(packet.split_next());
    packet.copy_from_slice(&reply.to_bytes()); // it was parsed, so it has LEN bytes
    let header = ethernet::Header { destination: request.sender_mac, source: mac, ether_type: ethernet::ARP };
    if let Some(front) = packet.push_front(ethernet::HEADER_LEN) {
        front.copy_from_slice(&header.to_bytes());
        cx.stats.arp_out += 1;
        cx.out.push(packet, TxOffload::default());
    }
}

/// Asks for the address of `target`: all stations, or the one that had it last.
pub(super) fn solicit(request: Arp, to: MacAddress, cx: &mut Context<'_>) {
    // The reserve is for this: without an answer nothing can be sent.
    let Some(mut packet) = cx.pool.take_reserved() else {
        cx.stats.out_no_buffers += 1;
        return;
    };
    let header = ethernet::Header { destination: to, source: request.sender_mac, ether_type: ethernet::ARP };
    let (header, body) = (header.to_bytes(), request.to_bytes());
    if packet.extend_from_slice(&header) + packet.extend_from_slice(&body) < header.len() + body.len() {
        cx.stats.out_no_buffers += 1;
        return;
    }
    cx.stats.arp_out += 1;
    cx.out.push(packet, TxOffload::default());
}

#[cfg(test)]
mod tests;
