//! How many bytes may fly. [`Congestion`] is what the rest of TCP sees; `reno`, `cubic`, `dctcp` and `bbr` move its
//! window, each in its own way.

mod bbr;
mod cubic;
mod dctcp;
mod hystart;
mod hystart_classic;
mod kind;
mod max_filter;
mod reno;
mod window;

pub use kind::CongestionControl;

use alloc::boxed::Box;
use core::mem::offset_of;

use crate::tcp::seq::SeqNumber;
use crate::time::Instant;
use bbr::Bbr;
use cubic::Cubic;
use dctcp::Dctcp;
use window::{INFINITE_SSTHRESH, MAX_CWND, Window};

/// How a connection stands with losses: Linux's `ca_state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// All is well.
    Open,
    /// Duplicate ACKs or SACK blocks, but nothing is thought to be lost.
    Disorder,
    /// The window is being reduced because of ECN-Echo; nothing is lost.
    Cwr,
    /// Fast recovery.
    Recovery,
    /// After a retransmission time-out.
    Loss,
}

/// A sample of the delivery rate (draft-cheng-iccrg-delivery-rate-estimation), of the newest segment that an ACK delivers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RateSample {
    /// Bytes delivered while the segment was in flight.
    pub(crate) delivered: u32,
    /// In how many nanoseconds.
    pub(crate) interval: u64,
    /// What was delivered in all when the segment was sent.
    pub(crate) prior_delivered: u64,
    /// What is delivered in all now.
    pub(crate) total_delivered: u64,
    /// The application had nothing more to send when the segment was sent.
    pub(crate) is_app_limited: bool,
}

/// What one ACK brought. Sizes in bytes, times in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ack {
    pub(crate) now: Instant,
    /// Newly acknowledged cumulatively.
    pub(crate) acked: u32,
    /// Newly delivered by this ACK, cumulatively or by SACK, each byte once.
    pub(crate) delivered: u32,
    /// Newly marked lost while it was processed.
    pub(crate) lost: u32,
    /// In flight before the ACK.
    pub(crate) prior_in_flight: u32,
    /// In flight after it.
    pub(crate) in_flight: u32,
    /// SND.UNA after it.
    pub(crate) una: SeqNumber,
    /// One past the highest number ever sent.
    pub(crate) nxt: SeqNumber,
    /// The measurement of this ACK.
    pub(crate) rtt: Option<u64>,
    pub(crate) srtt: Option<u64>,
    pub(crate) min_rtt: Option<u64>,
    /// The window, not the application or the peer's window, held us back (Linux's `tcp_is_cwnd_limited`).
    pub(crate) is_cwnd_limited: bool,
    /// ECN-Echo was set.
    pub(crate) ece: bool,
    pub(crate) phase: Phase,
    pub(crate) rate: Option<RateSample>,
}

#[derive(Debug)]
enum Algorithm {
    Reno,
    Cubic(Cubic),
    Dctcp(Dctcp),
    Bbr(Box<Bbr>),
}

/// The congestion window of a connection, in bytes, and the algorithm that moves it.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Congestion {
    // Seldom.
    /// cwnd before the last reduction.
    prior_cwnd: u32,
    /// ssthresh before the last reduction; 0: that is not to be undone.
    prior_ssthresh: u32,
    /// Segments of the initial window (RFC 6928).
    initial_segments: u32,
    /// Segments are paced: an ACK makes no burst.
    is_paced: bool,
    algorithm: Algorithm,
    // Each segment.
    win: Window,
}

impl Congestion {
    /// Up to here nothing is needed for each segment: `Cubic`, the usual algorithm, begins with what it needs seldom.
    pub(crate) const SELDOM_TO: usize = offset_of!(Congestion, algorithm) + Cubic::SELDOM_TO;

