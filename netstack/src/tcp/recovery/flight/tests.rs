use alloc::vec::Vec;

use super::*;
use crate::rng::Rng;

const MSS: u32 = 100;

fn at(ms: u64) -> Instant {
    Instant::from_nanos(ms * 1_000_000)
}

/// `count` segments of 100 bytes from number 1000 on, sent a millisecond apart.
fn flight(count: u32) -> Flight {
    let mut flight = Flight::new();
    for n in 0..count {
        let start = SeqNumber(1000) + n * MSS;
        flight.push(start, start + MSS, at(u64::from(n)), Snapshot::default(), false);
    }
    flight
}

fn seq(segment: u32) -> SeqNumber {
    SeqNumber(1000) + segment * MSS
}

fn by_time(flight: &Flight) -> Vec<u32> {
    let mut found = Vec::new();
    let mut next = flight.oldest().map(|(name, _)| name);
    while let Some(name) = next {
        found.push((flight.get(name).unwrap().start.since(SeqNumber(1000))) / MSS);
        next = flight.later(name).map(|(name, _)| name);
    }
    found
}

#[test]
fn an_ack_takes_whole_segments_and_parts() {
    let mut flight = flight(4);
    let mut seen = 0;
    assert_eq!(flight.acknowledge(seq(1) + 30, |_| seen += 1), 130);
    assert_eq!((seen, flight.pipe(), flight.len()), (2, 270, 3));
    assert_eq!(flight.head().unwrap().start, seq(1) + 30);
    assert_eq!(flight.acknowledge(seq(4), |_| {}), 270);
    assert!(flight.is_empty() && flight.oldest().is_none());
}

#[test]
fn a_block_takes_the_segments_that_lie_in_it_whole() {
    let mut flight = flight(6);
    assert_eq!(flight.sack(seq(1) + 1, seq(4) + 50, |_| {}), 200, "2 and 3");
    assert_eq!(flight.sack(seq(1), seq(4), |_| {}), 100, "1 is new");
    assert_eq!((flight.pipe(), flight.sacked_bytes(), flight.sacked_count()), (300, 300, 3));
    assert_eq!((by_time(&flight), flight.high_sacked(seq(0))), ([0, 4, 5].into(), seq(4)));
    assert_eq!(flight.acknowledge(seq(5), |_| {}), 200, "0 and 4");
    assert_eq!((flight.sacked_count(), flight.high_sacked(seq(5))), (0, seq(5)));
}

#[test]
fn what_is_sent_again_is_the_youngest() {
    let mut flight = flight(4);
    let first = flight.head_name().unwrap();
    assert!(!flight.mark_lost(first), "the original");
    assert_eq!((flight.pipe(), flight.lost_bytes(), by_time(&flight)), (300, 100, [1, 2, 3].into()));
    flight.resent(first, at(9), Snapshot::default());
    assert_eq!((flight.pipe(), flight.lost_bytes(), flight.resent_bytes()), (400, 0, 100));
    assert_eq!(by_time(&flight), [1, 2, 3, 0]);
    assert!(flight.mark_lost(first), "a copy");
    assert_eq!((flight.ever_lost(), flight.resent_bytes()), (200, 0));
}

#[test]
fn what_is_spared_is_in_flight_and_on_no_list() {
    let mut flight = flight(3);
    flight.mark_all_lost(|sent| sent.start == seq(2));
    assert_eq!((flight.pipe(), flight.lost_bytes()), (100, 200));
    flight.spare_lost();
    assert_eq!((flight.pipe(), flight.lost_bytes(), by_time(&flight)), (300, 0, [2].into()));
    assert_eq!(flight.acknowledge(seq(3), |_| {}), 300);
}

#[test]
fn a_smaller_mss_cuts_what_is_too_long_and_calls_it_lost() {
    let mut flight = flight(2);
    flight.push(seq(2), seq(2) + 30, at(9), Snapshot::default(), false);
    flight.cut(40);
    assert_eq!((flight.len(), flight.pipe(), flight.lost_bytes()), (7, 30, 200));
    assert_eq!(flight.next_lost().unwrap().1.end, seq(0) + 40);
}

