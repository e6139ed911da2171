//! A TCP segment as an observer reads it from a frame, by a parser that is not the stack's.

use std::net::Ipv4Addr;

use etherparse::{NetSlice, SlicedPacket, TransportSlice};

/// What frames start with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Medium {
    /// An Ethernet header.
    Ethernet,
    /// An IP header.
    Ip,
}

/// A TCP segment over IPv4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Address and port of the sender.
    pub from: (Ipv4Addr, u16),
    /// Address and port of the receiver.
    pub to: (Ipv4Addr, u16),
    /// The sequence number.
    pub seq: u32,
    /// The acknowledgment number, when the ACK flag is set.
    pub ack: Option<u32>,
    /// SYN.
    pub syn: bool,
    /// FIN.
    pub fin: bool,
    /// RST.
    pub rst: bool,
    /// PSH.
    pub psh: bool,
    /// ECE.
    pub ece: bool,
    /// CWR.
    pub cwr: bool,
    /// The two bits of ECN in IP's header.
    pub ecn: u8,
    /// The window field, not scaled.
    pub window: u16,
    /// The MSS option.
    pub mss: Option<u16>,
    /// The window scale option.
    pub scale: Option<u8>,
    /// TSval and TSecr.
    pub timestamps: Option<(u32, u32)>,
    /// The option SACK permitted.
    pub sack_permitted: bool,
    /// SACK blocks: first number, one past the last.
    pub sack: Vec<(u32, u32)>,
    /// The Fast Open option: a cookie, or nothing to ask for one.
    pub fast_open: Option<Vec<u8>>,
    /// Bytes of options, padding included.
    pub options_len: usize,
    /// The length in IP's header.
    pub ip_len: u16,
    /// The checksums of IP and TCP are right.
    pub is_intact: bool,
    /// The data.
    pub payload: &'a [u8],
}

impl<'a> Segment<'a> {
    /// Reads a frame; `None` when it holds no TCP segment that can be read.
    pub fn parse(frame: &'a [u8], medium: Medium) -> Option<Segment<'a>> {
        let sliced = match medium {
            Medium::Ethernet => SlicedPacket::from_ethernet(frame),
            Medium::Ip => SlicedPacket::from_ip(frame),
        };
        let sliced = sliced.ok()?;
        let (Some(NetSlice::Ipv4(ip)), Some(TransportSlice::Tcp(tcp))) = (&sliced.net, &sliced.transport)
        else {
            return None;
        };
        let header = ip.header();
        let sum = tcp.calc_checksum_ipv4(header.source(), header.destination()).ok()?;
        let mut segment = Segment {
            from: (header.source_addr(), tcp.source_port()),
            to: (header.destination_addr(), tcp.destination_port()),
            seq: tcp.sequence_number(),
            ack: tcp.ack().then(|| tcp.acknowledgment_number()),
            syn: tcp.syn(),
            fin: tcp.fin(),
            rst: tcp.rst(),
            psh: tcp.psh(),
            ece: tcp.ece(),
            cwr: tcp.cwr(),
            ecn: header.ecn().value(),
            window: tcp.window_size(),
            mss: None,
            scale: None,
            timestamps: None,
            sack_permitted: false,
            sack: Vec::new(),
            fast_open: fast_open(tcp.options()).map(<[u8]>::to_vec),
            options_len: tcp.options().len(),
            ip_len: header.total_len(),
            is_intact: sum == tcp.checksum()
                && header.to_header().calc_header_checksum() == header.header_checksum(),
            payload: tcp.payload(),
        };
        segment.read_options(tcp.options());
        Some(segment)
    }

    /// RFC 9293 3.2: what is unknown is skipped by its length, what can't be ends it.
    fn read_options(&mut self, mut bytes: &[u8]) {
        let number = |bytes: &[u8]| bytes.iter().fold(0, |n: u32, b| n << 8 | u32::from(*b));
        while let Some((&kind, rest)) = bytes.split_first() {
            if kind == 1 {
                bytes = rest;
                continue;
            }
            let len = rest.first().map_or(0, |len| usize::from(*len));
            let Some(body) = bytes.get(2..len).filter(|_| kind != 0) else { return };
            match (kind, body.len()) {
                (2, 2) => self.mss = Some(number(body) as u16), // two bytes
                (3, 1) => self.scale = Some(body[0].min(14)),
                (4, 0) => self.sack_permitted = true,
                (5, blocks) if blocks % 8 == 0 => {
                    self.sack = body.chunks(8).map(|pair| (number(&pair[..4]), number(&pair[4..]))).collect();
                }
                (8, 8) => self.timestamps = Some((number(&body[..4]), number(&body[4..]))),
                _ => {}
            }
            bytes = &bytes[len..];
        }
    }

    /// The sequence numbers it takes: data, SYN and FIN.
    pub fn seq_len(&self) -> u32 {
        self.payload.len() as u32 + u32::from(self.syn) + u32::from(self.fin) // below 64 KiB
    }

    /// The number behind its data (the FIN's, if it has one).
    pub fn data_end(&self) -> u32 {
        self.seq.wrapping_add(u32::from(self.syn)).wrapping_add(self.payload.len() as u32) // as above
    }
}

/// The body of the Fast Open option.
fn fast_open(mut bytes: &[u8]) -> Option<&[u8]> {
    while let Some((kind, rest)) = bytes.split_first() {
        if *kind == 1 {
            bytes = rest;
            continue;
        }
        let len = rest.first().map_or(0, |len| usize::from(*len));
        let body = bytes.get(2..len).filter(|_| *kind != 0)?;
        if *kind == 34 {
            return Some(body);
        }
        bytes = &bytes[len..];
    }
    None
}
