use super::*;

#[test]
fn nagle_waits_for_the_last_small_segment_and_nodelay_never() {
    let flags = SendFlags::default();
    assert!(flags.hold(true) && !flags.hold(false));
    let flags = SendFlags::new(true, false, true);
    assert!(!flags.hold(true) && flags.is_marked());
}

#[test]
fn a_cork_holds_in_spite_of_nodelay_but_for_what_is_pushed() {
    for nodelay in [false, true] {
        let mut flags = SendFlags::new(nodelay, true, false);
        assert!(flags.hold(false) && flags.is_corked());
        flags.push();
        assert!(!flags.hold(true) && !flags.is_corked());
        flags.end_push();
        assert!(flags.hold(false));
    }
}
