use super::*;

fn refusal(change: impl FnOnce(&mut XdpConfig)) -> String {
    let mut config = XdpConfig::new("eth0", Filter::ports([80]));
    config.validate().expect("the defaults are right");
    change(&mut config);
    let error = config.validate().expect_err("must be refused");
    format!("{error}: {}", error.remedy())
}

#[test]
fn bad_values_are_named_with_the_way_out() {
    assert!(refusal(|c| c.interface = "a-name-longer-than-fifteen".into()).contains("ip link"));
    assert!(refusal(|c| c.interface.clear()).contains("interface name \"\""));
    assert!(refusal(|c| c.queues = 0).contains("at least 1 queue"));
    assert_eq!(refusal(|c| c.chunk_size = 8192), "chunk size 8192: use 2048 or 4096");
    assert!(refusal(|c| c.tx_ring = 1000).contains("1000 entries in the transmit ring"));
    assert!(refusal(|c| c.fill_ring = 0).contains("power of two"));
    assert!(refusal(|c| c.rx_ring = 32).contains("from 64"));
    assert!(refusal(|c| c.filter = Filter::default()).contains("at least one address or port"));
    assert!(refusal(|c| c.filter.ports = vec![1; 1025]).contains("1025 ports"));
    assert!(refusal(|c| c.filter.addresses = vec![Ipv4Addr::BROADCAST]).contains("255.255.255.255"));
    assert!(refusal(|c| c.filter.addresses = vec![Ipv4Addr::new(224, 0, 0, 1)]).contains("224.0.0.1"));
}
