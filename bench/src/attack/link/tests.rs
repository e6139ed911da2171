use super::*;

const TABLE: &str = "\
IP address       HW type     Flags       HW address            Mask     Device
10.78.0.3        0x1         0x2         02:00:00:00:00:09     *        cl0
10.78.0.3        0x1         0x2         02:00:00:00:00:0a     *        cl1
10.78.0.4        0x1         0x0         00:00:00:00:00:00     *        cl1
";

#[test]
fn the_neighbour_is_found_on_its_interface() {
    let find = |address: [u8; 4], interface| neighbour(TABLE, address.into(), interface);
    assert_eq!(find([10, 78, 0, 3], "cl1"), Some(EthernetAddress([2, 0, 0, 0, 0, 10])));
    assert_eq!(find([10, 78, 0, 4], "cl1"), None, "which has not answered");
    assert_eq!(find([10, 78, 0, 5], "cl1"), None);
    assert_eq!(find([10, 78, 0, 3], "cl2"), None);
}

#[test]
fn ethernet_addresses_have_six_bytes() {
    assert_eq!(parse("02:00:00:00:00:ff"), Some(EthernetAddress([2, 0, 0, 0, 0, 255])));
    for wrong in ["", "02:00:00:00:00", "02:00:00:00:00:00:00", "02:00:00:00:00:xx"] {
        assert_eq!(parse(wrong), None, "{wrong}");
    }
}
