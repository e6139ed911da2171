//! ICMP messages: echo is answered, errors in are handed up, errors out are limited.

use alloc::vec::Vec;

use corelane_nic::{Chunk, Packet, TxOffload};

use super::{Context, HEADROOM, Ip, Ipv4Send, Received, chain};
use crate::Instant;
use crate::wire::icmp::{self, Message, QuotedSegment};
use crate::wire::{checksum, ipv4};

/// As much of a packet as an error quotes: 576 bytes in all (RFC 1812, section 4.3.2.3).
const QUOTE_LEN: usize = 576 - ipv4::HEADER_LEN - icmp::HEADER_LEN;

impl Ip {
    /// `packet` starts with the IP header.
    pub(super) fn receive_icmp(
        &mut self,
        now: Instant,
        header: &ipv4::Header,
        mut packet: Packet,
        cx: &mut Context<'_>,
    ) -> Option<Received> {
        cx.stats.icmp_in_msgs += 1;
        packet.trim_front(header.header_len);
        chain::split(&mut packet, &mut self.rest);
        let sum = self.rest.iter().fold(checksum::sum(&packet), |sum, part| sum.add_bytes(part));
        let message = Message::parse(&packet).filter(|_| sum.is_valid());
        let received = match message {
            Some(Message::EchoRequest) => {
                self.reply_to_echo(now, header, packet, cx);
                None
            }
            Some(Message::Error(error, quote)) => {
                // An error about what we never sent is noise or a lie.
                let segment = QuotedSegment::parse(quote).filter(|segment| self.is_local(segment.source.0));
                if segment.is_none() {
                    cx.stats.icmp_in_errors += 1;
                }
                segment.map(|QuotedSegment { source, destination, sequence }| Received::TcpError {
                    error,
                    local: source,
                    remote: destination,
                    sequence,
                })
            }
            Some(Message::Other) => None,
            None => {
                cx.stats.icmp_in_errors += 1;
                None
            }
        };
        self.rest.clear();
        received
    }

    /// Turns a request round in its own buffer. What follows it in a chain is in `rest`.
    fn reply_to_echo(
        &mut self,
        now: Instant,
        header: &ipv4::Header,
        mut packet: Packet,
        cx: &mut Context<'_>,
    ) {
        if !self.config.echo_reply || !self.may_send_icmp(now, cx) {
            return;
        }
        icmp::turn_echo(&mut packet);
        let mut payload: Vec<Chunk> = Vec::new();
        if self.rest.len() <= usize::from(self.link.offloads.tx_chunks) {
            payload.extend(self.rest.drain(..).map(Packet::freeze));
        } else if !self.rest.iter().all(|part| packet.extend_from_slice(part) == part.len()) {
            cx.stats.ip_out_discards += 1;
            return;
        }
        self.send_icmp(now, header, packet, &mut payload, cx);
    }

    /// Tells the sender of `packet` (which starts with `header`) that nobody takes it. The caller has refused what
    /// no error may answer: broadcast, multicast, fragments, senders that are no host (RFC 1122, section 3.2.2).
    pub(super) fn send_unreachable(
        &mut self,
        now: Instant,
        code: u8,
        header: &ipv4::Header,
        packet: &[u8],
        cx: &mut Context<'_>,
    ) {
        if !self.may_send_icmp(now, cx) {
            return;
        }
        // Not from the reserve: that is for connections.
        let error = cx.pool.take().filter(|error| error.headroom() + error.tailroom() >= HEADROOM + 576);
        let Some(mut error) = error else {
            cx.stats.out_no_buffers += 1;
            return;
        };
        error.set_headroom(HEADROOM);
        let quote = &packet[..packet.len().min(QUOTE_LEN)];
        let mut start = icmp::unreachable(code);
        let checksum = checksum::sum(&start).add_bytes(quote).finish();
        start[2..4].copy_from_slice(&checksum.to_be_bytes());
        error.extend_from_slice(&start);
        error.extend_from_slice(quote);
        self.send_icmp(now, header, error, &mut Vec::new(), cx);
    }

    fn may_send_icmp(&mut self, now: Instant, cx: &mut Context<'_>) -> bool {
        let may = self.icmp_limit.take(now);
        if !may {
            cx.stats.icmp_out_ratelimit_global += 1;
        }
        may
    }

    /// Sends a message back to where `request` came from.
    fn send_icmp(
        &mut self,
        now: Instant,
        request: &ipv4::Header,
        packet: Packet,
        payload: &mut Vec<Chunk>,
        cx: &mut Context<'_>,
    ) {
        cx.stats.icmp_out_msgs += 1;
        let header = Ipv4Send {
            source: request.destination,
            destination: request.source,
            protocol: ipv4::ICMP,
            ecn: 0,
            tos: 0,
            ttl: None,
            dont_fragment: false,
        };
        self.send(now, header, packet, payload, TxOffload::default(), cx);
    }
}

#[cfg(test)]
mod tests;
