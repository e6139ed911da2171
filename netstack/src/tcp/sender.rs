//! The send sequence variables (RFC 9293 3.3.1) and what is to be sent.

use core::mem::offset_of;
use core::num::NonZeroU64;

use super::records::Records;
use super::send_queue::SendQueue;
use super::seq::SeqNumber;
use crate::time::Instant;

/// SND.* of RFC 9293. In the order of `Connection`.
#[repr(C)]
pub(crate) struct Sender {
    /// What was written and not acknowledged, from `una` on (from `una` + 1 while our SYN is out).
    pub(crate) queue: SendQueue,
    /// SND.UNA: the oldest unacknowledged number.
    pub(crate) una: SeqNumber,
    /// SND.NXT: one past the highest number ever sent.
    pub(crate) nxt: SeqNumber,
    /// SND.WND: bytes, scaled.
    pub(crate) wnd: u32,
    /// SND.WL1, SND.WL2: the segment of the last window update.
    pub(crate) wl1: SeqNumber,
    pub(crate) wl2: SeqNumber,
    /// The largest window that the peer ever offered.
    pub(crate) max_wnd: u32,
    /// End of the last segment that was not full (Minshall's variation of Nagle, as in Linux).
    pub(crate) small_end: SeqNumber,
    /// The most that was out in this window, and where that ends: Linux's `max_packets_out` and `cwnd_usage_seq`.
    pub(crate) max_out: u32,
    pub(crate) usage_end: SeqNumber,
    /// The most that was out since `cwnd_stamp`, when cwnd was the limit last (Linux's `snd_cwnd_used`, `snd_cwnd_stamp`).
    pub(crate) cwnd_used: u32,
    /// Payload bytes of a full segment.
    pub(crate) mss: u16,
    /// The peer's window shift.
    pub(crate) scale: u8,
    /// Time-outs since the last answer.
    pub(crate) retries: u8,
    /// Keep-alive probes since the peer was heard last.
    pub(crate) keepalive_probes: u8,
    /// Our SYN is acknowledged.
    pub(crate) syn_acked: bool,
    /// Both sides allow SACK.
    pub(crate) sack: bool,
    /// The application closed: a FIN follows the queue.
    pub(crate) fin: bool,
    /// Our FIN is acknowledged.
    pub(crate) fin_acked: bool,
    /// Our SYN is to be sent again.
    pub(crate) syn_due: bool,
    /// Resend the segment at `una` at once, whatever cwnd and the window say: the timer fired.
    pub(crate) resend_head: bool,
    /// Send new data before what is lost (RFC 5682 2.1 step 2b).
    pub(crate) new_first: bool,
    /// cwnd held something back in this window: Linux's `is_cwnd_limited`.
    pub(crate) cwnd_limited: bool,
    /// Resend the last segment at once, as a probe.
    pub(crate) resend_tail: bool,
    /// The timer says: send one segment, whatever the window or Nagle say.
    pub(crate) force: bool,
    /// Send a segment that only asks for an ACK: a window probe or keep-alive.
    pub(crate) probe: bool,
    /// When data were sent last.
    pub(crate) last_sent: Instant,
    pub(crate) cwnd_stamp: Instant,
    /// Bytes acknowledged, in all.
    pub(crate) bytes_acked: u64,
    // Seldom.
    /// Where records end in it.
    pub(crate) records: Records,
    /// When our SYN was sent, while it has been sent once (Karn).
    syn_sent: Option<NonZeroU64>,
    /// Segments sent again, in all.
    pub(crate) retransmits: u64,
}

impl Sender {
    /// From here on nothing is needed for each segment.
    pub(crate) const SELDOM_FROM: usize = offset_of!(Sender, records);

    pub(crate) fn new(iss: SeqNumber, mss: u16) -> Sender {
        Sender {
            una: iss,
            nxt: iss,
            wnd: 0,
            wl1: SeqNumber(0),
            wl2: SeqNumber(0),
            max_wnd: 0,
            scale: 0,
            mss,
            queue: SendQueue::default(),
            records: Records::default(),
            syn_acked: false,
            sack: false,
            fin: false,
            fin_acked: false,
            small_end: iss,
            syn_sent: None,
            syn_due: false,
            last_sent: Instant::ZERO,
            resend_head: false,
            new_first: false,
            cwnd_limited: false,
            max_out: 0,
            usage_end: iss,
            cwnd_used: 0,
            cwnd_stamp: Instant::ZERO,
            resend_tail: false,
            force: false,
            probe: false,
            retries: 0,
            keepalive_probes: 0,
            retransmits: 0,
            bytes_acked: 0,
        }
    }

