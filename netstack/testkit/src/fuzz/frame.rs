//! Frames as an attacker would make them: right where they must be to get far, else as the fuzzer says.

use std::net::Ipv4Addr;

use corelane_nic::MacAddress;

pub(crate) const ETHERNET_LEN: usize = 14;
const IPV4_LEN: usize = 20;

/// Adds 16-bit words the slow and obvious way: this must not share a mistake with the stack.
fn sum(bytes: &[u8]) -> u32 {
    let words = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    words.fold(0, |sum, word| {
        let sum = sum + word;
        (sum & 0xffff) + (sum >> 16)
    })
}

fn checksum(sums: &[u32]) -> [u8; 2] {
    let mut sum: u32 = sums.iter().sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!sum as u16).to_be_bytes() // 16 bits are left
}

/// An Ethernet frame.
pub(crate) fn ethernet(destination: MacAddress, source: MacAddress, ether_type: u16, body: &[u8]) -> Vec<u8> {
    [&destination.0[..], &source.0, &ether_type.to_be_bytes(), body].concat()
}

/// An IPv4 packet with a right header.
pub(crate) fn ipv4(source: Ipv4Addr, destination: Ipv4Addr, protocol: u8, body: &[u8]) -> Vec<u8> {
    let len = (IPV4_LEN + body.len()) as u16; // bodies are below 64 KiB
    let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0];
    packet[2..4].copy_from_slice(&len.to_be_bytes());
    packet.extend(source.octets());
    packet.extend(destination.octets());
    packet.extend(body);
    fix_ipv4(&mut packet);
    packet
}

/// Bytes of the header, when there is a whole one.
fn header_len(packet: &[u8]) -> Option<usize> {
    let len = usize::from(packet.first()? & 0xf) * 4;
    (len >= IPV4_LEN && len <= packet.len()).then_some(len)
}

/// Makes the header checksum right.
pub(crate) fn fix_ipv4(packet: &mut [u8]) {
    if let Some(len) = header_len(packet) {
        packet[10..12].fill(0);
        let right = checksum(&[sum(&packet[..len])]);
        packet[10..12].copy_from_slice(&right);
    }
}

/// Makes the checksum of TCP or ICMP right.
pub(crate) fn fix_transport(packet: &mut [u8]) {
    let Some(len) = header_len(packet) else { return };
    let (header, body) = packet.split_at_mut(len);
    let (at, pseudo) = match header[9] {
        6 => (16, sum(&header[12..20]) + 6 + body.len() as u32), // below 64 KiB
        1 => (2, 0),
        _ => return,
    };
    if body.len() >= at + 2 {
        body[at..at + 2].fill(0);
        let right = checksum(&[pseudo, sum(body)]);
        body[at..at + 2].copy_from_slice(&right);
    }
}

/// What a TCP segment says, as far as it is needed to forge the next one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment {
    pub(crate) source: (Ipv4Addr, u16),
    pub(crate) destination: (Ipv4Addr, u16),
    pub(crate) sequence: u32,
    pub(crate) acknowledgment: u32,
}

impl Segment {
    /// Reads a frame; `None` for what is not TCP over IPv4.
    pub(crate) fn parse(frame: &[u8]) -> Option<Segment> {
        let packet = frame.get(ETHERNET_LEN..).filter(|_| frame[12..14] == [8, 0])?;
        let tcp = packet.get(header_len(packet)?..)?.first_chunk::<20>()?;
        let word = |at: usize| u32::from_be_bytes([tcp[at], tcp[at + 1], tcp[at + 2], tcp[at + 3]]);
        let address = |at: usize| Ipv4Addr::new(packet[at], packet[at + 1], packet[at + 2], packet[at + 3]);
        (packet[9] == 6).then(|| Segment {
            source: (address(12), (word(0) >> 16) as u16),
            destination: (address(16), word(0) as u16), // the lower half
            sequence: word(4),
            acknowledgment: word(8),
        })
    }

    /// A segment with these numbers and what else the fuzzer says; its checksums are right.
    pub(crate) fn forge(&self, flags: u8, window: u16, options: &[u8], payload: &[u8]) -> Vec<u8> {
        let mut options = options[..options.len().min(40)].to_vec();
        options.resize(options.len().next_multiple_of(4), 0);
        let mut tcp = Vec::new();
        tcp.extend(self.source.1.to_be_bytes());
        tcp.extend(self.destination.1.to_be_bytes());
        tcp.extend(self.sequence.to_be_bytes());
        tcp.extend(self.acknowledgment.to_be_bytes());
        tcp.extend([((20 + options.len()) as u8 / 4) << 4, flags]); // at most 60
        tcp.extend(window.to_be_bytes());
        tcp.extend([0; 4]);
        tcp.extend(options);
        tcp.extend(payload);
        let mut packet = ipv4(self.source.0, self.destination.0, 6, &tcp);
        fix_transport(&mut packet);
        packet
    }
}
