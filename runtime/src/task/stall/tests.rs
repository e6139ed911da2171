use std::panic::Location;

use corelane_netstack::Instant;

use super::*;
use crate::core::clock::ManualClock;

const LIMIT: Duration = Duration::from_millis(40);

#[track_caller]
fn here() -> Origin {
    Location::caller()
}

/// A turn of tasks that take so many milliseconds each, all started at other places but those of the same number.
fn turn(stalls: &Stalls, (clock, time): &(Clock, ManualClock), origins: &[Origin], millis: &[u64]) {
    let mut watch = stalls.watch(clock, LIMIT);
    for (origin, millis) in origins.iter().zip(millis) {
        time.advance(Duration::from_millis(*millis));
        watch.polled(origin);
    }
    watch.end();
}

fn named(stalls: &Stalls) -> Vec<Vec<Origin>> {
    stalls.named.borrow().clone()
}

#[test]
fn the_first_tasks_of_a_turn_are_looked_at_one_by_one() {
    let (stalls, clock, origin) = (Stalls::default(), Clock::manual(), here());
    let others: Vec<Origin> = [here(), here(), here()].to_vec();
    turn(&stalls, &clock, &[others[0], others[1], origin, others[2]], &[39, 39, 40, 39]);
    assert_eq!((stalls.count(), named(&stalls)), (1, vec![vec![origin]]));
    assert_eq!(clock.0.now() - Instant::ZERO, Duration::from_millis(157));
}

#[test]
fn a_group_is_named_and_then_who_of_it_stalls_again() {
    let (stalls, clock, good, bad) = (Stalls::default(), Clock::manual(), here(), here());
    let origins = [good, good, good, good, good, good, bad, good, good];
    let millis = [0, 0, 0, 0, 1, 1, 50, 1, 1];
    turn(&stalls, &clock, &origins, &millis);
    assert_eq!((stalls.count(), named(&stalls)), (1, vec![vec![good, bad]]));
    turn(&stalls, &clock, &origins, &millis);
    assert_eq!((stalls.count(), named(&stalls)), (2, vec![vec![good, bad], vec![bad]]));
    assert_eq!(stalls.alert.get(), ALERT - EACH - 9);
}

#[test]
fn a_group_of_one_place_is_that_place() {
    let (stalls, clock, origin) = (Stalls::default(), Clock::manual(), here());
    turn(&stalls, &clock, &[origin; 20], &[5; 20]);
    assert_eq!((stalls.count(), named(&stalls)), (2, vec![vec![origin]]), "two groups of eight, 40 ms each");
    assert_eq!(stalls.alert.get(), 0);
    turn(&stalls, &clock, &[origin; 20], &[4; 20]);
    assert_eq!(stalls.count(), 2);
}

#[test]
fn the_alert_ends() {
    let (stalls, clock, origin) = (Stalls::default(), Clock::manual(), here());
    stalls.alert.set(10);
    turn(&stalls, &clock, &[origin; 9], &[0; 9]);
    assert_eq!(stalls.alert.get(), 1);
    turn(&stalls, &clock, &[origin; 1], &[0]);
    assert_eq!(stalls.alert.get(), 0);
}

#[test]
fn zero_looks_at_nobody() {
    let (stalls, (clock, time), origin) = (Stalls::default(), Clock::manual(), here());
    let mut watch = stalls.watch(&clock, Duration::ZERO);
    time.advance(Duration::from_secs(3600));
    watch.polled(origin);
    watch.end();
    assert_eq!(stalls.count(), 0);
}
