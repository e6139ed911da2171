//! The frames of an open connection: Ethernet, IPv4 without options, TCP with the timestamps option or none.
//!
//! Of such a frame all three headers are read where they lie, and one pass writes them; `ethernet`, `ipv4` and `tcp` read
//! and write all others, byte for byte the same.
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
use crate::tcp::seq::SeqNumber;
use crate::tcp::wire_tuple::WireTuple;

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
    pub(crate) tuple: WireTuple,
    pub(crate) seq: SeqNumber,
    pub(crate) ack: SeqNumber,
    pub(crate) flags: Flags,
    /// The two bits of RFC 3168.
    pub(crate) ecn: u8,
    /// As on the wire: not scaled.
    pub(crate) window: u16,
    /// TSval, TSecr.
    pub(crate) timestamps: Option<(u32, u32)>,
}

/// The address of a station, as the first bytes of the frames to it are compared with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Station(u64);

impl Station {
    /// `None`, for a link without Ethernet, takes no frame.
    pub(crate) fn new(own: Option<MacAddress>) -> Station {
        Station(
            own.map_or(u64::MAX, |MacAddress([a, b, c, d, e, f])| {
                u64::from_be_bytes([a, b, c, d, e, f, 0, 0])
            }),
        )
    }
}

fn be16<const N: usize>(bytes: &[u8; N], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn be32<const N: usize>(bytes: &[u8; N], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// A frame that was received, whose fields are read where they lie: there are more of them than registers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlainFrame<'a> {
    frame: &'a [u8],
    /// Its begin.
    h: &'a [u8; BARE],
}

impl<'a> PlainFrame<'a> {
    /// Looks at the Ethernet and the IP header of a frame to `own`. `None` for all that is not plain and whole, and for a wrong IP
    /// checksum: then the layers look at it one by one, and count what is wrong. Of the TCP header nothing is looked at.
    #[inline(always)]
    pub(crate) fn parse(frame: &'a [u8], own: Station) -> Option<PlainFrame<'a>> {
        let plain = PlainFrame::of(frame)?;
        let h = plain.h;
        // With the lowest bit of the source: no station has a group's address.
        let stations = h.first_chunk().map(|begin| u64::from_be_bytes(*begin) & STATIONS);
        let is_plain = stations == Some(own.0)
            && be32(h, 12) & KIND == IPV4_WITHOUT_OPTIONS
            && be32(h, 20) & WHOLE == u32::from(ipv4::TCP)
            && plain.end() <= frame.len()
            && checksum::sum(&h[IP_AT..TCP_AT]).is_valid();
        if !is_plain {
            cold_path();
            return None;
        }
        Some(plain)
    }

    /// A frame that `parse` has looked at.
    #[inline(always)]
    pub(crate) fn of(frame: &'a [u8]) -> Option<PlainFrame<'a>> {
        Some(PlainFrame { frame, h: frame.first_chunk()? })
    }

    /// The addresses, and the ports right behind them.
    #[inline(always)]
    pub(crate) fn tuple(&self) -> WireTuple {
        let h = &self.h[TCP_AT - 8..];
        let [a, b, c, d, e, f, g, i] = [h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7]];
        WireTuple::new([a, b, c, d, e, f, g, i], [h[8], h[9], h[10], h[11]])
    }

    #[inline(always)]
    pub(crate) fn seq(&self) -> SeqNumber {
        SeqNumber(be32(self.h, 38))
    }

    #[inline(always)]
    pub(crate) fn ack(&self) -> SeqNumber {
        SeqNumber(be32(self.h, 42))
    }

    #[inline(always)]
    pub(crate) fn flags(&self) -> Flags {
        Flags(self.h[47])
    }

    /// The two bits of RFC 3168.
    #[inline(always)]
    pub(crate) fn ecn(&self) -> u8 {
        self.h[15] & 3
    }

    /// As on the wire: not scaled.
    #[inline(always)]
    pub(crate) fn window(&self) -> u16 {
        be16(self.h, 48)
    }

    /// Whether the TCP header has `flags`, with PSH or without, and the timestamps option or none.
    #[inline(always)]
    pub(crate) fn has_header(&self, flags: Flags, timestamps: bool) -> bool {
        let offset = header_len(timestamps) - TCP_AT;
        let wanted = (offset as u16 / 4) << 12 | u16::from(flags.0);
        be16(self.h, 46) & !u16::from(Flags::PSH.0) == wanted
            && (!timestamps || self.option().is_some_and(|option| be32(option, 0) == TIMESTAMPS))
    }

    #[inline(always)]
    fn option(&self) -> Option<&'a [u8; TIMESTAMPS_LEN]> {
        self.frame.get(BARE..)?.first_chunk()
    }

    /// TSval and TSecr, of a header that has them.
    #[inline(always)]
    pub(crate) fn timestamps(&self) -> Option<(u32, u32)> {
        self.option().map(|option| (be32(option, 4), be32(option, 8)))
    }

    /// Bytes behind the headers; `None`: it ends before them.
    #[inline(always)]
    pub(crate) fn payload_len(&self, timestamps: bool) -> Option<usize> {
        self.end().checked_sub(header_len(timestamps))
    }

    /// Where the IP packet ends; padding may follow.
    #[inline(always)]
    fn end(&self) -> usize {
        IP_AT + usize::from(be16(self.h, 16))
    }

    /// Whether the TCP checksum is right, as far as it is to be verified.
    #[inline(always)]
    pub(crate) fn is_valid(&self, checksum: Checksum) -> bool {
        if checksum != Checksum::Unknown
            && let Some(valid) = self.is_told_valid(checksum)
        {
            return valid;
        }
        // The addresses of the pseudo header lie right in front of the segment.
        let Some(summed) = self.frame.get(TCP_AT - 8..self.end()) else { return false };
        checksum::sum(summed).add_tail(ipv4::TCP, self.tcp_len()).is_valid()
    }

    /// What the device says of the checksum; `None`: nothing.
    #[inline(never)] // the branches of the frames of one device go one way
    fn is_told_valid(&self, checksum: Checksum) -> Option<bool> {
        match checksum {
            Checksum::Good | Checksum::Partial => Some(true),
            Checksum::Bad => Some(false),
            Checksum::Unknown => None,
            Checksum::UnknownOrPartial => {
                // The field holds the sum of the pseudo header?
                let field = self.frame.get(CHECKSUM_FIELD..)?.first_chunk()?;
                let pseudo = pseudo(self.tuple(), self.tcp_len());
                (u16::from_be_bytes(*field) == pseudo.fold()).then_some(true)
            }
        }
    }

    fn tcp_len(&self) -> u16 {
        be16(self.h, 16).wrapping_sub(ipv4::HEADER_LEN as u16) // a packet shorter than its header has no segment to be summed
    }
}

/// Bytes in front of the payload.
pub(crate) const fn header_len(timestamps: bool) -> usize {
    if timestamps { BARE + TIMESTAMPS_LEN } else { BARE }
}

/// The sum of the pseudo header (RFC 9293, section 3.1) for so many bytes.
#[inline(always)]
fn pseudo(tuple: WireTuple, tcp_len: u16) -> Sum {
    let addresses = checksum::halves(tuple.addresses.to_ne_bytes());
    Sum::default().add_whole(addresses).add_tail(ipv4::TCP, tcp_len)
}

impl Plain {
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
        let addresses = self.tuple.addresses.to_ne_bytes();

        let mut ip = [
            0x4500_0000 | u32::from(self.ecn & 3) << 16 | u32::from(total_len),
            DONT_FRAGMENT,
            u32::from(ttl) << 24 | 0x6_0000,
        ]
        .map(u32::to_be);
        let ip_sum = Sum::default().add_whole(sum(&ip) + checksum::halves(addresses));
        ip[2] |= u32::from(ip_sum.finish()).to_be();

        let mut tcp = [
            self.tuple.ports.to_be(), // as it is
            self.seq.0,
            self.ack.0,
            ((20 + options) as u32 / 4) << 28 | u32::from(self.flags.0) << 16 | u32::from(self.window),
            0,
        ]
        .map(u32::to_be);
        let pseudo = pseudo(self.tuple, tcp_len as u16); // part of an IP packet
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
        write(&mut fixed[IP_AT..TCP_AT - 8], &ip);
        fixed[TCP_AT - 8..TCP_AT].copy_from_slice(&addresses);
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
