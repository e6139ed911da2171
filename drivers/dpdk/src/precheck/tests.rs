use std::path::PathBuf;

use super::*;

/// A folder in place of /sys, which goes at the end.
struct Sys(PathBuf);

impl Sys {
    fn new(name: &str) -> Sys {
        let path = std::env::temp_dir().join(format!("corelane-dpdk-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Sys(path)
    }

    fn write(&self, file: &str, text: &str) {
        let file = self.0.join(file);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(file, text).expect("a file");
    }
}

impl Drop for Sys {
    fn drop(&mut self) {
        let _best_effort = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn an_interface_must_be_there_and_up() {
    let sys = Sys::new("interfaces");
    sys.write("class/net/eth7/flags", "0x1002\n");
    sys.write("class/net/eth8/flags", "0x1003\n");
    let said = |device: &str| device_error(device, &sys.0);
    assert_eq!(
        said("net_af_packet0"),
        "net_af_packet0 without an interface: name one, as in net_af_packet0,iface=eth0"
    );
    assert_eq!(
        said("net_af_xdp0,queue_count=1,iface=eth9"),
        "net_af_xdp0: no interface \"eth9\": name one that `ip link` shows"
    );
    assert_eq!(
        said("net_af_xdp0,iface=eth7"),
        "net_af_xdp0: the interface eth7 is down: set it up: `ip link set eth7 up`"
    );
    for fine in ["net_af_packet0,iface=eth8", "net_tap0,iface=eth9", "net_ring0"] {
        assert!(device(&DpdkConfig::new(fine), &sys.0).is_ok(), "{fine}");
    }
}

#[test]
fn the_other_end_of_a_virtio_user_must_be_there() {
    let sys = Sys::new("sockets");
    let path = sys.0.join("sock");
    let name = format!("net_virtio_user0,path={},queues=1", path.display());
    let said = device_error(&name, &sys.0);
    assert!(said.contains("no vhost-user socket at") && said.contains("start the other end first"), "{said}");
    fs::write(&path, "").expect("a file");
    assert!(device_error(&name, &sys.0).contains("no vhost-user socket"), "an ordinary file is none");
    fs::remove_file(&path).expect("it goes");
    let _listener = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
    assert!(device(&DpdkConfig::new(&name), &sys.0).is_ok());
    let server = format!("net_virtio_user0,path={}/other,server=1", sys.0.display());
    assert!(device(&DpdkConfig::new(server), &sys.0).is_ok(), "it makes its own");
}

fn device_error(name: &str, sys: &Path) -> String {
    let error = device(&DpdkConfig::new(name), sys).expect_err("must be refused");
    format!("{error}: {}", error.remedy())
}

#[test]
fn too_few_huge_pages_are_told_with_the_sum() {
    let sys = Sys::new("pages");
    let config = DpdkConfig::new("net_null0");
    let said = |config: &DpdkConfig| {
        let error = memory(config, &sys.0).expect_err("must be refused");
        format!("{error}: {}", error.remedy())
    };
    assert!(
        said(&config).starts_with(
            "56 MiB of huge pages are needed, 0 are free (1 queues of 8192 buffers of 2496 bytes"
        )
    );
    sys.write("kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "20\n");
    sys.write("kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", "0\n");
    let text = said(&config);
    assert!(text.contains("56 MiB of huge pages are needed, 40 are free"), "{text}");
    assert!(text.contains("scripts/host.sh --hugepages 28"), "{text}");
    sys.write("kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "28\n");
    assert!(memory(&config, &sys.0).is_ok());
    let more = DpdkConfig { memory: Memory::HugePages(Some(64)), ..config.clone() };
    assert!(said(&more).contains("64 MiB of huge pages are needed, 56 are free (as `dpdk_memory` says)"));
    sys.write("kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", "1\n");
    assert!(memory(&more, &sys.0).is_ok());
    let ordinary = DpdkConfig { memory: Memory::Ordinary(Some(1 << 20)), ..config };
    assert!(memory(&ordinary, &sys.0).is_ok());
}
