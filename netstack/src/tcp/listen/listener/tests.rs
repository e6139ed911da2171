use super::*;

const A: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const B: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const ANY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

#[test]
fn the_exact_address_goes_before_all() {
    let mut listeners = Listeners::new();
    let a = listeners.insert(A, 80, 1).unwrap();
    assert_eq!(listeners.insert(A, 80, 1), Err(Error::AddrInUse));
    assert_eq!(listeners.insert(ANY, 80, 1), Err(Error::AddrInUse));
    let any = listeners.insert(ANY, 81, 1).unwrap();
    assert_eq!(listeners.insert(B, 81, 1), Err(Error::AddrInUse));
    assert_eq!(
        [(A, 80), (B, 80), (B, 81)].map(|(address, port)| listeners.find(address, port)),
        [Some(a), None, Some(any)]
    );
    listeners.remove(a);
    assert!(!listeners.has_port(80) && listeners.get(a).is_none());
}
