//! What a connection has to know of a reduction or a retransmission, and most never do.

use alloc::boxed::Box;

use super::{Prr, Recovery};
use crate::tcp::seq::SeqNumber;

/// A reduction under way, and what may undo it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Repair {
    /// SND.UNA when a reduction began that may still be undone.
    pub(crate) undo_marker: Option<SeqNumber>,
    /// Segments sent again since, less those that a DSACK names; `None` while none was.
    pub(crate) undo_retrans: Option<u32>,
    /// No cwnd to go back to: the peer's ECE has asked for the reduction.
    pub(crate) keeps_reduction: bool,
    /// TSval of the first retransmission.
    pub(crate) retrans_stamp: Option<u32>,
    pub(crate) prr: Prr,
}

impl Repair {
    const NONE: Repair = Repair {
        undo_marker: None,
        undo_retrans: None,
        keeps_reduction: false,
        retrans_stamp: None,
        prr: Prr::NONE,
    };
}

impl Recovery {
    pub(crate) fn repair(&self) -> &Repair {
        self.repair.as_deref().unwrap_or(&Repair::NONE)
    }

    pub(crate) fn repair_mut(&mut self) -> &mut Repair {
        self.repair.get_or_insert_with(|| Box::new(Repair::NONE))
    }

    /// Nothing that was sent again is out any more.
    pub(crate) fn forget_retrans_stamp(&mut self) {
        if let Some(repair) = &mut self.repair {
            repair.retrans_stamp = None;
        }
    }

    /// The reduction stays.
    pub(crate) fn forget_undo(&mut self) {
        if let Some(repair) = &mut self.repair {
            repair.undo_marker = None;
        }
    }

    /// cwnd has come down as far as it does.
    pub(crate) fn end_prr(&mut self) {
        if let Some(repair) = &mut self.repair {
            repair.prr = Prr::NONE;
        }
    }

    /// Nothing is being repaired, and it takes only time until what was repaired can't be undone any more.
    pub(crate) fn keeps_memory(&self) -> bool {
        self.repair.as_ref().is_some_and(|repair| repair.prr == Prr::NONE) && self.is_calm()
    }

    /// With nothing out, and after a time-out of silence if `silent`: no DSACK will come that says what was for nothing. (Linux
    /// would take one even later.) Whether nothing is kept.
    pub(crate) fn release_memory(&mut self, silent: bool) -> bool {
        if self.keeps_memory() && (silent || self.repair().undo_marker.is_none()) {
            self.repair = None;
        }
        self.repair.is_none()
    }

    /// Bytes beside the record.
    #[cfg(test)]
    pub(crate) fn heap_size(&self) -> usize {
        self.repair.as_ref().map_or(0, |_| size_of::<Repair>())
    }
}
