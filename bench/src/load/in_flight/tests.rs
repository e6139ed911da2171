use super::*;

#[test]
fn connections_take_turns() {
    let mut in_flight = InFlight::new(4, Some(2));
    assert_eq!([0, 1, 2, 3].map(|connection| in_flight.asks_first(connection)), [true, true, false, false]);
    // 1 is answered before 0, and asks again behind all that have not asked yet.
    assert_eq!([1, 0, 2].map(|answered| in_flight.after(answered)), [2, 3, 1]);
}

#[test]
fn without_a_limit_each_asks_again() {
    let mut in_flight = InFlight::new(3, None);
    assert!((0..3).all(|connection| in_flight.asks_first(connection)));
    assert_eq!((in_flight.after(2), in_flight.broke(1)), (2, None));
}

#[test]
fn a_limit_above_the_connections_is_none() {
    let mut in_flight = InFlight::new(3, Some(100));
    assert!((0..3).all(|connection| in_flight.asks_first(connection)));
    assert_eq!(in_flight.after(0), 0);
}

#[test]
fn a_broken_connection_gives_its_turn_away() {
    let mut in_flight = InFlight::new(4, Some(1));
    // 2 had no turn to give; 1 is the next who has none.
    assert_eq!(
        (in_flight.broke(2), in_flight.broke(0), in_flight.broke(1), in_flight.broke(3)),
        (None, Some(1), Some(3), None)
    );
}
