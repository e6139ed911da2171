use core::net::Ipv4Addr;

use super::*;

const TUPLE: FourTuple = FourTuple {
    local: Ipv4Addr::new(10, 0, 0, 1),
    remote: Ipv4Addr::new(10, 0, 0, 2),
    local_port: 80,
    remote_port: 5000,
};

#[test]
fn a_cookie_is_bound_to_addresses_and_outlives_one_change_of_the_key() {
    let mut keys = FastOpenKeys::new([1; 16]);
    let cookie = keys.cookie(&TUPLE);
    assert_eq!(keys.check(&FourTuple { remote_port: 1, local_port: 2, ..TUPLE }, &cookie), Validity::Good);
    let other = FourTuple { remote: Ipv4Addr::new(10, 0, 0, 3), ..TUPLE };
    assert_eq!(keys.check(&other, &cookie), Validity::Bad);
    assert_eq!(keys.check(&FourTuple { local: Ipv4Addr::new(10, 0, 0, 9), ..TUPLE }, &cookie), Validity::Bad);
    assert_eq!(keys.check(&TUPLE, &FastOpenCookie::new(&[0; 8]).unwrap()), Validity::Bad);
    keys.rotate([2; 16]);
    assert_eq!(keys.check(&TUPLE, &cookie), Validity::Old);
    assert_eq!(keys.check(&TUPLE, &keys.cookie(&TUPLE)), Validity::Good);
    keys.rotate([3; 16]);
    assert_eq!(keys.check(&TUPLE, &cookie), Validity::Bad);
}

#[test]
fn the_queue_counts_those_that_were_reset_for_a_minute() {
    let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
    let mut stats = Stats::default();
    let mut queue = EarlyQueue { limit: 2, ..EarlyQueue::default() };
    queue.len = 2;
    assert!(!queue.has_room(at(0), &mut stats));
    queue.leave(Some(at(0)));
    assert!(!queue.has_room(at(59), &mut stats), "a RST makes no room");
    queue.leave(None);
    assert!(queue.has_room(at(59), &mut stats), "a third ACK does");
    queue.len = 1;
    assert!(queue.has_room(at(61), &mut stats));
    assert_eq!(stats.fast_open_listen_overflow, 2);
    assert!(!EarlyQueue::default().has_room(at(0), &mut stats), "off");
    assert_eq!(stats.fast_open_listen_overflow, 2);
}
