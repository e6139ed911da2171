use super::*;

#[test]
fn only_private_addresses_are_attacked() {
    for right in ["10.0.0.3:7", "172.16.0.1:80", "172.31.255.255:1", "192.168.1.1:65535", "169.254.3.4:7"] {
        assert!(target(right).is_ok(), "{right}");
    }
    for other in
        ["8.8.8.8:53", "172.32.0.1:80", "192.0.2.1:80", "100.64.0.1:7", "198.18.0.1:7", "127.0.0.1:7"]
    {
        let error = target(other).expect_err(other);
        assert!(error.contains("private") && error.contains("must not reach anybody else"), "{error}");
    }
    for wrong in ["10.0.0.3", "10.0.0.3:0", "[fd00::1]:7", "10.0.0.3:70000", ""] {
        assert!(target(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn an_attack_is_bounded_in_time() {
    assert_eq!(attack_seconds("60"), Ok(Duration::from_secs(60)));
    for wrong in ["60.1", "0", "-1", "inf", "all day"] {
        assert!(attack_seconds(wrong).is_err_and(|error| error.contains("from 0.001 to 60")), "{wrong}");
    }
}
