use alloc::vec::Vec;
use corelane_nic::{Pool, PoolConfig};
use proptest::prelude::*;

use super::*;
use crate::tcp::sack::Blocks;
use crate::wire::tcp::TcpHeader;

const OWN: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);
const PEER: MacAddress = MacAddress([2, 0, 0, 0, 0, 2]);

fn station(mac: MacAddress) -> Station {
    Station::new(Some(mac))
}

fn packet(payload: &[u8]) -> Packet {
    let pool = Pool::heap(PoolConfig { slots: 1, slot_size: 2048, headroom: 128, reserve: 0 });
    let mut packet = pool.take().unwrap();
    packet.extend_from_slice(payload);
    packet
}

fn link_header() -> [u8; IP_AT] {
    ethernet::Header { destination: PEER, source: OWN, ether_type: ethernet::IPV4 }.to_bytes()
}

fn flags() -> impl Strategy<Value = Flags> {
    any::<u8>().prop_map(Flags)
}

prop_compose! {
    fn segments()(
        addresses in any::<u64>(), ports in any::<u32>(), numbers in any::<[u32; 2]>(),
        flags in flags(), ecn in 0..4u8, window in any::<u16>(), timestamps in any::<Option<(u32, u32)>>(),
    ) -> Plain {
        Plain {
            tuple: WireTuple::new(addresses.to_be_bytes(), ports.to_be_bytes()),
            seq: SeqNumber(numbers[0]), ack: SeqNumber(numbers[1]), flags, ecn, window, timestamps,
        }
    }
}

/// All that a frame says, with the lengths of its headers and its payload; `None` where nobody could predict it.
fn read(frame: &[u8], own: Station) -> Option<(Plain, usize, usize)> {
    let seen = PlainFrame::parse(frame, own)?;
    let with = [true, false]
        .into_iter()
        .find(|with| seen.has_header(Flags(seen.flags().0 & !Flags::PSH.0), *with))?;
    let plain = Plain {
        tuple: seen.tuple(),
        seq: seen.seq(),
        ack: seen.ack(),
        flags: seen.flags(),
        ecn: seen.ecn(),
        window: seen.window(),
        timestamps: if with { seen.timestamps() } else { None },
    };
    Some((plain, header_len(with), seen.payload_len(with)?))
}

fn is_valid(frame: &[u8], checksum: Checksum) -> bool {
    PlainFrame::of(frame).is_some_and(|frame| frame.is_valid(checksum))
}

proptest! {
    #[test]
    fn layers_read_what_is_written(plain in segments(), payload in prop::collection::vec(any::<u8>(), 0..300), ttl in 1_u8..) {
        let mut frame = packet(&payload);
        prop_assert!(plain.emit(&mut frame, &link_header(), ttl, Some(checksum::sum(&payload))));

        let ether = ethernet::Header::parse(&frame).unwrap();
        prop_assert_eq!((ether.destination, ether.source, ether.ether_type), (PEER, OWN, ethernet::IPV4));
        let ip = ipv4::Header::parse(&frame[14..]).expect("the IP checksum is right");
        prop_assert_eq!((ip.total_len, ip.header_len, ip.ttl, ip.protocol), (frame.len() - 14, 20, ttl, ipv4::TCP));
        let tuple = plain.tuple.four_tuple();
        prop_assert_eq!((ip.source, ip.destination), (tuple.remote, tuple.local));
        prop_assert_eq!((ip.is_fragment(), ip.ecn), (false, plain.ecn));
        let tcp = &frame[34..];
        prop_assert!(Sum::pseudo_ipv4(ip.source, ip.destination, 6, tcp.len() as u16).add_bytes(tcp).is_valid());
        let mut sacked = Blocks::default();
        let header = TcpHeader::parse(tcp, &mut sacked).unwrap();
        prop_assert_eq!((header.source_port, header.destination_port), (tuple.remote_port, tuple.local_port));
        prop_assert_eq!((header.seq, header.ack, header.flags.0), (plain.seq, plain.ack, plain.flags.0));
        prop_assert_eq!((header.window, header.options.timestamps), (plain.window, plain.timestamps));
        prop_assert_eq!(&tcp[header.header_len..], &payload[..]);

        // And so does a plain look, on the other side.
        prop_assert_eq!(read(&frame, station(PEER)), Some((plain, frame.len() - payload.len(), payload.len())));
        prop_assert!(is_valid(&frame, Checksum::Unknown) && !is_valid(&frame, Checksum::Bad));
        prop_assert_eq!(read(&frame, station(OWN)), None, "not for this station");
    }

    #[test]
    fn devices_get_the_sum_of_the_pseudo_header(plain in segments(), payload in prop::collection::vec(any::<u8>(), 0..64)) {
        let mut frame = packet(&payload);
        prop_assert!(plain.emit(&mut frame, &link_header(), 64, None));
        let len = (frame.len() - 34) as u16;
        let tuple = plain.tuple.four_tuple();
        let pseudo = Sum::pseudo_ipv4(tuple.remote, tuple.local, 6, len).fold();
        prop_assert_eq!(frame[50..52].to_vec(), pseudo.to_be_bytes().to_vec());
    }

    #[test]
    fn damage_is_noticed(plain in segments(), payload in prop::collection::vec(any::<u8>(), 1..64), at in any::<prop::sample::Index>(), bit in 0_u32..8) {
        let mut frame = packet(&payload);
        prop_assert!(plain.emit(&mut frame, &link_header(), 64, Some(checksum::sum(&payload))));
        let at = 14 + at.index(frame.len() - 14);
        frame[at] ^= 1 << bit;
        let accepted = read(&frame, station(PEER)).is_some() && is_valid(&frame, Checksum::Unknown);
        prop_assert!(!accepted, "a flipped bit at byte {}", at);
    }

    #[test]
    fn any_bytes_are_read_within_their_bounds(bytes in prop::collection::vec(any::<u8>(), 0..128)) {
        if let Some((_, header, payload)) = read(&bytes, station(OWN)) {
            prop_assert!(header + payload <= bytes.len());
            is_valid(&bytes, Checksum::UnknownOrPartial);
        }
    }
}

