use super::*;

#[test]
fn text_and_numbers_are_taken() {
    let wanted: SocketAddr = "10.0.0.2:80".parse().unwrap();
    assert_eq!("10.0.0.2:80".to_addr().unwrap(), wanted);
    assert_eq!(String::from("10.0.0.2:80").to_addr().unwrap(), wanted);
    assert_eq!((Ipv4Addr::new(10, 0, 0, 2), 80).to_addr().unwrap(), wanted);
    assert_eq!(wanted.to_addr().unwrap(), wanted);
}

#[test]
fn names_are_not_looked_up() {
    for wrong in ["example.com:80", "10.0.0.2", ":80", "10.0.0.2:65536", ""] {
        let error = wrong.to_addr().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains(&format!("`{wrong}`")), "{error}");
    }
}
