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
    assert_eq!(said(|c| c.memory = Memory::Ordinary(1)), "1 MiB of packet memory");
    assert!(DpdkConfig::new("net_null0").validate().is_ok());
}
