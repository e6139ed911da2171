use super::*;

const S: fn(u32) -> SeqNumber = SeqNumber;

#[test]
fn enters_on_the_third_duplicate_and_leaves_on_the_full_ack() {
    let mut r = NewReno::new(S(0));
    assert_eq!(
        [0; 3].map(|_| r.on_duplicate(S(100), S(500))),
        [Verdict::None, Verdict::None, Verdict::Enter]
    );
    assert_eq!(r.on_duplicate(S(100), S(600)), Verdict::Inflate);
    assert_eq!(r.on_ack(S(300)), Verdict::Partial);
    assert_eq!(r.on_ack(S(500)), Verdict::Exit);
    assert_eq!(r.on_ack(S(600)), Verdict::None);
}

#[test]
fn duplicates_of_an_old_window_do_not_enter_again() {
    let mut r = NewReno::new(S(0));
    r.on_timeout(S(500));
    assert!([0; 5].map(|_| r.on_duplicate(S(400), S(900))).iter().all(|v| *v == Verdict::None));
    assert_eq!(r.on_ack(S(501)), Verdict::None);
    assert_eq!([0; 3].map(|_| r.on_duplicate(S(501), S(900)))[2], Verdict::Enter);
}

#[test]
fn limited_transmit_allows_two() {
    let mut r = NewReno::new(S(0));
    assert_eq!(r.limited_transmit(), 0);
    r.on_duplicate(S(1), S(9));
    assert_eq!(r.limited_transmit(), 1);
    r.on_duplicate(S(1), S(9));
    assert_eq!(r.limited_transmit(), 2);
    r.on_duplicate(S(1), S(9));
    assert_eq!(r.limited_transmit(), 0);
}
