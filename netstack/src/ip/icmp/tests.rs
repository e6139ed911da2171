use super::*;
use crate::ip::tests::*;
use crate::wire::icmp::IcmpError;
use crate::{Config, IpConfig};
use alloc::vec;
use core::net::Ipv4Addr;
use core::time::Duration;

fn bed_with(ip: IpConfig) -> Bed {
    let mut bed = Bed::with(&Config { ip, ..config() }, &ethernet_link());
    bed.receive(&arp(false, PEER_MAC, PEER, US));
    bed.sent();
    bed
}

fn bed() -> Bed {
    bed_with(IpConfig::default())
}

#[test]
fn pings_of_all_sizes_are_answered() {
    for len in [0, 1, 7, 56, 1471, 1472] {
        let mut bed = bed();
        let payload: Vec<u8> = (0..len).map(|i| i as u8).collect();
        assert!(bed.receive(&ipv4_frame(1, &echo_request(&payload))).is_none());
        let sent = bed.sent().swap_remove(0);
        assert_eq!(sent[..6], PEER_MAC.0);
        let (header, body) = etherparse::Ipv4Header::from_slice(&sent[14..]).unwrap();
        assert_eq!((header.source, header.destination), (US.octets(), PEER.octets()));
        assert_eq!((header.time_to_live, body.len()), (64, 8 + payload.len()));
        let (reply, rest) = etherparse::Icmpv4Header::from_slice(body).unwrap();
        let id = etherparse::IcmpEchoHeader { id: 0x1234, seq: 7 };
        assert_eq!(reply.icmp_type, etherparse::Icmpv4Type::EchoReply(id));
        assert_eq!(reply.checksum, reply.icmp_type.calc_checksum(rest));
        assert_eq!(rest, payload, "{len} bytes");
        bed.check_buffers();
    }
}

#[test]
fn pings_in_several_buffers_are_answered() {
    let payload: Vec<u8> = (0..3000_u32).map(|i| i as u8).collect();
    let request = ipv4_frame(1, &echo_request(&payload));
    let pieces: Vec<&[u8]> = request.chunks(1001).collect();
    let mut bed = bed();
    let packet = bed.chain(&pieces);
    assert!(bed.receive_packet(packet).is_none());
    let frame = bed.out.pop().unwrap();
    let mut sent = frame.headers.to_vec();
    (0..frame.chunks).for_each(|_| sent.extend(&bed.out.pop_chunk().unwrap()[..]));
    drop(frame);
    assert_eq!(&sent[42..], &payload);
    assert!(checksum::sum(&sent[34..]).is_valid());
    bed.check_buffers();
    // Where the device takes no chunks, what does not fit into one buffer is dropped.
    let mut link = ethernet_link();
    link.offloads.tx_chunks = 0;
    for (pieces, answers) in [(&pieces[..], 0), (&[&request[..1000], &request[1000..1001]][..], 0)] {
        let mut bed = Bed::with(&config(), &link);
        bed.receive(&arp(false, PEER_MAC, PEER, US));
        bed.sent();
        let packet = bed.chain(pieces);
        assert!(bed.receive_packet(packet).is_none());
        assert_eq!(bed.sent().len(), answers);
        bed.check_buffers();
    }
    let request = ipv4_frame(1, &echo_request(&payload[..1400]));
    let mut bed = Bed::with(&config(), &link);
    bed.receive(&arp(false, PEER_MAC, PEER, US));
    bed.sent();
    let packet = bed.chain(&[&request[..701], &request[701..]]);
    assert!(bed.receive_packet(packet).is_none());
    assert_eq!(&bed.sent()[0][42..], &payload[..1400]);
}

#[test]
fn options_of_a_request_are_not_sent_back() {
    let mut bed = bed();
    let mut request = ipv4_frame(1, &[&[1, 1, 1, 0][..], &echo_request(b"abc")].concat());
    patch_ipv4(&mut request, &[(0, 0x46)]);
    bed.receive(&request);
    let sent = bed.sent().swap_remove(0);
    assert_eq!((sent[14], sent[34], &sent[42..]), (0x45, 0, &b"abc"[..]));
}

#[test]
fn wrong_checksums_and_other_messages_are_not_answered() {
    let mut bed = bed();
    let mut request = ipv4_frame(1, &echo_request(b"abc"));
    request[44] ^= 1;
    bed.receive(&request);
    bed.receive(&ipv4_frame(1, &[8, 0, 0]));
    assert_eq!(bed.stats.icmp_in_errors, 2);
    bed.receive(&ipv4_frame(1, &icmp(0, 0, [0; 4], b"a reply")));
    bed.receive(&ipv4_frame(1, &icmp(5, 1, [10, 0, 0, 9], &ipv4(US, PEER, 6, &[0; 8]))));
    bed.receive(&ipv4_frame(1, &icmp(13, 0, [0; 4], &[0; 12])));
    assert_eq!((bed.stats.icmp_in_msgs, bed.stats.icmp_in_errors), (5, 2));
    assert!(bed.sent().is_empty());
}

