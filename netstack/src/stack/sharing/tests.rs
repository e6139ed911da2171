extern crate std;
use std::vec::Vec;

use corelane_nic::TxBurst;

use super::super::tests::{End, addr, end};
use super::*;

const NOW: Instant = Instant::ZERO;

/// Two cores of host 2, and a host that talks to them.
fn hosts() -> (End, [End; 2]) {
    let mut cores = [end(2), end(2)];
    for core in &mut cores {
        core.stack.share();
    }
    (end(1), cores)
}

fn deliver(from: &mut End, to: &mut End) -> bool {
    let any = from.send(NOW, to);
    to.stack.receive(NOW, &mut to.rx);
    any
}

/// The client has asked and knows where host 2 is; core 1 has told core 0 of it.
fn introduce(client: &mut End, [first, second]: &mut [End; 2]) {
    assert!(deliver(client, second), "who has 10.0.0.2?");
    deliver(second, client);
    while let Some(notice) = second.stack.next_notice() {
        first.stack.take_notice(NOW, &notice);
    }
}

#[test]
fn what_belongs_to_another_core_is_kept_as_it_came() {
    let (mut client, mut cores) = hosts();
    let listener = cores[0].stack.listen(addr(2, 7), 5).unwrap();
    client.stack.connect(None, addr(2, 7)).unwrap();
    introduce(&mut client, &mut cores);
    let [first, second] = &mut cores;
    // The SYN arrives at the core where nobody listens, and so does all that follows.
    for _ in 0..2 {
        assert!(client.send(NOW, second));
        let whole: Vec<u8> = second.rx.get(0).unwrap().packet.to_vec();
        second.stack.receive(NOW, &mut second.rx);
        let frame = second.stack.next_stray().unwrap();
        assert_eq!(frame.packet[..], whole[..]);
        assert!(
            second.stack.next_stray().is_none() && !second.stack.wants_transmit(),
            "nothing is said here"
        );
        first.rx.push(frame);
        first.stack.receive(NOW, &mut first.rx);
        deliver(first, &mut client);
    }
    assert!(first.stack.accept(listener).is_ok());
    assert_eq!((first.stack.take_strays_dropped(), second.stack.take_strays_dropped()), (0, 0));
}

#[test]
fn the_last_core_that_is_asked_refuses() {
    let (mut client, mut cores) = hosts();
    client.stack.connect(None, addr(2, 7)).unwrap();
    introduce(&mut client, &mut cores);
    let [first, second] = &mut cores;
    assert!(deliver(&mut client, second));
    first.rx.push(second.stack.next_stray().unwrap());
    first.stack.receive_last(NOW, &mut first.rx);
    assert!(first.stack.next_stray().is_none());
    deliver(first, &mut client);
    assert_eq!(first.stack.stats().tcp_out_rsts, 1);
    assert_eq!(client.stack.connections(), 1, "over, and not closed by its owner");
}

#[test]
fn a_neighbour_that_one_core_hears_is_known_to_all() {
    let (mut peer, [mut first, mut second]) = hosts();
    first.stack.connect(None, addr(1, 7)).unwrap();
    assert!(deliver(&mut first, &mut peer), "the question");
    assert!(deliver(&mut peer, &mut second), "the answer arrives elsewhere");
    assert!(!first.stack.wants_transmit());
    let notice = second.stack.next_notice().unwrap();
    assert!(second.stack.next_notice().is_none());
    first.stack.take_notice(NOW, &notice);
    assert!(first.stack.next_notice().is_none(), "what was told is not told on");
    let mut tx = TxBurst::with_capacity(4);
    first.stack.transmit(NOW, &mut tx);
    assert_eq!(tx.front().unwrap().headers[12..14], [8, 0], "the SYN that waited for it");
}

#[test]
fn an_icmp_error_finds_the_core_of_its_flow() {
    let (mut peer, [mut first, mut second]) = hosts();
    let id = first.stack.connect(None, addr(1, 7)).unwrap();
    deliver(&mut first, &mut peer);
    deliver(&mut peer, &mut first);
    let mut tx = TxBurst::with_capacity(4);
    first.stack.transmit(NOW, &mut tx);
    let syn = tx.pop().unwrap().headers;
    // Port unreachable, with the SYN's IP header and its first 8 bytes.
    let mut icmp = [&[3, 3, 0, 0, 0, 0, 0, 0][..], &syn[14..42]].concat();
    let sum = crate::wire::checksum::sum(&icmp).finish();
    icmp[2..4].copy_from_slice(&sum.to_be_bytes());
    let mut ip = syn[14..34].to_vec();
    ip[2..4].copy_from_slice(&(20 + icmp.len() as u16).to_be_bytes());
    ip[9] = 1; // ICMP
    ip[10..12].fill(0);
    ip[12..20].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
    let sum = crate::wire::checksum::sum(&ip).finish();
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    let frame = [&syn[6..12], &syn[..6], &[8, 0], &ip, &icmp].concat();
    let mut packet = second.stack.pool().take().unwrap();
    packet.extend_from_slice(&frame);
    second.rx.push(RxFrame { packet, checksum: Checksum::Unknown, hash: None });
    second.stack.receive(NOW, &mut second.rx);
    first.stack.take_notice(NOW, &second.stack.next_notice().unwrap());
    assert_eq!(first.stack.take_error(id), Ok(Some(crate::Error::ConnectionRefused)));
}
