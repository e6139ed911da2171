use super::*;
use crate::ip::tests::*;
use core::net::Ipv4Addr;

const OTHER_MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 9]);

#[test]
fn requests_for_us_are_answered() {
    let mut bed = Bed::new();
    let mut request = arp(false, PEER_MAC, PEER, US);
    request.extend([0; 18]); // padding
    bed.receive(&request);
    let mut expected = arp(true, OUR_MAC, US, PEER);
    expected[..12].copy_from_slice(&[PEER_MAC.0, OUR_MAC.0].concat());
    expected[32..38].copy_from_slice(&PEER_MAC.0);
    assert_eq!(bed.sent(), [expected]);
    assert_eq!((bed.stats.arp_in, bed.stats.arp_out, bed.stats.arp_in_errors), (1, 1, 0));
    bed.check_buffers();
}

#[test]
fn requests_for_others_are_not_answered() {
    let mut bed = Bed::new();
    bed.receive(&arp(false, PEER_MAC, PEER, GATEWAY));
    assert!(bed.sent().is_empty());
    bed.send(PEER, &[0; 20]);
    assert_eq!(bed.sent()[0][12..14], [8, 6], "nothing was learnt from it: we ask");
}

#[test]
fn a_probe_is_answered_and_teaches_nothing() {
    let mut bed = Bed::new();
    bed.receive(&arp(false, PEER_MAC, Ipv4Addr::UNSPECIFIED, US));
    assert_eq!(bed.sent().len(), 1);
    assert_eq!(bed.ip.next_deadline(), None);
}

#[test]
fn askers_are_learnt_but_not_those_off_our_link() {
    let mut bed = Bed::new();
    bed.receive(&arp(false, PEER_MAC, PEER, US));
    bed.receive(&arp(false, OTHER_MAC, Ipv4Addr::new(8, 8, 8, 8), US));
    assert_eq!(bed.sent().len(), 2, "both are answered");
    bed.send(PEER, &[0; 20]);
    let sent = bed.sent();
    assert_eq!((&sent[0][..6], &sent[0][12..14]), (&PEER_MAC.0[..], &[8, 0][..]));
    bed.send(Ipv4Addr::new(8, 8, 8, 8), &[0; 20]);
    assert_eq!(bed.sent()[0][12..14], [8, 6], "the gateway is asked for");
}

#[test]
fn unsolicited_replies_and_announcements_make_no_entry() {
    let mut bed = Bed::new();
    bed.receive(&arp(true, PEER_MAC, PEER, US));
    bed.receive(&arp(false, PEER_MAC, PEER, PEER));
    bed.receive(&arp(true, PEER_MAC, PEER, PEER));
    assert_eq!((bed.stats.arp_in, bed.stats.arp_in_errors), (3, 0));
    assert_eq!(bed.ip.next_deadline(), None);
    bed.send(PEER, &[0; 20]);
    assert_eq!(bed.sent()[0][12..14], [8, 6]);
}

#[test]
fn impossible_senders_are_refused() {
    let mut bed = Bed::new();
    let group = MacAddress([3, 0, 0, 0, 0, 1]);
    let bad = [
        (group, PEER),
        (MacAddress::BROADCAST, PEER),
        (MacAddress::default(), PEER),
        (OUR_MAC, PEER),
        (PEER_MAC, US),
        (PEER_MAC, Ipv4Addr::new(224, 0, 0, 1)),
        (PEER_MAC, Ipv4Addr::BROADCAST),
        (PEER_MAC, Ipv4Addr::new(10, 0, 0, 255)),
        (PEER_MAC, Ipv4Addr::LOCALHOST),
    ];
    for (mac, sender) in bad {
        for is_reply in [false, true] {
            bed.receive(&arp(is_reply, mac, sender, US));
        }
    }
    bed.receive(&arp(false, PEER_MAC, PEER, US)[..41]);
    assert_eq!(bed.stats.arp_in_errors, 2 * bad.len() as u64 + 1);
    assert!(bed.sent().is_empty());
    bed.check_counts();
    bed.check_buffers();
}
