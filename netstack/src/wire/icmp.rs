//! ICMP messages (RFC 792): echo, and errors with the packet that they quote.

use core::net::Ipv4Addr;

use super::ipv4;

/// Bytes of a message's header.
pub(crate) const HEADER_LEN: usize = 8;

const ECHO_REPLY: u8 = 0;
const UNREACHABLE: u8 = 3;
const SOURCE_QUENCH: u8 = 4;
const ECHO_REQUEST: u8 = 8;
const TIME_EXCEEDED: u8 = 11;
const PARAMETER_PROBLEM: u8 = 12;
const FRAGMENTATION_NEEDED: u8 = 4;

/// Code of "protocol unreachable".
pub(crate) const PROTOCOL_UNREACHABLE: u8 = 2;
/// Code of "port unreachable".
pub(crate) const PORT_UNREACHABLE: u8 = 3;

/// What an ICMP error says about a packet of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IcmpError {
    /// Destination unreachable, with its code (RFC 792, RFC 1122 section 3.2.2.1).
    Unreachable(u8),
    /// A router could not pass the packet on in one piece; the MTU of its next link, or a guess where the router
    /// does not tell (RFC 1191). Not yet compared with anything: TCP clamps it.
    PacketTooBig(u16),
    /// The TTL ran out, or reassembly took too long.
    TimeExceeded,
    /// Something in the header is not understood.
    ParameterProblem,
    /// Deprecated: TCP must ignore it (RFC 6633).
    SourceQuench,
}

/// A message that concerns us. The caller has verified its checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Message<'a> {
    EchoRequest,
    /// An error, and the packet that it quotes, from its IP header on.
    Error(IcmpError, &'a [u8]),
    /// Echo replies, redirects, timestamps: nothing that we asked for or would believe.
    Other,
}

impl Message<'_> {
    /// `None` when the message is shorter than its header.
    pub(crate) fn parse(message: &[u8]) -> Option<Message<'_>> {
        let (h, quote) = message.split_first_chunk::<HEADER_LEN>()?;
        let error = match (h[0], h[1]) {
            (ECHO_REQUEST, 0) => return Some(Message::EchoRequest),
            (UNREACHABLE, FRAGMENTATION_NEEDED) => {
                IcmpError::PacketTooBig(next_hop_mtu(u16::from_be_bytes([h[6], h[7]]), quote))
            }
            (UNREACHABLE, code) => IcmpError::Unreachable(code),
            (SOURCE_QUENCH, _) => IcmpError::SourceQuench,
            (TIME_EXCEEDED, _) => IcmpError::TimeExceeded,
            (PARAMETER_PROBLEM, _) => IcmpError::ParameterProblem,
            _ => return Some(Message::Other),
        };
        Some(Message::Error(error, quote))
    }
}

/// The MTU of the next hop; where an old router says 0, the next plateau below the quoted packet's length.
fn next_hop_mtu(said: u16, quote: &[u8]) -> u16 {
    // RFC 1191, section 7.1.
    const PLATEAUS: [u16; 11] = [65_535, 32_000, 17_914, 8_166, 4_352, 2_002, 1_492, 1_006, 508, 296, 68];
    if said != 0 {
        return said;
    }
    let len = quote.get(2..4).map_or(0, |len| u16::from_be_bytes([len[0], len[1]]));
    PLATEAUS.into_iter().find(|&plateau| plateau < len).unwrap_or(68)
}

/// The start of a TCP segment of ours that an error quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QuotedSegment {
    /// Our address and port.
    pub(crate) source: (Ipv4Addr, u16),
    pub(crate) destination: (Ipv4Addr, u16),
    pub(crate) sequence: u32,
}

impl QuotedSegment {
    /// `None` when the quote holds no TCP header's first 8 bytes (RFC 792 promises these).
    pub(crate) fn parse(quote: &[u8]) -> Option<QuotedSegment> {
        let header = ipv4::Header::parse_quoted(quote)?;
        if header.protocol != ipv4::TCP || header.is_later_fragment() {
            return None;
        }
        let tcp = quote.get(header.header_len..)?.first_chunk::<8>()?;
        Some(QuotedSegment {
            source: (header.source, u16::from_be_bytes([tcp[0], tcp[1]])),
            destination: (header.destination, u16::from_be_bytes([tcp[2], tcp[3]])),
            sequence: u32::from_be_bytes([tcp[4], tcp[5], tcp[6], tcp[7]]),
        })
    }
}

/// Makes an echo request the reply to it, in place; the checksum follows by RFC 1624 (only the type changes).
pub(crate) fn turn_echo(message: &mut [u8]) {
    if let Some(h) = message.first_chunk_mut::<HEADER_LEN>() {
        let change = u32::from(ECHO_REQUEST - ECHO_REPLY) << 8;
        let sum = u32::from(u16::from_be_bytes([h[2], h[3]])) + change;
        let checksum = (sum + (sum >> 16)) as u16; // end-around carry
        h[0] = ECHO_REPLY;
        h[2..4].copy_from_slice(&checksum.to_be_bytes());
    }
}

/// The header of "destination unreachable"; its checksum, still 0, covers the quote too.
pub(crate) fn unreachable(code: u8) -> [u8; HEADER_LEN] {
    [UNREACHABLE, code, 0, 0, 0, 0, 0, 0]
}

#[cfg(test)]
mod tests;
