//! What goes wrong on the way.

use std::io;
use std::ops::Range;
use std::time::Duration;

/// What one direction of a [`Link`](crate::Link) does to its frames. The default does nothing.
///
/// Probabilities are from 0 to 1 and per frame; times are virtual.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Faults {
    /// From the last byte sent to the arrival.
    pub delay: Duration,
    /// At most this much more delay, evenly spread. It alone never reorders: a frame waits for the one before it.
    pub jitter: Duration,
    /// How often a frame is lost.
    pub loss: f64,
    /// How often a frame is held up by [`Faults::reorder_delay`], so that later ones overtake it.
    pub reorder: f64,
    /// How long such a frame is held up.
    pub reorder_delay: Duration,
    /// How often a frame arrives twice.
    pub duplicate: f64,
    /// How often bits are flipped: within a run of 15 bits anywhere in the frame. The internet checksum finds
    /// each such change, but it covers neither ARP nor the Ethernet header (there is no FCS here).
    pub corrupt: f64,
    /// The speed of the wire; `None` = a frame takes no time.
    pub bytes_per_second: Option<u64>,
    /// From each time on, IP packets longer than this many bytes vanish. In order of time.
    pub mtu_changes: Vec<(Duration, u16)>,
    /// While one of these lasts every frame sent is lost.
    pub blackouts: Vec<Range<Duration>>,
}

impl Faults {
    /// Whether frames pass at once and untouched.
    pub fn is_none(&self) -> bool {
        *self == Faults::default()
    }

    pub(crate) fn check(&self) -> io::Result<()> {
        let probabilities = [
            ("loss", self.loss),
            ("reorder", self.reorder),
            ("duplicate", self.duplicate),
            ("corrupt", self.corrupt),
        ];
        for (name, value) in probabilities {
            if !(0.0..=1.0).contains(&value) {
                return Err(invalid(format!("{name} is {value}: give a probability from 0 to 1")));
            }
        }
        if self.bytes_per_second == Some(0) {
            return Err(invalid("bytes_per_second is 0: give a speed, or None for no limit".to_string()));
        }
        if !self.mtu_changes.is_sorted_by_key(|change| change.0) {
            return Err(invalid("mtu_changes are not in order of time".to_string()));
        }
        Ok(())
    }

    pub(crate) fn is_blacked_out(&self, now: Duration) -> bool {
        self.blackouts.iter().any(|window| window.contains(&now))
    }

    /// The largest IP packet that passes now, when that was changed.
    pub(crate) fn mtu_at(&self, now: Duration) -> Option<u16> {
        self.mtu_changes.iter().rev().find(|change| change.0 <= now).map(|change| change.1)
    }

    /// How long the wire is busy with `len` bytes.
    pub(crate) fn wire_time(&self, len: usize) -> Duration {
        let Some(speed) = self.bytes_per_second else { return Duration::ZERO };
        // A frame has at most 64 KiB, so the product stays below 2^47.
        Duration::from_nanos((len as u64 * 1_000_000_000).div_ceil(speed))
    }
}

pub(crate) fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}
