use super::*;

#[test]
fn a_virtual_device_needs_no_pci_and_leaves_no_files() {
    let text = arguments(&DpdkConfig::new("net_tap0")).join(" ");
    assert!(text.contains("--no-pci --in-memory -m 256"), "{text}");
    assert!(text.contains("--no-telemetry") && text.contains("--file-prefix=corelane "), "{text}");
    assert!(!text.contains("net_tap0"), "it is made when it is opened");
}

#[test]
fn a_card_is_the_only_one_that_is_looked_for() {
    let mut config = DpdkConfig { memory: Memory::Ordinary(64), ..DpdkConfig::new("0000:03:00.0") };
    config.eal = vec!["-d".into(), "librte_net_ixgbe.so".into()];
    let text = arguments(&config).join(" ");
    assert!(
        text.ends_with("--allow 0000:03:00.0 --no-huge --no-shconf -m 64 -d librte_net_ixgbe.so"),
        "{text}"
    );
}
