//! The virtio-net header in front of each frame.
//!
//! Source: virtio 1.2, 5.1.6; linux/virtio_net.h. /dev/net/tun has it in the byte order of the machine unless told otherwise.

use corelane_nic::{Checksum, TxFrame};

/// The checksum is not filled in: `csum_start` and `csum_offset` say where.
const NEEDS_CSUM: u8 = 1;
/// The checksum was verified.
const DATA_VALID: u8 = 2;
/// TCP over IPv4, to be cut.
const GSO_TCPV4: u8 = 1;

/// Bytes of the longer form, with `num_buffers`.
pub(crate) const MAX_LEN: usize = 12;

/// `struct virtio_net_hdr`; `num_buffers` of the longer form stays 0 here, as tun neither reads nor fills it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct VnetHeader {
    flags: u8,
    gso_type: u8,
    hdr_len: u16,
    gso_size: u16,
    csum_start: u16,
    csum_offset: u16,
}

impl VnetHeader {
    /// The header of a received frame. Bytes that are missing count as 0.
    pub(crate) fn parse(bytes: &[u8]) -> VnetHeader {
        let byte = |i: usize| bytes.get(i).copied().unwrap_or(0);
        let word = |i: usize| u16::from_ne_bytes([byte(i), byte(i + 1)]);
        VnetHeader {
            flags: byte(0),
            gso_type: byte(1),
            hdr_len: word(2),
            gso_size: word(4),
            csum_start: word(6),
            csum_offset: word(8),
        }
    }

    /// The header that asks for what `frame` leaves to the kernel.
    pub(crate) fn for_frame(frame: &TxFrame) -> VnetHeader {
        let mut header = VnetHeader::default();
        let Some(checksum) = frame.offload.checksum else { return header };
        header.flags = NEEDS_CSUM;
        header.csum_start = checksum.start;
        header.csum_offset = checksum.offset;
        if frame.offload.tso_mss > 0 {
            header.gso_type = GSO_TCPV4;
            header.gso_size = frame.offload.tso_mss;
            // The data offset of the TCP header counts 32-bit words (RFC 9293, 3.1).
            let start = checksum.start as usize;
            let data_offset = frame.headers.get(start + 12).map_or(20, |byte| (byte >> 4) * 4);
            header.hdr_len = checksum.start.saturating_add(u16::from(data_offset));
        }
        header
    }

    pub(crate) fn to_bytes(self) -> [u8; MAX_LEN] {
        let mut bytes = [0; MAX_LEN];
        bytes[0] = self.flags;
        bytes[1] = self.gso_type;
        bytes[2..4].copy_from_slice(&self.hdr_len.to_ne_bytes());
        bytes[4..6].copy_from_slice(&self.gso_size.to_ne_bytes());
        bytes[6..8].copy_from_slice(&self.csum_start.to_ne_bytes());
        bytes[8..10].copy_from_slice(&self.csum_offset.to_ne_bytes());
        bytes
    }

    /// What it says of a received frame's checksum.
    pub(crate) fn checksum(&self) -> Checksum {
        if self.flags & NEEDS_CSUM != 0 {
            Checksum::Partial
        } else if self.flags & DATA_VALID != 0 {
            Checksum::Good
        } else {
            Checksum::Unknown
        }
    }
}

#[cfg(test)]
mod tests;
