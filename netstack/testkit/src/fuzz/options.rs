//! TCP options of every kind and shape.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use corelane_netstack::Instant;

use super::bed::{End, Host, PORT};
use super::frame::{self, Segment};
use super::reader::Reader;

const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// Arbitrary options in each segment of a short connection: SYN, third ACK with data, RST.
///
/// # Panics
/// When the stack does; when an answer is malformed; when something is left at the end.
pub fn options(input: &[u8]) {
    let mut reader = Reader::new(input);
    let mut now = Instant::from_nanos(1_000_000_000);
    let mut server = Host::new(End::Server);
    let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT));
    let listener = server.stack.listen(address, 16).expect("nobody else listens");
    server.answer(now, &arp_request());

    let mut segment = Segment {
        source: (End::Client.address(), 4000),
        destination: (End::Server.address(), PORT),
        sequence: 1000,
        acknowledgment: 0,
    };
    let syn_ack = send(&mut server, now, &segment, SYN, reader.block(), &[]);
    segment.sequence += 1;
    if let Some(answer) = syn_ack.first() {
        assert_eq!(answer.acknowledgment, segment.sequence, "the SYN-ACK is for this SYN");
        segment.acknowledgment = answer.sequence.wrapping_add(1);
    }
    // Whatever the options say, time passes: timestamps and PAWS have their say.
    for flags in [ACK, ACK, RST] {
        now += Duration::from_millis(u64::from(reader.u8()));
        let data = if flags == ACK { &b"data"[..] } else { &[] };
        let answers = send(&mut server, now, &segment, flags, reader.block(), data);
        // PAWS may refuse the segment: then its bytes are not acknowledged, and it is as if it never came.
        if let Some(answer) = answers.last() {
            segment.sequence = answer.acknowledgment;
        } else if flags == ACK {
            segment.sequence += data.len() as u32; // a few bytes; the ACK is delayed
        }
    }

    while let Ok((id, _)) = server.stack.accept(listener) {
        server.stack.close(id).expect("just accepted");
    }
    server.stack.close_listener(listener).expect("it is open");
    // What is left has a silent peer, though one that answers ARP: retries run out within a quarter of an hour.
    for _ in 0..1000 {
        if server.has_connections() {
            server.answer(now, &arp_request());
        }
        let Some(next) = server.stack.next_deadline() else { break };
        now = next.max(now + Duration::from_nanos(1));
        server.expire(now);
    }
    server.check_empty();
}

fn arp_request() -> Vec<u8> {
    let mut body = vec![0, 1, 8, 0, 6, 4, 0, 1];
    body.extend(End::Client.mac().0);
    body.extend(End::Client.address().octets());
    body.extend([0; 6]);
    body.extend(End::Server.address().octets());
    frame::ethernet(End::Server.mac(), End::Client.mac(), 0x0806, &body)
}

/// The TCP segments that answer one of these.
fn send(
    server: &mut Host,
    now: Instant,
    segment: &Segment,
    flags: u8,
    options: &[u8],
    data: &[u8],
) -> Vec<Segment> {
    let packet = segment.forge(flags, 1000, options, data);
    let answers = server.answer(now, &frame::ethernet(End::Server.mac(), End::Client.mac(), 0x0800, &packet));
    let parse = |answer: &Vec<u8>| {
        let mut packet = answer[frame::ETHERNET_LEN..].to_vec();
        frame::fix_ipv4(&mut packet);
        frame::fix_transport(&mut packet);
        assert!(packet == answer[frame::ETHERNET_LEN..], "a checksum is wrong");
        Segment::parse(answer).expect("the answer is a segment")
    };
    answers.iter().map(parse).collect()
}
