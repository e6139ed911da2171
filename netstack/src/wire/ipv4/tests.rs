use super::*;
use alloc::vec::Vec;
use proptest::prelude::*;

/// The example of many textbooks; its checksum is 0xb861.
const KNOWN: [u8; HEADER_LEN] = [
    0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0,
    0xa8, 0x00, 0xc7,
];

fn emit() -> impl Strategy<Value = Emit> {
    (any::<(u16, u16, bool, u8, u8, [u8; 4], [u8; 4])>(), any::<u8>()).prop_map(
        |((total_len, identification, dont_fragment, ttl, protocol, source, destination), octet)| Emit {
            total_len: total_len.max(20),
            ecn: octet & 3,
            tos: octet & !3,
            identification,
            dont_fragment,
            ttl,
            protocol,
            source: source.into(),
            destination: destination.into(),
        },
    )
}

#[test]
fn known_header_is_read_and_written() {
    let header = Header::parse(&KNOWN).unwrap();
    assert_eq!((header.header_len, header.total_len, header.ttl, header.protocol), (20, 115, 64, UDP));
    assert!(!header.is_fragment());
    let emit = Emit {
        total_len: 115,
        ecn: 0,
        tos: 0,
        identification: 0,
        dont_fragment: true,
        ttl: 64,
        protocol: UDP,
        source: Ipv4Addr::new(192, 168, 0, 1),
        destination: Ipv4Addr::new(192, 168, 0, 199),
    };
    assert_eq!(emit.to_bytes(), KNOWN);
}

#[test]
fn each_flipped_bit_is_found() {
    for bit in 0..HEADER_LEN * 8 {
        let mut bytes = KNOWN;
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(Header::parse(&bytes), None, "bit {bit}");
    }
}

#[test]
fn fragments_are_told_apart() {
    for (field, is_fragment, is_later) in [
        (0x0000, false, false),
        (0x4000, false, false),
        (0x2000, true, false),
        (0x0001, true, true),
        (0x3fff, true, true),
    ] {
        let mut bytes = KNOWN;
        bytes[6..8].copy_from_slice(&u16::to_be_bytes(field));
        let header = Header::parse_quoted(&bytes).unwrap();
        assert_eq!((header.is_fragment(), header.is_later_fragment()), (is_fragment, is_later), "{field:#x}");
    }
}

proptest! {
    #[test]
    fn what_we_write_etherparse_reads(emit in emit()) {
        let bytes = emit.to_bytes();
        let (theirs, _) = etherparse::Ipv4Header::from_slice(&bytes).unwrap();
        prop_assert_eq!(theirs.header_checksum, theirs.calc_header_checksum());
        prop_assert_eq!(theirs.total_len, emit.total_len);
        prop_assert_eq!(theirs.ecn.value(), emit.ecn);
        prop_assert_eq!(theirs.identification, emit.identification);
        prop_assert_eq!(theirs.dont_fragment, emit.dont_fragment);
        prop_assert_eq!((theirs.time_to_live, theirs.protocol.0), (emit.ttl, emit.protocol));
        prop_assert_eq!((theirs.source, theirs.destination), (emit.source.octets(), emit.destination.octets()));
        prop_assert!(Header::parse(&bytes).is_some());
    }

    #[test]
    fn agrees_with_etherparse_on_random_bytes(
        mut bytes in prop::collection::vec(any::<u8>(), 0..80),
        first in 0x43_u8..0x52,
        total_len in 0_u16..100,
        fix in any::<bool>(),
    ) {
        // Random bytes alone would hardly ever pass for a header.
        if bytes.len() >= 12 {
            bytes[0] = first;
            bytes[2..4].copy_from_slice(&total_len.to_be_bytes());
            bytes[6] &= 0x7f; // etherparse forgets the reserved bit, and so computes another checksum
            let header_len = usize::from(first & 0xf) * 4;
            if fix && (HEADER_LEN..=bytes.len()).contains(&header_len) {
                bytes[10..12].fill(0);
                let right = checksum::sum(&bytes[..header_len]).finish();
                bytes[10..12].copy_from_slice(&right.to_be_bytes());
            }
        }
        let theirs = etherparse::Ipv4Header::from_slice(&bytes).ok().map(|(header, _)| header).filter(|header| {
            usize::from(header.total_len) >= header.header_len()
                && header.header_checksum == header.calc_header_checksum()
        });
        let ours = Header::parse(&bytes);
        prop_assert_eq!(ours.is_some(), theirs.is_some());
        if let (Some(ours), Some(theirs)) = (ours, theirs) {
            prop_assert_eq!(ours.header_len, theirs.header_len());
            prop_assert_eq!(ours.total_len, usize::from(theirs.total_len));
            prop_assert_eq!((ours.ttl, ours.protocol, ours.ecn), (theirs.time_to_live, theirs.protocol.0, theirs.ecn.value()));
            prop_assert_eq!(ours.is_fragment(), theirs.is_fragmenting_payload());
            prop_assert_eq!(ours.is_later_fragment(), theirs.fragment_offset.value() != 0);
            let addresses: Vec<[u8; 4]> = [ours.source, ours.destination].map(|a| a.octets()).into();
            prop_assert_eq!(addresses, [theirs.source, theirs.destination]);
        }
    }
}
