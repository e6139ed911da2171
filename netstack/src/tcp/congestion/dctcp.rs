//! DCTCP (RFC 8257): the window shrinks by the share of bytes that the switches marked.

use super::Ack;
use super::window::Window;
use crate::tcp::seq::SeqNumber;

/// alpha is counted in units of 1 / 1024, as in Linux.
const ALPHA_ONE: u32 = 1024;
/// g of RFC 8257 4.2 is 2^-4.
const G_SHIFT: u32 = 4;

/// The estimate of the share that is marked, and what this window's counts are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dctcp {
    /// DCTCP.Alpha.
    alpha: u32,
    /// DCTCP.WindowEnd; `None` before the first ACK.
    window_end: Option<SeqNumber>,
    /// DCTCP.BytesAcked.
    acked: u32,
    /// DCTCP.BytesMarked.
    marked: u32,
}

impl Dctcp {
    /// RFC 8257 4.2: alpha begins at 1, so that the first mark halves.
    pub(super) fn new() -> Dctcp {
        Dctcp { alpha: ALPHA_ONE, window_end: None, acked: 0, marked: 0 }
    }

    /// RFC 8257 3.3, steps 3 to 9: once a window.
    pub(super) fn on_ack(&mut self, ack: &Ack) {
        self.acked = self.acked.saturating_add(ack.delivered);
        if ack.ece {
            self.marked = self.marked.saturating_add(ack.delivered);
        }
        let Some(end) = self.window_end else {
            self.window_end = Some(ack.nxt);
            return;
        };
        if ack.una.before(end) {
            return;
        }
        // alpha = alpha * (1 - g) + g * M. What a shift would leave of a small alpha goes too (as in Linux).
        let decay = self.alpha >> G_SHIFT;
        self.alpha -= if decay > 0 { decay } else { self.alpha };
        let share = (u64::from(self.marked) << (ALPHA_ONE.ilog2() - G_SHIFT)) / u64::from(self.acked.max(1));
        self.alpha = (self.alpha + share as u32).min(ALPHA_ONE); // marked is at most acked
        (self.acked, self.marked) = (0, 0);
        self.window_end = Some(ack.nxt);
    }

    /// RFC 8257 3.3 step 10: cwnd * (1 - alpha / 2) is the new ssthresh. A loss halves as ever (3.5).
    pub(super) fn ssthresh_marked(&self, win: &Window) -> u32 {
        win.share(2 * ALPHA_ONE - self.alpha, 2 * ALPHA_ONE)
    }
}

#[cfg(test)]
mod tests;
