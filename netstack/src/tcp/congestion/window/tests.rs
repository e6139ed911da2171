use super::*;

#[test]
fn credit_survives_a_smaller_need() {
    let mut win = Window::new(1000, 10);
    win.avoid(10_000, 9_000);
    assert_eq!((win.cwnd, win.credit), (10_000, 9_000));
    // Less is needed now: the credit is good for one segment, not for four.
    win.avoid(2_000, 1_000);
    assert_eq!((win.cwnd, win.credit), (11_000, 1_000));
    win.avoid(2_000, 7_000);
    assert_eq!((win.cwnd, win.credit), (15_000, 0));
}

#[test]
fn the_largest_window() {
    let mut win = Window::new(65_535, u32::MAX);
    assert_eq!(win.cwnd, MAX_CWND);
    assert_eq!(win.slow_start(5), 5);
    win.avoid(0, u32::MAX);
    assert_eq!(win.cwnd, MAX_CWND);
    assert_eq!(win.share(7, 10), 751_619_276);
}
