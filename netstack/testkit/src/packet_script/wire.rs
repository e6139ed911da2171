//! Segments as bytes, and in the notation of scripts.

use std::fmt::Write;
use std::net::Ipv4Addr;
use std::time::Duration;

use etherparse::{Icmpv4Type, IpNumber, Ipv4Header, NetSlice, SlicedPacket, TcpHeader, TransportSlice};

use super::syntax::{ACK, Ecn, FLAGS, Icmp, Marks, TcpPacket};
use super::tcp_option::TcpOption;

/// A segment that the stack sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Observed {
    pub(super) at: Duration,
    pub(super) to: Ipv4Addr,
    /// Ours, the peer's.
    pub(super) ports: (u16, u16),
    /// With the numbers of the wire.
    pub(super) packet: TcpPacket,
}

impl Observed {
    /// Reads an IP packet; `None` when it holds no segment.
    pub(super) fn parse(at: Duration, frame: &[u8]) -> Option<Observed> {
        let sliced = SlicedPacket::from_ip(frame).ok()?;
        let (Some(NetSlice::Ipv4(ip)), Some(TransportSlice::Tcp(tcp))) = (&sliced.net, &sliced.transport)
        else {
            return None;
        };
        let flags = tcp.slice()[13];
        let packet = TcpPacket {
            marks: Marks { ecn: Some(ecn(ip.header().ecn().value())), ..Marks::default() },
            ports: None,
            flags,
            seq: tcp.sequence_number(),
            len: tcp.payload().len(),
            ack: (flags & ACK != 0).then(|| tcp.acknowledgment_number()),
            window: Some(tcp.window_size()),
            urgent: tcp.urg().then(|| tcp.urgent_pointer()),
            options: Some(TcpOption::decode(tcp.options())),
        };
        let ports = (tcp.source_port(), tcp.destination_port());
        Some(Observed { at, to: ip.header().destination_addr(), ports, packet })
    }
}

fn ecn(field: u8) -> Ecn {
    match field {
        0 => Ecn::NotEct,
        1 => Ecn::Ect1,
        2 => Ecn::Ect0,
        _ => Ecn::Ce,
    }
}

/// The IP packet of a segment, whose numbers are those of the wire, from `source` and its port to ours.
pub(super) fn build(
    packet: &TcpPacket,
    source: Ipv4Addr,
    ports: (u16, u16),
    payload: &[u8],
) -> Result<Vec<u8>, String> {
    let mut options = Vec::new();
    packet.options.iter().flatten().for_each(|option| option.encode(&mut options));
    let mut tcp = TcpHeader::new(ports.1, ports.0, packet.seq, packet.window.unwrap_or(0));
    tcp.set_options_raw(&options).map_err(|e| format!("the options: {e}"))?;
    tcp.acknowledgment_number = packet.ack.unwrap_or(0);
    tcp.urgent_pointer = packet.urgent.unwrap_or(0);
    let mut segment = tcp.to_bytes().to_vec();
    segment[13] = packet.flags;
    segment.extend(payload);
    let mut ip = ip_header(source, crate::US, segment.len(), IpNumber::TCP)?;
    ip.ecn =
        etherparse::IpEcn::try_new(packet.marks.ecn.map_or(0, |ecn| ecn as u8)).map_err(|e| e.to_string())?;
    ip.header_checksum = ip.calc_header_checksum();
    let sum = sum(&ip, &segment) ^ if packet.marks.has_bad_sum { 0x5555 } else { 0 };
    segment[16..18].copy_from_slice(&sum.to_be_bytes());
    Ok([ip.to_bytes().as_slice(), &segment].concat())
}

/// The checksum of a segment whose own is still 0.
fn sum(ip: &Ipv4Header, segment: &[u8]) -> u16 {
    let len = segment.len() as u32; // fits an IP packet, or there was no header
    let words = |bytes: &[u8]| -> u32 {
        bytes.chunks(2).map(|w| u32::from(w[0]) << 8 | w.get(1).map_or(0, |b| u32::from(*b))).sum()
    };
    let mut sum =
        words(&ip.source) + words(&ip.destination) + u32::from(ip.protocol.0) + len + words(segment);
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16) // folded
}

fn ip_header(from: Ipv4Addr, to: Ipv4Addr, len: usize, protocol: IpNumber) -> Result<Ipv4Header, String> {
    let len = u16::try_from(len).map_err(|e| e.to_string())?;
    let mut ip = Ipv4Header::new(len, 64, protocol, from.octets(), to.octets()).map_err(|e| e.to_string())?;
    ip.dont_fragment = true;
    ip.header_checksum = ip.calc_header_checksum();
    Ok(ip)
}

/// An ICMP error from a router, about our segment with these ports and this number on the wire.
pub(super) fn build_icmp(icmp: &Icmp, ports: (u16, u16), seq: u32) -> Result<Vec<u8>, String> {
    let quoted = TcpHeader::new(ports.0, ports.1, seq, 0).to_bytes();
    // As long as the segment was: a router has seen all of it.
    let quoted_ip = ip_header(crate::US, crate::PEER, 1000, IpNumber::TCP)?;
    let quote = [quoted_ip.to_bytes().as_slice(), &quoted[..8]].concat();
    let [high, low] = icmp.mtu.to_be_bytes();
    let kind = Icmpv4Type::Unknown { type_u8: icmp.kind, code_u8: icmp.code, bytes5to8: [0, 0, high, low] };
    let header = etherparse::Icmpv4Header::with_checksum(kind, &quote);
    let ip = ip_header(crate::PEER, crate::US, icmpv4_len(&header, &quote), IpNumber::ICMP)?;
    Ok([ip.to_bytes().as_slice(), header.to_bytes().as_slice(), &quote].concat())
}

fn icmpv4_len(header: &etherparse::Icmpv4Header, quote: &[u8]) -> usize {
    header.header_len() + quote.len()
}

/// A packet in the notation of scripts; `ecn`: with its mark.
pub(super) fn notation(packet: &TcpPacket, ecn: bool) -> String {
    let mut text = String::new();
    if let (Some(mark), true) = (packet.marks.ecn, ecn) {
        let name = match mark {
            Ecn::NotEct => "noecn",
            Ecn::Ect0 => "ect0",
            Ecn::Ect1 => "ect1",
            Ecn::Ce => "ce",
        };
        let _ = write!(text, "[{name}] "); // a String takes it
    }
    if let Some((source, destination)) = packet.ports {
        let _ = write!(text, "{source}>{destination} ");
    }
    let letters: String =
        ['F', 'S', 'R', 'P', 'E', 'W', 'U', '.'].into_iter().filter(|l| has_flag(packet.flags, *l)).collect();
    let letters = if letters.is_empty() { "-" } else { &letters };
    let end = packet.seq.wrapping_add(packet.len as u32); // below 64 KiB
    let _ = write!(text, "{letters} {}:{end}({})", packet.seq, packet.len);
    for (name, value) in
        [("ack", packet.ack), ("win", packet.window.map(u32::from)), ("urg", packet.urgent.map(u32::from))]
    {
        if let Some(value) = value {
            let _ = write!(text, " {name} {value}");
        }
    }
    match &packet.options {
        None => text.push_str(" <...>"),
        Some(options) if options.is_empty() => {}
        Some(options) => {
            let options: Vec<String> = options.iter().map(ToString::to_string).collect();
            let _ = write!(text, " <{}>", options.join(","));
        }
    }
    text
}

fn has_flag(flags: u8, letter: char) -> bool {
    FLAGS.iter().any(|(name, bit)| *name == letter && flags & bit != 0)
}
