use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;

use super::*;
use crate::bpf;

const OURS: Ipv4Addr = Ipv4Addr::new(10, 1, 2, 3);
const OTHER: Ipv4Addr = Ipv4Addr::new(10, 1, 2, 4);

/// An IPv4 frame; `words` is the header length, `fragment` the flags and offset field.
fn ipv4(destination: Ipv4Addr, protocol: u8, words: u8, fragment: u16, port: u16) -> Vec<u8> {
    let mut frame = vec![0; 14 + usize::from(words) * 4 + 20];
    frame[12..14].copy_from_slice(&[0x08, 0x00]);
    frame[14] = 0x40 | words;
    frame[20..22].copy_from_slice(&fragment.to_be_bytes());
    frame[23] = protocol;
    frame[30..34].copy_from_slice(&destination.octets());
    let at = 14 + usize::from(words) * 4 + 2;
    frame[at..at + 2].copy_from_slice(&port.to_be_bytes());
    frame
}

fn arp(target: Ipv4Addr) -> Vec<u8> {
    let mut frame = vec![0; 42];
    frame[12..14].copy_from_slice(&[0x08, 0x06]);
    frame[14..22].copy_from_slice(&[0, 1, 8, 0, 6, 4, 0, 1]);
    frame[38..42].copy_from_slice(&target.octets());
    frame
}

/// Frames, and whether they are ours for an address filter and for a port filter.
fn cases() -> Vec<(&'static str, Vec<u8>, bool, bool)> {
    let mut long = ipv4(OURS, 6, 5, 0, 80);
    long.resize(1514, 0xaa);
    let mut ipv6 = ipv4(OURS, 6, 5, 0, 80);
    ipv6[12..14].copy_from_slice(&[0x86, 0xdd]);
    let mut vlan = ipv4(OURS, 6, 5, 0, 80);
    vlan[12..14].copy_from_slice(&[0x81, 0x00]);
    let mut version = ipv4(OTHER, 6, 5, 0, 80);
    version[14] = 0x65;
    let mut cut = ipv4(OTHER, 6, 15, 0, 80);
    cut.truncate(14 + 60 + 3);
    vec![
        ("ARP for us", arp(OURS), true, false),
        ("ARP for another", arp(OTHER), false, false),
        ("short ARP", arp(OURS)[..41].to_vec(), false, false),
        ("TCP to us", ipv4(OURS, 6, 5, 0, 80), true, true),
        ("UDP to us", ipv4(OURS, 17, 5, 0, 53), true, true),
        ("a full frame", long, true, true),
        ("ICMP to us", ipv4(OURS, 1, 5, 0, 80), true, false),
        ("another port", ipv4(OURS, 6, 5, 0, 81), true, false),
        ("port in the wrong byte order", ipv4(OURS, 6, 5, 0, 80u16.swap_bytes()), true, false),
        ("TCP to another", ipv4(OTHER, 6, 5, 0, 80), false, true),
        ("broadcast", ipv4(Ipv4Addr::BROADCAST, 17, 5, 0, 67), false, false),
        ("with options", ipv4(OTHER, 6, 15, 0, 80), false, true),
        ("options where the port was", ipv4(OTHER, 6, 6, 0, 81), false, false),
        ("header too short", ipv4(OTHER, 6, 4, 0, 80), false, false),
        ("don't fragment", ipv4(OTHER, 6, 5, 0x4000, 80), false, true),
        ("first fragment", ipv4(OTHER, 6, 5, 0x2000, 80), false, false),
        ("last fragment", ipv4(OTHER, 6, 5, 0x00b9, 80), false, false),
        ("version 6 in an IPv4 frame", version, false, false),
        ("cut within the ports", cut, false, false),
        ("IPv6", ipv6, false, false),
        ("VLAN", vlan, false, false),
    ]
}

fn filters() -> [Filter; 2] {
    [Filter::addresses([Ipv4Addr::new(10, 9, 9, 9), OURS]), Filter::ports([53, 80])]
}

