//! What one step of an input does.

use std::net::Ipv4Addr;
use std::time::Duration;

use corelane_netstack::SocketId;
use corelane_nic::{Checksum, MacAddress};

use super::bed::{Bed, End, PORT};
use super::frame::{self, ETHERNET_LEN, Segment};
use super::reader::Reader;

/// The connections of the client, and who plays with them.
pub(super) struct Attack {
    /// Nobody forges its segments: it must live.
    pub(super) witness: SocketId,
    pub(super) witness_port: u16,
    /// Its numbers are known to the attacker: it may die.
    pub(super) victim: SocketId,
}

impl Attack {
    /// Does the next step of the input.
    pub(super) fn step(&self, bed: &mut Bed, reader: &mut Reader<'_>) {
        let kind = reader.u8();
        let target = if kind & 0x80 == 0 { End::Server } else { End::Client };
        let frame = match kind & 0x0f {
            0 => reader.block().to_vec(),
            1 => bare_ipv4(target, reader),
            2 | 3 => transport(target, reader),
            4..=6 => forged(bed, target, reader),
            7 | 8 => mutated(bed, target, reader),
            9 => arp(target, reader),
            10 => icmp_error(bed, target, reader),
            11 => syn(target, reader),
            12 | 13 => return bed.advance(Duration::from_micros(1 << (reader.u8() % 28))),
            14 => return self.use_victim(bed, reader),
            _ => {
                bed.lose[target as usize] = reader.u8() % 8;
                return;
            }
        };
        if self.concerns_witness(&frame) {
            return;
        }
        let how = kind >> 4 & 7;
        let checksum = match how {
            0..=3 => Checksum::Unknown,
            4 => Checksum::Good,
            5 => Checksum::Partial,
            6 => Checksum::Bad,
            _ => Checksum::Unknown,
        };
        let cut = (how == 7).then(|| usize::from(reader.u8()));
        bed.host(target).deliver(&frame, cut, checksum);
        // Some arrive in one burst.
        if how & 1 == 0 {
            bed.settle();
        }
    }

    fn concerns_witness(&self, frame: &[u8]) -> bool {
        Segment::parse(frame)
            .is_some_and(|s| s.source.1 == self.witness_port || s.destination.1 == self.witness_port)
    }

    /// The application at the attacked connection goes on meanwhile.
    fn use_victim(&self, bed: &mut Bed, reader: &mut Reader<'_>) {
        let stack = &mut bed.client.stack;
        // Whatever these give is right: the connection may be gone.
        match reader.u8() % 8 {
            0..=2 => drop(stack.write(self.victim, reader.block())),
            3 | 4 => drop(stack.read(self.victim, &mut [0; 1000])),
            5 => drop(stack.read_chunk(self.victim)),
            6 => drop(stack.shutdown(self.victim, corelane_netstack::Shutdown::Write)),
            _ => drop(stack.set_nodelay(self.victim, true)),
        }
        bed.settle();
    }
}

/// Random bytes behind an Ethernet header, half of them with a right header checksum.
fn bare_ipv4(target: End, reader: &mut Reader<'_>) -> Vec<u8> {
    let fix = reader.u8() & 1 == 0;
    let mut packet = reader.block().to_vec();
    if fix {
        if let Some(first) = packet.first_mut() {
            *first = 0x40 | (*first & 0xf).max(5);
        }
        frame::fix_ipv4(&mut packet);
    }
    frame::ethernet(target.mac(), target.other().mac(), 0x0800, &packet)
}

fn address(reader: &mut Reader<'_>, target: End) -> Ipv4Addr {
    match reader.u8() {
        0..0xc0 => target.other().address(),
        0xc0..0xe0 => Ipv4Addr::new(10, 0, 0, reader.u8()),
        _ => Ipv4Addr::from(reader.u32()),
    }
}

/// A right IPv4 header in front of anything.
fn transport(target: End, reader: &mut Reader<'_>) -> Vec<u8> {
    let protocol = match reader.u8() {
        0..0x60 => 6,
        0x60..0xc0 => 1,
        0xc0..0xe0 => 17,
        other => other,
    };
    let source = address(reader, target);
    let mut packet = frame::ipv4(source, target.address(), protocol, reader.block());
    frame::fix_transport(&mut packet);
    frame::ethernet(target.mac(), target.other().mac(), 0x0800, &packet)
}

