use super::*;

#[test]
fn a_virtual_device_needs_no_pci_and_leaves_no_files() {
    let text = arguments(&DpdkConfig::new("net_tap0")).join(" ");
    assert!(text.contains("--no-pci --in-memory -m 56"), "{text}");
    assert!(text.contains("--no-telemetry") && text.contains("--file-prefix=corelane "), "{text}");
    assert!(!text.contains("net_tap0"), "it is made when it is opened");
}

#[test]
fn a_card_is_the_only_one_that_is_looked_for() {
    let mut config = DpdkConfig { memory: Memory::Ordinary(Some(64)), ..DpdkConfig::new("0000:03:00.0") };
    config.eal = vec!["-d".into(), "librte_net_ixgbe.so".into()];
    let text = arguments(&config).join(" ");
    assert!(
        text.ends_with("--allow 0000:03:00.0 --no-huge --no-shconf -m 64 -d librte_net_ixgbe.so"),
        "{text}"
    );
}

#[test]
fn further_devices_of_a_process_need_the_same_memory_and_buses() {
    let first = DpdkConfig { memory: Memory::HugePages(Some(256)), ..DpdkConfig::new("net_tap0") };
    let same = |change: fn(&mut DpdkConfig)| {
        let mut other = DpdkConfig::new("net_tap1");
        change(&mut other);
        suffices(&first, &other)
    };
    assert!(same(|_| ()), "what is there has to do");
    assert!(same(|c| c.memory = Memory::HugePages(Some(256))));
    assert!(!same(|c| c.memory = Memory::HugePages(Some(512))));
    assert!(!same(|c| c.memory = Memory::Ordinary(None)));
    assert!(!same(|c| c.eal = vec!["--log-level=8".into()]));
    assert!(!same(|c| c.device = "0000:03:00.0".into()), "EAL was told to look at no PCI device");
    let card = DpdkConfig::new("0000:03:00.0");
    assert!(
        suffices(&card, &DpdkConfig::new("0000:03:00.1")) && suffices(&card, &DpdkConfig::new("net_tap0"))
    );
}

#[test]
fn the_client_of_a_vhost_shares_one_file() {
    let text = arguments(&DpdkConfig::new("net_virtio_user0,path=/run/x")).join(" ");
    assert!(text.contains("--in-memory --single-file-segments"), "{text}");
}
