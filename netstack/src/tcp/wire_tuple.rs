//! A 4-tuple as it lies in the headers of a segment.

use corelane_nic::Medium;

use super::table::FourTuple;
use crate::wire::{ethernet, ipv4};

/// Addresses and ports in network byte order, the sender's first: what RSS hashes. Two loads take it from a frame, and two
/// comparisons tell it from another; a [`FourTuple`] is for whoever looks at the parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WireTuple {
    /// Eight bytes of the IP header, as the machine reads them.
    pub(crate) addresses: u64,
    /// The first four bytes of the TCP header, as the machine reads them.
    pub(crate) ports: u32,
}

impl WireTuple {
    pub(crate) fn new(addresses: [u8; 8], ports: [u8; 4]) -> WireTuple {
        WireTuple { addresses: u64::from_ne_bytes(addresses), ports: u32::from_ne_bytes(ports) }
    }

    /// The flow of a frame that was received, before anything of it is checked; `None` for what is no plain TCP segment over
    /// IPv4: fragments, IP options, other protocols.
    #[inline]
    pub(crate) fn of_frame(frame: &[u8], medium: Medium) -> Option<WireTuple> {
        let packet = match medium {
            Medium::Ethernet(_) if frame.get(12..14)? != ethernet::IPV4.to_be_bytes() => return None,
            Medium::Ethernet(_) => frame.get(ethernet::HEADER_LEN..)?,
            Medium::Ip => frame,
        };
        let h: &[u8; 24] = packet.first_chunk()?;
        let is_fragment = u16::from_be_bytes([h[6], h[7]]) & 0x3fff != 0;
        (h[0] == 0x45 && h[9] == ipv4::TCP && !is_fragment).then_some(())?;
        Some(WireTuple::new(*h[12..].first_chunk()?, *h[20..].first_chunk()?))
    }

    /// As in what the peer sends.
    #[inline(always)]
    pub(crate) fn received(tuple: &FourTuple) -> WireTuple {
        let ports = u32::from(tuple.remote_port) << 16 | u32::from(tuple.local_port);
        WireTuple::new(pair(tuple.remote.octets(), tuple.local.octets()), ports.to_be_bytes())
    }

    /// As in what we send.
    #[inline(always)]
    pub(crate) fn sent(tuple: &FourTuple) -> WireTuple {
        WireTuple::received(tuple).reversed()
    }

    /// That of an answer.
    #[inline(always)]
    pub(crate) fn reversed(self) -> WireTuple {
        WireTuple { addresses: self.addresses.rotate_left(32), ports: self.ports.rotate_left(16) }
    }

    /// As they lie there.
    pub(crate) fn bytes(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        bytes[..8].copy_from_slice(&self.addresses.to_ne_bytes());
        bytes[8..].copy_from_slice(&self.ports.to_ne_bytes());
        bytes
    }

    /// What was received, ours first.
    pub(crate) fn four_tuple(self) -> FourTuple {
        let [a, b, c, d, e, f, g, h] = self.addresses.to_ne_bytes();
        let [i, j, k, l] = self.ports.to_ne_bytes();
        FourTuple {
            remote: [a, b, c, d].into(),
            local: [e, f, g, h].into(),
            local_port: u16::from_be_bytes([k, l]),
            remote_port: u16::from_be_bytes([i, j]),
        }
    }
}

fn pair([a, b, c, d]: [u8; 4], [e, f, g, h]: [u8; 4]) -> [u8; 8] {
    [a, b, c, d, e, f, g, h]
}

#[cfg(test)]
mod tests;
