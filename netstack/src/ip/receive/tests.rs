use crate::ip::Received;
use crate::ip::tests::*;
use crate::{Link, Stats};
use alloc::vec::Vec;
use core::net::Ipv4Addr;
use corelane_nic::{MacAddress, Medium};

/// The frame is dropped, and only this counter tells it.
#[track_caller]
fn check_dropped(frame: &[u8], counter: fn(&Stats) -> u64) {
    let mut bed = Bed::new();
    assert!(bed.receive(frame).is_none());
    assert_eq!(counter(&bed.stats), 1, "{:?}", bed.stats);
    bed.check_counts();
    bed.check_buffers();
}

#[track_caller]
fn segment(received: Option<Received>) -> Vec<u8> {
    let Some(Received::Tcp { source, destination, packet, .. }) = received else {
        panic!("no segment: {received:?}")
    };
    assert_eq!((source, destination), (PEER, US));
    packet.to_vec()
}

#[test]
fn segments_are_handed_up_without_padding() {
    let mut bed = Bed::new();
    let mut frame = ipv4_frame(6, &[0x50; 20]);
    frame.extend([0xee; 6]); // to the 60 bytes of the shortest frame
    assert_eq!(segment(bed.receive(&frame)), [0x50; 20]);
    assert_eq!(bed.stats.ip_in_delivers, 1);
    bed.check_buffers();
}

#[test]
fn options_are_skipped_and_ecn_is_told() {
    let mut bed = Bed::new();
    // Three no-ops and an end of list in front of the segment.
    let mut frame = ipv4_frame(6, &[&[1, 1, 1, 0][..], &[0x50; 24]].concat());
    patch_ipv4(&mut frame, &[(0, 0x46), (1, 0x03)]);
    match bed.receive(&frame) {
        Some(Received::Tcp { packet, ecn: 3, .. }) => assert_eq!(packet[..], [0x50; 24]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn merged_frames_stay_chains() {
    let mut bed = Bed::new();
    let frame = ipv4_frame(6, &[0x50; 3000]);
    let packet = bed.chain(&[&frame[..1500], &frame[1500..2500], &frame[2500..], b"padding"]);
    let Some(Received::Tcp { mut packet, .. }) = bed.receive_packet(packet) else { panic!("no segment") };
    let mut len = packet.len();
    while let Some(next) = packet.split_next() {
        len += next.len();
        packet = next;
    }
    assert_eq!(len, 3000);
    drop(packet);
    bed.check_buffers();
}

#[test]
fn chains_with_cut_headers_are_dropped() {
    let frame = ipv4_frame(6, &[0x50; 100]);
    for cut in [10, 20, 34, 53] {
        let mut bed = Bed::new();
        let packet = bed.chain(&[&frame[..cut], &frame[cut..]]);
        assert!(bed.receive_packet(packet).is_none(), "cut at {cut}");
        assert_eq!(bed.stats.ip_in_hdr_errors + bed.stats.in_frame_errors, 1);
        bed.check_buffers();
    }
    let mut bed = Bed::new();
    let packet = bed.chain(&[&frame[..54], &frame[54..]]);
    assert!(bed.receive_packet(packet).is_some());
}

#[test]
fn frames_for_others_and_of_other_kinds_are_dropped() {
    let packet = ipv4(PEER, US, 6, &[0x50; 20]);
    check_dropped(&frame(MacAddress([2, 0, 0, 0, 0, 9]), 0x0800, &packet), |s| s.in_other_host);
    check_dropped(&frame(OUR_MAC, 0x8100, &packet), |s| s.in_frame_errors);
    check_dropped(&frame(OUR_MAC, 0x86dd, &packet), |s| s.in_frame_errors);
    check_dropped(&ipv4_frame(6, &[])[..13], |s| s.in_frame_errors);
    check_dropped(&[], |s| s.in_frame_errors);
    let mut from_group = ipv4_frame(6, &[0x50; 20]);
    from_group[6] |= 1;
    check_dropped(&from_group, |s| s.in_frame_errors);
}

#[test]
fn malformed_headers_are_dropped() {
    let good = ipv4_frame(6, &[0x50; 20]);
    for (at, value) in [(0, 0x65), (0, 0x44), (0, 0x4f), (3, 19)] {
        let mut bad = good.clone();
        bad[14 + at] = value; // the checksum is wrong as well where it is reached
        check_dropped(&bad, |s| s.ip_in_hdr_errors);
    }
    let mut wrong_checksum = good.clone();
    wrong_checksum[24] ^= 1;
    check_dropped(&wrong_checksum, |s| s.ip_in_hdr_errors);
    check_dropped(&good[..33], |s| s.ip_in_hdr_errors);
    check_dropped(&good[..53], |s| s.ip_in_truncated);
}

#[test]
fn broadcast_multicast_and_impossible_addresses_are_refused() {
    for destination in ["10.0.0.255", "255.255.255.255", "224.0.0.1", "10.0.0.3", "127.0.0.1", "0.0.0.0"] {
        for mac in [OUR_MAC, MacAddress::BROADCAST] {
            let packet = ipv4(PEER, destination.parse().unwrap(), 6, &[0x50; 20]);
            check_dropped(&frame(mac, 0x0800, &packet), |s| s.ip_in_addr_errors);
        }
    }
    for source in
        ["10.0.0.2", "0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "10.0.0.255", "250.0.0.1"]
    {
        let packet = ipv4(source.parse().unwrap(), US, 6, &[0x50; 20]);
        check_dropped(&frame(OUR_MAC, 0x0800, &packet), |s| s.ip_in_addr_errors);
    }
    // RFC 1122, section 3.3.6: unicast IP in a broadcast frame.
    let packet = ipv4(PEER, US, 6, &[0x50; 20]);
    check_dropped(&frame(MacAddress::BROADCAST, 0x0800, &packet), |s| s.ip_in_addr_errors);
}

#[test]
fn fragments_are_counted_and_any_ttl_is_good() {
    for (at, value) in [(6, 0x20), (7, 1)] {
        let mut fragment = ipv4_frame(6, &[0x50; 24]);
        patch_ipv4(&mut fragment, &[(at, value)]);
        check_dropped(&fragment, |s| s.ip_reasm_fails);
    }
    let mut ttl = ipv4_frame(6, &[0x50; 24]);
    patch_ipv4(&mut ttl, &[(8, 0)]);
    assert_eq!(segment(Bed::new().receive(&ttl)), [0x50; 24]);
}

#[test]
fn bare_ip_needs_no_ethernet() {
    let mut bed = Bed::with(&config(), &Link { medium: Medium::Ip, ..ethernet_link() });
    assert_eq!(segment(bed.receive(&ipv4(PEER, US, 6, &[0x50; 20]))), [0x50; 20]);
    bed.send(PEER, &[0x50; 20]);
    bed.send(Ipv4Addr::new(8, 8, 8, 8), &[0x50; 20]);
    let sent = bed.sent();
    assert_eq!(sent.len(), 2);
    assert_eq!((sent[0].len(), sent[0][0], &sent[0][16..20]), (40, 0x45, &PEER.octets()[..]));
    assert_eq!(bed.ip.next_deadline(), None, "nobody is asked");
}
