//! The frames of an open connection: Ethernet, IPv4 without options, TCP with the timestamps option or none.
//!
//! One look reads all three headers of such a frame and one pass writes them; `ethernet`, `ipv4` and `tcp` read and
//! write all others, byte for byte the same.
//!
//! ```text
//!  0          14                  34                 54                        66
//!  | Ethernet | IPv4              | TCP              | NOP NOP timestamps      | payload
//! ```

use core::hint::cold_path;

use corelane_nic::{Checksum, MacAddress, Packet};

use super::checksum::{self, Sum};
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
/// Of the first eight bytes of a frame: the destination, and whether the source is a group.
const STATIONS: u64 = 0xffff_ffff_ffff_0100;
/// Of the four from the EtherType on: all but the TOS.
const KIND: u32 = 0xffff_ff00;
const IPV4_WITHOUT_OPTIONS: u32 = (ethernet::IPV4 as u32) << 16 | 0x4500; // `as` widens: From is not const
/// Of the four from the fragment's offset on: all but "don't fragment" and the TTL.
const WHOLE: u32 = 0xbfff_00ff;

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
        let [a, b, c, d, e, f] = own.0;
        // With the lowest bit of the source: no station has a group's address.
        let stations = h.first_chunk().map(|begin| u64::from_be_bytes(*begin) & STATIONS);
        let is_plain = stations == Some(u64::from_be_bytes([a, b, c, d, e, f, 0, 0]))
            && be32(h, 12) & KIND == IPV4_WITHOUT_OPTIONS
            && be32(h, 20) & WHOLE == u32::from(ipv4::TCP)
            && end <= frame.len()
            && checksum::sum(&h[IP_AT..TCP_AT]).is_valid();
        if !is_plain {
            cold_path();
            return None;
        }
        let (header_len, timestamps) = match h[46] >> 4 {
            8 => {
                let option: &[u8; TIMESTAMPS_LEN] = frame.get(BARE..)?.first_chunk()?;
                if be32(option, 0) != TIMESTAMPS {
                    return None;
                }
                (BARE + TIMESTAMPS_LEN, Some((be32(option, 4), be32(option, 8))))
            }
            5 => (BARE, None),
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
        if checksum != Checksum::Unknown
            && let Some(valid) = self.is_told_valid(frame, checksum)
        {
            return valid;
        }
        // The addresses of the pseudo header lie right in front of the segment.
        let Some(summed) = frame.get(TCP_AT - 8..self.end()) else { return false };
        checksum::sum(summed).add_tail(ipv4::TCP, self.tcp_len()).is_valid()
    }

    /// What the device says of the checksum; `None`: nothing.
    #[inline(never)] // the branches of the frames of one device go one way
    fn is_told_valid(&self, frame: &[u8], checksum: Checksum) -> Option<bool> {
        match checksum {
            Checksum::Good | Checksum::Partial => Some(true),
            Checksum::Bad => Some(false),
            Checksum::Unknown => None,
            Checksum::UnknownOrPartial => {
                // The field holds the sum of the pseudo header?
                let field = frame.get(CHECKSUM_FIELD..)?.first_chunk()?;
                let (remote, local) = (self.tuple.remote, self.tuple.local);
                let pseudo = Sum::pseudo_ipv4(remote, local, ipv4::TCP, self.tcp_len());
                (u16::from_be_bytes(*field) == pseudo.fold()).then_some(true)
            }
        }
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

        let mut ip = [
            0x4500_0000 | u32::from(self.ecn & 3) << 16 | u32::from(total_len),
            DONT_FRAGMENT,
            u32::from(ttl) << 24 | 0x6_0000,
            local,
            remote,
        ]
        .map(u32::to_be);
        ip[2] |= u32::from(Sum::default().add_whole(sum(&ip)).finish()).to_be();

        let mut tcp = [
            u32::from(tuple.local_port) << 16 | u32::from(tuple.remote_port),
            self.seq.0,
            self.ack.0,
            ((20 + options) as u32 / 4) << 28 | u32::from(self.flags.0) << 16 | u32::from(self.window),
            0,
        ]
        .map(u32::to_be);
        let pseudo = Sum::pseudo_ipv4(tuple.local, tuple.remote, ipv4::TCP, tcp_len as u16); // part of an IP packet
        let mut header = pseudo.add_whole(sum(&tcp));
        if let (Some((value, echo)), Some(option)) =
            (self.timestamps, option.first_chunk_mut::<TIMESTAMPS_LEN>())
        {
            let words = [TIMESTAMPS, value, echo].map(u32::to_be);
            header = header.add_whole(sum(&words));
            write(option, &words);
        }
        let checksum = match payload {
            Some(payload) => header.add(payload).finish(),
            None => pseudo.fold(),
        };
        tcp[4] = (u32::from(checksum) << 16).to_be();

        fixed[..IP_AT].copy_from_slice(link);
        write(&mut fixed[IP_AT..TCP_AT], &ip);
        write(&mut fixed[TCP_AT..], &tcp);
        true
    }
}

/// The sum of words as they lie in memory.
#[inline(always)]
fn sum<const N: usize>(words: &[u32; N]) -> u64 {
    words.iter().map(|word| u64::from(*word)).sum()
}

/// Writes words as they are.
fn write<const N: usize>(bytes: &mut [u8], words: &[u32; N]) {
    let (fields, _) = bytes.as_chunks_mut::<4>();
    for (field, word) in fields.iter_mut().zip(words) {
        *field = word.to_ne_bytes();
    }
}

#[cfg(test)]
mod tests;
