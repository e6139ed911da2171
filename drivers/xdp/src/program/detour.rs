//! The way of a queue's first frames by a UDP socket of ours.
//!
//! A thread can poll a device's NAPI only through a socket that the kernel has marked with it. It marks AF_XDP sockets of
//! devices that say which NAPI serves which queue; veth does not, in Linux 6.18. It marks any UDP socket that a frame
//! reaches, though: so the first frames that are ours go there, each whole, as the payload of a broadcast datagram.

use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, BorrowedFd};

use corelane_nic::MacAddress;

use super::Register::{R0, R1, R2, R3, R4, R5, R6, R7, R10};
use super::{Assembler, CONTEXT_RX_QUEUE, Label, load_frame, network, op};

/// Frames of a queue that take the way. One is enough; a firewall that swallows it must not swallow us all.
pub const DETOURS: u64 = 2;

const MAP_LOOKUP_ELEM: i32 = 1;
const ADJUST_HEAD: i32 = 44;
const GET_BUFF_LEN: i32 = 188; // since Linux 5.18

const ETHERNET: i32 = 14;
const IPV4: i32 = 20;
const UDP: i32 = 8;
const HEADERS: i32 = ETHERNET + IPV4 + UDP;

/// Where the first frames go.
#[derive(Debug, Clone, Copy)]
pub struct Detour<'a> {
    /// The interface's own address.
    pub mac: MacAddress,
    /// The port of queue 0; the other queues have those after it.
    pub port: u16,
    /// A map from queue to how many frames took the way.
    pub taken: BorrowedFd<'a>,
}

/// R6 holds the context. Goes on at `Label::Redirect` when the way is closed.
pub(super) fn assemble(a: &mut Assembler, detour: &Detour<'_>) {
    a.load(op::LOAD_U32, R1, R6, CONTEXT_RX_QUEUE);
    a.store(op::STORE_U32, R10, R1, -4);
    a.load_map(R1, detour.taken.as_raw_fd());
    a.between(op::MOVE, R2, R10);
    a.immediate(op::ADD_IMMEDIATE, R2, -4);
    a.immediate(op::CALL, R0, MAP_LOOKUP_ELEM);
    a.jump_if(op::JUMP_EQUAL, R0, 0, Label::Redirect);
    a.load(op::LOAD_U64, R1, R0, 0);
    a.jump_if(op::JUMP_GREATER_EQUAL, R1, DETOURS as i32, Label::Redirect);
    a.immediate(op::ADD_IMMEDIATE, R1, 1);
    a.store(op::STORE_U64, R0, R1, 0);

    a.between(op::MOVE, R1, R6);
    a.immediate(op::CALL, R0, GET_BUFF_LEN);
    a.between(op::MOVE, R7, R0);
    a.between(op::MOVE, R1, R6);
    a.immediate(op::MOVE_IMMEDIATE, R2, -HEADERS);
    a.immediate(op::CALL, R0, ADJUST_HEAD);
    a.jump_if(op::JUMP_NOT_EQUAL, R0, 0, Label::Redirect);
    load_frame(a);
    a.require(R2, HEADERS);
    headers(a, detour);
    a.jump(Label::Pass);
}

/// R2 holds the start of the frame, R7 the length of the datagram's payload.
fn headers(a: &mut Assembler, detour: &Detour<'_>) {
    let mac = detour.mac.0;
    let constant = |a: &mut Assembler, at: i32, value: u16| {
        a.emit(op::STORE_U16_IMMEDIATE, R2, 0, at as i16, network(value)); // below HEADERS
    };
    for (place, pair) in mac.chunks_exact(2).enumerate() {
        constant(a, 2 * place as i32, u16::from_be_bytes([pair[0], pair[1]]));
    }
    // From nobody to everybody: the kernel takes that whatever addresses the interface has (RFC 1122 3.2.1.3).
    let broadcast = u32::from(Ipv4Addr::BROADCAST) as i32;
    for at in [6, 8, 10] {
        constant(a, at, 0);
    }
    constant(a, 12, 0x0800);
    constant(a, ETHERNET, 0x4500);
    for (at, value) in [(4, 0), (6, 0x4000), (8, 0x0111), (12, 0), (14, 0)] {
        constant(a, ETHERNET + at, value); // no fragment, TTL 1, UDP
    }
    a.emit(op::STORE_U32_IMMEDIATE, R2, 0, (ETHERNET + 16) as i16, broadcast);

    // RFC 791: total length and header checksum.
    a.between(op::MOVE, R5, R7);
    a.immediate(op::ADD_IMMEDIATE, R5, IPV4 + UDP);
    a.between(op::MOVE, R3, R5);
    a.store_network(R2, R3, ETHERNET + 2);
    a.immediate(op::ADD_IMMEDIATE, R5, 0x4500 + 0x4000 + 0x0111 + 2 * 0xffff);
    for _ in 0..2 {
        a.between(op::MOVE, R4, R5);
        a.immediate(op::SHIFT_RIGHT, R4, 16);
        a.immediate(op::AND_IMMEDIATE, R5, 0xffff);
        a.between(op::ADD, R5, R4);
    }
    a.immediate(op::XOR_IMMEDIATE, R5, 0xffff);
    a.store_network(R2, R5, ETHERNET + 10);

    // RFC 768: a checksum of zero is none.
    let udp = ETHERNET + IPV4;
    constant(a, udp, detour.port);
    a.load(op::LOAD_U32, R5, R6, CONTEXT_RX_QUEUE);
    a.immediate(op::ADD_IMMEDIATE, R5, i32::from(detour.port));
    a.store_network(R2, R5, udp + 2);
    a.between(op::MOVE, R5, R7);
    a.immediate(op::ADD_IMMEDIATE, R5, UDP);
    a.store_network(R2, R5, udp + 4);
    constant(a, udp + 6, 0);
}

#[cfg(test)]
mod tests;
