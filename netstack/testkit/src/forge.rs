//! Segments that no honest stack would send.

use crate::fuzz::frame;
use crate::{PEER, Script, US};

/// A segment from the peer with every field of its header free; lengths and checksums are right unless a test spoils them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Forged<'a> {
    /// The sequence number.
    pub seq: u32,
    /// The acknowledgment number, whether the ACK flag is set or not.
    pub ack: u32,
    /// The control bits.
    pub flags: u8,
    /// The window field.
    pub window: u16,
    /// The urgent pointer.
    pub urgent: u16,
    /// At most 40 bytes; padded with zeros, the end of the options.
    pub options: &'a [u8],
    /// The data offset in words, where it is not that of the options.
    pub data_offset: Option<u8>,
    /// The data.
    pub data: &'a [u8],
}

impl Forged<'_> {
    /// FIN.
    pub const FIN: u8 = 0x01;
    /// SYN.
    pub const SYN: u8 = 0x02;
    /// RST.
    pub const RST: u8 = 0x04;
    /// ACK.
    pub const ACK: u8 = 0x10;
    /// URG.
    pub const URG: u8 = 0x20;
}

impl Script {
    /// The IP packet of a forged segment.
    pub fn forge(&self, forged: &Forged<'_>) -> Vec<u8> {
        let mut options = forged.options[..forged.options.len().min(40)].to_vec();
        options.resize(options.len().next_multiple_of(4), 0);
        let words = forged.data_offset.unwrap_or((20 + options.len()) as u8 / 4); // at most 60
        let mut tcp = Vec::new();
        tcp.extend(self.peer_port.to_be_bytes());
        tcp.extend(self.port.to_be_bytes());
        tcp.extend(forged.seq.to_be_bytes());
        tcp.extend(forged.ack.to_be_bytes());
        tcp.extend([words << 4, forged.flags]);
        tcp.extend(forged.window.to_be_bytes());
        tcp.extend([0; 2]);
        tcp.extend(forged.urgent.to_be_bytes());
        tcp.extend(options);
        tcp.extend(forged.data);
        let mut packet = frame::ipv4(PEER, US, 6, &tcp);
        frame::fix_transport(&mut packet);
        packet
    }

    /// The peer sends a forged segment, and the stack runs.
    pub fn say_forged(&mut self, forged: &Forged<'_>) {
        let packet = self.forge(forged);
        self.say_raw(&packet);
    }

    /// The peer sends an IP packet whose first bytes a test has spoiled: its header's checksum is made right for 20 bytes,
    /// whatever its length field says.
    pub fn say_spoiled(&mut self, mut packet: Vec<u8>) {
        packet[10..12].fill(0);
        let sum =
            packet[..20].chunks(2).map(|word| u32::from(word[0]) << 8 | u32::from(word[1])).sum::<u32>();
        let sum = (sum & 0xffff) + (sum >> 16);
        packet[10..12].copy_from_slice(&(!(sum as u16)).to_be_bytes()); // ten words: one carry at most is left
        self.say_raw(&packet);
    }
}
