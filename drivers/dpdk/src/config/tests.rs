use super::*;

#[test]
fn a_device_is_a_name_with_arguments() {
    let config = DpdkConfig::new("net_tap0,iface=dtap0,mac=fixed");
    assert_eq!(
        (config.name(), config.arguments(), config.is_virtual()),
        ("net_tap0", "iface=dtap0,mac=fixed", true)
    );
    let config = DpdkConfig::new("0000:03:00.0");
    assert_eq!((config.name(), config.arguments(), config.is_virtual()), ("0000:03:00.0", "", false));
}

#[test]
fn wrong_values_are_named() {
    let said = |change: fn(&mut DpdkConfig)| {
        let mut config = DpdkConfig::new("net_null0");
        change(&mut config);
        config.validate().expect_err("must be refused").to_string()
    };
    assert_eq!(said(|c| c.device = ",x".into()), "the device \",x\"");
    assert_eq!(said(|c| c.eal = vec!["a\0b".into()]), "the EAL argument \"a\\0b\"");
    assert_eq!(said(|c| c.rx_descriptors = 16), "16 descriptors in the receive ring");
    assert_eq!(said(|c| c.tx_descriptors = 40_000), "40000 descriptors in the transmit ring");
    assert_eq!(said(|c| c.memory = Memory::Ordinary(Some(1))), "1 MiB of packet memory");
    assert_eq!(said(|c| c.mtu = Some(67)), "an MTU of 67 on net_null0");
    assert_eq!(said(|c| c.mtu = Some(9601)), "an MTU of 9601 on net_null0");
    assert_eq!(said(|c| c.vlan = Some(4095)), "VLAN 4095");
    assert_eq!(said(|c| c.queues = 0), "0 queues");
    assert_eq!(said(|c| c.slots = 255), "255 buffers a queue");
    assert_eq!(said(|c| c.offloads.tx_checksum = false), "tso without tx_checksum and multi_segment");
    assert!(DpdkConfig::new("net_null0").validate().is_ok());
}

#[test]
fn memory_is_derived_from_what_the_queues_take() {
    let config = |change: fn(&mut DpdkConfig)| {
        let mut config = DpdkConfig::new("net_null0");
        change(&mut config);
        (config.room(), config.mebibytes())
    };
    // 8192 buffers of 2496 bytes are 19.5 MiB, their segments 2.5 MiB and a queue's rings 1 MiB.
    assert_eq!(config(|_| ()), (2176, 56));
    assert_eq!(config(|c| c.queues = 4), (2176, 124));
    assert_eq!(config(|c| c.mtu = Some(9000)), (9216, 110));
    assert_eq!(config(|c| c.memory = Memory::HugePages(Some(300))), (2176, 300));
    // One buffer a page: 32 MiB.
    assert_eq!(config(|c| c.memory = Memory::Ordinary(None)), (2176, 68));
    assert_eq!(config(|c| c.device = "net_af_xdp0,iface=eth0".into()), (3840, 68));
}
