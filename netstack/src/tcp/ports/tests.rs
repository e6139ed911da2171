extern crate std;
use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

const A: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const B: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

#[test]
fn gives_every_port_once_then_none() {
    let mut ports = Ports::new((40_000, 40_099), [[1; 16], [2; 16]]);
    let mut used = HashSet::new();
    while let Some(port) = ports.pick(A, B, 80, |t| !used.contains(&t.local_port)) {
        assert!((40_000..=40_099).contains(&port) && used.insert(port));
    }
    assert_eq!(used.len(), 100);
    assert!(ports.pick(A, B, 81, |_| true).is_some(), "another destination has its own");
}

#[test]
fn two_secrets_give_two_orders() {
    let first = |key| Ports::new((1024, 65_535), [[key; 16], [9; 16]]).pick(A, B, 80, |_| true);
    assert_ne!(first(1), first(2));
    assert_eq!(Ports::new((5, 5), [[0; 16]; 2]).pick(A, B, 80, |_| true), Some(5));
    assert_eq!(Ports::new((0, 0), [[0; 16]; 2]).pick(A, B, 80, |_| true), Some(1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    /// A free port of the range, as long as there is one.
    #[test]
    fn finds_a_free_port_where_there_is_one(
        first in 1u16..60_000,
        count in 1u16..200,
        keys: [[u8; 16]; 2],
        remote: (u32, u16),
        taken in prop::collection::hash_set(0u16..200, 0..200),
    ) {
        let taken: HashSet<u16> = taken.into_iter().filter(|n| *n < count).map(|n| first + n).collect();
        let mut ports = Ports::new((first, first + count - 1), keys);
        let picked = ports.pick(A, Ipv4Addr::from(remote.0), remote.1, |tuple| !taken.contains(&tuple.local_port));
        match picked {
            Some(port) => prop_assert!((first..first + count).contains(&port) && !taken.contains(&port)),
            None => prop_assert_eq!(taken.len(), usize::from(count)),
        }
    }
}
