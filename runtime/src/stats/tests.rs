use super::*;
use crate::test_support::worker;

#[test]
fn every_count_and_level_of_two_cores_adds_up() {
    let (worker, _) = worker();
    let mut one = worker.stats();
    one.stack.tcp_in_segs = 3;
    one.queue.tx_bytes = 40;
    (one.pool.refused, one.crossings.adopted, one.stalls, one.sleeps) = (5, 6, 7, 8);
    (one.connections, one.timers, one.queue.held) = (9, 10, 11);
    let two = Snapshot { core: 99, ..one };
    let total = Snapshot::total([&one, &two]).unwrap();
    assert_eq!(total.core, one.core);
    for ((name, sum), (_, single)) in total.counts().zip(one.counts()).chain(total.levels().zip(one.levels()))
    {
        assert_eq!(sum, 2 * single, "{name}");
    }
    assert_eq!(total.pool_slots, 2 * one.pool_slots);
    assert!(Snapshot::total([]).is_none());
}
