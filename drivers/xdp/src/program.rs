//! The XDP program that sorts our frames from the kernel's, assembled here so that no compiler is needed.
//!
//! ```text
//!  ARP, target address ours ------------------------+
//!  IPv4, destination ours --------------------------+--> bpf_redirect_map(sockets, rx queue, XDP_PASS)
//!  TCP or UDP, unfragmented, destination port ours -+
//!  everything else ------------------------------------> XDP_PASS
//! ```
//!
//! Where no socket is open on the receiving queue, the frame goes to the kernel. With busy polling asked for, the first
//! frames of a queue take another way to us: see `detour`.

use std::collections::HashMap;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::Filter;
use Register::{R0, R1, R2, R3, R4, R5, R6};
pub use detour::{DETOURS, Detour};

mod detour;

/// One eBPF instruction: `struct bpf_insn`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruction {
    /// Operation, operand kind and width.
    pub code: u8,
    /// Destination register in the low half, source register in the high half.
    pub registers: u8,
    /// Jump distance, or offset from an address.
    pub offset: i16,
    /// The constant operand.
    pub immediate: i32,
}

/// A register.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
enum Register {
    /// The verdict.
    R0 = 0,
    /// The context on entry; the first argument of a call.
    R1,
    R2,
    R3,
    R4,
    R5,
    /// R6 and R7 survive calls.
    R6,
    R7,
    /// The end of the stack.
    R10 = 10,
}
/// Where jumps lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Label {
    Ipv4,
    Transport,
    Take,
    Redirect,
    Pass,
}

/// Operation codes: linux/bpf_common.h and linux/bpf.h.
pub mod op {
    /// `dst = *(u64 *)(src + offset)`
    pub const LOAD_U64: u8 = 0x79;
    /// `dst = *(u32 *)(src + offset)`
    pub const LOAD_U32: u8 = 0x61;
    /// `dst = *(u16 *)(src + offset)`
    pub const LOAD_U16: u8 = 0x69;
    /// `dst = *(u8 *)(src + offset)`
    pub const LOAD_U8: u8 = 0x71;
    /// `*(u64 *)(dst + offset) = src`
    pub const STORE_U64: u8 = 0x7b;
    /// `*(u32 *)(dst + offset) = src`
    pub const STORE_U32: u8 = 0x63;
    /// `*(u16 *)(dst + offset) = src`
    pub const STORE_U16: u8 = 0x6b;
    /// `*(u32 *)(dst + offset) = immediate`
    pub const STORE_U32_IMMEDIATE: u8 = 0x62;
    /// `*(u16 *)(dst + offset) = immediate`
    pub const STORE_U16_IMMEDIATE: u8 = 0x6a;
    /// `dst = src`
    pub const MOVE: u8 = 0xbf;
    /// `dst = immediate`
    pub const MOVE_IMMEDIATE: u8 = 0xb7;
    /// `dst += immediate`
    pub const ADD_IMMEDIATE: u8 = 0x07;
    /// `dst += src`
    pub const ADD: u8 = 0x0f;
    /// `dst &= immediate`
    pub const AND_IMMEDIATE: u8 = 0x57;
    /// `dst ^= immediate`
    pub const XOR_IMMEDIATE: u8 = 0xa7;
    /// `dst = htobe16(dst)`, for an immediate of 16
    pub const NETWORK_ORDER: u8 = 0xdc;
    /// `dst <<= immediate`
    pub const SHIFT_LEFT: u8 = 0x67;
    /// `dst >>= immediate`
    pub const SHIFT_RIGHT: u8 = 0x77;
    /// `goto offset`
    pub const JUMP: u8 = 0x05;
    /// `if dst == immediate goto offset`, on 64 bits
    pub const JUMP_EQUAL: u8 = 0x15;
    /// `if (u32)dst == (u32)immediate goto offset`
    pub const JUMP_EQUAL_U32: u8 = 0x16;
    /// `if dst != immediate goto offset`
    pub const JUMP_NOT_EQUAL: u8 = 0x55;
    /// `if dst >= immediate goto offset`
    pub const JUMP_GREATER_EQUAL: u8 = 0x35;
    /// `if dst > src goto offset`
    pub const JUMP_GREATER: u8 = 0x2d;
    /// `if dst < immediate goto offset`
    pub const JUMP_LESS: u8 = 0xa5;
    /// `dst = map`, two instructions long; its source register is `PSEUDO_MAP`
    pub const LOAD_MAP: u8 = 0x18;
    /// Calls helper number `immediate`.
    pub const CALL: u8 = 0x85;
    /// Ends with the verdict in R0.
    pub const EXIT: u8 = 0x95;
}

