use super::*;

const MSS: u32 = 1000;

#[test]
fn slow_start_doubles_then_grows_by_a_segment_a_round() {
    let mut reno = Reno::new(MSS, 10);
    for _ in 0..10 {
        reno.on_ack(MSS, true);
    }
    assert_eq!(reno.cwnd(), 20 * MSS);
    reno.on_timeout(20 * MSS, false);
    assert_eq!((reno.cwnd(), reno.ssthresh()), (MSS, 10 * MSS));
    for _ in 0..9 {
        reno.on_ack(MSS, true);
    }
    assert_eq!(reno.cwnd(), 10 * MSS);
    for _ in 0..10 {
        reno.on_ack(MSS, true);
    }
    assert_eq!(reno.cwnd(), 11 * MSS);
}

#[test]
fn an_application_that_does_not_fill_the_window_does_not_grow_it() {
    let mut reno = Reno::new(MSS, 10);
    reno.on_ack(5 * MSS, false);
    assert_eq!(reno.cwnd(), 10 * MSS);
}

#[test]
fn fast_recovery() {
    let mut reno = Reno::new(MSS, 20);
    reno.on_loss(20 * MSS);
    assert_eq!((reno.ssthresh(), reno.cwnd()), (10 * MSS, 13 * MSS));
    reno.on_duplicate_ack();
    assert_eq!(reno.cwnd(), 14 * MSS);
    reno.on_partial_ack(3 * MSS);
    assert_eq!(reno.cwnd(), 12 * MSS);
    reno.on_recovered(15 * MSS);
    assert_eq!(reno.cwnd(), 10 * MSS);
}

#[test]
fn a_second_timeout_keeps_ssthresh_and_idle_keeps_the_initial_window() {
    let mut reno = Reno::new(MSS, 10);
    reno.on_timeout(40 * MSS, false);
    reno.on_timeout(MSS, true);
    assert_eq!(reno.ssthresh(), 20 * MSS);
    let mut reno = Reno::new(MSS, 10);
    reno.on_ack(2 * MSS, true);
    reno.on_idle();
    assert_eq!(reno.cwnd(), 10 * MSS);
    assert_eq!(Reno::new(MSS, 10).half_of(0), 2 * MSS);
}
