use super::*;

#[test]
fn times_have_linuxs_unit_or_their_own() {
    let mut config = TcpConfig::default();
    for (name, value) in [
        ("tcp_fin_timeout", "30"),
        ("tcp_rto_min", "5"),
        ("tcp_delack_max", "100us"),
        ("tcp_sack", "0"),
        ("ip_local_port_range", "40000 40010"),
    ] {
        assert_eq!(set(&mut config, name, value), Ok(()));
    }
    assert_eq!(config.tcp_fin_timeout, Duration::from_secs(30));
    assert_eq!(config.tcp_rto_min, Duration::from_millis(5));
    assert_eq!(config.tcp_delack_max, Duration::from_micros(100));
    assert!(!config.tcp_sack);
    assert_eq!(config.ip_local_port_range, (40_000, 40_010));
    for (name, value) in
        [("tcp_fin_timeout", "1h"), ("tcp_sack", "yes"), ("tcp_syn_retries", "300"), ("tcp_fin_timeout", "")]
    {
        assert!(set(&mut config, name, value).is_err(), "{name}={value}");
    }
}
