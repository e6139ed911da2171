use std::io;

use super::{attach_failed, open_failed, setting_failed};
use crate::TapConfig;

#[test]
fn each_refusal_names_the_way_out() {
    let config = TapConfig { queues: 2, ..TapConfig::new("cltap0") };
    let tun = TapConfig { tun: true, ..TapConfig::new("cltun0") };
    let os = io::Error::from_raw_os_error;
    let told = [
        (open_failed(&os(libc::ENOENT)), "mknod /dev/net/tun c 10 200"),
        (open_failed(&os(libc::EACCES)), "chmod 666 /dev/net/tun"),
        (open_failed(&os(libc::ENODEV)), "modprobe tun"),
        (
            attach_failed(&os(libc::EPERM), &config),
            "ip tuntap add dev cltap0 mode tap user USER multi_queue vnet_hdr",
        ),
        (attach_failed(&os(libc::EPERM), &tun), "ip tuntap add dev cltun0 mode tun user USER vnet_hdr"),
        (attach_failed(&os(libc::EBUSY), &config), "another process has it open"),
        (attach_failed(&os(libc::EINVAL), &config), "ip link del cltap0"),
        (setting_failed(&os(libc::EPERM), "set the MTU", "cltap0", "ip link"), "CAP_NET_ADMIN"),
        (setting_failed(&os(libc::EINVAL), "set the MTU", "cltap0", "ip link"), "try `ip link`"),
    ];
    for (error, way_out) in told {
        assert!(error.to_string().contains(way_out), "`{way_out}` is not in: {error}");
    }
}

#[test]
fn a_refusal_keeps_its_kind() {
    let denied = attach_failed(&io::Error::from_raw_os_error(libc::EPERM), &TapConfig::new("cltap0"));
    assert_eq!(denied.kind(), io::ErrorKind::PermissionDenied);
}
