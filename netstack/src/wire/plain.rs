//! The frames of an open connection: Ethernet, IPv4 without options, TCP with the timestamps option or none.
//!
//! One look reads all three headers of such a frame and one pass writes them; `ethernet`, `ipv4` and `tcp` read and
//! write all others, byte for byte the same.
//!
//! ```text
//!  0          14                  34                 54                        66
//!  | Ethernet | IPv4              | TCP              | NOP NOP timestamps      | payload
//! ```

use core::net::Ipv4Addr;

use corelane_nic::{Checksum, MacAddress, Packet};

use super::checksum::{self, Sum};
use super::ipv4::fold;
use super::tcp::{CHECKSUM_AT, Flags};
use super::{ethernet, ipv4};
use crate::tcp::FourTuple;
use crate::tcp::seq::SeqNumber;

const IP_AT: usize = ethernet::HEADER_LEN;
const TCP_AT: usize = IP_AT + ipv4::HEADER_LEN;
const CHECKSUM_FIELD: usize = TCP_AT + CHECKSUM_AT;
/// All headers without the option.
const BARE: usize = TCP_AT + 20;
/// The option with its padding (RFC 7323, appendix A).
const TIMESTAMPS_LEN: usize = 12;
/// The longest that [`Plain::emit`] writes.
pub(crate) const MAX_HEADER_LEN: usize = BARE + TIMESTAMPS_LEN;
/// NOP, NOP, kind 8, length 10.
const TIMESTAMPS: u32 = 0x0101_080a;
const DONT_FRAGMENT: u32 = 0x4000;

/// What a plain frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plain {
    /// Ours first: the local side is the destination.
    pub(crate) tuple: FourTuple,
    pub(crate) seq: SeqNumber,
    pub(crate) ack: SeqNumber,
    pub(crate) flags: Flags,
    /// The two bits of RFC 3168.
    pub(crate) ecn: u8,
    /// As on the wire: not scaled.
    pub(crate) window: u16,
    /// TSval, TSecr.
    pub(crate) timestamps: Option<(u32, u32)>,
    /// Bytes in front of the payload.
    pub(crate) header_len: usize,
    pub(crate) payload_len: usize,
}

