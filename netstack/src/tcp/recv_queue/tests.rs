extern crate std;
use std::vec;
use std::vec::Vec;

use corelane_nic::{Pool, PoolConfig};
use proptest::prelude::*;

use super::*;

proptest! {
    /// Against a plain vector: pushes and copies in any mix come out in order.
    #[test]
    fn behaves_as_a_byte_queue(steps in proptest::collection::vec((0u8..4, 1usize..1500), 1..80)) {
        let pool = Pool::heap(PoolConfig { slots: 128, slot_size: 2048, headroom: 0, reserve: 0 });
        let memory = Memory::new(1 << 21, pool.clone());
        let (mut queue, mut model, mut next) = (RecvQueue::default(), Vec::<u8>::new(), 0u8);
        for (kind, n) in steps {
            let bytes: Vec<u8> = (0..n).map(|_| { next = next.wrapping_add(1); next }).collect();
            match kind {
                0 => if let Some(chunk) = Chunk::copy_from(&pool, &bytes) {
                    queue.push(chunk);
                    model.extend(&bytes);
                },
                1 => if queue.copy(&bytes, &memory) {
                    model.extend(&bytes);
                },
                2 => {
                    let mut buf = vec![0; n];
                    let peeked = queue.read(&mut buf, true);
                    prop_assert_eq!(&buf[..peeked], &model[..n.min(model.len())]);
                    let read = queue.read(&mut buf, false);
                    prop_assert_eq!(read, peeked);
                    model.drain(..read);
                }
                _ => if let Some(chunk) = queue.pop() {
                    prop_assert_eq!(&chunk[..], &model[..chunk.len()]);
                    model.drain(..chunk.len());
                }
            }
            prop_assert_eq!(queue.len(), model.len());
        }
        drop(queue);
        prop_assert_eq!((memory.in_use(), pool.available()), (0, 128));
    }
}

#[test]
fn copies_pack_into_few_buffers() {
    let pool = Pool::heap(PoolConfig { slots: 8, slot_size: 2048, headroom: 0, reserve: 0 });
    let memory = Memory::new(1 << 20, pool);
    let mut queue = RecvQueue::default();
    for _ in 0..110 {
        assert!(queue.copy(&[1; 1448], &memory));
    }
    assert_eq!(memory.in_use(), 10); // 159,280 bytes in buffers of 16 KiB
}
