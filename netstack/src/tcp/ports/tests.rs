extern crate std;
use std::collections::HashSet;

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
