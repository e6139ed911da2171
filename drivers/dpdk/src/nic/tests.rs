use super::*;

#[test]
fn the_two_ends_of_a_tap_have_addresses_of_their_own() {
    let port = MacAddress([0x92, 0x8f, 0x5f, 0x0b, 0x56, 0xb9]);
    let ours = own_address(b"net_tap", port);
    assert!(ours != port && ours.is_unicast(), "{ours}");
    assert_eq!(own_address(b"net_ixgbe", port), port);
}

#[test]
fn a_tap_does_not_cut_segments() {
    let config = DpdkConfig::new("net_tap0");
    assert_eq!(wanted(&config, b"net_tap") & dpdk_sys::TSO, 0);
    assert_ne!(wanted(&config, b"net_virtio") & dpdk_sys::TSO, 0);
}
