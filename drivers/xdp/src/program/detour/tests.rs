use std::net::Ipv4Addr;
use std::os::fd::{AsFd, OwnedFd};

use super::*;
use crate::program::{self, Verdict};
use crate::{Filter, bpf};

const OURS: Ipv4Addr = Ipv4Addr::new(10, 1, 2, 3);
const MAC: MacAddress = MacAddress([2, 3, 4, 5, 6, 7]);
const PORT: u16 = 0x9c41;

struct Loaded {
    program: OwnedFd,
    taken: OwnedFd,
    _sockets: OwnedFd,
}

/// The program with an empty map of sockets: `Drop` is what would be redirected. `None` without root.
fn load() -> Option<Loaded> {
    let sockets = match bpf::create_socket_map(1) {
        Ok(map) => map,
        Err(error) => {
            println!("SKIPPED: loading BPF programs needs root: {error}");
            return None;
        }
    };
    let taken = bpf::create_count_map(1).expect("as the other map");
    let detour = Detour { mac: MAC, port: PORT, taken: taken.as_fd() };
    let code = program::assemble(&Filter::addresses([OURS]), sockets.as_fd(), Some(&detour), Verdict::Drop);
    let program = bpf::load(&code).expect("the verifier takes it");
    Some(Loaded { program, taken, _sockets: sockets })
}

fn ours(len: usize) -> Vec<u8> {
    let mut frame: Vec<u8> = (0..len).map(|i| i as u8).collect();
    frame[12..15].copy_from_slice(&[0x08, 0x00, 0x45]);
    frame[30..34].copy_from_slice(&OURS.octets());
    frame
}

fn sum(words: &[u8]) -> u16 {
    let sum: u32 =
        words.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0))).sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    ((sum & 0xffff) + (sum >> 16)) as u16
}

#[test]
fn a_frame_becomes_the_payload_of_a_datagram() {
    for len in [34, 35, 60, 1000, 1513, 1514] {
        let Some(loaded) = load() else { return };
        let frame = ours(len);
        let (verdict, out) = bpf::run(loaded.program.as_fd(), &frame).expect("it runs");
        assert_eq!(verdict, Verdict::Pass as u32, "{len} bytes");
        assert_eq!(out[42..], frame, "{len} bytes");
        let number = |at: usize| usize::from(u16::from_be_bytes([out[at], out[at + 1]]));
        assert_eq!((&out[..6], &out[6..12], number(12)), (&MAC.0[..], &[0; 6][..], 0x0800));
        assert_eq!((out[14], number(16), out[23]), (0x45, len + 28, 17), "IPv4, its length, UDP");
        assert_eq!(sum(&out[14..34]), 0xffff, "the header's checksum, {len} bytes");
        assert_eq!((&out[26..30], &out[30..34]), (&[0; 4][..], &[255; 4][..]));
        assert_eq!((number(36), number(38), number(40)), (PORT.into(), len + 8, 0));
    }
}

#[test]
fn only_the_first_frames_that_are_ours_take_the_way() {
    let Some(loaded) = load() else { return };
    let others = {
        let mut frame = ours(60);
        frame[33] ^= 1;
        frame
    };
    let mut verdicts = Vec::new();
    for _ in 0..DETOURS + 2 {
        let (verdict, out) = bpf::run(loaded.program.as_fd(), &others).expect("it runs");
        assert_eq!(
            (verdict, &out),
            (Verdict::Pass as u32, &others),
            "a frame of the kernel's stays as it is"
        );
        verdicts.push(bpf::run(loaded.program.as_fd(), &ours(60)).expect("it runs").0);
    }
    let detours = DETOURS as usize;
    assert!(verdicts[..detours].iter().all(|verdict| *verdict == Verdict::Pass as u32), "{verdicts:?}");
    assert!(verdicts[detours..].iter().all(|verdict| *verdict == Verdict::Drop as u32), "{verdicts:?}");
}

#[test]
fn a_closed_way_is_not_taken() {
    let Some(loaded) = load() else { return };
    bpf::set_count(loaded.taken.as_fd(), 0, DETOURS).expect("the map is ours");
    let (verdict, out) = bpf::run(loaded.program.as_fd(), &ours(60)).expect("it runs");
    assert_eq!((verdict, out), (Verdict::Drop as u32, ours(60)));
}
