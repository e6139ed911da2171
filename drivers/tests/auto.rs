//! Which driver `open` takes on a real interface. Needs root.
#![cfg(all(feature = "xdp", feature = "tap"))]

use std::fs::File;
use std::os::fd::AsFd;
use std::process::Command;

use corelane_drivers::{Driver, DriverKind, NicConfig, OpenError, open};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// A network namespace with an interface `veth0`, removed on drop.
struct Host(String);

fn run(line: &str) -> Result<(), String> {
    let mut words = line.split_whitespace();
    let output = Command::new(words.next().unwrap_or_default()).args(words).output();
    let output = output.map_err(|error| format!("{line}: {error}"))?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

impl Host {
    fn new() -> Result<Host, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("network namespaces need root".into());
        }
        let name = format!("cldrv{}", std::process::id());
        run(&format!("ip netns add {name}"))?;
        let host = Host(name);
        run(&format!("ip -n {} link add veth0 type veth peer name veth1", host.0))?;
        run(&format!("ip -n {} link set veth1 up", host.0))?;
        Ok(host)
    }

    fn within(&self, work: impl FnOnce() + Send) {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let file = File::open(format!("/run/netns/{}", self.0)).expect("the namespace is there");
                move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).expect("as root");
                work();
            });
        });
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = run(&format!("ip netns del {}", self.0)); // nothing else could be done
    }
}

#[test]
fn the_best_driver_that_can_be_had_is_taken() {
    let host = match Host::new() {
        Ok(host) => host,
        Err(why) => return println!("SKIPPED: {why}"),
    };
    host.within(|| {
        let config = NicConfig {
            interface: Some("veth0".into()),
            addresses: vec!["10.1.2.3".parse().expect("an address")],
            tap: "cltap%d".into(),
            ..NicConfig::default()
        };
        let opened = open(&config).expect("TAP at least");
        assert_eq!((opened.nic.info().driver, opened.nic.info().name.as_str()), ("tap", "cltap0"));
        let told: Vec<_> = opened.skipped.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with("dpdk: "), "{told:?}");
        assert_eq!(told[1], "xdp: interface veth0 is down: run `ip link set veth0 up`");

        run("ip link set veth0 up").expect("as root");
        let opened = open(&config).expect("AF_XDP now");
        assert_eq!((opened.nic.info().driver, opened.nic.info().name.as_str()), ("xdp", "veth0"));
        assert!(opened.peer.is_none());
        assert_eq!(opened.skipped.len(), 1, "{:?}", opened.skipped);

        let second = NicConfig { driver: Driver::Named(vec![DriverKind::Xdp]), ..config };
        let Err(OpenError::NoDriver(skipped)) = open(&second) else { panic!("the hook is taken") };
        assert_eq!(skipped[0].reason, "the XDP hook of veth0 is in use by another program");
    });
}
