//! The receive sequence variables (RFC 9293 3.3.1), the window and the acknowledgments that are owed.

use alloc::boxed::Box;
use core::mem::offset_of;

use super::assembler::Assembler;
use super::delayed_ack::DelayedAck;
use super::rcv_space::RcvSpace;
use super::recv_queue::RecvQueue;
use super::sack::SackList;
use super::seq::SeqNumber;
use crate::config::TcpConfig;
use crate::time::Instant;

/// No receive window is larger (RFC 7323 2.3), so no more can be in use.
pub(crate) const MAX_BUFFER: usize = 1 << 30;

/// RCV.* of RFC 9293. In the order of `Connection`.
#[repr(C)]
pub(crate) struct Receiver {
    /// Until then no more ACKs for segments that are not acceptable.
    invalid_ack_after: Instant,
    /// Where the peer's FIN is, once it was seen (it may arrive before the data in front of it).
    pub(crate) fin: Option<SeqNumber>,
    /// What arrived twice and is to be told (RFC 2883): up to where, and how much; 0: nothing.
    pub(crate) duplicate: (SeqNumber, u32),
    /// IRS: the number of the peer's SYN.
    pub(crate) irs: SeqNumber,
    pub(crate) space: RcvSpace,
    // Each segment.
    /// In order, not read yet.
    pub(crate) queue: RecvQueue,
    /// Out of order; `None` when nothing is.
    pub(crate) assembler: Option<Box<Assembler>>,
    /// When the peer was heard last.
    pub(crate) heard: Instant,
    /// Bytes received in order, in all.
    pub(crate) bytes: u64,
    pub(crate) delayed: DelayedAck,
    /// RCV.NXT: the next number expected.
    pub(crate) nxt: SeqNumber,
    /// The right edge of the window that the peer was told. Never moves left.
    pub(crate) edge: SeqNumber,
    /// The receive buffer's size (SO_RCVBUF).
    pub(crate) limit: u32,
    /// No window is larger (TCP_WINDOW_CLAMP).
    pub(crate) clamp: u32,
    /// Nor larger than this, while memory is low.
    pub(crate) pressed: u32,
    /// The ACK number sent last.
    pub(crate) acked: SeqNumber,
    /// The largest segment seen, to tell full ones.
    pub(crate) mss: u16,
    /// Whether the peer takes SACK blocks.
    pub(crate) sack_permitted: bool,
    /// The peer's FIN was taken in order.
    pub(crate) fin_received: bool,
    /// Send an ACK in this turn.
    pub(crate) ack_now: bool,
    /// Our window shift.
    pub(crate) scale: u8,
}

impl Receiver {
    /// Up to here nothing is needed for each segment.
    pub(crate) const SELDOM_TO: usize = offset_of!(Receiver, space) + RcvSpace::SELDOM_TO;

    pub(crate) fn new(limit: usize, scale: u8) -> Receiver {
        Receiver {
            irs: SeqNumber(0),
            nxt: SeqNumber(0),
            edge: SeqNumber(0),
            scale,
            limit: limit.min(MAX_BUFFER) as u32, // limited
            clamp: u32::MAX,
            pressed: u32::MAX,
            queue: RecvQueue::default(),
            assembler: None,
            duplicate: (SeqNumber(0), 0),
            sack_permitted: false,
            fin: None,
            fin_received: false,
            mss: 536,
            acked: SeqNumber(0),
            ack_now: false,
            delayed: DelayedAck::default(),
            space: RcvSpace::default(),
            heard: Instant::ZERO,
            invalid_ack_after: Instant::ZERO,
            bytes: 0,
        }
    }

    /// The peer's SYN: `irs` is its number.
    pub(crate) fn open(&mut self, irs: SeqNumber, now: Instant) {
        self.irs = irs;
        self.nxt = irs + 1;
        self.acked = self.nxt;
        self.edge = self.nxt;
        self.heard = now;
    }

