//! Ethernet II headers (RFC 894).

use corelane_nic::MacAddress;

/// Bytes of a header.
pub(crate) const HEADER_LEN: usize = 14;

/// EtherType of IPv4.
pub(crate) const IPV4: u16 = 0x0800;
/// EtherType of ARP.
pub(crate) const ARP: u16 = 0x0806;

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) destination: MacAddress,
    pub(crate) source: MacAddress,
    pub(crate) ether_type: u16,
}

impl Header {
    /// `None` when the frame is shorter than a header.
    pub(crate) fn parse(frame: &[u8]) -> Option<Header> {
        let h = frame.first_chunk::<HEADER_LEN>()?;
        Some(Header {
            destination: MacAddress([h[0], h[1], h[2], h[3], h[4], h[5]]),
            source: MacAddress([h[6], h[7], h[8], h[9], h[10], h[11]]),
            ether_type: u16::from_be_bytes([h[12], h[13]]),
        })
    }

    /// The header as it goes over the wire.
    pub(crate) fn to_bytes(self) -> [u8; HEADER_LEN] {
        let mut h = [0; HEADER_LEN];
        h[..6].copy_from_slice(&self.destination.0);
        h[6..12].copy_from_slice(&self.source.0);
        h[12..].copy_from_slice(&self.ether_type.to_be_bytes());
        h
    }
}

#[cfg(test)]
mod tests;