    /// Our SYN goes out for the first time: what it takes is a measurement.
    pub(crate) fn time_syn(&mut self, now: Instant) {
        self.syn_sent = NonZeroU64::new(now.as_nanos().saturating_add(1)); // the epoch is a time, too
    }

    /// Our SYN goes out again: it says nothing any more (Karn).
    pub(crate) fn forget_syn_time(&mut self) {
        self.syn_sent = None;
    }

    /// When our SYN was sent, if only once.
    pub(crate) fn take_syn_time(&mut self) -> Option<Instant> {
        self.syn_sent.take().map(|nanos| Instant::from_nanos(nanos.get() - 1))
    }

    /// The number of the queue's first byte.
    pub(crate) fn base(&self) -> SeqNumber {
        match (self.syn_acked, self.fin_acked) {
            (false, _) => self.una + 1,
            (true, false) => self.una,
            (true, true) => self.una - 1,
        }
    }

    /// The number behind the queue's last byte: the FIN's, once there is one.
    pub(crate) fn data_end(&self) -> SeqNumber {
        self.base() + self.queue.len() as u32 // bounded by tcp_wmem, below 2^31
    }

    /// Sent and not acknowledged.
    #[inline(always)]
    pub(crate) fn flight(&self) -> u32 {
        self.nxt.0.wrapping_sub(self.una.0) // SND.NXT is never behind
    }

    /// Whether something waits that was never sent.
    #[inline(always)]
    pub(crate) fn has_unsent(&self) -> bool {
        self.nxt.before(self.data_end()) || (self.fin && self.nxt == self.data_end())
    }

    /// Notes how much of cwnd is used, after something was sent or cwnd held it back (Linux's `tcp_cwnd_validate`).
    #[inline(always)]
    pub(crate) fn note_usage(&mut self, cwnd_limited: bool) {
        let out = self.flight();
        if cwnd_limited || !self.una.before(self.usage_end) || (!self.cwnd_limited && out > self.max_out) {
            self.cwnd_limited = cwnd_limited;
            self.max_out = out;
            self.usage_end = self.nxt;
        }
    }

    /// The window of the peer's SYN: the first, so there is no older one to compare it with.
    pub(crate) fn open_window(&mut self, irs: SeqNumber, wnd: u32) {
        self.wnd = wnd;
        self.max_wnd = wnd;
        self.wl1 = irs;
        self.wl2 = self.una;
    }

    /// RFC 9293 3.10.7.4: an older segment must not undo a newer window. `true` when the window changed.
    ///
    /// What acknowledges more is newer, as in Linux. The RFC looks at the sequence number first, but a segment that is sent again
    /// has an old one and still acknowledges more: SND.UNA would move and the window with it, beyond what was offered.
    #[inline(always)]
    pub(crate) fn update_window(&mut self, seq: SeqNumber, ack: SeqNumber, wnd: u32) -> bool {
        if !(self.wl2.before(ack) || (self.wl2 == ack && self.wl1.at_or_before(seq))) {
            return false;
        }
        let changed = self.wnd != wnd;
        self.wnd = wnd;
        self.max_wnd = self.max_wnd.max(wnd);
        self.wl1 = seq;
        self.wl2 = ack;
        changed
    }

    /// As `acknowledge`, on an open connection without a FIN, of all that was sent.
    #[inline(always)]
    pub(crate) fn acknowledge_all(&mut self, ack: SeqNumber) {
        debug_assert!(self.syn_acked && !self.fin && ack == self.nxt, "as header prediction has it");
        let covered = ack.ahead_of(self.una);
        self.queue.consume(covered as usize);
        self.una = ack;
        self.bytes_acked += u64::from(covered);
    }

    /// Takes an acknowledgment of new data; returns how many bytes of data it covers.
    #[inline(always)]
    pub(crate) fn acknowledge(&mut self, ack: SeqNumber) -> u32 {
        let mut covered = ack.since(self.una);
        if !self.syn_acked && covered > 0 {
            self.syn_acked = true;
            covered -= 1;
        }
        // What lies behind the data is our FIN.
        let data = (covered as usize).min(self.queue.len());
        self.fin_acked |= self.fin && covered as usize > data;
        self.queue.consume(data);
        self.una = ack;
        self.nxt = self.nxt.max(ack);
        self.bytes_acked += data as u64;
        data as u32 // at most covered
    }
}

#[cfg(test)]
mod tests;
