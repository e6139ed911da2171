use super::*;

#[test]
fn every_flag_finds_its_field() {
    let flags: Flags =
        "local=10.0.0.1/8,gw=10.0.0.9,peer=192.0.2.1,mtu=600,tso=off,sysctl.net.ipv4.tcp_sack=0"
            .parse()
            .unwrap();
    assert_eq!(flags.local.to_string(), "10.0.0.1/8");
    assert_eq!(flags.gateway, Ipv4Addr::new(10, 0, 0, 9));
    assert_eq!((flags.mtu, flags.tso), (600, false));
    let (config, unknown) = flags.config().unwrap();
    assert!(!config.tcp.tcp_sack);
    assert!(unknown.is_empty());
}

#[test]
fn an_empty_string_is_packetdrills_default() {
    assert_eq!("".parse::<Flags>().unwrap(), Flags::default());
}

#[test]
fn nonsense_is_refused_with_its_name() {
    for text in ["local=10.0.0.1", "gw=here", "mtu=67", "mtu=70000", "tso=maybe", "colour=red", "peer"] {
        let error = text.parse::<Flags>().unwrap_err();
        assert!(error.contains(text.split('=').next().unwrap()), "{error}");
    }
    let flags: Flags = "sysctl.net.ipv4.tcp_syn_retries=many".parse().unwrap();
    assert!(flags.config().unwrap_err().contains("tcp_syn_retries"));
}

#[test]
fn a_sysctl_without_a_knob_is_named() {
    let flags: Flags = "sysctl.net.ipv4.tcp_no_such_thing=1".parse().unwrap();
    assert_eq!(flags.config().unwrap().1, ["net.ipv4.tcp_no_such_thing"]);
}