    pub(crate) fn new(which: CongestionControl, mss: u32, initial_segments: u32) -> Congestion {
        let win = Window::new(mss, initial_segments);
        let algorithm = match which {
            CongestionControl::Reno => Algorithm::Reno,
            CongestionControl::Cubic => Algorithm::Cubic(Cubic::new()),
            CongestionControl::Dctcp => Algorithm::Dctcp(Dctcp::new()),
            CongestionControl::Bbr => Algorithm::Bbr(Box::new(Bbr::new(win.cwnd))),
        };
        Congestion { win, prior_cwnd: 0, prior_ssthresh: 0, initial_segments, is_paced: false, algorithm }
    }

    /// Another algorithm takes over, from the window as it is (TCP_CONGESTION).
    pub(crate) fn switch(&mut self, which: CongestionControl) {
        let fresh = Congestion::new(which, self.win.mss, self.initial_segments);
        self.algorithm = fresh.algorithm;
    }

    /// `hystart`: how CUBIC leaves its first slow start.
    pub(crate) fn set_hystart(&mut self, hystart: u8) {
        if let Algorithm::Cubic(cubic) = &mut self.algorithm {
            cubic.set_hystart(hystart);
        }
    }

    pub(crate) fn kind(&self) -> CongestionControl {
        match self.algorithm {
            Algorithm::Reno => CongestionControl::Reno,
            Algorithm::Cubic(_) => CongestionControl::Cubic,
            Algorithm::Dctcp(_) => CongestionControl::Dctcp,
            Algorithm::Bbr(_) => CongestionControl::Bbr,
        }
    }

    #[inline]
    pub(crate) fn cwnd(&self) -> u32 {
        self.win.cwnd
    }

    #[inline]
    pub(crate) fn ssthresh(&self) -> u32 {
        self.win.ssthresh
    }

    #[inline]
    pub(crate) fn in_slow_start(&self) -> bool {
        self.win.in_slow_start()
    }

    /// What PRR says; one segment at least.
    pub(crate) fn set_cwnd(&mut self, cwnd: u32) {
        self.win.cwnd = cwnd.clamp(self.win.mss, MAX_CWND);
    }

    /// Segments are paced from now on, or not: then HyStart++ holds back what a single ACK may add.
    pub(crate) fn set_paced(&mut self, paced: bool) {
        self.is_paced = paced;
    }

    /// The path's MTU has changed. Where it shrinks cwnd keeps its number of segments, as in Linux, which counts in them. Where it
    /// grows cwnd keeps its bytes (RFC 4821 7.5, `tcp_mtup_probe_success`): the path has not become wider.
    pub(crate) fn set_mss(&mut self, mss: u32) {
        let (old, mss) = (self.win.mss, mss.max(1));
        self.win.mss = mss;
        if mss < old {
            let scaled = |window: u32| (u64::from(window) * u64::from(mss) / u64::from(old)) as u32; // it shrinks
            self.win.cwnd = scaled(self.win.cwnd);
            self.prior_cwnd = scaled(self.prior_cwnd);
            for ssthresh in [&mut self.win.ssthresh, &mut self.prior_ssthresh] {
                if *ssthresh != INFINITE_SSTHRESH {
                    *ssthresh = scaled(*ssthresh);
                }
            }
        }
        self.win.cwnd = self.win.cwnd.max(mss);
        self.win.credit = 0;
        match &mut self.algorithm {
            Algorithm::Cubic(cubic) if mss < old => cubic.scale(mss, old),
            Algorithm::Cubic(cubic) => cubic.restart(),
            Algorithm::Bbr(bbr) if mss < old => bbr.scale(mss, old),
            Algorithm::Bbr(_) | Algorithm::Reno | Algorithm::Dctcp(_) => {}
        }
    }