fn be16<const N: usize>(bytes: &[u8; N], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn be32<const N: usize>(bytes: &[u8; N], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

impl Plain {
    /// Reads a frame to `own`. `None` for all that is not plain and whole, and for a wrong IP checksum: then the layers look
    /// at it one by one, and count what is wrong. The TCP checksum is not looked at.
    #[inline(always)]
    pub(crate) fn parse(frame: &[u8], own: MacAddress) -> Option<Plain> {
        let h: &[u8; BARE] = frame.first_chunk()?;
        let total_len = usize::from(be16(h, 16));
        let end = IP_AT + total_len;
        let (ether_type, fragment, protocol) = (be16(h, 12), be16(h, 20), h[23]);
        let from_group = h[6] & 1 != 0; // no station has such an address
        let is_plain = h[..6] == own.0
            && !from_group
            && ether_type == ethernet::IPV4
            && h[14] == 0x45
            && u32::from(fragment) & !DONT_FRAGMENT == 0
            && protocol == ipv4::TCP
            && end <= frame.len();
        if !is_plain {
            return None;
        }
        let sum = (0..5).map(|word| u64::from(be32(h, IP_AT + 4 * word))).sum();
        if fold(sum) != 0xffff {
            return None;
        }
        let (header_len, timestamps) = match h[46] >> 4 {
            5 => (BARE, None),
            8 => {
                let option: &[u8; TIMESTAMPS_LEN] = frame.get(BARE..)?.first_chunk()?;
                if be32(option, 0) != TIMESTAMPS {
                    return None;
                }
                (BARE + TIMESTAMPS_LEN, Some((be32(option, 4), be32(option, 8))))
            }
            _ => return None,
        };
        let payload_len = end.checked_sub(header_len)?;
        let tuple = FourTuple {
            local: be32(h, 30).into(),
            remote: be32(h, 26).into(),
            local_port: be16(h, 36),
            remote_port: be16(h, 34),
        };
        Some(Plain {
            tuple,
            seq: SeqNumber(be32(h, 38)),
            ack: SeqNumber(be32(h, 42)),
            flags: Flags(h[47]),
            ecn: h[15] & 3,
            window: be16(h, 48),
            timestamps,
            header_len,
            payload_len,
        })
    }

    /// Whether the TCP checksum of the frame is right, as far as it is to be verified.
    #[inline(always)]
    pub(crate) fn is_valid(&self, frame: &[u8], checksum: Checksum) -> bool {
        match checksum {
            Checksum::Good | Checksum::Partial => true,
            Checksum::Bad => false,
            Checksum::Unknown => self.sums_up(frame),
            Checksum::UnknownOrPartial => {
                let (remote, local) = (self.tuple.remote, self.tuple.local);
                is_partial(frame, remote, local, self.tcp_len()) || self.sums_up(frame)
            }
        }
    }

    #[inline(always)]
    fn sums_up(&self, frame: &[u8]) -> bool {
        // The addresses of the pseudo header lie right in front of the segment.
        let summed = frame.get(TCP_AT - 8..self.end()).unwrap_or_default();
        checksum::sum(summed).add_tail(ipv4::TCP, self.tcp_len()).is_valid()
    }

    fn end(&self) -> usize {
        self.header_len + self.payload_len
    }

    fn tcp_len(&self) -> u16 {
        (self.end() - TCP_AT) as u16 // a part of an IP packet
    }

    /// Puts the headers in front of the payload that `packet` holds. `false`, with nothing done, when the headroom is
    /// too short or the packet too long for IP.
    ///
    /// `payload`: its sum, where the TCP checksum is to be filled in; otherwise the field holds the sum of the pseudo
    /// header, which a device that fills it in expects.
    #[inline(always)]
    pub(crate) fn emit(
        &self,
        packet: &mut Packet,
        link: &[u8; IP_AT],
        ttl: u8,
        payload: Option<Sum>,
    ) -> bool {
        let options = if self.timestamps.is_some() { TIMESTAMPS_LEN } else { 0 };
        let tcp_len = 20 + options + packet.len();
        let Ok(total_len) = u16::try_from(ipv4::HEADER_LEN + tcp_len) else { return false };
        let Some(room) = packet.push_front(BARE + options) else { return false };
        let Some((fixed, option)) = room.split_first_chunk_mut::<BARE>() else { return false };
        let tuple = &self.tuple;
        let (local, remote) = (u32::from(tuple.local), u32::from(tuple.remote));
        let addresses = u64::from(local) + u64::from(remote);

        let mut ip = [
            0x4500_0000 | u32::from(self.ecn & 3) << 16 | u32::from(total_len),
            DONT_FRAGMENT,
            u32::from(ttl) << 24 | 0x6_0000,
            local,
            remote,
        ];
        let sum = u64::from(ip[0]) + u64::from(ip[1]) + u64::from(ip[2]) + addresses;
        ip[2] |= u32::from(!fold(sum));

        let mut tcp = [
            u32::from(tuple.local_port) << 16 | u32::from(tuple.remote_port),
            self.seq.0,
            self.ack.0,
            ((20 + options) as u32 / 4) << 28 | u32::from(self.flags.0) << 16 | u32::from(self.window),
            0,
        ];
        let pseudo = addresses + u64::from(ipv4::TCP) + tcp_len as u64;
        let mut sum = pseudo + tcp.iter().map(|word| u64::from(*word)).sum::<u64>();
        if let (Some((value, echo)), Some(option)) =
            (self.timestamps, option.first_chunk_mut::<TIMESTAMPS_LEN>())
        {
            sum += u64::from(TIMESTAMPS) + u64::from(value) + u64::from(echo);
            write(option, &[TIMESTAMPS, value, echo]);
        }
        let checksum = match payload {
            Some(payload) => !fold(sum + u64::from(payload.fold())),
            None => fold(pseudo),
        };
        tcp[4] = u32::from(checksum) << 16;

        fixed[..IP_AT].copy_from_slice(link);
        write(&mut fixed[IP_AT..TCP_AT], &ip);
        write(&mut fixed[TCP_AT..], &tcp);
        true
    }
}

/// Whether the field holds the sum of the pseudo header. Not a method: a pointer to the segment would keep all of it out of
/// registers.
fn is_partial(frame: &[u8], remote: Ipv4Addr, local: Ipv4Addr, tcp_len: u16) -> bool {
    let field = frame.get(CHECKSUM_FIELD..).and_then(|field| field.first_chunk());
    let pseudo = Sum::pseudo_ipv4(remote, local, ipv4::TCP, tcp_len);
    field.is_some_and(|field| u16::from_be_bytes(*field) == pseudo.fold())
}

/// Writes words in network order.
fn write<const N: usize>(bytes: &mut [u8], words: &[u32; N]) {
    let (fields, _) = bytes.as_chunks_mut::<4>();
    for (field, word) in fields.iter_mut().zip(words) {
        *field = word.to_be_bytes();
    }
}

#[cfg(test)]
mod tests;
