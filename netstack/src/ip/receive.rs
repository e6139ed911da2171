//! What arrives: the checks of RFC 1122, section 3.2.1, each with its counter.

use corelane_nic::{Checksum, Medium, Packet, RxFrame};

use super::{Context, Ip, Received, chain};
use crate::Instant;
use crate::tcp::wire_tuple::WireTuple;
use crate::wire::{ethernet, icmp, ipv4};

/// The least that the first packet of a chain holds behind the IP header: a TCP header.
const TRANSPORT_HEADER_LEN: usize = 20;

impl Ip {
    /// Handles ARP and ICMP by itself, with answers to `cx.out`, and gives what is for TCP. The caller counts `in_frames`.
    pub(crate) fn receive(&mut self, now: Instant, frame: RxFrame, cx: &mut Context<'_>) -> Option<Received> {
        let RxFrame { mut packet, checksum, .. } = frame;
        let Medium::Ethernet(mac) = self.link.medium else {
            return self.receive_ipv4(now, packet, checksum, false, cx);
        };
        let Some(header) = ethernet::Header::parse(&packet).filter(|h| !h.source.is_multicast()) else {
            cx.stats.in_frame_errors += 1;
            return None;
        };
        let is_group = header.destination.is_multicast();
        if !is_group && header.destination != mac {
            cx.stats.in_other_host += 1;
            return None;
        }
        packet.trim_front(ethernet::HEADER_LEN);
        match header.ether_type {
            ethernet::IPV4 => return self.receive_ipv4(now, packet, checksum, is_group, cx),
            ethernet::ARP => self.receive_arp(now, packet, is_group, cx),
            // VLAN tags among them: a tagged frame is not for this network.
            _ => cx.stats.in_frame_errors += 1,
        }
        None
    }

    /// The 4-tuple of a plain TCP segment, as it is to be looked up, before anything of it is checked.
    pub(crate) fn peek(&self, frame: &[u8]) -> Option<WireTuple> {
        WireTuple::of_frame(frame, self.link.medium)
    }

    fn receive_ipv4(
        &mut self,
        now: Instant,
        mut packet: Packet,
        checksum: Checksum,
        is_group: bool,
        cx: &mut Context<'_>,
    ) -> Option<Received> {
        cx.stats.ip_in_receives += 1;
        let Some(header) = ipv4::Header::parse(&packet) else {
            cx.stats.ip_in_hdr_errors += 1;
            return None;
        };
        cx.stats.count_ecn(header.ecn);
        if !chain::truncate(&mut packet, header.total_len, &mut self.rest) {
            cx.stats.ip_in_truncated += 1;
            return None;
        }
        // Broadcast and multicast end here too: TCP refuses them, and an echo to all is answered by none
        // (RFC 9293 section 3.9.2.3, RFC 1122 section 3.2.2.6). A unicast packet in a group frame: section 3.3.6.
        if is_group || !self.is_local(header.destination) || !self.is_peer(header.source) {
            cx.stats.ip_in_addr_errors += 1;
            return None;
        }
        if header.is_fragment() {
            cx.stats.ip_reasm_fails += 1;
            return None;
        }
        if packet.is_chained() && packet.len() < header.header_len + TRANSPORT_HEADER_LEN {
            cx.stats.ip_in_hdr_errors += 1;
            return None;
        }
        match header.protocol {
            ipv4::TCP => {
                cx.stats.ip_in_delivers += 1;
                packet.trim_front(header.header_len);
                let (source, destination, ecn) = (header.source, header.destination, header.ecn);
                Some(Received::Tcp { source, destination, packet, checksum, ecn })
            }
            ipv4::ICMP => {
                cx.stats.ip_in_delivers += 1;
                self.receive_icmp(now, &header, packet, cx)
            }
            other => {
                cx.stats.ip_in_unknown_protos += 1;
                let code =
                    if other == ipv4::UDP { icmp::PORT_UNREACHABLE } else { icmp::PROTOCOL_UNREACHABLE };
                self.send_unreachable(now, code, &header, &packet, cx);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
