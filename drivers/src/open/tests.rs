use super::*;
use crate::Driver;

fn named(kinds: &[DriverKind]) -> NicConfig {
    NicConfig { driver: Driver::Named(kinds.to_vec()), ..NicConfig::default() }
}

#[test]
fn sim_comes_with_its_other_end() {
    let config = NicConfig { queues: 3, mtu: Some(9000), ..named(&[DriverKind::Sim]) };
    let opened = open(&config).expect("memory is enough");
    let info = opened.nic.info();
    assert_eq!((info.driver, info.queues, info.mtu), ("sim", 3, 9000));
    assert_eq!(opened.peer.expect("the other end").info().queues, 3);
    assert!(opened.skipped.is_empty());
}

#[test]
fn what_was_not_taken_is_told_in_order() {
    let opened =
        open(&named(&[DriverKind::Dpdk, DriverKind::Xdp, DriverKind::Sim])).expect("memory is enough");
    assert_eq!(opened.nic.info().driver, "sim");
    let told: Vec<_> = opened.skipped.iter().map(Skipped::to_string).collect();
    let dpdk =
        if cfg!(feature = "dpdk") { "dpdk: no DPDK device is named: " } else { "dpdk: this build has no " };
    assert!(told[0].starts_with(dpdk), "{told:?}");
    let xdp = if cfg!(feature = "xdp") { "xdp: no interface is named: " } else { "xdp: this build has no " };
    assert!(told[1].starts_with(xdp), "{told:?}");
}

#[test]
fn no_driver_left_is_one_line_with_every_reason() {
    let error = open(&named(&[DriverKind::Dpdk, DriverKind::Xdp])).expect_err("neither can be had");
    let text = error.to_string();
    assert!(text.starts_with("no driver can be had: dpdk: ") && text.contains("; xdp: "), "{text}");
    assert_eq!(text.lines().count(), 1);
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::Unsupported);
}

#[test]
fn wrong_values_are_not_papered_over_by_the_next_driver() {
    let wrong = [
        NicConfig { mtu: Some(10), ..named(&[DriverKind::Sim]) },
        NicConfig { queues: 0, ..named(&[DriverKind::Sim]) },
        #[cfg(feature = "tap")]
        NicConfig { tap: "a name/".into(), ..named(&[DriverKind::Tap, DriverKind::Sim]) },
        #[cfg(feature = "xdp")]
        NicConfig { interface: Some("cl-nowhere0".into()), ports: vec![7], ..NicConfig::default() },
        #[cfg(feature = "xdp")]
        NicConfig { interface: Some("lo".into()), ..NicConfig::default() },
    ];
    for config in wrong {
        let error = open(&config).expect_err("must be refused");
        assert!(matches!(error, OpenError::Config(_)), "{config:?}: {error}");
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::InvalidInput);
    }
}

/// Fails to compile when a device can't be handed to the thread of its core.
#[test]
fn a_device_can_go_to_another_thread() {
    let opened = open(&named(&[DriverKind::Sim])).expect("memory is enough");
    let mut nic = opened.nic;
    let queue = std::thread::spawn(move || nic.open_queue(corelane_nic::QueueId(0), 64).map(drop)).join();
    queue.expect("no panic").expect("the queue opens");
}
