use super::*;

#[test]
fn names_are_read_as_they_are_written() {
    for text in ["auto", "xdp", "dpdk,xdp,tap,sim", "sim,tap"] {
        assert_eq!(text.parse::<Driver>().expect("a name").to_string(), text);
    }
    assert_eq!("xdp, tap".parse(), Ok(Driver::Named(vec![DriverKind::Xdp, DriverKind::Tap])));
    assert_eq!(Driver::Auto.candidates(), DriverKind::ALL);
}

#[test]
fn unknown_names_are_refused_with_the_known_ones() {
    let error = "xdq".parse::<Driver>().expect_err("no such driver");
    assert_eq!(error.to_string(), "no driver is named \"xdq\": use auto, dpdk, xdp, tap or sim");
    assert!("".parse::<Driver>().is_err());
    assert!("xdp,,tap".parse::<Driver>().is_err());
    assert!("XDP".parse::<DriverKind>().is_err());
}
