use super::*;
use alloc::vec;
use corelane_nic::{Pool, PoolConfig};
use proptest::prelude::*;

proptest! {
    #[test]
    fn chains_are_cut_to_the_byte(pieces in prop::collection::vec(0_usize..20, 1..6), len in 0_usize..100) {
        let pool = Pool::heap(PoolConfig { slots: 8, slot_size: 64, headroom: 0, reserve: 0 });
        let bytes: Vec<u8> = (0..pieces.iter().sum::<usize>()).map(|i| i as u8).collect();
        let mut at = 0;
        let mut parts = pieces.iter().map(|&n| {
            let mut part = pool.take().unwrap();
            part.extend_from_slice(&bytes[at..at + n]);
            at += n;
            part
        });
        let mut packet = parts.next().unwrap();
        parts.for_each(|part| packet.append(part));

        let mut rest = vec![];
        prop_assert_eq!(truncate(&mut packet, len, &mut rest), len <= bytes.len());
        prop_assert!(rest.is_empty());
        split(&mut packet, &mut rest);
        let mut left = packet.to_vec();
        rest.iter().for_each(|part| left.extend(&part[..]));
        prop_assert_eq!(&left[..], &bytes[..len.min(bytes.len())]);
        rest.clear();
        drop(packet);
        prop_assert_eq!(pool.available(), 8);
    }
}
