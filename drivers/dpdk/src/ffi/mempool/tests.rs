use super::*;
use crate::{DpdkConfig, Memory, eal};

/// What the library can be asked for: net_af_xdp tells the kernel of as much memory as the mbufs take by that sum.
#[test]
fn packed_mbufs_lie_one_behind_the_other_from_the_start_of_a_page() {
    let config = DpdkConfig { memory: Memory::Ordinary(Some(64)), ..DpdkConfig::new("net_af_xdp0") };
    eal::start(&config).expect("EAL starts");
    let (room, packed, count) = (config.room(), config.packed(), 2048);
    let new = |name, room| Mempool::new(name, count, room, Layout { shift: 0, packed }, -1);
    let pool = new("packed", room).expect("it fits");

    let mut starts: Vec<usize> = (0..count).map(|slot| pool.mbuf(slot).addr()).collect();
    starts.sort_unstable();
    assert_eq!(starts[0] % 4096, 64, "behind the mempool's own header");
    assert!(starts.windows(2).all(|two| two[1] - two[0] == usize::from(packed)), "gaps");
    let mut all = [0; BATCH];
    for _ in 0..count as usize / BATCH {
        assert!(pool.take(&mut all), "each can be had");
    }
    assert!(!pool.take(&mut all));

    drop(pool);
    new("packed", room - 64).expect_err("it would not take `packed` bytes");
    new("packed", room).expect("the memory was given back");
}
