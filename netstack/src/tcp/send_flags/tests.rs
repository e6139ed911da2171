use super::*;

fn flags(nodelay: bool, cork: bool, marked: bool) -> SendFlags {
    let mut flags = SendFlags::default();
    flags.set(nodelay, cork, marked);
    flags
}

#[test]
fn nagle_waits_for_the_last_small_segment_and_nodelay_never() {
    let nagle = SendFlags::default();
    assert!(nagle.hold(true) && !nagle.hold(false) && nagle.is_plain());
    let nodelay = flags(true, false, true);
    assert!(!nodelay.hold(true) && nodelay.is_marked() && !nodelay.is_plain());
}

#[test]
fn a_cork_holds_in_spite_of_nodelay_but_for_what_is_pushed() {
    for nodelay in [false, true] {
        let mut flags = flags(nodelay, true, false);
        assert!(flags.hold(false) && flags.is_corked());
        flags.push();
        assert!(!flags.hold(true) && !flags.is_corked());
        flags.wrote(false);
        assert!(flags.hold(false));
    }
}

#[test]
fn more_is_a_cork_until_an_ack_comes_and_an_open_end_until_the_next_write() {
    for nodelay in [false, true] {
        let mut flags = flags(nodelay, false, false);
        flags.wrote(true);
        assert!(flags.hold(false) && flags.is_corked() && !flags.has_end() && !flags.is_plain());
        flags.end_more();
        assert!(!flags.hold(false) && flags.hold(true) != nodelay && !flags.has_end());
        flags.wrote(false);
        assert!(flags.has_end() && flags.is_plain());
    }
}

#[test]
fn options_leave_alone_what_was_written() {
    let mut flags = SendFlags::default();
    flags.wrote(true);
    flags.set_records(true);
    flags.set(true, false, false);
    assert!(flags.is_corked() && !flags.has_end() && flags.has_records());
    flags.set_records(false);
    assert!(!flags.has_records());
}
