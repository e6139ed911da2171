//! Explicit congestion notification (RFC 3168): agreed on in the SYNs, told by CE in IP headers, echoed by ECE until a CWR; and
//! DCTCP's way to echo (RFC 8257 3.2). Where the window comes down for an ECE is in `recovery/`.

use super::congestion::CongestionControl;
use super::connection::Connection;
use super::output::{Plan, Wire};
use super::segment::Segment;
use super::seq::SeqNumber;
use crate::config::TcpConfig;
use crate::stats::Stats;
use crate::wire::tcp::Flags;

/// The two bits in the IP header (RFC 3168 5).
const NOT_ECT: u8 = 0;
const ECT_0: u8 = 2;
const CE: u8 = 3;
/// ACKs at once after a CE: the sender may have a very small window (as in Linux).
const QUICK_ACKS: u32 = 2;

impl Stats {
    /// Counts an IP packet with these two bits.
    #[inline(always)]
    pub(crate) fn count_ecn(&mut self, ecn: u8) {
        if ecn & 3 == NOT_ECT {
            self.in_no_ect_pkts += 1;
        } else {
            self.count_capable(ecn);
        }
    }

    #[inline(never)]
    fn count_capable(&mut self, ecn: u8) {
        match ecn & 3 {
            ECT_0 => self.in_ect0_pkts += 1,
            CE => self.in_ce_pkts += 1,
            _ => self.in_ect1_pkts += 1,
        }
    }
}

/// What a connection knows of ECN: Linux's `ecn_flags`.
#[derive(Debug, Default)]
pub(crate) struct Ecn {
    /// Both sides use it; while opening actively: we ask for it.
    pub(crate) ok: bool,
    /// The next new segment says that the window was reduced.
    queue_cwr: bool,
    /// ACKs carry ECE: until the peer's CWR, or in DCTCP until a segment without CE.
    pub(crate) demand_cwr: bool,
    /// The peer's segments are ECN-capable.
    seen: bool,
    /// DCTCP.CE.
    ce: bool,
}

/// ACKs to be sent apart, before the next one: those that changes of CE cut off, and duplicate ones, which are counted. Their
/// numbers, and whether they carry ECE.
#[derive(Debug, Default)]
pub(crate) struct Cut {
    acks: [(SeqNumber, bool); 8],
    len: usize,
}

impl Cut {
    /// Beyond eight changes in one turn the marks of the rest count with the last.
    pub(crate) fn push(&mut self, ack: SeqNumber, ece: bool) {
        if let Some(slot) = self.acks.get_mut(self.len) {
            *slot = (ack, ece);
            self.len += 1;
        }
    }

    fn pop(&mut self) -> Option<(SeqNumber, bool)> {
        let first = *self.acks[..self.len].first()?;
        self.acks[..self.len].rotate_left(1);
        self.len -= 1;
        Some(first)
    }
}

/// Whether we answer this SYN with ECE: RFC 3168 6.1.1. One that is ECN-capable itself is not from a host that keeps to the RFC.
/// DCTCP can't do without, and takes it.
pub(crate) fn accepts(syn: &Segment, config: &TcpConfig) -> bool {
    let may = (config.tcp_ecn > 0 && syn.ecn == NOT_ECT) || is_needed(config);
    may && syn.has(Flags::ECE.with(Flags::CWR))
}

/// Whether our SYN asks for ECN.
pub(crate) fn asks(config: &TcpConfig) -> bool {
    config.tcp_ecn == 1 || is_needed(config)
}

fn is_needed(config: &TcpConfig) -> bool {
    config.tcp_congestion_control == CongestionControl::Dctcp
}

impl Ecn {
    pub(crate) fn new(ok: bool) -> Ecn {
        Ecn { ok, ..Ecn::default() }
    }

    /// Flags of our SYN, or of our SYN-ACK where two SYNs crossed. A SYN that was lost may have been too much for somebody on
    /// the way: it goes again without ECN (`tcp_ecn_fallback`).
    pub(crate) fn syn_flags(&self, crossed: bool, again: bool, config: &TcpConfig) -> Flags {
        match (self.ok, crossed) {
            (true, true) => Flags::ECE,
            (true, false) if !(again && config.tcp_ecn_fallback) => Flags::ECE.with(Flags::CWR),
            _ => Flags(0),
        }
    }

