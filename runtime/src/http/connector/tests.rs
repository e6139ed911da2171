use super::*;

#[test]
fn hosts_are_addresses() {
    let at = |uri: &str| address(&uri.parse().unwrap());
    assert_eq!(at("http://10.0.0.2/").unwrap(), "10.0.0.2:80".parse().unwrap());
    assert_eq!(at("http://10.0.0.2:8080/x").unwrap(), "10.0.0.2:8080".parse().unwrap());
    assert_eq!(at("http://[fd00::1]:81/").unwrap(), "[fd00::1]:81".parse().unwrap());
    for (uri, why) in
        [("http://example.org/", "no address"), ("https://10.0.0.2/", "TLS"), ("/x", "no address")]
    {
        let error = at(uri).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains(why), "{error}");
    }
}
