use core::net::Ipv4Addr;

use super::*;

fn reset(number: u32, ack: Option<SeqNumber>) -> Reset {
    let tuple = FourTuple {
        local: Ipv4Addr::new(10, 0, 0, 1),
        remote: Ipv4Addr::new(10, 0, 0, 2),
        local_port: 80,
        remote_port: 5000,
    };
    Reset { tuple, seq: SeqNumber(number), ack, timestamps: None }
}

fn answer(number: u32) -> Reset {
    reset(number, None)
}

fn end(number: u32) -> Reset {
    reset(number, Some(SeqNumber(1)))
}

fn numbers(resets: &mut Resets) -> impl Iterator<Item = u32> {
    core::iter::from_fn(|| resets.pop()).map(|reset| reset.seq.0)
}

#[test]
fn the_oldest_goes_first_and_what_finds_no_room_is_counted_once() {
    let mut resets = Resets::new(3);
    assert!(resets.is_empty());
    for number in 0..5 {
        resets.push(end(number));
    }
    assert_eq!((resets.take_dropped(), resets.take_dropped()), (2, 0));
    assert!(numbers(&mut resets).eq(0..3));
    resets.push(end(7));
    assert!(numbers(&mut resets).eq([7]), "there is room again");
    assert_eq!(resets.take_dropped(), 0);
}

#[test]
fn answers_leave_room_for_the_ends_of_connections() {
    let all = ANSWERS as u32;
    let mut resets = Resets::new(ANSWERS + 2);
    for number in 0..all + 10 {
        resets.push(answer(number));
    }
    assert_eq!(resets.take_dropped(), 10);
    for number in 0..3 {
        resets.push(end(all + number));
    }
    assert_eq!(resets.take_dropped(), 1);
    assert!(numbers(&mut resets).eq(0..all + 2));
}

#[test]
fn the_memory_of_a_storm_is_given_back() {
    let mut resets = Resets::new(100_000);
    for number in 0..100_000 {
        resets.push(end(number));
    }
    assert_eq!(numbers(&mut resets).count(), 100_000);
    assert_eq!(resets.queue.capacity(), 0);
    resets.push(end(1));
    assert_eq!(numbers(&mut resets).count(), 1);
    assert!(resets.queue.capacity() > 0, "that of a few stays");
}