const PSEUDO_MAP: u8 = 1;
const REDIRECT_MAP: i32 = 51;

// struct xdp_md
const CONTEXT_DATA: i16 = 0;
const CONTEXT_DATA_END: i16 = 4;
const CONTEXT_RX_QUEUE: i16 = 16;

// Offsets from the start of an Ethernet frame.
const ETHERTYPE: i16 = 12;
const IPV4: i16 = 14;
const IPV4_FRAGMENT: i16 = IPV4 + 6;
const IPV4_PROTOCOL: i16 = IPV4 + 9;
const IPV4_DESTINATION: i16 = IPV4 + 16;
const ARP_TARGET: i16 = 14 + 24;
const ARP_END: i32 = 14 + 28;
const IPV4_MINIMUM: i32 = 20;
const DESTINATION_PORT: i16 = 2;

/// What becomes of a frame: `enum xdp_action`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Dropped. Only tests ask for it.
    #[cfg(test)]
    Drop = 1,
    /// To the kernel.
    Pass = 2,
}

#[derive(Default)]
struct Assembler {
    code: Vec<Instruction>,
    labels: HashMap<Label, usize>,
    jumps: Vec<(usize, Label)>,
}

impl Assembler {
    fn emit(&mut self, code: u8, dst: Register, src: u8, offset: i16, immediate: i32) {
        self.code.push(Instruction { code, registers: dst as u8 | src << 4, offset, immediate });
    }

    fn load(&mut self, code: u8, dst: Register, from: Register, offset: i16) {
        self.emit(code, dst, from as u8, offset, 0);
    }

    fn store(&mut self, code: u8, to: Register, src: Register, offset: i16) {
        self.emit(code, to, src as u8, offset, 0);
    }

    /// Stores the low 16 bits of `src` in network order; they are swapped in `src` too.
    fn store_network(&mut self, to: Register, src: Register, offset: i32) {
        self.immediate(op::NETWORK_ORDER, src, 16);
        self.store(op::STORE_U16, to, src, offset as i16); // within a header
    }

    fn load_map(&mut self, dst: Register, map: i32) {
        self.emit(op::LOAD_MAP, dst, PSEUDO_MAP, 0, map);
        self.emit(0, R0, 0, 0, 0);
    }

    fn immediate(&mut self, code: u8, dst: Register, value: i32) {
        self.emit(code, dst, 0, 0, value);
    }

    fn between(&mut self, code: u8, dst: Register, src: Register) {
        self.emit(code, dst, src as u8, 0, 0);
    }

    fn jump_if(&mut self, code: u8, dst: Register, value: i32, to: Label) {
        self.jumps.push((self.code.len(), to));
        self.immediate(code, dst, value);
    }

    fn jump(&mut self, to: Label) {
        self.jump_if(op::JUMP, R0, 0, to);
    }

    fn label(&mut self, label: Label) {
        self.labels.insert(label, self.code.len());
    }

    /// Leaves for the kernel unless `length` bytes are there from `base` on. The verifier wants to see this
    /// before any byte is read.
    fn require(&mut self, base: Register, length: i32) {
        self.between(op::MOVE, R4, base);
        self.immediate(op::ADD_IMMEDIATE, R4, length);
        self.jumps.push((self.code.len(), Label::Pass));
        self.between(op::JUMP_GREATER, R4, R3);
    }

    fn finish(mut self) -> Vec<Instruction> {
        for (at, label) in self.jumps {
            let target = self.labels.get(&label).copied().unwrap_or(self.code.len());
            // Forward jumps only, and the filter's limits keep the program below 2^15 instructions.
            self.code[at].offset = (target - at - 1) as i16;
        }
        self.code
    }
}

/// What a little- or big-endian machine reads where the frame has `value` in network order.
fn network(value: u16) -> i32 {
    i32::from(value.to_be())
}

/// R6 holds the context; R2 gets the frame, R3 its end.
fn load_frame(a: &mut Assembler) {
    a.load(op::LOAD_U32, R2, R6, CONTEXT_DATA);
    a.load(op::LOAD_U32, R3, R6, CONTEXT_DATA_END);
}

