use core::net::Ipv4Addr;

use super::*;

const TUPLE: FourTuple = FourTuple {
    local: Ipv4Addr::new(10, 0, 0, 1),
    remote: Ipv4Addr::new(192, 0, 2, 77),
    local_port: 80,
    remote_port: 0x1234,
};

#[test]
fn is_what_lies_in_the_headers() {
    let received = WireTuple::received(&TUPLE);
    assert_eq!(received, WireTuple::new([192, 0, 2, 77, 10, 0, 0, 1], [0x12, 0x34, 0, 80]));
    let sent = WireTuple::sent(&TUPLE);
    assert_eq!(sent, WireTuple::new([10, 0, 0, 1, 192, 0, 2, 77], [0, 80, 0x12, 0x34]));
    assert_eq!((received.reversed(), sent.reversed()), (sent, received));
    assert_eq!(received.four_tuple(), TUPLE);
}