/// A bare ACK from 10.0.0.1:1 to 10.0.0.2:2.
fn ack() -> Vec<u8> {
    let plain = Plain {
        tuple: WireTuple::new([10, 0, 0, 1, 10, 0, 0, 2], [0, 1, 0, 2]),
        seq: SeqNumber(7),
        ack: SeqNumber(9),
        flags: Flags::ACK,
        ecn: 0,
        window: 100,
        timestamps: None,
    };
    let mut frame = packet(b"");
    assert!(plain.emit(&mut frame, &link_header(), 64, Some(Sum::default())));
    frame.to_vec()
}

/// Puts the right IP checksum into a frame that was changed.
fn mend(frame: &mut [u8]) {
    frame[24..26].fill(0);
    let sum = checksum::sum(&frame[14..34]).finish();
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
}

#[test]
fn what_is_not_plain_is_left_to_the_layers() {
    assert!(read(&ack(), station(PEER)).is_some());
    let changes: [(&str, usize, u8); 9] = [
        ("from a group address", 6, 3),
        ("EtherType", 13, 0x06),
        ("IP options", 14, 0x46),
        ("a fragment: more follow", 20, 0x20),
        ("a later fragment", 21, 1),
        ("UDP", 23, 17),
        ("longer than the frame", 17, 41),
        ("shorter than its headers", 17, 39),
        ("TCP options that don't fit", 46, 0x60),
    ];
    for (what, at, byte) in changes {
        let mut frame = ack();
        frame[at] = byte;
        mend(&mut frame);
        assert_eq!(read(&frame, station(PEER)), None, "{what}");
    }
    for len in 0..ack().len() {
        assert_eq!(read(&ack()[..len], station(PEER)), None, "{len} bytes");
    }
}

#[test]
fn without_ethernet_no_frame_is_plain() {
    for own in [MacAddress([0xff; 6]), PEER] {
        let mut frame = ack();
        frame[..6].copy_from_slice(&own.0);
        assert_eq!(read(&frame, Station::new(None)), None);
    }
}

#[test]
fn padding_is_not_payload() {
    let mut frame = ack();
    frame.resize(60, 0xaa);
    let (_, header, payload) = read(&frame, station(PEER)).unwrap();
    assert_eq!((header, payload), (54, 0));
    assert!(is_valid(&frame, Checksum::Unknown));
}

#[test]
fn partial_checksums_are_taken_where_they_may_come() {
    let (plain, ..) = read(&ack(), station(PEER)).unwrap();
    let mut frame = packet(b"data");
    assert!(plain.emit(&mut frame, &link_header(), 64, None));
    let valid = |frame: &[u8]| [Checksum::UnknownOrPartial, Checksum::Unknown].map(|it| is_valid(frame, it));
    assert_eq!(valid(&frame), [true, false], "the sum of the pseudo header");
    assert!(is_valid(&ack(), Checksum::UnknownOrPartial));
    frame[51] ^= 1;
    assert_eq!(valid(&frame), [false, false], "neither the one nor the other");
}

#[test]
fn headers_that_have_no_room_are_refused() {
    let pool = Pool::heap(PoolConfig { slots: 1, slot_size: 2048, headroom: 53, reserve: 0 });
    let mut short = pool.take().unwrap();
    let (plain, ..) = read(&ack(), station(PEER)).unwrap();
    assert!(!plain.emit(&mut short, &link_header(), 64, Some(Sum::default())));
    assert!(short.is_empty());
}