    /// Every ACK that moves SND.UNA or has ECN-Echo; those that only deliver by SACK where `controls_recovery`, or where the
    /// path is known to reorder (Linux's `tcp_may_raise_cwnd`). During a recovery cwnd stays as PRR sets it.
    #[inline]
    pub(crate) fn on_ack(&mut self, ack: &Ack) {
        let initial = self.initial_window();
        match &mut self.algorithm {
            Algorithm::Bbr(bbr) => return bbr.on_ack(&mut self.win, ack, initial),
            Algorithm::Dctcp(dctcp) => dctcp.on_ack(ack),
            Algorithm::Reno | Algorithm::Cubic(_) => {}
        }
        // As Linux: all that was delivered counts, not only what SND.UNA moved by.
        if ack.delivered == 0 || matches!(ack.phase, Phase::Cwr | Phase::Recovery) {
            return;
        }
        match &mut self.algorithm {
            Algorithm::Cubic(cubic) => cubic.on_ack(&mut self.win, ack, ack.delivered, self.is_paced),
            // RFC 7661: a window that is not used does not grow.
            _ if ack.is_cwnd_limited => reno::on_ack(&mut self.win, ack.delivered),
            _ => {}
        }
    }

    /// An ACK while cwnd was not the limit but the application, or pacing if `is_paced`: whether the algorithm needs to know no
    /// more of it than that.
    #[inline]
    pub(crate) fn passes_unlimited(&mut self, now: Instant, is_paced: bool) -> bool {
        // The usual one first: a branch, not a jump by a table.
        if let Algorithm::Cubic(cubic) = &mut self.algorithm {
            cubic.pass(now, is_paced);
            return true;
        }
        matches!(self.algorithm, Algorithm::Reno)
    }

    /// A loss was found: remembers what was, for `undo`, and sets ssthresh. cwnd is left to PRR.
    pub(crate) fn on_congestion_event(&mut self, _now: Instant, _in_flight: u32) {
        self.remember();
        self.reduce();
    }

    /// ECN-Echo, once a window (RFC 3168 6.1.2): as a loss, but DCTCP reduces by what was marked, and nothing is undone.
    pub(crate) fn on_ecn(&mut self, now: Instant, in_flight: u32) {
        match &self.algorithm {
            Algorithm::Dctcp(dctcp) => {
                self.prior_cwnd = self.win.cwnd;
                self.win.ssthresh = dctcp.ssthresh_marked(&self.win);
            }
            _ => self.on_congestion_event(now, in_flight),
        }
        self.prior_ssthresh = 0;
    }

    /// Recovery, or the reduction for ECN-Echo, is over (Linux's `tcp_end_cwnd_reduction`).
    pub(crate) fn on_recovery_exit(&mut self) {
        if self.win.ssthresh < INFINITE_SSTHRESH && !self.controls_recovery() {
            self.set_cwnd(self.win.ssthresh);
        }
    }

    /// The retransmission timer fired (Linux's `tcp_enter_loss`). `in_flight`: what is left when all that is not SACKed counts
    /// as lost; `first`: no time-out for these data before, and no recovery.
    pub(crate) fn on_rto(&mut self, _now: Instant, in_flight: u32, first: bool) {
        // RFC 5681 3.1: a segment that is sent again once more leaves ssthresh as it is.
        if first {
            self.remember();
            self.reduce();
        }
        match &mut self.algorithm {
            Algorithm::Cubic(cubic) => cubic.on_rto(),
            Algorithm::Bbr(bbr) => bbr.on_rto(),
            Algorithm::Reno | Algorithm::Dctcp(_) => {}
        }
        self.win.credit = 0;
        self.set_cwnd(in_flight.saturating_add(self.win.mss));
    }

    /// The last reduction was for nothing: spurious (Linux's `tcp_undo_cwnd_reduction`).
    pub(crate) fn undo(&mut self) {
        if self.prior_ssthresh == 0 {
            return;
        }
        self.win.ssthresh = self.win.ssthresh.max(self.prior_ssthresh);
        self.prior_ssthresh = 0;
        match &mut self.algorithm {
            // Its window comes back by itself when the phase does.
            Algorithm::Bbr(bbr) => return bbr.undo(),
            Algorithm::Cubic(cubic) => cubic.undo(),
            Algorithm::Reno | Algorithm::Dctcp(_) => {}
        }
        self.win.cwnd = self.win.cwnd.max(self.prior_cwnd);
    }

