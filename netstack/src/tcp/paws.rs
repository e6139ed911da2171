//! Protection against wrapped sequence numbers (RFC 7323 5), as Linux does it.

use super::connection::{Connection, Env};
use super::options::Timestamps;
use super::segment::Segment;
use super::seq::SeqNumber;
use crate::time::Instant;
use crate::wire::tcp::Flags;

/// What PAWS says of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Pass,
    /// An old ACK, without data, that others have overtaken: common, and worth no answer.
    OldAck,
    Discard,
}

impl Connection {
    /// RFC 7323 5.3 R1.
    pub(crate) fn paws(&self, segment: &Segment, env: &Env<'_>) -> Verdict {
        let (Some(ours), Some((value, _))) = (&self.timestamps, segment.header.options.timestamps) else {
            // RFC 7323 3.2 would drop what comes without the option once both have agreed on it; as Linux, it is taken.
            return Verdict::Pass;
        };
        if !ours.fails_paws(value, env.now) {
            return Verdict::Pass;
        }
        if !segment.has(Flags::ACK) || segment.seq_len() > 0 {
            return Verdict::Discard;
        }
        match segment.seq() {
            seq if seq.before(self.rcv.nxt) => Verdict::OldAck,
            seq if seq == self.rcv.nxt && self.is_repeated_ack(segment, ours, value, env) => Verdict::Pass,
            _ => Verdict::Discard,
        }
    }

    /// A duplicate ACK whose order the network has changed: it says nothing of sequence numbers that may have wrapped, and
    /// loss recovery counts it.
    fn is_repeated_ack(&self, segment: &Segment, ours: &Timestamps, value: u32, env: &Env<'_>) -> bool {
        let wnd = u32::from(segment.header.window) << self.snd.scale;
        // How far back it may lie: 1.2 times the RTO.
        let replay = self.rto(env.config) / 1_000_000 * 6 / 5;
        segment.header.ack == self.snd.una
            && segment.seq().at_or_before(self.snd.wl1)
            && (1..=self.snd.wnd).contains(&wnd)
            && u64::from(ours.recent.wrapping_sub(value)) <= replay
    }

    /// An active opening begins.
    pub(crate) fn note_began(&mut self, now: Instant) {
        if let Some(ours) = &mut self.timestamps {
            ours.recent_at = now.as_secs();
        }
    }

    /// Whether the answer to our SYN echoes a time at which we had not begun, or that has not come: it answers another
    /// connection's (Linux's PAWSActive).
    pub(crate) fn echoes_other_syn(&self, segment: &Segment, now: Instant) -> bool {
        let (Some(ours), Some((_, echo))) = (&self.timestamps, segment.header.options.timestamps) else {
            return false;
        };
        let first = Instant::from_nanos(u64::from(ours.recent_at) * 1_000_000_000);
        let (first, last) = (Timestamps::value(ours.offset, first), Timestamps::value(ours.offset, now));
        echo != 0
            && !(SeqNumber(echo).at_or_after(SeqNumber(first))
                && SeqNumber(echo).at_or_before(SeqNumber(last)))
    }
}
