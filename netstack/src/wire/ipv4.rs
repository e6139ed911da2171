//! IPv4 headers (RFC 791).

use core::net::Ipv4Addr;

use super::checksum;

/// Bytes of a header without options: all that we send.
pub(crate) const HEADER_LEN: usize = 20;

/// Protocol number of ICMP.
pub(crate) const ICMP: u8 = 1;
/// Protocol number of TCP.
pub(crate) const TCP: u8 = 6;
/// Protocol number of UDP.
pub(crate) const UDP: u8 = 17;

const DONT_FRAGMENT: u16 = 0x4000;
const MORE_FRAGMENTS: u16 = 0x2000;
const OFFSET_MASK: u16 = 0x1fff;

/// A header that was received. Options are skipped: none of them concerns an end host that sends none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Bytes of the header with its options, 20 to 60.
    pub(crate) header_len: usize,
    /// Bytes of the packet, header included; at least `header_len`.
    pub(crate) total_len: usize,
    /// Flags and fragment offset.
    fragment: u16,
    /// The two bits of RFC 3168.
    pub(crate) ecn: u8,
    pub(crate) ttl: u8,
    pub(crate) protocol: u8,
    pub(crate) source: Ipv4Addr,
    pub(crate) destination: Ipv4Addr,
}

impl Header {
    /// Reads a header; `None` when the version, a length or the header checksum is wrong. Whether all of
    /// `total_len` has arrived is left to the caller, since a frame may be a chain.
    pub(crate) fn parse(packet: &[u8]) -> Option<Header> {
        let header = Header::parse_quoted(packet)?;
        // RFC 1122, section 3.2.1.2: verify the checksum and silently discard what is wrong.
        let bytes = &packet[..header.header_len];
        let is_valid = match bytes.first_chunk::<HEADER_LEN>() {
            Some(fixed) if bytes.len() == HEADER_LEN => is_fixed_valid(fixed),
            _ => checksum::sum(bytes).is_valid(),
        };
        is_valid.then_some(header)
    }

    /// As `parse`, for a header that an ICMP error quotes: its checksum is not verified, since routers on the way
    /// have changed the TTL and some don't mind the checksum.
    pub(crate) fn parse_quoted(packet: &[u8]) -> Option<Header> {
        let h = packet.first_chunk::<HEADER_LEN>()?;
        let header_len = usize::from(h[0] & 0xf) * 4;
        let total_len = usize::from(u16::from_be_bytes([h[2], h[3]]));
        let lengths_fit = header_len >= HEADER_LEN && header_len <= total_len && header_len <= packet.len();
        (h[0] >> 4 == 4 && lengths_fit).then_some(Header {
            header_len,
            total_len,
            fragment: u16::from_be_bytes([h[6], h[7]]),
            ecn: h[1] & 3,
            ttl: h[8],
            protocol: h[9],
            source: Ipv4Addr::new(h[12], h[13], h[14], h[15]),
            destination: Ipv4Addr::new(h[16], h[17], h[18], h[19]),
        })
    }

    /// Whether it is a part of a packet, first or later.
    pub(crate) fn is_fragment(&self) -> bool {
        self.fragment & (MORE_FRAGMENTS | OFFSET_MASK) != 0
    }

    /// Whether it is a fragment other than the first: no transport header.
    pub(crate) fn is_later_fragment(&self) -> bool {
        self.fragment & OFFSET_MASK != 0
    }
}

/// The checksum of a header without options: five words, no loop.
fn is_fixed_valid(header: &[u8; HEADER_LEN]) -> bool {
    let (words, _) = header.as_chunks::<4>();
    let sum: u64 = words.iter().map(|word| u64::from(u32::from_be_bytes(*word))).sum();
    fold(sum) == 0xffff
}

/// Brings a sum of big-endian 32-bit words to 16 bits by adding its carries.
#[inline]
pub(super) fn fold(sum: u64) -> u16 {
    checksum::fold_words(sum) // whatever the order of the bytes
}

/// A header to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Emit {
    /// Bytes of the packet, header included.
    pub(crate) total_len: u16,
    pub(crate) ecn: u8,
    /// The DSCP, in the upper six bits.
    pub(crate) tos: u8,
    pub(crate) identification: u16,
    pub(crate) dont_fragment: bool,
    pub(crate) ttl: u8,
    pub(crate) protocol: u8,
    pub(crate) source: Ipv4Addr,
    pub(crate) destination: Ipv4Addr,
}

impl Emit {
    /// The header as it goes over the wire, with its checksum.
    pub(crate) fn to_bytes(self) -> [u8; HEADER_LEN] {
        let flags = if self.dont_fragment { DONT_FRAGMENT } else { 0 };
        let (source, destination) = (u32::from(self.source), u32::from(self.destination));
        let words = [
            0x4500_0000 | u32::from(self.tos & !3 | self.ecn & 3) << 16 | u32::from(self.total_len),
            u32::from(self.identification) << 16 | u32::from(flags),
            u32::from(self.ttl) << 24 | u32::from(self.protocol) << 16,
        ];
        let sum = words.iter().map(|word| u64::from(*word)).sum::<u64>();
        let checksum = !fold(sum + u64::from(source) + u64::from(destination));
        let mut bytes = [0; HEADER_LEN];
        let (fields, _) = bytes.as_chunks_mut::<4>();
        let words = [words[0], words[1], words[2] | u32::from(checksum), source, destination];
        for (field, word) in fields.iter_mut().zip(words) {
            *field = word.to_be_bytes();
        }
        bytes
    }
}

#[cfg(test)]
mod tests;
