use super::*;

fn error(text: &str) -> String {
    let message = Config::parse(text, "corelane.toml").unwrap_err().to_string();
    assert!(!message.contains('\n'), "more than a line: {message}");
    message
}

#[test]
fn the_example_of_the_docs_is_taken() {
    let text = r#"
        [device]
        driver = "xdp"
        interface = "eth0"
        queues = 2
        [network]
        addresses = ["10.0.0.2/24"]
        gateway = "10.0.0.1"
        [runtime]
        cores = [0, 1]
        spin = "200us"
        [tcp]
        tcp_keepalive_time = "7200s"
        tcp_rmem = [4096, 65536, 1048576]
        tcp_wmem = 65536
        ip_local_port_range = [40000, 50000]
    "#;
    let settings = Config::parse(text, "corelane.toml").unwrap().check().unwrap();
    assert_eq!(settings.workers, 2);
    assert_eq!(settings.cores, [0, 1]);
    assert_eq!(settings.spin, Duration::from_micros(200));
    assert_eq!(settings.stack.addresses[0].to_string(), "10.0.0.2/24");
    assert_eq!(settings.stack.routes[0].gateway, Ipv4Addr::new(10, 0, 0, 1));
    assert_eq!(settings.stack.tcp.tcp_rmem, [4096, 65_536, 1_048_576].into());
    assert_eq!(settings.stack.tcp.tcp_wmem, 65_536.into(), "one number is all three");
    assert_eq!(settings.stack.tcp.ip_local_port_range, (40_000, 50_000));
    assert_eq!(settings.stack.tcp.tcp_syn_retries, 6, "what is not named keeps its default");
}

#[test]
fn an_empty_file_is_the_defaults() {
    assert_eq!(Config::parse("", "corelane.toml").unwrap(), Config::default());
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_known_ones() {
    let message = error("[tcp]\ntcp_rmen = 4096\n");
    assert!(message.starts_with("corelane.toml:2: `tcp_rmen = 4096`: unknown field `tcp_rmen`"), "{message}");
    assert!(message.contains("`tcp_rmem`") && message.ends_with("or take it out"), "{message}");
}

#[test]
fn a_wrong_type_is_named_with_its_line() {
    let message = error("[device]\nqueues = \"two\"\n");
    assert!(
        message.starts_with("corelane.toml:2: `queues = \"two\"`: invalid type: string \"two\""),
        "{message}"
    );
    let message = error("[tcp]\ntcp_keepalive_time = 7200\n");
    assert!(message.contains("expected a duration with its unit"), "{message}");
    let message = error("[tcp]\nip_local_port_range = [60999, 32768]\n");
    assert!(message.contains("is not a range of ports"), "{message}");
    let message = error("[device\n");
    assert!(message.starts_with("corelane.toml:1: "), "{message}");
}

#[test]
fn a_value_out_of_range_is_named_with_its_range() {
    assert_eq!(error("[tcp]\ntcp_rmem = 1"), "corelane.toml: tcp.tcp_rmem = 1: give 2048 to 1073741824");
    assert_eq!(
        error("[tcp]\ntcp_rmem = [4096, 65536, 2147483648]"),
        "corelane.toml: tcp.tcp_rmem = [4096, 65536, 2147483648]: give 2048 to 1073741824"
    );
    assert!(error("[tcp]\ntcp_rmem = [65536, 4096, 65536]").contains("is not min, default, max"));
    assert!(error("[tcp]\ntcp_wmem = [65536, 65536]").contains("one number or three"));
    assert_eq!(
        error("[runtime]\nspin = \"9000h\""),
        "corelane.toml: runtime.spin = \"32400000s\": give \"0ns\" to \"31536000s\""
    );
    assert_eq!(error("[device]\nslots = 1"), "corelane.toml: device.slots = 1: give 64 to 4194304");
    assert_eq!(error("[device]\nmtu = 20"), "corelane.toml: device.mtu = 20: give 68 to 65535");
    assert_eq!(error("[device]\nqueues = 0"), "corelane.toml: device.queues = 0: give 1 to 1024");
}

#[test]
fn a_wrong_name_is_answered_with_the_right_ones() {
    let message = error("[device]\ndriver = \"afxdp\"");
    assert_eq!(message, "corelane.toml: device.driver = \"afxdp\": use auto, dpdk, xdp, tap, sim");
    assert!(Config::parse("[device]\ndriver = \"xdp,tap\"", "x").is_ok());
    assert!(error("[device]\nxdp_mode = \"fast\"").contains("use auto, zero-copy, copy, skb"));
}

#[test]
fn addresses_that_no_host_can_have_are_refused() {
    for wrong in [
        "10.0.0.2",
        "10.0.0.2/33",
        "10.0.0.256/24",
        "10.0.0.0/24",
        "10.0.0.255/24",
        "224.0.0.1/24",
        "0.0.0.0/0",
        "127.0.0.1/8",
        "",
        "fe80::1/64",
    ] {
        let message = error(&format!("[network]\naddresses = [\"{wrong}\"]"));
        assert!(message.contains("network.addresses") && message.contains(wrong), "{message}");
    }
    for right in ["10.0.0.0/31", "10.0.0.1/32", "10.0.0.254/24"] {
        Config::parse(&format!("[network]\naddresses = [\"{right}\"]"), "x").unwrap();
    }
    assert!(error("[network]\naddresses = [\"10.0.0.1/24\", \"10.0.0.1/16\"]").contains("twice"));
}

#[test]
fn gateways_and_routes_are_checked() {
    assert!(error("[network]\ngateway = \"gw\"").contains("network.gateway = \"gw\": give the IPv4 address"));
    let text = "[[network.routes]]\ndestination = \"10.1.0.0/16\"\ngateway = \"0.0.0.0\"";
    assert!(error(text).contains("network.routes.gateway"));
}

#[test]
fn cores_and_queues_must_agree() {
    assert!(error("[runtime]\ncores = [1, 1]").contains("core 1 is in it twice"));
    let message = error("[device]\nqueues = 2\n[runtime]\ncores = [0]");
    assert!(message.contains("device.queues = 2") && message.contains("runtime.cores = [0]"), "{message}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let message = Config::from_file("/nonexistent/corelane.toml").unwrap_err().to_string();
    assert!(message.contains("can't read the configuration /nonexistent/corelane.toml"), "{message}");
}

#[test]
fn the_smallest_rto_is_not_above_the_largest() {
    let message = error("[tcp]\ntcp_rto_min = \"5s\"\ntcp_rto_max = \"2s\"");
    assert!(message.contains("tcp.tcp_rto_min = \"5s\": tcp.tcp_rto_max = \"2s\" is less"), "{message}");
}
