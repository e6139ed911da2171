use super::*;
use crate::ip::tests::*;
use crate::{Config, IpConfig};

const OTHER_MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 9]);
const SECOND: Duration = Duration::from_secs(1);
const SEGMENT: [u8; 20] = [0x50; 20];

/// (destination MAC, whether it is ARP) of what was sent.
fn sent(bed: &mut Bed) -> Vec<(MacAddress, bool)> {
    let sent = bed.sent();
    sent.iter().map(|f| (MacAddress(*f.first_chunk().unwrap()), f[12..14] == [8, 6])).collect()
}

fn state(bed: &Bed, address: Ipv4Addr) -> Option<State> {
    let neighbors = &bed.ip.neighbors;
    neighbors.find(address).and_then(|id| neighbors.entries.get(id)).map(|entry| entry.state)
}

/// A bed whose peer has answered.
fn resolved() -> Bed {
    let mut bed = Bed::new();
    bed.send(PEER, &SEGMENT);
    bed.receive(&arp(true, PEER_MAC, PEER, US));
    assert_eq!(sent(&mut bed), [(MacAddress::BROADCAST, true), (PEER_MAC, false)]);
    bed
}

fn small(neighbor_max: usize, neighbor_queue: usize) -> Bed {
    let ip = IpConfig { neighbor_max, neighbor_queue, ..IpConfig::default() };
    Bed::with(&Config { ip, ..config() }, &ethernet_link())
}

#[test]
fn packets_wait_for_the_answer() {
    let mut bed = Bed::new();
    for i in 0..3 {
        bed.send(PEER, &[i; 20]);
    }
    let request = bed.sent();
    assert_eq!(request.len(), 1, "one request for three packets");
    assert_eq!(request[0][..], arp_request()[..]);
    bed.receive(&arp(true, PEER_MAC, PEER, US));
    let frames = bed.sent();
    assert_eq!(frames.iter().map(|f| f[34]).collect::<Vec<u8>>(), [0, 1, 2]);
    assert!(frames.iter().all(|f| f[..6] == PEER_MAC.0 && f[6..12] == OUR_MAC.0));
    assert_eq!(state(&bed, PEER), Some(State::Reachable));
    assert_eq!(bed.stats.neighbor_unresolved_discards, 0);
    bed.check_buffers();
}

fn arp_request() -> Vec<u8> {
    let mut request = arp(false, OUR_MAC, US, PEER);
    request[6..12].copy_from_slice(&OUR_MAC.0);
    request
}

#[test]
fn a_request_from_the_neighbor_answers_too() {
    let mut bed = Bed::new();
    bed.send(PEER, &SEGMENT);
    bed.receive(&arp(false, PEER_MAC, PEER, US));
    assert_eq!(sent(&mut bed), [(MacAddress::BROADCAST, true), (PEER_MAC, false), (PEER_MAC, true)]);
    assert_eq!(state(&bed, PEER), Some(State::Delay), "used, but not known to hear us");
}

#[test]
fn silence_drops_what_waits_and_tells_for_whom() {
    let mut bed = Bed::new();
    let far = Ipv4Addr::new(8, 8, 8, 8);
    bed.send(far, &SEGMENT);
    bed.send(GATEWAY, &SEGMENT);
    bed.send(far, &SEGMENT);
    bed.advance(SECOND * 2 + SECOND / 2);
    assert_eq!(sent(&mut bed), [(MacAddress::BROADCAST, true); 3]);
    assert_eq!((bed.ip.next_unreachable(), bed.stats.neighbor_failed), (None, 0));
    bed.advance(SECOND);
    assert!(sent(&mut bed).is_empty());
    assert_eq!((bed.stats.neighbor_failed, bed.stats.neighbor_unresolved_discards), (1, 3));
    let told: Vec<Ipv4Addr> = core::iter::from_fn(|| bed.ip.next_unreachable()).collect();
    assert_eq!(told, [far, GATEWAY]);
    bed.check_buffers();
    bed.send(far, &SEGMENT);
    assert_eq!(sent(&mut bed), [(MacAddress::BROADCAST, true)], "and it starts anew");
}

#[test]
fn queues_are_bounded_each_and_in_all() {
    let mut bed = small(16, 2);
    for i in 0..5 {
        bed.send(PEER, &[i; 20]);
    }
    assert_eq!(bed.stats.neighbor_unresolved_discards, 3);
    bed.receive(&arp(true, PEER_MAC, PEER, US));
    assert_eq!(bed.sent()[1..].iter().map(|f| f[34]).collect::<Vec<u8>>(), [3, 4], "the newest are kept");
    // An eighth of the pool of 64.
    let discards = bed.stats.neighbor_unresolved_discards;
    for i in 0..10 {
        let destination = Ipv4Addr::new(10, 0, 0, 100 + i);
        bed.send(destination, &SEGMENT);
        bed.send(destination, &SEGMENT);
    }
    assert_eq!(bed.stats.neighbor_unresolved_discards - discards, 12);
    bed.advance(SECOND * 5);
    bed.check_buffers();
}

#[test]
fn stale_neighbors_are_used_then_probed_then_given_up() {
    let mut bed = resolved();
    bed.now += SECOND * 46; // more than 1.5 times the base
    bed.send(PEER, &SEGMENT);
    assert_eq!(sent(&mut bed), [(PEER_MAC, false)]);
    assert_eq!(state(&bed, PEER), Some(State::Delay));
    bed.advance(SECOND * 5);
    assert_eq!(sent(&mut bed), [(PEER_MAC, true)], "a unicast probe");
    assert_eq!(state(&bed, PEER), Some(State::Probe));
    bed.send(PEER, &SEGMENT);
    assert_eq!(sent(&mut bed), [(PEER_MAC, false)], "still used");
    bed.advance(SECOND * 3);
    assert_eq!(sent(&mut bed), [(PEER_MAC, true); 2]);
    assert_eq!((state(&bed, PEER), bed.stats.neighbor_failed), (None, 1));
    assert_eq!(bed.ip.next_unreachable(), None, "nothing waited");
    bed.send(PEER, &SEGMENT);
    assert_eq!(sent(&mut bed), [(MacAddress::BROADCAST, true)]);
}

