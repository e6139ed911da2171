extern crate std;
use std::vec;
use std::vec::Vec;

use corelane_nic::{Pool, PoolConfig};
use proptest::prelude::*;

use super::*;

const LIMIT: usize = 1 << 20;

/// The device's pool, and memory for copies of `bytes` in all (16 buffers of each size at least).
fn pools(slots: u32, bytes: usize) -> (Pool, Memory) {
    let pool = Pool::heap(PoolConfig { slots, slot_size: 2048, headroom: 0, reserve: 0 });
    let memory = Memory::new(bytes, pool.clone());
    (pool, memory)
}

impl Assembler {
    fn bytes(&self) -> usize {
        self.pieces.values().map(Piece::len).sum()
    }

    fn take(&mut self, nxt: SeqNumber) -> Vec<u8> {
        let (mut all, mut nxt) = (Vec::new(), nxt);
        while let Some((chunk, _)) = self.pop(nxt) {
            nxt += chunk.len() as u32;
            all.extend_from_slice(&chunk);
        }
        all
    }

    #[track_caller]
    fn assert_cost(&self) {
        assert_eq!(self.cost, self.pieces.values().map(Piece::cost).sum::<usize>());
    }
}

fn seqs(range: Option<(SeqNumber, SeqNumber)>) -> Option<(u32, u32)> {
    range.map(|(from, to)| (from.0, to.0))
}

proptest! {
    /// Against a table of bytes where the first writer of each wins, across the wrap of sequence numbers; with segments that
    /// are copied and such that are not.
    #[test]
    fn keeps_the_first_copy_of_each_byte(base: u32, segments in proptest::collection::vec((1usize..9000, 1usize..1500, any::<u8>()), 1..60)) {
        let (pool, memory) = pools(1024, 1 << 20);
        let bounds = Bounds { memory: &memory, limit: LIMIT };
        let mut model: Vec<Option<u8>> = vec![None; 11_000];
        let mut assembler = Assembler::new(SeqNumber(base));
        for (offset, len, byte) in segments {
            let chunk = Chunk::copy_from(&pool, &vec![byte; len]).unwrap();
            let known: Vec<bool> = model[offset..offset + len].iter().map(Option::is_some).collect();
            let inserted = assembler.insert(SeqNumber(base) + offset as u32, chunk, bounds);
            prop_assert!(inserted.kept && !inserted.pruned);
            // The first run of bytes that were there before, and nothing beside it.
            let first = known.iter().position(|known| *known);
            let run = first.map(|at| (at, at + known[at..].iter().take_while(|known| **known).count()));
            let told = run.map(|(from, to)| (SeqNumber(base) + (offset + from) as u32, SeqNumber(base) + (offset + to) as u32));
            prop_assert_eq!(inserted.duplicate, told);
            model[offset..offset + len].iter_mut().for_each(|b| { b.get_or_insert(byte); });
            prop_assert_eq!(assembler.bytes(), model.iter().flatten().count());
            assembler.assert_cost();
        }
        // The byte at offset 0 arrives at last.
        let start = model[1..].iter().position(Option::is_none).unwrap();
        let got = assembler.take(SeqNumber(base) + 1);
        prop_assert_eq!(got, model[1..=start].iter().flatten().copied().collect::<Vec<_>>());
        assembler.assert_cost();
        assembler.clear();
        prop_assert_eq!((pool.available(), memory.in_use()), (1024, 0));
    }
}

/// The input of CVE-2018-5390: each step must stay cheap, and all of them together small.
#[test]
fn ninety_thousand_gapped_bytes_are_bounded() {
    let (pool, memory) = pools(64, 64 << 20);
    let byte = Chunk::copy_from(&pool, b"x").unwrap();
    let bounds = Bounds { memory: &memory, limit: LIMIT };
    for order in [1, -1] {
        let mut assembler = Assembler::new(SeqNumber(0));
        let (mut kept, mut pruned) = (0, 0);
        for i in 0..90_000i64 {
            let seq = if order > 0 { i * 2 + 1 } else { 180_001 - i * 2 };
            let inserted = assembler.insert(SeqNumber(seq as u32), byte.clone(), bounds);
            kept += u32::from(inserted.kept);
            pruned += u32::from(inserted.pruned);
            assert!(assembler.cost <= bounds.cost() && memory.in_use() <= bounds.cost() / 512);
        }
        if order > 0 {
            assert_eq!((kept, pruned), (4096, 0), "what comes last is not kept");
        } else {
            assert!(kept == 90_000 && pruned > 100, "what comes first is wanted most: {kept} {pruned}");
        }
        assert_eq!(pool.available(), 63, "no buffer of the device for a byte");
    }
    assert_eq!(memory.in_use(), 0);
}