    /// The peer's SYN-ACK agrees by ECE alone, its SYN, where they crossed, asks by both.
    pub(crate) fn syn_received(&mut self, segment: &Segment) {
        let cwr = segment.has(Flags::CWR);
        self.ok &= segment.has(Flags::ECE) && cwr != segment.has(Flags::ACK);
    }

    /// Whether the next new segment carries CWR: it must be one segment, since a device would put it on each.
    #[inline(always)]
    pub(crate) fn has_cwr(&self) -> bool {
        self.queue_cwr
    }
}

impl Connection {
    /// A segment with data arrives, with these bits in its IP header.
    #[inline(always)]
    pub(crate) fn take_ecn(&mut self, ecn: u8, flags: Flags) {
        if !self.ecn.ok {
            return;
        }
        if flags.has(Flags::CWR) {
            self.ecn.demand_cwr = false;
            self.rcv.ack_now = true; // its window may be small
        }
        if self.cc.wants_ecn() {
            return self.take_exact_ecn(ecn);
        }
        match ecn {
            // A peer that was ECN-capable before sends this one again: it waits for the ACK.
            NOT_ECT if self.ecn.seen => self.rcv.enter_quick_ack(QUICK_ACKS),
            NOT_ECT => {}
            CE => {
                self.ecn.seen = true;
                if !self.ecn.demand_cwr {
                    self.ecn.demand_cwr = true;
                    self.rcv.enter_quick_ack(QUICK_ACKS);
                }
            }
            _ => self.ecn.seen = true,
        }
    }

    /// RFC 8257 3.2: the echo is exact, so a change of CE acknowledges what came before it apart.
    fn take_exact_ecn(&mut self, ecn: u8) {
        if ecn == NOT_ECT {
            return;
        }
        let ce = ecn == CE;
        self.ecn.seen = true;
        if ce != self.ecn.ce {
            if self.rcv.acked != self.rcv.nxt {
                self.unpredict();
                self.cut_acks.get_or_insert_default().push(self.rcv.nxt, self.ecn.ce);
            }
            self.ecn.ce = ce;
            self.rcv.ack_now = true;
        }
        self.ecn.demand_cwr = ce;
    }

    /// Sends the ACKs that changes of CE cut off. `false`: no room.
    pub(crate) fn output_cut_acks(&mut self, wire: &mut Wire<'_, '_>) -> bool {
        while let Some((ack, ece)) = self.cut_acks.as_mut().and_then(|cut| cut.pop()) {
            let (nxt, demand) = (self.rcv.nxt, self.ecn.demand_cwr);
            (self.rcv.nxt, self.ecn.demand_cwr) = (ack, ece);
            let plan = Plan { seq: self.snd.nxt, flags: Flags::ACK, len: 0 };
            let sent = wire.cx.out.room() > 0 && self.emit(&plan, wire).is_some();
            (self.rcv.nxt, self.ecn.demand_cwr) = (nxt, demand);
            self.rcv.ack_now = true;
            if !sent {
                return false; // that one is lost, as an ACK may be
            }
        }
        self.cut_acks = None;
        true
    }

    /// Flags for a segment, and the bits for its IP header: only new data are ECN-capable (RFC 3168 6.1.4, 6.1.5), or with
    /// DCTCP, as in Linux, all but SYNs.
    #[inline(always)]
    pub(crate) fn mark_ecn(&mut self, seq: SeqNumber, len: usize) -> (Flags, u8) {
        if !self.ecn.ok {
            return (Flags(0), NOT_ECT);
        }
        let mut flags = if self.ecn.demand_cwr { Flags::ECE } else { Flags(0) };
        if len > 0 && seq.at_or_after(self.snd.nxt) {
            if core::mem::take(&mut self.ecn.queue_cwr) {
                flags = flags.with(Flags::CWR);
            }
            return (flags, ECT_0);
        }
        (flags, if self.cc.wants_ecn() { ECT_0 } else { NOT_ECT })
    }

    /// Whether the segment tells of a mark that our data got.
    pub(crate) fn ece_counts(&self, segment: &Segment) -> bool {
        self.ecn.ok && segment.has(Flags::ECE) && !segment.has(Flags::SYN)
    }

    /// The window was reduced: the peer shall know.
    pub(crate) fn queue_cwr(&mut self) {
        self.ecn.queue_cwr = self.ecn.ok;
    }

    /// The reduction was undone before the peer knew.
    pub(crate) fn withdraw_cwr(&mut self) {
        self.ecn.queue_cwr = false;
    }
}

#[cfg(test)]
mod tests;