/// Runs a program as the kernel would, with every access checked. Memory: the context at 0x1000, the frame at 0x2000.
fn interpret(code: &[Instruction], frame: &[u8]) -> Result<Option<u32>, String> {
    const CONTEXT: u64 = 0x1000;
    const FRAME: u64 = 0x2000;
    let end = FRAME + frame.len() as u64;
    let context: Vec<u8> =
        [FRAME as u32, end as u32, 0, 1, 3, 0].iter().flat_map(|word: &u32| word.to_ne_bytes()).collect();
    let mut registers = [0u64; 11];
    registers[1] = CONTEXT;
    let mut at = 0usize;
    for _ in 0..code.len() {
        let (i, here) = (code.get(at).ok_or("ran off the end")?, at);
        at += 1;
        let (dst, src) = (usize::from(i.registers & 15), usize::from(i.registers >> 4));
        let value = i64::from(i.immediate) as u64;
        let load = |width: usize| -> Result<u64, String> {
            let address = registers[src].wrapping_add_signed(i.offset.into());
            let (base, bytes) = if address >= FRAME { (FRAME, frame) } else { (CONTEXT, &context[..]) };
            let from = address.wrapping_sub(base) as usize;
            let bytes = bytes.get(from..from + width).ok_or(format!("read outside the frame at {here}"))?;
            Ok(match *bytes {
                [a] => a.into(),
                [a, b] => u16::from_ne_bytes([a, b]).into(),
                [a, b, c, d] => u32::from_ne_bytes([a, b, c, d]).into(),
                _ => return Err(format!("a load of {width} bytes")),
            })
        };
        let jump = match i.code {
            op::JUMP => true,
            op::JUMP_EQUAL => registers[dst] == value,
            op::JUMP_EQUAL_U32 => registers[dst] as u32 == i.immediate as u32,
            op::JUMP_NOT_EQUAL => registers[dst] != value,
            op::JUMP_GREATER => registers[dst] > registers[src],
            op::JUMP_LESS => registers[dst] < value,
            _ => false,
        };
        if jump {
            at = at.checked_add_signed(i.offset.into()).ok_or("jumped before the start")?;
        }
        match i.code {
            op::LOAD_U32 => registers[dst] = load(4)?,
            op::LOAD_U16 => registers[dst] = load(2)?,
            op::LOAD_U8 => registers[dst] = load(1)?,
            op::MOVE => registers[dst] = registers[src],
            op::MOVE_IMMEDIATE => registers[dst] = value,
            op::ADD => registers[dst] = registers[dst].wrapping_add(registers[src]),
            op::ADD_IMMEDIATE => registers[dst] = registers[dst].wrapping_add(value),
            op::AND_IMMEDIATE => registers[dst] &= value,
            op::SHIFT_LEFT => registers[dst] <<= value,
            op::SHIFT_RIGHT => registers[dst] >>= value,
            op::LOAD_MAP => at += 1,
            op::CALL => {
                assert_eq!(
                    (i.immediate, registers[2]),
                    (REDIRECT_MAP, 3),
                    "the redirect, to the receiving queue"
                );
                return Ok(None);
            }
            op::EXIT => return Ok(Some(registers[0] as u32)),
            _ if !jump && i.code & 7 != 5 && i.code & 7 != 6 => {
                return Err(format!("unknown operation {:#x}", i.code));
            }
            _ => {}
        }
    }
    Err("no end".into())
}

/// Any open descriptor stands for the map.
fn anything() -> File {
    File::open("/dev/null").expect("/dev/null")
}

#[test]
fn takes_ours_and_leaves_the_rest() {
    let map = anything();
    for (which, filter) in filters().iter().enumerate() {
        let code = assemble(filter, map.as_fd(), None, Verdict::Pass);
        for (name, frame, by_address, by_port) in cases() {
            let ours = [by_address, by_port][which];
            let expected = if ours { None } else { Some(Verdict::Pass as u32) };
            assert_eq!(interpret(&code, &frame), Ok(expected), "{name}, {filter:?}");
        }
    }
}

#[test]
fn either_part_of_a_filter_is_enough() {
    let filter = Filter { addresses: vec![OURS], ports: vec![80] };
    let code = assemble(&filter, anything().as_fd(), None, Verdict::Pass);
    for (name, frame, by_address, by_port) in cases() {
        let taken = interpret(&code, &frame) == Ok(None);
        assert_eq!(taken, by_address || by_port, "{name}");
    }
}

#[test]
fn frames_of_every_length_stay_within_bounds() {
    let code =
        assemble(&Filter { addresses: vec![OURS], ports: vec![80] }, anything().as_fd(), None, Verdict::Pass);
    for (name, frame, ..) in cases() {
        for len in 0..frame.len() {
            assert!(
                interpret(&code, &frame[..len]).is_ok(),
                "{name} cut to {len}: {:?}",
                interpret(&code, &frame[..len])
            );
        }
    }
}

#[test]
fn the_kernel_agrees() {
    let map = match bpf::create_socket_map(1) {
        Ok(map) => map,
        Err(error) => return println!("SKIPPED: loading BPF programs needs root: {error}"),
    };
    // With an empty map the redirect gives the fallback, so that Drop tells our frames from the others.
    for (which, filter) in filters().iter().enumerate() {
        let program =
            bpf::load(&assemble(filter, map.as_fd(), None, Verdict::Drop)).expect("the verifier takes it");
        for (name, frame, by_address, by_port) in cases() {
            let expected = if [by_address, by_port][which] { Verdict::Drop } else { Verdict::Pass };
            let (verdict, _) = bpf::run(program.as_fd(), &frame).expect("it runs");
            assert_eq!(verdict, expected as u32, "{name}, {filter:?}");
        }
    }
}

#[test]
fn the_largest_filter_is_loaded() {
    let map = match bpf::create_socket_map(1) {
        Ok(map) => map,
        Err(error) => return println!("SKIPPED: loading BPF programs needs root: {error}"),
    };
    let filter = Filter {
        addresses: (0..1024).map(|i| Ipv4Addr::from(0x0a00_0001 + i)).collect(),
        ports: (1..=1024).collect(),
    };
    bpf::load(&assemble(&filter, map.as_fd(), None, Verdict::Pass)).expect("the verifier takes it");
}

#[test]
fn a_refused_program_comes_with_the_verifiers_words() {
    // Reads a register that was never written.
    let code = [
        Instruction { code: op::MOVE, registers: 0x20, offset: 0, immediate: 0 },
        Instruction { code: op::EXIT, registers: 0, offset: 0, immediate: 0 },
    ];
    let error = bpf::load(&code).expect_err("must be refused");
    if error.raw_os_error() == Some(libc::EPERM) {
        return println!("SKIPPED: loading BPF programs needs root: {error}");
    }
    assert!(error.to_string().contains("R2 !read_ok"), "{error}");
}
