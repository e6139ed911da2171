use super::*;
use crate::wire::checksum;
use alloc::vec::Vec;
use proptest::prelude::*;

fn quote(protocol: u8, fragment: u16) -> Vec<u8> {
    let mut bytes =
        Vec::from([0x45, 0, 0x05, 0xdc, 0, 0, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    bytes[6..8].copy_from_slice(&fragment.to_be_bytes());
    bytes.extend([0x12, 0x34, 0x00, 0x50, 0xde, 0xad, 0xbe, 0xef]);
    bytes
}

fn message(kind: u8, code: u8, rest: [u8; 4], quote: &[u8]) -> Vec<u8> {
    [&[kind, code, 0, 0][..], &rest, quote].concat()
}

#[test]
fn messages_are_told_apart() {
    let q = quote(6, 0);
    for (kind, code, expected) in [
        (3, 1, IcmpError::Unreachable(1)),
        (3, 3, IcmpError::Unreachable(3)),
        (3, 4, IcmpError::PacketTooBig(0x0514)),
        (4, 0, IcmpError::SourceQuench),
        (11, 0, IcmpError::TimeExceeded),
        (12, 0, IcmpError::ParameterProblem),
    ] {
        let bytes = message(kind, code, [0, 0, 5, 0x14], &q);
        assert_eq!(Message::parse(&bytes), Some(Message::Error(expected, &q[..])), "{kind}/{code}");
    }
    assert_eq!(Message::parse(&message(8, 0, [0; 4], b"x")), Some(Message::EchoRequest));
    for kind in [0, 5, 8, 13, 255] {
        assert_eq!(Message::parse(&message(kind, 1, [0; 4], b"x")), Some(Message::Other), "{kind}/1");
    }
    assert_eq!(Message::parse(&[3, 3, 0, 0, 0, 0, 0]), None);
}

#[test]
fn silent_routers_mean_the_plateau_below() {
    // The quoted packet has 1500 bytes.
    assert_eq!(
        Message::parse(&message(3, 4, [0; 4], &quote(6, 0))),
        Some(Message::Error(IcmpError::PacketTooBig(1_492), &quote(6, 0)[..]))
    );
    assert_eq!(next_hop_mtu(0, &[]), 68);
    assert_eq!(next_hop_mtu(0, &[0x45, 0, 0, 68]), 68);
    assert_eq!(next_hop_mtu(0, &[0x45, 0, 0xff, 0xff]), 32_000);
}

#[test]
fn quoted_segments_are_read() {
    let expected = QuotedSegment {
        source: (Ipv4Addr::new(10, 0, 0, 1), 0x1234),
        destination: (Ipv4Addr::new(10, 0, 0, 2), 80),
        sequence: 0xdead_beef,
    };
    assert_eq!(QuotedSegment::parse(&quote(6, 0x4000)), Some(expected));
    assert_eq!(QuotedSegment::parse(&quote(17, 0)), None, "not TCP");
    assert_eq!(QuotedSegment::parse(&quote(6, 1)), None, "no TCP header in a later fragment");
    for len in 0..28 {
        assert_eq!(QuotedSegment::parse(&quote(6, 0)[..len]), None, "{len} bytes");
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        if let Some(Message::Error(_, quote)) = Message::parse(&bytes) {
            let _ = QuotedSegment::parse(quote);
        }
        let _ = QuotedSegment::parse(&bytes);
    }

    #[test]
    fn turned_echo_has_a_right_checksum(rest in prop::collection::vec(any::<u8>(), 4..200)) {
        let mut bytes = [&[8, 0, 0, 0][..], &rest].concat();
        let right = checksum::sum(&bytes).finish();
        bytes[2..4].copy_from_slice(&right.to_be_bytes());
        turn_echo(&mut bytes);
        prop_assert!(checksum::sum(&bytes).is_valid());
        prop_assert_eq!(bytes[0], 0);
        prop_assert_eq!(&bytes[4..], &rest[..]);
    }
}