#[test]
fn pings_can_be_switched_off() {
    let mut bed = bed_with(IpConfig { echo_reply: false, ..IpConfig::default() });
    bed.receive(&ipv4_frame(1, &echo_request(b"abc")));
    assert!(bed.sent().is_empty());
}

#[test]
fn answers_are_limited() {
    let mut bed = bed_with(IpConfig { icmp_msgs_per_sec: 10, ..IpConfig::default() });
    for _ in 0..25 {
        bed.receive(&ipv4_frame(1, &echo_request(b"abc")));
        bed.receive(&ipv4_frame(17, &[0; 8]));
    }
    assert_eq!(bed.sent().len(), 10);
    assert_eq!((bed.stats.icmp_out_msgs, bed.stats.icmp_out_ratelimit_global), (10, 40));
    bed.now += Duration::from_millis(100);
    bed.receive(&ipv4_frame(1, &echo_request(b"abc")));
    bed.receive(&ipv4_frame(1, &echo_request(b"abc")));
    assert_eq!(bed.sent().len(), 1);
}

#[test]
fn errors_about_our_segments_are_handed_up() {
    let segment = [0x12, 0x34, 0, 80, 0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 0];
    let quoted = ipv4(US, Ipv4Addr::new(8, 8, 8, 8), 6, &segment);
    for (kind, code, rest, expected) in [
        (3, 1, [0; 4], IcmpError::Unreachable(1)),
        (3, 3, [0; 4], IcmpError::Unreachable(3)),
        (3, 4, [0, 0, 0x05, 0x14], IcmpError::PacketTooBig(1300)),
        (4, 0, [0; 4], IcmpError::SourceQuench),
        (11, 0, [0; 4], IcmpError::TimeExceeded),
        (12, 0, [0; 4], IcmpError::ParameterProblem),
    ] {
        let mut bed = bed();
        match bed.receive(&ipv4_frame(1, &icmp(kind, code, rest, &quoted))) {
            Some(Received::TcpError { error, local, remote, sequence }) => {
                assert_eq!(error, expected);
                assert_eq!((local, remote), ((US, 0x1234), (Ipv4Addr::new(8, 8, 8, 8), 80)));
                assert_eq!(sequence, 0xdead_beef);
            }
            other => panic!("{kind}/{code}: {other:?}"),
        }
        bed.check_buffers();
    }
}

#[test]
fn errors_about_what_we_never_sent_are_dropped() {
    let quotes = [
        ipv4(PEER, Ipv4Addr::new(8, 8, 8, 8), 6, &[0; 8]),
        ipv4(US, PEER, 17, &[0; 8]),
        ipv4(US, PEER, 6, &[0; 7]),
        vec![0x45; 19],
        vec![],
    ];
    let mut bed = bed();
    for quote in &quotes {
        assert!(bed.receive(&ipv4_frame(1, &icmp(3, 3, [0; 4], quote))).is_none());
    }
    assert_eq!(bed.stats.icmp_in_errors, quotes.len() as u64);
    assert!(bed.sent().is_empty(), "an error never answers an error");
}

#[test]
fn unknown_ports_and_protocols_are_told() {
    for (protocol, len, code) in [(17, 20, 3), (132, 20, 2), (17, 1400, 3)] {
        let mut bed = bed();
        let request = ipv4_frame(protocol, &vec![0xab; len]);
        assert!(bed.receive(&request).is_none());
        let sent = bed.sent().swap_remove(0);
        let (header, body) = etherparse::Ipv4Header::from_slice(&sent[14..]).unwrap();
        assert_eq!((header.source, header.destination), (US.octets(), PEER.octets()));
        assert!(checksum::sum(body).is_valid());
        assert_eq!(body[..8], [3, code, body[2], body[3], 0, 0, 0, 0]);
        assert_eq!(body[8..], request[14..][..(20 + len).min(548)]);
        assert!(header.total_len <= 576);
        bed.check_buffers();
    }
}

#[test]
fn nobody_is_told_about_broadcasts_and_fragments() {
    let mut bed = bed();
    let to_all = ipv4(PEER, Ipv4Addr::new(10, 0, 0, 255), 17, &[0; 8]);
    bed.receive(&frame(corelane_nic::MacAddress::BROADCAST, 0x0800, &to_all));
    bed.receive(&frame(corelane_nic::MacAddress::BROADCAST, 0x0800, &ipv4(PEER, US, 17, &[0; 8])));
    let ping = ipv4(PEER, Ipv4Addr::BROADCAST, 1, &echo_request(b"all"));
    bed.receive(&frame(corelane_nic::MacAddress::BROADCAST, 0x0800, &ping));
    let mut fragment = ipv4_frame(17, &[0; 8]);
    patch_ipv4(&mut fragment, &[(7, 9)]);
    bed.receive(&fragment);
    assert!(bed.sent().is_empty());
    bed.check_counts();
}

#[test]
fn without_a_buffer_no_error_is_sent() {
    let mut bed = bed();
    let held: Vec<Packet> = core::iter::from_fn(|| bed.pool.take()).collect();
    bed.receive(&ipv4_frame(17, &[0; 8]));
    assert!(bed.sent().is_empty());
    assert_eq!(bed.stats.out_no_buffers, 1);
    drop(held);
    bed.check_buffers();
}
