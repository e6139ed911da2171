use super::*;
use crate::Config;

fn convert(text: &str) -> Result<NicConfig, ConfigError> {
    let config = Config::parse(text, "test.toml").unwrap();
    let settings = config.check().unwrap();
    nic_config(&config.device, &settings)
}

#[test]
fn auto_never_ends_in_a_link_to_nobody() {
    let config = convert("").unwrap();
    assert!(!config.driver.candidates().contains(&DriverKind::Sim));
    let message = convert("[device]\ndriver = \"sim\"").unwrap_err().to_string();
    assert!(message.contains("device.driver = \"sim\"") && message.contains("Builder::nic"), "{message}");
}

#[test]
fn the_interface_is_made_only_when_tap_alone_is_asked_for() {
    assert_eq!(convert("[device]\ndriver = \"tap\"\ninterface = \"tap9\"").unwrap().tap, "tap9");
    let either = convert("[device]\ndriver = \"xdp,tap\"\ninterface = \"eth9\"").unwrap();
    assert_eq!((either.tap.as_str(), either.interface.as_deref()), ("corelane0", Some("eth9")));
}

#[test]
fn addresses_go_to_the_filter_unless_ports_are_named() {
    let all = convert("[network]\naddresses = [\"10.0.0.2/24\"]").unwrap();
    assert_eq!(all.addresses, [std::net::Ipv4Addr::new(10, 0, 0, 2)]);
    let some = convert("[device]\nports = [80]\n[network]\naddresses = [\"10.0.0.2/24\"]").unwrap();
    assert!(some.addresses.is_empty() && some.ports == [80]);
}

#[test]
fn dpdk_alone_takes_its_device_by_either_name() {
    let device = "dpdk_device = \"net_tap0,iface=dtap0\"";
    let named = convert(&format!("[device]\ndriver = \"dpdk,xdp\"\ninterface = \"eth9\"\n{device}")).unwrap();
    assert_eq!(named.dpdk.device.as_deref(), Some("net_tap0,iface=dtap0"));
    let short =
        convert("[device]\ndriver = \"dpdk\"\ninterface = \"net_null0\"\ndpdk_huge_pages = false").unwrap();
    assert_eq!((short.dpdk.device.as_deref(), short.dpdk.huge_pages), (Some("net_null0"), false));
    let other = convert("[device]\ndriver = \"dpdk,xdp\"\ninterface = \"eth9\"").unwrap();
    assert_eq!(other.dpdk.device, None, "the interface is AF_XDP's");
}