/// A segment of the attacked connection near the numbers that it expects.
fn forged(bed: &Bed, target: End, reader: &mut Reader<'_>) -> Vec<u8> {
    let Some(mut segment) = Segment::parse(&bed.seen[target.other() as usize]) else { return Vec::new() };
    let near = |reader: &mut Reader<'_>| match reader.u8() {
        offset @ 0..0xc0 => (u32::from(offset) % 8).wrapping_sub(2),
        0xc0..0xf0 => u32::from(reader.u16()).wrapping_sub(0x8000),
        _ => reader.u32(),
    };
    segment.sequence = segment.sequence.wrapping_add(near(reader));
    segment.acknowledgment = segment.acknowledgment.wrapping_add(near(reader));
    let (flags, window) = (reader.u8(), reader.u16());
    let options = reader.block();
    let packet = segment.forge(flags, window, options, reader.block());
    frame::ethernet(target.mac(), target.other().mac(), 0x0800, &packet)
}

/// The last segment of the attacked connection with some bytes changed, checksums repaired or not.
fn mutated(bed: &Bed, target: End, reader: &mut Reader<'_>) -> Vec<u8> {
    let mut frame = bed.seen[target.other() as usize].clone();
    let how = reader.u8();
    for _ in 0..how & 7 {
        let (at, value) = (usize::from(reader.u8()), reader.u8());
        if let Some(byte) = frame.get_mut(at) {
            *byte = value;
        }
    }
    if how & 0x08 != 0 {
        frame.truncate(usize::from(reader.u8()));
    }
    if let Some(packet) = frame.get_mut(ETHERNET_LEN..) {
        if how & 0x10 != 0 {
            frame::fix_ipv4(packet);
        }
        if how & 0x20 != 0 {
            frame::fix_transport(packet);
        }
    }
    frame
}

/// ARP with any sender, that of the peer most often: the cache may be poisoned for a while.
fn arp(target: End, reader: &mut Reader<'_>) -> Vec<u8> {
    let how = reader.u8();
    let mac = if how & 1 == 0 { target.other().mac() } else { MacAddress([2, 1, 1, 1, 1, reader.u8()]) };
    let sender = address(reader, target);
    let destination = if how & 2 == 0 { target.mac() } else { MacAddress::BROADCAST };
    let mut body = vec![0, 1, 8, 0, 6, 4, 0, 1 + (how >> 2 & 1)];
    body.extend(mac.0);
    body.extend(sender.octets());
    body.extend(target.mac().0);
    body.extend(if how & 8 == 0 { target.address() } else { sender }.octets());
    frame::ethernet(destination, mac, 0x0806, &body)
}

/// An ICMP error about the last segment that the target sent on the attacked connection.
fn icmp_error(bed: &Bed, target: End, reader: &mut Reader<'_>) -> Vec<u8> {
    let kind = [3, 4, 11, 12][usize::from(reader.u8() % 4)];
    let mut message = vec![kind, reader.u8() % 16, 0, 0];
    message.extend(reader.bytes(4));
    message.resize(8, 0);
    let seen = &bed.seen[target as usize];
    let quote = seen.get(ETHERNET_LEN..).unwrap_or_default();
    message.extend(&quote[..quote.len().min(usize::from(reader.u8()))]);
    let mut packet = frame::ipv4(address(reader, target), target.address(), 1, &message);
    frame::fix_transport(&mut packet);
    frame::ethernet(target.mac(), target.other().mac(), 0x0800, &packet)
}

/// A SYN, from anywhere, that nobody will complete: half-open connections pile up.
fn syn(target: End, reader: &mut Reader<'_>) -> Vec<u8> {
    let segment = Segment {
        source: (address(reader, target), reader.u16()),
        destination: (target.address(), PORT),
        sequence: reader.u32(),
        acknowledgment: 0,
    };
    let packet = segment.forge(2, reader.u16(), reader.block(), &[]);
    frame::ethernet(target.mac(), target.other().mac(), 0x0800, &packet)
}
