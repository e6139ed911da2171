use super::*;
use proptest::prelude::*;

/// Who has 10.0.0.2? Tell 10.0.0.1.
const REQUEST: [u8; LEN] = [
    0, 1, 8, 0, 6, 4, 0, 1, // Ethernet, IPv4, request
    2, 0, 0, 0, 0, 1, 10, 0, 0, 1, // sender
    0, 0, 0, 0, 0, 0, 10, 0, 0, 2, // target
];

fn request() -> Arp {
    Arp {
        operation: Operation::Request,
        sender_mac: MacAddress([2, 0, 0, 0, 0, 1]),
        sender: Ipv4Addr::new(10, 0, 0, 1),
        target_mac: MacAddress::default(),
        target: Ipv4Addr::new(10, 0, 0, 2),
    }
}

#[test]
fn request_is_read_and_written() {
    assert_eq!(Arp::parse(&REQUEST), Some(request()));
    assert_eq!(request().to_bytes(), REQUEST);
}

#[test]
fn other_media_protocols_lengths_and_operations_are_refused() {
    for (index, value) in [(1, 6), (2, 9), (4, 8), (5, 16), (7, 3), (6, 1)] {
        let mut bytes = REQUEST;
        bytes[index] = value;
        assert_eq!(Arp::parse(&bytes), None, "byte {index} = {value}");
    }
    for len in 0..LEN {
        assert_eq!(Arp::parse(&REQUEST[..len]), None, "{len} bytes");
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = Arp::parse(&bytes);
    }

    #[test]
    fn a_header_with_random_contents_is_read_back(at in 0_usize..LEN, with in prop::collection::vec(any::<u8>(), 0..LEN)) {
        let mut bytes = REQUEST;
        for (to, from) in bytes[at..].iter_mut().zip(with) {
            *to = from;
        }
        if let Some(arp) = Arp::parse(&bytes) {
            prop_assert_eq!(arp.to_bytes(), bytes);
        }
    }
}
