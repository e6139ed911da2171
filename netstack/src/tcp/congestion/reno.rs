//! Reno (RFC 5681), as Linux's `tcp_reno_*`. Recovery is not here: PRR moves cwnd during one.

use super::window::Window;

/// Slow start, then a segment for each window that was acknowledged.
#[inline]
pub(super) fn on_ack(win: &mut Window, acked: u32) {
    let mut acked = acked;
    if win.in_slow_start() {
        acked = win.slow_start(acked);
    }
    if acked > 0 {
        win.avoid(win.cwnd, acked);
    }
}

/// RFC 5681 (4), but half of cwnd where the RFC says FlightSize, as Linux: growth that only a full window earns keeps the two
/// near each other.
pub(super) fn ssthresh(win: &Window) -> u32 {
    win.share(1, 2)
}
