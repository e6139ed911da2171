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
    #[test]
    fn a_port_is_free_and_in_range_or_there_is_none(
        range: (u16, u16),
        used in proptest::collection::hash_set(any::<u16>(), 0..200),
        remote: u32,
        remote_port: u16,
    ) {
        // At most 300 ports, so that all of them may be used.
        let first = range.0.clamp(1, u16::MAX - 300);
        let last = first + range.1 % 300;
        let used: HashSet<u16> = used.iter().map(|port| first + port % 300).collect();
        let mut ports = Ports::new((first, last), [[1; 16], [2; 16]]);
        let is_free = |tuple: &FourTuple| !used.contains(&tuple.local_port);
        let any_free = (first..=last).any(|port| !used.contains(&port));
        for _ in 0..3 {
            let picked = ports.pick(A, remote.into(), remote_port, is_free);
            prop_assert_eq!(picked.is_some(), any_free);
            prop_assert!(picked.is_none_or(|port| (first..=last).contains(&port) && !used.contains(&port)));
        }
    }

    #[test]
    fn ports_to_one_destination_do_not_repeat_before_all_had_their_turn(
        first in 1_u16..60_000,
        len in 1_u16..200,
        remote: u32,
    ) {
        let mut ports = Ports::new((first, first + len - 1), [[1; 16], [2; 16]]);
        let picked: HashSet<_> = (0..len).map(|_| ports.pick(A, remote.into(), 80, |_| true)).collect();
        prop_assert_eq!(picked.len(), usize::from(len)); // RFC 6056 3.3.4: re-use is as late as can be
    }
}

#[test]
fn of_a_cores_ports_those_that_come_home_come_first() {
    let mut ports = Ports::new((40_000, 40_099), [[1; 16], [2; 16]]);
    ports.set_cores(CorePorts {
        is_own: Box::new(|tuple| tuple.local_port % 2 == 1),
        is_home: Box::new(|tuple| tuple.local_port % 10 < 4),
    });
    let mut used = std::vec::Vec::new();
    while let Some(port) = ports.pick(A, B, 80, |t| !used.contains(&t.local_port)) {
        used.push(port);
    }
    assert_eq!(used.len(), 50, "when those are taken, any other of its own will do");
    assert!(used.iter().all(|port| port % 2 == 1), "{used:?}");
    assert!(used[..20].iter().all(|port| port % 10 < 4), "{used:?}");
    let listens = ports.pick(A, Ipv4Addr::UNSPECIFIED, 0, |t| t.local_port % 2 == 0);
    assert!(listens.is_some(), "listeners have no peer");
}