    /// The last reduction stays.
    pub(crate) fn forget_undo(&mut self) {
        self.prior_ssthresh = 0;
        if let Algorithm::Cubic(cubic) = &mut self.algorithm {
            cubic.forget_undo();
        }
    }

    /// Nothing was sent for `idle`, longer than `rto` (RFC 5681 4.1, Linux's `tcp_cwnd_restart`): half of cwnd goes for each RTO
    /// beyond the first, down to the initial window. Both in nanoseconds.
    pub(crate) fn on_idle(&mut self, _now: Instant, idle: u64, rto: u64) {
        if self.controls_recovery() {
            return; // it paces: no burst is to be feared
        }
        self.win.ssthresh = self.win.current_ssthresh();
        let floor = self.initial_window().min(self.win.cwnd);
        let (mut idle, rto) = (idle.saturating_sub(rto), rto.max(1));
        while idle > 0 && self.win.cwnd > floor {
            self.win.cwnd /= 2;
            idle = idle.saturating_sub(rto);
        }
        self.win.cwnd = self.win.cwnd.max(floor);
    }

    /// For an RTO at most `used` bytes of cwnd were in flight (RFC 7661 4.4.3, Linux's `tcp_cwnd_application_limited`): the
    /// window goes half of the way there.
    pub(crate) fn on_app_limited(&mut self, _now: Instant, used: u32) {
        let used = used.max(self.initial_window());
        if !self.controls_recovery() && used < self.win.cwnd {
            self.win.ssthresh = self.win.current_ssthresh();
            self.win.cwnd = (self.win.cwnd + used) / 2;
        }
    }

    /// Sending begins with nothing in flight (Linux's `CA_EVENT_TX_START`).
    #[inline]
    pub(crate) fn on_transmit_start(&mut self, now: Instant) {
        // The usual one first: as in `passes_unlimited`.
        if let Algorithm::Cubic(cubic) = &mut self.algorithm {
            cubic.on_transmit_start(now);
        } else if let Algorithm::Bbr(bbr) = &mut self.algorithm {
            bbr.on_transmit_start(&mut self.win, now);
        }
    }

    /// PRR must leave cwnd alone (in Linux: it has a `cong_control`).
    #[inline]
    pub(crate) fn controls_recovery(&self) -> bool {
        matches!(self.algorithm, Algorithm::Bbr(_))
    }

    /// Bytes a second, where the algorithm needs pacing.
    pub(crate) fn pacing_rate(&self) -> Option<u64> {
        match &self.algorithm {
            Algorithm::Bbr(bbr) => Some(bbr.pacing_rate()),
            _ => None,
        }
    }

    /// The SYN asks for ECN, whatever `tcp_ecn` says.
    pub(crate) fn wants_ecn(&self) -> bool {
        matches!(self.algorithm, Algorithm::Dctcp(_))
    }

    /// Bytes beside the record.
    #[cfg(test)]
    pub(crate) fn heap_size(&self) -> usize {
        match &self.algorithm {
            Algorithm::Cubic(cubic) => cubic.heap_size(),
            Algorithm::Bbr(bbr) => size_of_val(bbr.as_ref()),
            Algorithm::Reno | Algorithm::Dctcp(_) => 0,
        }
    }

    fn initial_window(&self) -> u32 {
        self.win.mss.saturating_mul(self.initial_segments.max(1)).min(MAX_CWND)
    }

    fn remember(&mut self) {
        self.prior_cwnd = self.win.cwnd;
        self.prior_ssthresh = self.win.current_ssthresh();
    }

    fn reduce(&mut self) {
        self.win.ssthresh = match &mut self.algorithm {
            Algorithm::Cubic(cubic) => cubic.on_reduction(&self.win),
            Algorithm::Bbr(bbr) => {
                bbr.on_congestion_event(&self.win);
                self.win.ssthresh
            }
            Algorithm::Reno | Algorithm::Dctcp(_) => reno::ssthresh(&self.win),
        };
    }
}

#[cfg(test)]
mod tests;
