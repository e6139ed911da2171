use super::*;
use crate::ip::tests::*;
use corelane_nic::ChecksumOffload;

/// A bed in which the peer's address is known.
fn bed() -> Bed {
    let mut bed = Bed::new();
    bed.receive(&arp(false, PEER_MAC, PEER, US));
    bed.sent();
    bed
}

#[test]
fn headers_are_written_as_etherparse_reads_them() {
    let mut bed = bed();
    bed.send(PEER, &[0x50; 20]);
    let sent = bed.sent().swap_remove(0);
    let packet = etherparse::PacketHeaders::from_ethernet_slice(&sent).unwrap();
    let link = packet.link.unwrap().ethernet2().unwrap();
    assert_eq!((link.destination, link.source), (PEER_MAC.0, OUR_MAC.0));
    let Some(etherparse::NetHeaders::Ipv4(header, _)) = packet.net else { panic!("no IPv4") };
    assert_eq!((header.source, header.destination), (US.octets(), PEER.octets()));
    assert_eq!((header.time_to_live, header.dont_fragment, header.total_len), (64, true, 40));
    assert_eq!((header.protocol.0, header.identification), (6, 0));
    assert_eq!(header.header_checksum, header.calc_header_checksum());
    assert_eq!(sent[34..], [0x50; 20]);
    assert_eq!(bed.stats.ip_out_requests, 1);
}

#[test]
fn chunks_and_offloads_go_along() {
    let mut bed = bed();
    let chunk = Chunk::copy_from(&bed.pool, b"hello world").unwrap();
    let mut payload = alloc::vec![chunk.slice(..5), chunk.slice(5..)];
    drop(chunk);
    let packet = bed.packet(&[0x50; 20]);
    let offload = TxOffload { checksum: Some(ChecksumOffload { start: 0, offset: 16 }), tso_mss: 1000 };
    bed.send_packet(PEER, packet, &mut payload, offload);
    assert!(payload.is_empty());
    let front = bed.out.front().unwrap();
    assert_eq!(front.offload.checksum, Some(ChecksumOffload { start: 34, offset: 16 }));
    assert_eq!((front.offload.tso_mss, front.chunks), (1000, 2));
    let sent = bed.sent().swap_remove(0);
    assert_eq!(&sent[54..], b"hello world");
    assert_eq!(sent[16..18], [0, 51]);
    bed.check_buffers();
}

#[test]
fn given_ttl_ecn_and_fragmentation_are_used() {
    let mut bed = bed();
    let now = bed.now;
    for _ in 0..2 {
        let packet = bed.packet(&[0; 8]);
        let (ip, mut cx) = bed.split();
        let header = Ipv4Send {
            source: US,
            destination: PEER,
            protocol: 1,
            ecn: 2,
            tos: 0,
            ttl: Some(1),
            dont_fragment: false,
        };
        ip.send(now, header, packet, &mut Vec::new(), TxOffload::default(), &mut cx);
    }
    let headers: Vec<etherparse::Ipv4Header> =
        bed.sent().iter().map(|sent| etherparse::Ipv4Header::from_slice(&sent[14..]).unwrap().0).collect();
    assert_eq!((headers[0].ecn.value(), headers[0].time_to_live), (2, 1));
    assert!(!headers[0].dont_fragment);
    assert_ne!(headers[0].identification, headers[1].identification);
}

#[test]
fn what_cannot_be_sent_is_dropped_and_counted() {
    let mut bed = bed();
    // No headroom.
    let mut packet = bed.pool.take().unwrap();
    packet.extend_from_slice(&[0x50; 20]);
    let chunk = Chunk::copy_from(&bed.pool, &[1; 2000]).unwrap();
    bed.send_packet(PEER, packet, &mut alloc::vec![chunk.clone()], TxOffload::default());
    assert_eq!(bed.stats.ip_out_discards, 1);
    // Longer than IP can say: 33 chunks of 2000 bytes.
    let packet = bed.packet(&[0x50; 20]);
    bed.send_packet(PEER, packet, &mut alloc::vec![chunk; 33], TxOffload::default());
    assert_eq!(bed.stats.ip_out_discards, 2);
    bed.check_buffers();

    let mut lonely = Bed::with(&crate::Config { routes: alloc::vec![], ..config() }, &ethernet_link());
    lonely.send(Ipv4Addr::new(8, 8, 8, 8), &[0x50; 20]);
    assert_eq!(lonely.stats.ip_out_no_routes, 1);
    lonely.check_buffers();
}

#[test]
fn what_is_off_our_link_goes_to_the_gateway() {
    let mut bed = Bed::new();
    bed.receive(&arp(false, MacAddress([2, 0, 0, 0, 0, 9]), GATEWAY, US));
    bed.sent();
    bed.send(Ipv4Addr::new(8, 8, 8, 8), &[0x50; 20]);
    let sent = bed.sent();
    assert_eq!(sent[0][..6], [2, 0, 0, 0, 0, 9]);
    assert_eq!(sent[0][30..34], [8, 8, 8, 8]);
}
