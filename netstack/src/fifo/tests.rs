use alloc::collections::VecDeque;

use proptest::prelude::*;

use super::*;

proptest! {
    /// Against a `VecDeque`: runs of pushes and pops, long enough to compact.
    #[test]
    fn is_a_queue(runs in prop::collection::vec((0_usize..3000, 0_usize..3000), 0..8)) {
        let (mut fifo, mut model) = (Fifo::default(), VecDeque::new());
        let (mut value, mut most) = (0_u32, 0);
        for (pushes, pops) in runs {
            for _ in 0..pushes {
                fifo.push(value);
                model.push_back(value);
                value += 1;
            }
            most = most.max(model.len());
            for _ in 0..pops {
                prop_assert_eq!(fifo.front(), model.front().copied());
                prop_assert_eq!(fifo.pop(), model.pop_front());
            }
            prop_assert_eq!(fifo.get(5), model.get(5).copied());
            prop_assert_eq!((fifo.len(), fifo.is_empty()), (model.len(), model.is_empty()));
            prop_assert!(fifo.values.capacity() <= 4 * most + 8, "what was taken does not pile up");
        }
    }
}
