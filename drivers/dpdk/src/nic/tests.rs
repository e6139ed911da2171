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

#[test]
fn long_frames_between_the_ends_of_virtio_go_both_ways_or_none() {
    let mut config = DpdkConfig::new("net_virtio_user0,path=socket");
    assert_ne!(wanted(&config, b"net_virtio_user") & dpdk_sys::LRO, 0);
    assert_eq!(wanted(&config, b"net_ixgbe") & dpdk_sys::LRO, 0);
    config.offloads.tso = false;
    assert_eq!(wanted(&config, b"net_virtio_user") & dpdk_sys::LRO, 0);
    let mut config = DpdkConfig::new("net_vhost0,iface=socket,tso=1");
    assert_eq!(granted_unsaid(&config, b"net_vhost"), dpdk_sys::TSO);
    assert_eq!(granted_unsaid(&config, b"net_tap"), 0);
    config.offloads.tso = false;
    assert_eq!(granted_unsaid(&config, b"net_vhost"), 0);
    for device in ["net_vhost0,iface=socket", "net_vhost0,iface=socket,tso=0", "tso=1"] {
        assert_eq!(granted_unsaid(&DpdkConfig::new(device), b"net_vhost"), 0, "{device}");
    }
}
