use super::*;

const MSS: u32 = 1000;

/// RFC 6937 5's setting: cwnd 20, half of it to stay, one segment of 20 lost, one ACK for each of the others.
#[test]
fn the_window_comes_down_in_proportion_to_what_arrives() {
    let mut prr = Prr::begin(20 * MSS);
    let (mut pipe, mut sent) = (19 * MSS, 0);
    for _ in 0..18 {
        pipe -= MSS;
        let cwnd = prr.on_ack(MSS, pipe, 10 * MSS, MSS, false).unwrap();
        while pipe < cwnd {
            prr.sent(MSS);
            (pipe, sent) = (pipe + MSS, sent + 1);
        }
    }
    assert_eq!((pipe, sent), (10 * MSS, 9), "a segment for every second ACK");
}

#[test]
fn what_was_lost_too_much_comes_back_no_faster_than_slow_start() {
    let mut prr = Prr::begin(20 * MSS);
    prr.sent(MSS);
    // A burst was lost: 4 in flight, 10 allowed.
    assert_eq!(prr.on_ack(MSS, 4 * MSS, 10 * MSS, MSS, true), Some(6 * MSS), "one more than arrived");
    assert_eq!(
        prr.on_ack(MSS, 4 * MSS, 10 * MSS, MSS, false),
        Some(5 * MSS),
        "more losses: as many as arrived"
    );
    assert_eq!(prr.on_ack(9 * MSS, 4 * MSS, 10 * MSS, MSS, true), Some(10 * MSS), "and never beyond");
}

#[test]
fn the_first_retransmission_goes_whatever_is_in_flight() {
    let mut prr = Prr::begin(20 * MSS);
    assert_eq!(prr.on_ack(100, 19 * MSS, 10 * MSS, MSS, false), Some(20 * MSS));
    assert_eq!(prr.on_ack(0, 19 * MSS, 10 * MSS, MSS, false), None, "an ACK that delivers nothing");
    let mut none = Prr::NONE;
    assert_eq!(none.on_ack(MSS, 0, MSS, MSS, true), None, "no reduction");
}
