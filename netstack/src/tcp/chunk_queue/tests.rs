use alloc::collections::VecDeque;
use alloc::vec::Vec;

use corelane_nic::{Pool, PoolConfig};
use proptest::prelude::*;

use super::*;

proptest! {
    /// Against a `VecDeque` under the same pushes and pops.
    #[test]
    fn is_a_queue(steps in prop::collection::vec(prop::option::weighted(0.6, any::<u8>()), 0..64)) {
        let pool = Pool::heap(PoolConfig { slots: 64, slot_size: 16, headroom: 0, reserve: 0 });
        let (mut queue, mut model) = (ChunkQueue::default(), VecDeque::new());
        for step in steps {
            match step {
                Some(byte) => {
                    queue.push_back(Chunk::copy_from(&pool, &[byte]).unwrap());
                    model.push_back(byte);
                }
                None => prop_assert_eq!(queue.pop_front().map(|chunk| chunk[0]), model.pop_front()),
            }
            prop_assert_eq!(queue.is_empty(), model.is_empty());
            prop_assert_eq!(queue.front().map(|chunk| chunk[0]), model.front().copied());
            prop_assert_eq!(queue.iter().map(|chunk| chunk[0]).collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
            for index in 0..=model.len() {
                prop_assert_eq!(queue.get(index).map(|chunk| chunk[0]), model.get(index).copied());
            }
        }
        drop(queue);
        prop_assert_eq!(pool.available(), 64);
    }
}
