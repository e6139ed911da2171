//! A TCP segment as it is forged and as it is heard.

use std::net::SocketAddrV4;

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, IpProtocol, Ipv4Packet, Ipv4Repr,
    TcpControl, TcpPacket, TcpRepr, TcpSeqNumber,
};

/// The MSS that forged SYNs offer.
const MSS: u16 = 1460;

/// What of a segment matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Who sent it, or is to have sent it.
    pub from: SocketAddrV4,
    /// To whom.
    pub to: SocketAddrV4,
    /// SYN, FIN, RST or none of them.
    pub control: TcpControl,
    /// Its sequence number.
    pub seq: u32,
    /// What it acknowledges.
    pub ack: Option<u32>,
    /// The window as it stands there, not scaled.
    pub window: u16,
    /// The scale that a SYN offers; with it forged ones offer SACK.
    pub scale: Option<u8>,
    /// Bytes of payload.
    pub length: usize,
}

impl Segment {
    /// An empty one, without flags.
    pub fn new(from: SocketAddrV4, to: SocketAddrV4, seq: u32) -> Self {
        Self { from, to, control: TcpControl::None, seq, ack: None, window: 0xffff, scale: None, length: 0 }
    }

    /// The frame that carries it.
    pub fn frame(&self, from: EthernetAddress, to: EthernetAddress) -> Vec<u8> {
        let payload = vec![b'x'; self.length];
        let is_syn = self.control == TcpControl::Syn;
        let tcp = TcpRepr {
            src_port: self.from.port(),
            dst_port: self.to.port(),
            control: self.control,
            // TcpSeqNumber has the same 32 bits, signed.
            seq_number: TcpSeqNumber(self.seq as i32),
            ack_number: self.ack.map(|ack| TcpSeqNumber(ack as i32)),
            window_len: self.window,
            window_scale: self.scale.filter(|_| is_syn),
            max_seg_size: is_syn.then_some(MSS),
            sack_permitted: is_syn && self.scale.is_some(),
            sack_ranges: [None; 3],
            timestamp: None,
            payload: &payload,
        };
        let (source, destination) = (*self.from.ip(), *self.to.ip());
        let ip = Ipv4Repr {
            src_addr: source,
            dst_addr: destination,
            next_header: IpProtocol::Tcp,
            payload_len: tcp.buffer_len(),
            hop_limit: 64,
        };
        let ethernet = EthernetRepr { src_addr: from, dst_addr: to, ethertype: EthernetProtocol::Ipv4 };
        let mut bytes = vec![0; ethernet.buffer_len() + ip.buffer_len() + tcp.buffer_len()];
        let mut frame = EthernetFrame::new_unchecked(&mut bytes);
        ethernet.emit(&mut frame);
        let mut packet = Ipv4Packet::new_unchecked(frame.payload_mut());
        let checksums = ChecksumCapabilities::default();
        ip.emit(&mut packet, &checksums);
        let mut segment = TcpPacket::new_unchecked(packet.payload_mut());
        tcp.emit(&mut segment, &source.into(), &destination.into(), &checksums);
        bytes
    }

    /// The one in a frame, if it is one. Checksums may still be the device's to fill in, and are not looked at.
    pub fn parse(frame: &[u8]) -> Option<Self> {
        let frame = EthernetFrame::new_checked(frame).ok()?;
        if frame.ethertype() != EthernetProtocol::Ipv4 {
            return None;
        }
        let packet = Ipv4Packet::new_checked(frame.payload()).ok()?;
        if packet.next_header() != IpProtocol::Tcp {
            return None;
        }
        let (source, destination) = (packet.src_addr(), packet.dst_addr());
        let segment = TcpPacket::new_checked(packet.payload()).ok()?;
        let ignored = ChecksumCapabilities::ignored();
        let tcp = TcpRepr::parse(&segment, &source.into(), &destination.into(), &ignored).ok()?;
        Some(Self {
            from: SocketAddrV4::new(source, tcp.src_port),
            to: SocketAddrV4::new(destination, tcp.dst_port),
            control: tcp.control,
            seq: tcp.seq_number.0 as u32, // the same 32 bits
            ack: tcp.ack_number.map(|ack| ack.0 as u32),
            window: tcp.window_len,
            scale: tcp.window_scale,
            length: tcp.payload.len(),
        })
    }

    /// Whether it is an empty ACK, as challenges are.
    pub fn is_ack_only(&self) -> bool {
        self.control == TcpControl::None && self.ack.is_some() && self.length == 0
    }

    /// The number behind it.
    pub fn end(&self) -> u32 {
        let flag = u32::from(matches!(self.control, TcpControl::Syn | TcpControl::Fin));
        self.seq.wrapping_add(self.length as u32).wrapping_add(flag) // a frame's length has 16 bits
    }
}

#[cfg(test)]
mod tests;
