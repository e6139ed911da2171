use clap::Parser;

use super::*;

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    device: DeviceArgs,
}

fn device(flags: &[&str]) -> DeviceArgs {
    let start = ["test", "--ip", "10.0.0.3/24", "--interface", "cl0"];
    Flags::try_parse_from(start.iter().chain(flags)).expect("flags").device
}

#[test]
fn every_flag_reaches_the_configuration() {
    let flags = [
        &["--driver", "tap", "--gateway", "10.0.0.1", "--queues", "2", "--mtu", "9000", "--no-offloads"][..],
        &["--busy-poll", "--dpdk-memory", "64", "--dpdk-ordinary-memory"],
        &["--dpdk-eal", "--single-file-segments", "--dpdk-eal", "--no-pci"],
    ];
    let config = device(&flags.concat()).config(true).expect("a configuration");
    let device = &config.device;
    assert_eq!((device.driver.as_str(), device.interface.as_deref()), ("tap", Some("cl0")));
    assert_eq!((device.queues, device.mtu), (Some(2), Some(9000)));
    assert!(device.xdp_busy_poll && !device.tap_offloads && !device.dpdk_huge_pages);
    assert_eq!(device.dpdk_memory, Some(64));
    assert_eq!(device.dpdk_eal, ["--single-file-segments", "--no-pci"]);
    assert_eq!(config.network.addresses, ["10.0.0.3/24"]);
    assert_eq!(config.network.gateway.as_deref(), Some("10.0.0.1"));
    assert_eq!(config.runtime.spin, Time(FOREVER));
}

#[test]
fn what_is_not_said_stays_as_the_runtime_has_it() {
    let config = device(&["--driver", "xdp"]).config(false).expect("a configuration");
    let mut plain = Config::default();
    plain.device.driver = "xdp".to_owned();
    plain.device.interface = Some("cl0".to_owned());
    plain.network.addresses.push("10.0.0.3/24".to_owned());
    assert_eq!(config, plain);
}

#[cfg(not(feature = "dpdk"))]
#[test]
fn a_build_without_dpdk_names_the_feature() {
    let error = device(&["--driver", "dpdk"]).config(false).expect_err("no DPDK");
    assert!(error.to_string().contains("--features dpdk"), "{error}");
}

#[cfg(feature = "dpdk")]
#[test]
fn dpdk_takes_its_device_as_the_interface() {
    let config = device(&["--driver", "dpdk"]).config(false).expect("a configuration");
    assert_eq!((config.device.driver.as_str(), config.device.interface.as_deref()), ("dpdk", Some("cl0")));
}

#[test]
fn other_engines_refuse_each_flag_by_its_name() {
    let flags: [&[&str]; 9] = [
        &["--driver", "tap"],
        &["--gateway", "10.0.0.1"],
        &["--queues", "1"],
        &["--mtu", "1500"],
        &["--busy-poll"],
        &["--no-offloads"],
        &["--dpdk-memory", "64"],
        &["--dpdk-ordinary-memory"],
        &["--dpdk-eal", "--no-pci"],
    ];
    for flag in flags {
        let given = Flags::try_parse_from(["test"].iter().chain(flag)).expect("flags").device;
        let error = given.refuse("epoll").expect_err("a flag without use");
        assert!(error.to_string().starts_with(&format!("{}: ", flag[0])), "{error}");
    }
    assert!(DeviceArgs::default().refuse("epoll").is_ok());
}