    /// What is out of order, as the peer is told.
    #[inline]
    pub(crate) fn sack(&self) -> &SackList {
        self.assembler.as_ref().map_or(&SackList::NONE, |assembler| &assembler.sack)
    }

    /// The window of our SYN. RFC 7323 2.2: it is not scaled.
    pub(crate) fn first_window(limit: usize) -> u16 {
        limit.min(usize::from(u16::MAX)) as u16 // just limited
    }

    /// The shift that a receive buffer needs (RFC 7323 2.3).
    pub(crate) fn scale_for(limit: usize) -> u8 {
        (0..14).find(|shift| limit >> shift <= usize::from(u16::MAX)).unwrap_or(14)
    }

    /// RCV.WND: what the peer may still send.
    pub(crate) fn wnd(&self) -> u32 {
        self.edge.since(self.nxt)
    }

    /// RFC 9293 3.10.7.4, table 6: whether some of the segment is in the window.
    pub(crate) fn acceptable(&self, seq: SeqNumber, len: u32) -> bool {
        let wnd = self.wnd();
        let inside = |n: SeqNumber| n.at_or_after(self.nxt) && n.before(self.nxt + wnd);
        match (len, wnd) {
            (0, 0) => seq == self.nxt,
            (0, _) => inside(seq),
            (_, 0) => false,
            // Or the window lies within the segment.
            _ => {
                inside(seq)
                    || inside(seq + (len - 1))
                    || (seq.before(self.nxt) && (seq + len).after(self.nxt))
            }
        }
    }

    /// The right edge that the buffer allows, but only when it moves by enough to be worth saying: RFC 9293
    /// 3.8.6.2.2, the receiver's silly window avoidance.
    #[inline(always)]
    fn next_edge(&self) -> SeqNumber {
        let free = self.limit.saturating_sub(self.queue.len() as u32); // a queue holds less than 2^32
        // What the field can't say is not worth a segment either.
        let most = u32::from(u16::MAX) << self.scale;
        let edge = self.nxt + free.min(most).min(self.clamp).min(self.pressed);
        let worth = (self.limit.min(self.clamp) / 2).min(u32::from(self.mss));
        if edge.since(self.edge) >= worth { edge } else { self.edge }
    }

    /// The window field of the segment that is sent now; the edge moves with it.
    #[inline(always)]
    pub(crate) fn advertise(&mut self) -> u16 {
        let edge = self.next_edge();
        // RFC 7323 2.4: rounding down must not move the edge to the left.
        let least = (self.wnd() + (1 << self.scale) - 1) >> self.scale; // no window comes near 2^32
        let field = if edge == self.edge { least } else { (edge.since(self.nxt) >> self.scale).max(least) };
        let field = field.min(u32::from(u16::MAX));
        self.edge = self.edge.max(self.nxt + (field << self.scale));
        field as u16 // just limited
    }

    /// Whether the application has read so much that the peer should hear of it: the window at least doubles by it.
    #[inline]
    pub(crate) fn update_due(&self) -> bool {
        let now = self.wnd();
        // It never says more than the buffer holds: with more than half of that on offer it can't double.
        if now > self.limit / 2 && now >= u32::from(self.mss) {
            return false;
        }
        self.doubles(now)
    }

    #[inline(never)] // so that most reads save fewer registers
    fn doubles(&self, now: u32) -> bool {
        let then = self.next_edge().since(self.nxt);
        then > now && (then - now >= now || now < u32::from(self.mss))
    }

    /// Whether an ACK for an unacceptable segment may go out, and notes that it does (`tcp_invalid_ratelimit`).
    pub(crate) fn may_ack_invalid(&mut self, now: Instant, config: &TcpConfig) -> bool {
        let may = now >= self.invalid_ack_after;
        if may {
            self.invalid_ack_after = now + config.tcp_invalid_ratelimit;
        }
        may
    }
}

#[cfg(test)]
mod tests;
