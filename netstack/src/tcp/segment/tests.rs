extern crate std;
use std::vec::Vec;

use corelane_nic::{Pool, PoolConfig};

use super::*;

fn segment(pool: &Pool, seq: u32, flags: u8, parts: &[&[u8]]) -> Segment {
    let mut packets = parts.iter().map(|part| {
        let mut packet = pool.take().unwrap();
        packet.extend_from_slice(part);
        packet
    });
    let mut packet = packets.next().unwrap();
    packets.for_each(|tail| packet.append(tail));
    let header = TcpHeader::parse(
        &[0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, flags, 0, 0, 0, 0, 0, 0],
        &mut Blocks::default(),
    )
    .unwrap();
    let len = parts.iter().map(|part| part.len()).sum();
    Segment {
        header: TcpHeader { seq: SeqNumber(seq), ..header },
        payload: Payload::new(packet, len),
        sacked: Blocks::default(),
        ecn: 0,
    }
}

fn bytes(mut segment: Segment) -> Vec<u8> {
    let mut all = Vec::new();
    segment.payload.take_chunks(|chunk| all.extend_from_slice(&chunk));
    all
}

#[test]
fn trims_both_ends_across_a_chain() {
    let pool = Pool::heap(PoolConfig { slots: 4, slot_size: 64, headroom: 0, reserve: 0 });
    let mut s = segment(&pool, 100, Flags::FIN.0, &[b"0123", b"4567", b"89"]);
    assert_eq!(s.end(), SeqNumber(111));
    s.trim_before(SeqNumber(105));
    assert_eq!((s.seq(), s.seq_len()), (SeqNumber(105), 6));
    s.trim_after(SeqNumber(109));
    assert!(!s.has(Flags::FIN));
    assert_eq!(bytes(s), b"5678");
    assert_eq!(pool.available(), 4);
}

#[test]
fn a_syn_and_a_fin_count_one_each() {
    let pool = Pool::heap(PoolConfig { slots: 4, slot_size: 64, headroom: 0, reserve: 0 });
    let mut s = segment(&pool, u32::MAX, Flags::SYN.0 | Flags::FIN.0, &[b"ab"]);
    assert_eq!((s.seq_len(), s.end()), (4, SeqNumber(3)));
    s.trim_before(SeqNumber(0));
    assert!(!s.has(Flags::SYN) && s.has(Flags::FIN));
    assert_eq!(s.payload.len(), 2);
    s.trim_after(SeqNumber(2));
    assert!(!s.has(Flags::FIN));
    assert_eq!(bytes(s), b"ab");
}

#[test]
fn a_fin_that_was_seen_before_goes_with_its_data() {
    let pool = Pool::heap(PoolConfig { slots: 4, slot_size: 64, headroom: 0, reserve: 0 });
    let mut s = segment(&pool, 10, Flags::FIN.0, &[b"ab"]);
    s.trim_before(SeqNumber(13));
    assert_eq!((s.seq_len(), s.has(Flags::FIN)), (0, false));
}
