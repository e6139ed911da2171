//! Connections of a script: which numbers of the script stand for which on the wire.

use std::net::Ipv4Addr;

use super::syntax::{SYN, TcpPacket};
use super::tcp_option::TcpOption;
use super::wire::Observed;
use crate::Pattern;

/// One pair of ports.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    pub(super) local_port: u16,
    pub(super) peer_port: u16,
    /// The number of our SYN on the wire, which the script counts as 0; until there is one, numbers are as on the wire.
    our_isn: Option<u32>,
    /// That of the connection before.
    prior_isn: Option<u32>,
    /// What the peer's 0 is on the wire.
    peer_isn: u32,
    /// The peer's number behind its SYN, in the script's count.
    peer_start: u32,
    /// Our TSval where the script says 0.
    ts_base: Option<u32>,
    /// The Fast Open cookie that the stack sent last.
    cookie: Vec<u8>,
}

impl Flow {
    pub(super) fn new(local_port: u16, peer_port: u16, peer_isn: u32) -> Flow {
        Flow {
            local_port,
            peer_port,
            our_isn: None,
            prior_isn: None,
            peer_isn,
            peer_start: 1,
            ts_base: None,
            cookie: Vec::new(),
        }
    }

    /// Learns from what the stack sends, before anything of it is translated.
    pub(super) fn observe(&mut self, sent: &Observed) {
        if sent.packet.flags & SYN != 0 && self.our_isn != Some(sent.packet.seq) {
            self.prior_isn = self.our_isn.replace(sent.packet.seq);
            self.ts_base = None;
        }
        for option in sent.packet.options.iter().flatten() {
            match option {
                // Unless the script says otherwise, its clock shows milliseconds since the start.
                TcpOption::Timestamps { value, .. } if self.ts_base.is_none() => {
                    self.ts_base = Some(value.wrapping_sub(sent.at.as_millis() as u32)); // modulo 2^32
                }
                TcpOption::FastOpen(Some(cookie)) if !cookie.is_empty() => self.cookie.clone_from(cookie),
                _ => {}
            }
        }
    }

    /// The script says which TSval our SYN has: its clock runs on from there.
    pub(super) fn set_clock(&mut self, sent: &Observed, expected: &TcpPacket) {
        let value = |options: &Option<Vec<TcpOption>>| {
            options.iter().flatten().find_map(|option| match option {
                TcpOption::Timestamps { value, .. } => Some(*value),
                _ => None,
            })
        };
        if let (Some(live), Some(script)) = (value(&sent.packet.options), value(&expected.options))
            && sent.packet.flags & SYN != 0
            && expected.flags & SYN != 0
        {
            self.ts_base = Some(live.wrapping_sub(script));
        }
    }

    /// What the stack sent, in the script's numbers.
    pub(super) fn to_script(&self, wire: &TcpPacket) -> TcpPacket {
        let ours = |n: u32| n.wrapping_sub(self.our_isn.unwrap_or(0));
        let theirs = |n: u32| n.wrapping_sub(self.peer_isn);
        let option = |option: &TcpOption| match option {
            TcpOption::Sack(blocks) => {
                TcpOption::Sack(blocks.iter().map(|(a, b)| (theirs(*a), theirs(*b))).collect())
            }
            TcpOption::Timestamps { value, echo } => {
                TcpOption::Timestamps { value: value.wrapping_sub(self.ts_base.unwrap_or(0)), echo: *echo }
            }
            option => option.clone(),
        };
        TcpPacket {
            seq: ours(wire.seq),
            ack: wire.ack.map(theirs),
            options: wire.options.as_ref().map(|options| options.iter().map(option).collect()),
            ..wire.clone()
        }
    }

    /// What the script lets arrive, in the numbers of the wire.
    pub(super) fn for_wire(&mut self, script: &TcpPacket) -> TcpPacket {
        if script.flags & SYN != 0 {
            self.peer_start = script.seq.wrapping_add(1);
        }
        let ours = |n: u32| n.wrapping_add(self.our_isn.unwrap_or(0));
        let theirs = |n: u32| n.wrapping_add(self.peer_isn);
        let has_ack = script.ack.is_some();
        let option = |option: &TcpOption| match option {
            TcpOption::Sack(blocks) => {
                TcpOption::Sack(blocks.iter().map(|(a, b)| (ours(*a), ours(*b))).collect())
            }
            // Without an ACK there is nothing to echo.
            TcpOption::Timestamps { value, echo } if has_ack => {
                TcpOption::Timestamps { value: *value, echo: echo.wrapping_add(self.ts_base.unwrap_or(0)) }
            }
            TcpOption::FastOpen(None) => TcpOption::FastOpen(Some(self.cookie.clone())),
            option => option.clone(),
        };
        TcpPacket {
            seq: theirs(script.seq),
            ack: script.ack.map(ours),
            options: script.options.as_ref().map(|options| options.iter().map(option).collect()),
            ..script.clone()
        }
    }

    /// How far our initial number lies beyond that of the connection before.
    pub(super) fn isn_advance(&self) -> Option<u32> {
        Some(self.our_isn?.wrapping_sub(self.prior_isn?))
    }

    /// Our number on the wire.
    pub(super) fn our_number(&self, script: u32) -> u32 {
        script.wrapping_add(self.our_isn.unwrap_or(0))
    }

    /// The bytes of a segment that arrives: each tells its place in the stream.
    pub(super) fn payload(&self, script: &TcpPacket) -> Vec<u8> {
        let syn = u32::from(script.flags & SYN != 0);
        let offset = script.seq.wrapping_add(syn).wrapping_sub(self.peer_start);
        let mut bytes = vec![0; script.len];
        Pattern::between(self.peer_port, self.local_port).fill(u64::from(offset), &mut bytes);
        if script.marks.is_garbled {
            bytes.iter_mut().for_each(|byte| *byte = !*byte);
        }
        bytes
    }
}

/// All of them, and the one that packets belong to which say no ports.
#[derive(Debug)]
pub(super) struct Flows {
    flows: Vec<Flow>,
    peer_isn: u32,
    usual: (u16, u16),
}

/// The port that `...` stands for: ours in `bind`, the peer's in `connect`.
pub(super) const SERVER_PORT: u16 = 8080;
/// The port of a peer that opens.
pub(super) const CLIENT_PORT: u16 = 5000;

impl Flows {
    pub(super) fn new(peer_isn: u32) -> Flows {
        Flows { flows: Vec::new(), peer_isn, usual: (SERVER_PORT, CLIENT_PORT) }
    }

    /// From now on packets without ports belong to this pair: ours, the peer's.
    pub(super) fn set_usual(&mut self, local_port: u16, peer_port: u16) {
        self.usual = (local_port, peer_port);
    }

    pub(super) fn usual(&self) -> (u16, u16) {
        self.usual
    }

    /// The flow of these ports, or the usual one.
    pub(super) fn of(&mut self, ports: Option<(u16, u16)>) -> &mut Flow {
        let (local, peer) = ports.unwrap_or(self.usual);
        let known = self.flows.iter().position(|flow| (flow.local_port, flow.peer_port) == (local, peer));
        let index = known.unwrap_or_else(|| {
            self.flows.push(Flow::new(local, peer, self.peer_isn));
            self.flows.len() - 1
        });
        &mut self.flows[index]
    }
}

/// Where a packet of the script comes from.
pub(super) fn source(packet: &TcpPacket) -> Ipv4Addr {
    packet.marks.from.unwrap_or(crate::PEER)
}
