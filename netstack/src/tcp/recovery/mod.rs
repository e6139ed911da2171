//! Deciding that bytes are lost, and what to do about it.
//!
//! | file | RFC |
//! |---|---|
//! | `flight` | what is out, segment by segment: 2018, 6675's scoreboard and pipe |
//! | `sent` | one of these segments |
//! | `rack` | 8985 6: losses by time, where the peer sends SACK blocks |
//! | `tlp` | 8985 7: tail loss probes |
//! | `prr` | 6937: how cwnd comes down |
//! | `alert` | 5681, 6582, 6675 5: which phase a connection is in, and when that ends |
//! | `sacktag` | 2018, 2883: the blocks of an ACK |
//! | `repair` | a reduction under way, and what may undo it |
//! | `loss` | 5682: after a time-out |
//! | `undo` | 3522, 3708, 4015: what was no loss after all |

mod alert;
mod flight;
mod loss;
mod prr;
mod rack;
mod repair;
mod sacktag;
mod sent;
mod tlp;
mod undo;

pub(crate) use alert::Retransmit;
pub(crate) use flight::Flight;
pub(crate) use prr::Prr;
pub(crate) use rack::{Rack, TIMEOUT_MIN};
pub(crate) use repair::Repair;
pub(crate) use sent::{Name, Sent};
pub(crate) use tlp::TailProbe;

use alloc::boxed::Box;
use core::mem::offset_of;

use crate::tcp::congestion::Phase;
use crate::tcp::seq::SeqNumber;

/// Linux's `tcp_reordering`, and RFC 5681 3.2: so many duplicate ACKs, or segments that a hole has above it, mean a loss.
pub(crate) const DUP_THRESH: u32 = 3;
/// Linux's `tcp_max_reordering`.
const MAX_REORDERING: u32 = 300;

/// Where a connection's recovery stands: Linux's `icsk_ca_state` and what belongs to it.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Recovery {
    pub(crate) phase: Phase,
    /// RFC 5682: whether the time-out was spurious is not known yet.
    pub(crate) frto: bool,
    /// Without SACK: segments that duplicate ACKs say have arrived.
    pub(crate) dup_acks: u32,
    repair: Option<Box<Repair>>,
    /// The tail loss probe that is out.
    pub(crate) tail_probe: Option<TailProbe>,
    pub(crate) rack: Rack,
    // Seldom.
    /// SND.NXT when the phase began: RecoveryPoint of RFC 6675.
    pub(crate) high_seq: SeqNumber,
    /// How many segments the path has reordered, at least three.
    pub(crate) reordering: u32,
    /// Times that it did.
    pub(crate) reord_seen: u32,
    /// Segments that the peer got twice, by its DSACKs.
    pub(crate) dsack_dups: u32,
}

impl Recovery {
    /// From here on nothing is needed for each segment.
    pub(crate) const SELDOM_FROM: usize = offset_of!(Recovery, high_seq);

    pub(crate) fn new(iss: SeqNumber) -> Recovery {
        Recovery {
            phase: Phase::Open,
            high_seq: iss,
            repair: None,
            dup_acks: 0,
            reordering: DUP_THRESH,
            reord_seen: 0,
            frto: false,
            dsack_dups: 0,
            rack: Rack::new(),
            tail_probe: None,
        }
    }

    /// Nothing is lost, reordered or probed for.
    #[inline(always)]
    pub(crate) fn is_calm(&self) -> bool {
        self.phase == Phase::Open && self.dup_acks == 0 && self.tail_probe.is_none()
    }

    /// cwnd comes down by PRR.
    pub(crate) fn reduces_cwnd(&self) -> bool {
        matches!(self.phase, Phase::Cwr | Phase::Recovery)
    }

    pub(crate) fn is_repairing(&self) -> bool {
        matches!(self.phase, Phase::Recovery | Phase::Loss)
    }

    /// Segments were sent again.
    pub(crate) fn resent(&mut self, bytes: u32, stamp: u32) {
        let reduces_cwnd = self.reduces_cwnd();
        let repair = self.repair_mut();
        repair.retrans_stamp.get_or_insert(stamp);
        repair.undo_retrans = Some(repair.undo_retrans.unwrap_or(0) + 1);
        if reduces_cwnd {
            repair.prr.sent(bytes);
        }
    }
}