/// What the lists and sums should be, found by looking at everything.
fn check(flight: &Flight, sacked: &[bool], una: u32) {
    let mut sums = [0; 3];
    for (index, sent) in flight.segments.iter().enumerate() {
        let segment = una as usize + index;
        assert_eq!(sent.is_sacked(), sacked[segment], "segment {segment}");
        let place = match sent.place {
            Place::InFlight | Place::Spared => 0,
            Place::Lost => 1,
            Place::Sacked => 2,
        };
        sums[place] += sent.len();
    }
    assert_eq!(sums, [flight.pipe(), flight.lost_bytes(), flight.sacked_bytes()]);
    let listed = flight.segments.iter().filter(|sent| sent.place == Place::InFlight).count();
    assert_eq!(by_time(flight).len(), listed);
    let lost = flight.segments.iter().filter(|sent| sent.place == Place::Lost).count();
    let mut walked = 0;
    let mut next = flight.next_lost().map(|(name, _)| name);
    while let Some(name) = next {
        walked += 1;
        next = flight.later(name).map(|(name, _)| name);
    }
    assert_eq!(walked, lost);
}

#[test]
fn lists_and_sums_hold_under_random_use() {
    for seed in 0..200 {
        let mut rng = Rng::new(&[seed; 32], 0);
        let mut flight = Flight::new();
        flight.first = MASK - 3; // names wrap
        let (mut una, mut end) = (0, 0);
        let mut sacked = Vec::new();
        for step in 0..300 {
            let pick = |rng: &mut Rng, n: u32| (rng.next_u64() % u64::from(n.max(1))) as u32;
            match pick(&mut rng, 7) {
                0 | 1 => {
                    flight.push(seq(end), seq(end + 1), at(step), Snapshot::default(), false);
                    sacked.push(false);
                    end += 1;
                }
                2 => {
                    let to = una + pick(&mut rng, (end - una).min(3) + 1);
                    flight.acknowledge(seq(to), |_| {});
                    una = to;
                }
                3 => {
                    let from = una + pick(&mut rng, end - una);
                    let to = (from + pick(&mut rng, 6)).min(end);
                    flight.sack(seq(from), seq(to), |_| {});
                    sacked[from as usize..to as usize].fill(true);
                }
                4 => {
                    if let Some((name, _)) = flight.oldest() {
                        flight.mark_lost(name);
                    }
                }
                5 => {
                    if let Some((name, _)) = flight.next_lost() {
                        flight.resent(name, at(step), Snapshot::default());
                    }
                }
                _ if step % 50 == 0 => flight.mark_all_lost(|_| false),
                _ if step % 51 == 0 => flight.spare_lost(),
                _ => {}
            }
            check(&flight, &sacked, una);
        }
    }
}

#[test]
fn what_a_time_out_held_for_lost_is_in_flight_again_by_the_time_it_was_sent() {
    let mut flight = flight(6);
    flight.sack(seq(2), seq(3), |_| {});
    let third = flight.oldest().and_then(|(name, _)| flight.later(name)).map(|(name, _)| name).unwrap();
    flight.mark_lost(third); // segment 1
    flight.resent(third, at(100), Snapshot::default());
    flight.mark_all_lost(|sent| sent.start == seq(4));
    assert_eq!((by_time(&flight), flight.pipe(), flight.lost_bytes()), ([4].into(), 100, 400));
    flight.spare_timed_out();
    assert_eq!((by_time(&flight), flight.pipe(), flight.lost_bytes()), ([0, 3, 4, 5, 1].into(), 500, 0));
    // Whole lists: each can leave them.
    flight.acknowledge(seq(6), |_| {});
    assert!(flight.is_empty() && flight.oldest().is_none() && flight.pipe() == 0);
}
