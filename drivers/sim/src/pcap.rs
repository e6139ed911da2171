//! Writing captures that Wireshark and tcpdump read.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::Duration;

/// What the frames of a capture start with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkType {
    /// LINKTYPE_ETHERNET
    Ethernet = 1,
    /// LINKTYPE_RAW: an IP header
    RawIp = 101,
}

/// Writes the classic pcap format with nanoseconds, little-endian.
///
/// Source: draft-ietf-opsawg-pcap (PCAP Capture File Format).
#[derive(Debug)]
pub struct Pcap<W: Write> {
    out: W,
}

/// Timestamps count nanoseconds.
const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;
/// Longer frames can't be: an IP packet has 64 KiB.
const SNAP_LEN: u32 = 262_144;

impl<W: Write> Pcap<W> {
    /// Starts a capture by writing its header.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn new(mut out: W, link_type: LinkType) -> io::Result<Pcap<W>> {
        let mut header = [0; 24];
        header[0..4].copy_from_slice(&MAGIC_NANOSECONDS.to_le_bytes());
        header[4..6].copy_from_slice(&2u16.to_le_bytes()); // version 2.4
        header[6..8].copy_from_slice(&4u16.to_le_bytes());
        header[16..20].copy_from_slice(&SNAP_LEN.to_le_bytes());
        header[20..24].copy_from_slice(&(link_type as u32).to_le_bytes());
        out.write_all(&header)?;
        Ok(Pcap { out })
    }

    /// Writes a frame seen at `time` after the start.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&mut self, time: Duration, frame: &[u8]) -> io::Result<()> {
        let kept = &frame[..frame.len().min(SNAP_LEN as usize)];
        let mut record = [0; 16];
        record[0..4].copy_from_slice(&(time.as_secs() as u32).to_le_bytes()); // wraps after 136 years
        record[4..8].copy_from_slice(&time.subsec_nanos().to_le_bytes());
        record[8..12].copy_from_slice(&(kept.len() as u32).to_le_bytes());
        record[12..16].copy_from_slice(&(frame.len() as u32).to_le_bytes());
        self.out.write_all(&record)?;
        self.out.write_all(kept)
    }

    /// Flushes the writer.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A growing buffer to capture into and to look at while the capture goes on. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct SharedBuffer(Rc<RefCell<Vec<u8>>>);

impl SharedBuffer {
    /// A copy of what was written so far.
    pub fn to_vec(&self) -> Vec<u8> {
        self.0.borrow().clone()
    }
}

impl Write for SharedBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests;
