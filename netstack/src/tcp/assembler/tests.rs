extern crate std;
use std::vec;
use std::vec::Vec;

use corelane_nic::{Pool, PoolConfig};
use proptest::prelude::*;

use super::*;

proptest! {
    /// Against a table of bytes where the first writer of each wins, across the wrap of sequence numbers.
    #[test]
    fn keeps_the_first_copy_of_each_byte(base: u32, segments in proptest::collection::vec((1usize..200, 1usize..60, any::<u8>()), 1..50)) {
        let pool = Pool::heap(PoolConfig { slots: 64, slot_size: 64, headroom: 0, reserve: 0 });
        let mut model: Vec<Option<u8>> = vec![None; 300];
        let mut assembler = Assembler::default();
        for (offset, len, byte) in segments {
            let Some(chunk) = Chunk::copy_from(&pool, &vec![byte; len]) else { continue };
            prop_assert!(assembler.insert(SeqNumber(base) + offset as u32, chunk));
            model[offset..offset + len].iter_mut().for_each(|b| { b.get_or_insert(byte); });
            prop_assert_eq!(assembler.bytes(), model.iter().flatten().count());
        }
        // The byte at offset 0 arrives at last.
        let start = model[1..].iter().position(Option::is_none).unwrap();
        let got: Vec<u8> = assembler.take(SeqNumber(base) + 1).iter().flat_map(|c| c.to_vec()).collect();
        prop_assert_eq!(got, model[1..=start].iter().flatten().copied().collect::<Vec<_>>());
        assembler.clear();
        prop_assert_eq!(pool.available(), 64);
    }
}

#[test]
fn gapped_bytes_are_bounded() {
    let pool = Pool::heap(PoolConfig { slots: 1, slot_size: 64, headroom: 0, reserve: 0 });
    let byte = Chunk::copy_from(&pool, b"x").unwrap();
    let mut assembler = Assembler::default();
    let kept = (0..20_000u32).filter(|i| assembler.insert(SeqNumber(i * 2), byte.clone())).count();
    assert_eq!((kept, assembler.bytes()), (MAX_SEGMENTS, MAX_SEGMENTS));
}

#[test]
fn what_came_another_way_is_dropped() {
    let pool = Pool::heap(PoolConfig { slots: 4, slot_size: 64, headroom: 0, reserve: 0 });
    let mut assembler = Assembler::default();
    for (seq, bytes) in [(5, b"bbbbb"), (10, b"ccccc"), (20, b"ddddd")] {
        assert!(assembler.insert(SeqNumber(seq), Chunk::copy_from(&pool, bytes).unwrap()));
    }
    // Everything up to 12 arrived in order meanwhile.
    let taken: Vec<u8> = assembler.take(SeqNumber(12)).iter().flat_map(|chunk| chunk.to_vec()).collect();
    assert_eq!((taken, assembler.bytes()), (b"ccc".to_vec(), 5));
    assert!(assembler.take(SeqNumber(30)).is_empty() && assembler.is_empty());
    assert_eq!((assembler.bytes(), pool.available()), (0, 4));
}