#[test]
fn an_answer_to_a_probe_makes_it_reachable() {
    let mut bed = resolved();
    bed.now += SECOND * 46;
    bed.send(PEER, &SEGMENT);
    bed.advance(SECOND * 6);
    sent(&mut bed);
    bed.receive(&arp(true, PEER_MAC, PEER, US));
    assert_eq!(state(&bed, PEER), Some(State::Reachable));
    bed.advance(SECOND * 10);
    assert!(sent(&mut bed).is_empty());
}

#[test]
fn the_transport_confirms() {
    let mut bed = resolved();
    for _ in 0..100 {
        bed.advance(SECOND * 10);
        bed.send(PEER, &SEGMENT);
        bed.ip.confirm(bed.now, PEER);
        assert_eq!(sent(&mut bed), [(PEER_MAC, false)], "no probe in a thousand seconds");
    }
    // Out of Delay as well.
    bed.now += SECOND * 46;
    bed.send(PEER, &SEGMENT);
    assert_eq!(state(&bed, PEER), Some(State::Delay));
    bed.ip.confirm(bed.now, PEER);
    assert_eq!(state(&bed, PEER), Some(State::Reachable));
    bed.advance(SECOND * 10);
    assert_eq!(sent(&mut bed), [(PEER_MAC, false)]);
    // Confirming what is unknown or unresolved does nothing.
    bed.ip.confirm(bed.now, GATEWAY);
    bed.send(GATEWAY, &SEGMENT);
    bed.ip.confirm(bed.now, GATEWAY);
    assert_eq!(state(&bed, GATEWAY), Some(State::Incomplete));
}

#[test]
fn the_first_answer_counts_for_a_second() {
    let mut bed = resolved();
    bed.receive(&arp(true, OTHER_MAC, PEER, US));
    bed.receive(&arp(false, OTHER_MAC, PEER, PEER));
    bed.send(PEER, &SEGMENT);
    assert_eq!(sent(&mut bed), [(PEER_MAC, false)]);
    bed.now += SECOND;
    bed.receive(&arp(false, OTHER_MAC, PEER, PEER));
    assert_eq!(state(&bed, PEER), Some(State::Stale), "used, not trusted");
    bed.send(PEER, &SEGMENT);
    assert_eq!(sent(&mut bed), [(OTHER_MAC, false)], "it has moved to another port or card");
}

#[test]
fn the_cache_is_bounded_and_keeps_what_is_used() {
    let mut bed = small(8, 1);
    bed.receive(&arp(false, PEER_MAC, PEER, US));
    bed.send(PEER, &SEGMENT);
    // A flood of askers.
    for i in 0..200 {
        bed.receive(&arp(false, OTHER_MAC, Ipv4Addr::new(10, 0, 0, 10 + i), US));
        bed.send(PEER, &SEGMENT);
        sent(&mut bed);
    }
    assert_eq!(bed.ip.neighbors.entries.len(), 8);
    assert_eq!(bed.ip.neighbors.index.len(), 8);
    assert!(state(&bed, PEER).is_some());
    // A flood of destinations that don't exist, as answers to forged SYNs make.
    for i in 0..200 {
        bed.send(Ipv4Addr::new(10, 0, 0, 10 + i), &SEGMENT);
        bed.send(PEER, &SEGMENT);
        sent(&mut bed);
    }
    assert_eq!(bed.ip.neighbors.entries.len(), 8);
    assert!(state(&bed, PEER).is_some());
    assert!(bed.ip.neighbors.ring.len() <= 2 * 8 + STEP, "{}", bed.ip.neighbors.ring.len());
    bed.advance(SECOND * 300);
    assert!(bed.ip.neighbors.entries.len() == 0 && bed.ip.neighbors.index.is_empty());
    assert!(bed.ip.neighbors.timers.is_empty());
    assert_eq!((bed.ip.next_deadline(), bed.ip.neighbors.waiting), (None, 0));
    bed.check_buffers();
}

#[test]
fn unused_neighbors_are_forgotten_in_two_minutes_used_ones_are_kept() {
    let mut bed = resolved();
    bed.receive(&arp(false, OTHER_MAC, GATEWAY, US));
    for _ in 0..30 {
        bed.advance(SECOND * 5);
        bed.send(PEER, &SEGMENT);
        bed.ip.confirm(bed.now, PEER);
        sent(&mut bed);
    }
    assert_eq!((state(&bed, GATEWAY), state(&bed, PEER)), (None, Some(State::Reachable)));
}

#[test]
fn without_buffers_nothing_is_asked_but_it_goes_on() {
    let mut bed = Bed::new();
    let packet = bed.packet(&SEGMENT);
    let mut held: Vec<Packet> = core::iter::from_fn(|| bed.pool.take_reserved()).collect();
    bed.send_packet(PEER, packet, &mut Vec::new(), TxOffload::default());
    assert_eq!((sent(&mut bed).len(), bed.stats.out_no_buffers), (0, 1));
    held.clear();
    bed.advance(SECOND);
    assert_eq!(sent(&mut bed), [(MacAddress::BROADCAST, true)]);
    bed.receive(&arp(true, PEER_MAC, PEER, US));
    assert_eq!(sent(&mut bed), [(PEER_MAC, false)]);
    bed.check_buffers();
}
