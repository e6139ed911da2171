use super::*;

#[test]
fn a_round_trip_takes_some_time() {
    let [one, other, ..] = cores()[..] else { return eprintln!("skipped: it needs two cores") };
    let nanos = round_trip(one, other).expect("both cores are ours");
    assert!((1.0..1e9).contains(&nanos), "{nanos} ns");
}

#[test]
fn nothing_is_said_of_cores_that_can_not_be_had() {
    let one = cores()[0];
    assert_eq!(round_trip(one, one), None, "one core alone");
    assert_eq!(round_trip(one, 100_000), None);
    assert_eq!(round_trip(100_000, one), None);
}
