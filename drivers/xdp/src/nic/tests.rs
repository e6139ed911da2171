use super::*;

fn missing(mask: &str) -> String {
    match check_capabilities(&format!("Name:\tx\nCapEff:\t{mask}\nCapBnd:\tffff\n")) {
        Ok(()) => String::new(),
        Err(error) => format!("{error}: {}", error.remedy()),
    }
}

#[test]
fn missing_capabilities_are_named() {
    assert_eq!(missing("000001ffffffffff"), "");
    assert_eq!(missing("0000008000003000"), "", "CAP_BPF will do");
    assert_eq!(missing("0000000000203000"), "", "CAP_SYS_ADMIN will do instead");
    assert_eq!(
        missing("0000000000003000"),
        "missing CAP_BPF: run as root, or run `setcap cap_bpf+ep PROGRAM` on the program's file"
    );
    assert!(missing("0000000000000000").starts_with("missing CAP_NET_RAW, CAP_NET_ADMIN, CAP_BPF: "));
    assert!(check_capabilities("").is_ok(), "without /proc the system calls decide");
}

#[test]
fn an_interface_that_is_not_there_is_named() {
    let error =
        XdpNic::open(&XdpConfig::new("cl-nowhere0", crate::Filter::ports([7]))).err().expect("there is none");
    assert_eq!(error.to_string(), "no network interface named \"cl-nowhere0\"");
    let error = io::Error::from(error);
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert!(error.to_string().contains("ip link"), "{error}");
}

#[test]
fn the_mtu_is_what_a_chunk_holds() {
    let config = XdpConfig::new("eth0", crate::Filter::ports([7]));
    let interface =
        |mtu| Interface { index: 1, mac: None, mtu, up: true, rx_queues: 1, tx_queues: 1, is_veth: false };
    assert_eq!(usable_mtu(&config, &interface(1500)), 1500);
    assert_eq!(usable_mtu(&config, &interface(65536)), 2048 - 256 - 14);
    assert_eq!(usable_mtu(&XdpConfig { chunk_size: 4096, ..config }, &interface(3000)), 3000);
}

#[test]
fn modes_choose_hook_and_flags() {
    assert_eq!(XdpMode::ZeroCopy.hook(), Hook::Native);
    assert_eq!(XdpMode::Skb.hook(), Hook::Skb);
    assert_eq!(XdpMode::ZeroCopy.bind_flags(true), libc::XDP_ZEROCOPY | libc::XDP_USE_NEED_WAKEUP);
    assert_eq!(XdpMode::Skb.bind_flags(false), libc::XDP_COPY);
}