/// Assembles the program for `filter`, with frames for `sockets`, the first by way of `detour`; `fallback` is for frames
/// that are ours on a queue without a socket.
pub fn assemble(
    filter: &Filter,
    sockets: BorrowedFd<'_>,
    detour: Option<&Detour<'_>>,
    fallback: Verdict,
) -> Vec<Instruction> {
    let mut a = Assembler::default();
    a.between(op::MOVE, R6, R1);
    load_frame(&mut a);
    a.require(R2, i32::from(IPV4) + IPV4_MINIMUM);
    a.load(op::LOAD_U16, R5, R2, ETHERTYPE);
    a.jump_if(op::JUMP_EQUAL, R5, network(0x0800), Label::Ipv4);
    arp(&mut a, filter);
    a.label(Label::Ipv4);
    a.load(op::LOAD_U32, R5, R2, IPV4_DESTINATION);
    addresses(&mut a, filter);
    ports(&mut a, filter);
    a.label(Label::Take);
    if let Some(detour) = detour {
        detour::assemble(&mut a, detour);
    }
    a.label(Label::Redirect);
    a.load_map(R1, sockets.as_raw_fd());
    a.load(op::LOAD_U32, R2, R6, CONTEXT_RX_QUEUE);
    a.immediate(op::MOVE_IMMEDIATE, R3, fallback as i32);
    a.immediate(op::CALL, R0, REDIRECT_MAP);
    a.immediate(op::EXIT, R0, 0);
    a.label(Label::Pass);
    a.immediate(op::MOVE_IMMEDIATE, R0, Verdict::Pass as i32);
    a.immediate(op::EXIT, R0, 0);
    a.finish()
}

/// ARP for IPv4 over Ethernet (RFC 826) with a target address of ours: requests for us and replies to us.
fn arp(a: &mut Assembler, filter: &Filter) {
    a.jump_if(op::JUMP_NOT_EQUAL, R5, network(0x0806), Label::Pass);
    a.require(R2, ARP_END);
    a.load(op::LOAD_U32, R5, R2, ARP_TARGET);
    addresses(a, filter);
    a.jump(Label::Pass);
}

/// R5 holds an address as read from the frame.
fn addresses(a: &mut Assembler, filter: &Filter) {
    for address in &filter.addresses {
        a.jump_if(op::JUMP_EQUAL_U32, R5, i32::from_ne_bytes(address.octets()), Label::Take);
    }
}

fn ports(a: &mut Assembler, filter: &Filter) {
    if filter.ports.is_empty() {
        return a.jump(Label::Pass);
    }
    a.load(op::LOAD_U8, R5, R2, IPV4);
    a.between(op::MOVE, R4, R5);
    a.immediate(op::SHIFT_RIGHT, R4, 4);
    a.jump_if(op::JUMP_NOT_EQUAL, R4, 4, Label::Pass);
    a.immediate(op::AND_IMMEDIATE, R5, 0x0f);
    a.immediate(op::SHIFT_LEFT, R5, 2);
    a.jump_if(op::JUMP_LESS, R5, IPV4_MINIMUM, Label::Pass);
    // Only the first fragment has ports: the kernel, which can put them together, gets them all.
    a.load(op::LOAD_U16, R4, R2, IPV4_FRAGMENT);
    a.immediate(op::AND_IMMEDIATE, R4, network(0x3fff));
    a.jump_if(op::JUMP_NOT_EQUAL, R4, 0, Label::Pass);
    a.load(op::LOAD_U8, R4, R2, IPV4_PROTOCOL);
    a.jump_if(op::JUMP_EQUAL, R4, 6, Label::Transport);
    a.jump_if(op::JUMP_NOT_EQUAL, R4, 17, Label::Pass);
    a.label(Label::Transport);
    a.between(op::ADD, R2, R5);
    a.require(R2, i32::from(IPV4 + DESTINATION_PORT) + 2);
    a.load(op::LOAD_U16, R5, R2, IPV4 + DESTINATION_PORT);
    for port in &filter.ports {
        a.jump_if(op::JUMP_EQUAL, R5, network(*port), Label::Take);
    }
    a.jump(Label::Pass);
}

#[cfg(test)]
mod tests;