#[test]
fn small_segments_are_packed_behind_each_other() {
    let (pool, memory) = pools(64, 1 << 20);
    let bounds = Bounds { memory: &memory, limit: LIMIT };
    let mut assembler = Assembler::new(SeqNumber(0));
    for i in 0..30 {
        assembler.insert(SeqNumber(100 + i * 10), Chunk::copy_from(&pool, &[i as u8; 10]).unwrap(), bounds);
    }
    assert_eq!((memory.in_use(), assembler.pieces.len(), pool.available()), (1, 1, 64));
}

#[test]
fn a_device_that_runs_low_is_left_alone() {
    let (pool, memory) = pools(64, 1 << 20);
    let bounds = Bounds { memory: &memory, limit: LIMIT };
    let mut held: Vec<_> = (0..50).map(|_| pool.take().unwrap()).collect();
    let mut assembler = Assembler::new(SeqNumber(0));
    for i in 0..20 {
        let chunk = Chunk::copy_from(&pool, &[i as u8; 1000]).unwrap();
        assert!(assembler.insert(SeqNumber(1000 + i * 1000), chunk, bounds).kept);
    }
    assert_eq!((pool.available(), memory.in_use()), (14, 2), "copied, many to a buffer");
    // And when the copies have no room either, the newest are given up for what comes before them.
    while let Some(packet) = memory.take(1) {
        held.push(packet);
    }
    let last = assembler.insert(SeqNumber(90_000), Chunk::copy_from(&pool, &[0; 1000]).unwrap(), bounds);
    assert!(!last.kept && !last.pruned);
    let first = assembler.insert(SeqNumber(1), Chunk::copy_from(&pool, &[7; 999]).unwrap(), bounds);
    assert!(first.kept && first.pruned && assembler.sack == SackList::NONE);
    assert_eq!(assembler.take(SeqNumber(1))[..999], [7; 999]);
}

#[test]
fn a_segment_that_the_connection_waits_for_is_never_given_up_for_newer_ones() {
    let (pool, memory) = pools(64, 1 << 20);
    let bounds = Bounds { memory: &memory, limit: 4096 };
    let mut assembler = Assembler::new(SeqNumber(0));
    for seq in (10..2000).step_by(2) {
        assembler.insert(SeqNumber(seq), Chunk::copy_from(&pool, b"x").unwrap(), bounds);
    }
    assert_eq!(assembler.cost, 8192);
    assert!(assembler.insert(SeqNumber(0), Chunk::copy_from(&pool, &[1; 5]).unwrap(), bounds).kept);
    assert_eq!(assembler.take(SeqNumber(0)), [1; 5]);
    assembler.assert_cost();
}

#[test]
fn duplicates_are_told() {
    let (pool, memory) = pools(64, 1 << 20);
    let bounds = Bounds { memory: &memory, limit: LIMIT };
    let mut assembler = Assembler::new(SeqNumber(0));
    let mut insert = |seq, len| {
        let inserted =
            assembler.insert(SeqNumber(seq), Chunk::copy_from(&pool, &vec![0; len]).unwrap(), bounds);
        (seqs(inserted.duplicate), inserted.merged)
    };
    assert_eq!(insert(1000, 1000), (None, 0));
    assert_eq!(insert(3000, 1000), (None, 0));
    assert_eq!(insert(1000, 1000), (Some((1000, 2000)), 1), "all of it");
    assert_eq!(insert(1200, 100), (Some((1200, 1300)), 1));
    assert_eq!(insert(1500, 600), (Some((1500, 2000)), 0), "in part");
    assert_eq!(insert(500, 2000 - 500), (Some((1000, 2000)), 1), "around it");
    assert_eq!(insert(2500, 2000), (Some((3000, 4000)), 1));
}

#[test]
fn what_came_another_way_is_dropped() {
    let (pool, memory) = pools(64, 1 << 20);
    let bounds = Bounds { memory: &memory, limit: LIMIT };
    let mut assembler = Assembler::new(SeqNumber(0));
    for (seq, bytes) in [(5, b"bbbbb"), (10, b"ccccc"), (20, b"ddddd")] {
        assert!(assembler.insert(SeqNumber(seq), Chunk::copy_from(&pool, bytes).unwrap(), bounds).kept);
    }
    // Everything up to 12 arrived in order meanwhile.
    assert_eq!((assembler.take(SeqNumber(12)), assembler.bytes()), (b"ccc".to_vec(), 5));
    assert!(assembler.take(SeqNumber(30)).is_empty() && assembler.is_empty());
    assert_eq!((assembler.bytes(), pool.available(), memory.in_use()), (0, 64, 0));
}
