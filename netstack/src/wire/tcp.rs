//! The TCP header (RFC 9293 3.1).

use super::tcp_options::TcpOptions;
use crate::tcp::sack::Blocks;
use crate::tcp::seq::SeqNumber;

/// Length of a header without options.
pub(crate) const HEADER_LEN: usize = 20;
/// Where the checksum is in a header.
pub(crate) const CHECKSUM_AT: usize = 16;

/// The control bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Flags(pub(crate) u8);

impl Flags {
    pub(crate) const FIN: Flags = Flags(0x01);
    pub(crate) const SYN: Flags = Flags(0x02);
    pub(crate) const RST: Flags = Flags(0x04);
    pub(crate) const PSH: Flags = Flags(0x08);
    pub(crate) const ACK: Flags = Flags(0x10);
    /// RFC 3168 6.1.
    pub(crate) const ECE: Flags = Flags(0x40);
    pub(crate) const CWR: Flags = Flags(0x80);

    pub(crate) const fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// FIN, SYN, RST and ACK: the bits that tell what a segment is.
    pub(crate) const fn kind(self) -> Flags {
        Flags(self.0 & (Flags::FIN.0 | Flags::SYN.0 | Flags::RST.0 | Flags::ACK.0))
    }

    pub(crate) const fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

/// A segment's header, in host order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TcpHeader {
    pub(crate) source_port: u16,
    pub(crate) destination_port: u16,
    pub(crate) seq: SeqNumber,
    pub(crate) ack: SeqNumber,
    pub(crate) flags: Flags,
    /// As on the wire: not scaled.
    pub(crate) window: u16,
    /// As it was received; what is sent gets one when the segment is whole.
    pub(crate) checksum: u16,
    pub(crate) options: TcpOptions,
    /// Bytes, options included.
    pub(crate) header_len: usize,
}

fn be16(bytes: &[u8; HEADER_LEN], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn be32(bytes: &[u8; HEADER_LEN], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

impl TcpHeader {
    /// Reads the header at the start of `bytes`. `None` when they are too few, the data offset is below 5 or
    /// beyond the bytes, or a port is 0. SACK blocks go to `sacked`.
    pub(crate) fn parse(bytes: &[u8], sacked: &mut Blocks) -> Option<TcpHeader> {
        let fixed: &[u8; HEADER_LEN] = bytes.first_chunk()?;
        let header_len = usize::from(fixed[12] >> 4) * 4;
        let options = bytes.get(HEADER_LEN..header_len)?;
        let (source_port, destination_port) = (be16(fixed, 0), be16(fixed, 2));
        if source_port == 0 || destination_port == 0 {
            return None;
        }
        Some(TcpHeader {
            source_port,
            destination_port,
            seq: SeqNumber(be32(fixed, 4)),
            ack: SeqNumber(be32(fixed, 8)),
            flags: Flags(fixed[13]),
            window: be16(fixed, 14),
            checksum: be16(fixed, CHECKSUM_AT),
            options: TcpOptions::parse(options, sacked),
            header_len,
        })
    }

    /// Writes the header, with its options and a zero checksum, to `bytes`, which must be `header_len` long
    /// (see [`TcpOptions::encoded_len`]); fewer bytes are left as they are.
    pub(crate) fn emit(&self, bytes: &mut [u8]) {
        let Some((fixed, options)) = bytes.split_first_chunk_mut::<HEADER_LEN>() else { return };
        fixed[0..2].copy_from_slice(&self.source_port.to_be_bytes());
        fixed[2..4].copy_from_slice(&self.destination_port.to_be_bytes());
        fixed[4..8].copy_from_slice(&self.seq.0.to_be_bytes());
        fixed[8..12].copy_from_slice(&self.ack.0.to_be_bytes());
        fixed[12] = ((self.header_len / 4) as u8) << 4; // at most 60 / 4
        fixed[13] = self.flags.0;
        fixed[14..16].copy_from_slice(&self.window.to_be_bytes());
        fixed[16..20].copy_from_slice(&[0; 4]);
        self.options.emit(options);
    }
}

#[cfg(test)]
mod tests;
