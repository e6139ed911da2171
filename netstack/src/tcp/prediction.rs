//! Header prediction, both ways: the segment that an open connection expects, and the one that it mostly sends.
//!
//! Nothing is decided here that `input` and `output` decide otherwise: what is out of the ordinary goes to them.

use core::hint::cold_path;

use corelane_nic::{ChecksumOffload, Packet, TxOffload};

use super::Net;
use super::connection::{Connection, Env};
use super::options::Timestamps;
use super::state::State;
use super::wire_tuple::WireTuple;
use crate::config::{Link, TcpConfig};
use crate::ip::HEADROOM;
use crate::stats::Stats;
use crate::time::Instant;
use crate::wire::plain::{MAX_HEADER_LEN, Plain, PlainFrame, header_len};
use crate::wire::tcp::{CHECKSUM_AT, Flags};

/// What most segments rely on, looked at once and not for each of them (Linux's `pred_flags`).
///
/// Set behind `output`, when all is settled; taken back by whatever may change a condition: a segment that was not predicted,
/// a timer, a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Predicted(u8);

/// A segment may bring an ACK, the window and data, and nothing else is to be seen to.
const INPUT: u8 = 1;
/// What waits may go as it is, as far as the windows go.
const OUTPUT: u8 = 2;

impl Stats {
    /// Counts frames that were taken by prediction in every layer.
    #[inline]
    pub(crate) fn count_predicted(&mut self, frames: u64) {
        self.in_frames += frames;
        self.ip_in_receives += frames;
        self.ip_in_delivers += frames;
        self.tcp_in_segs += frames;
        self.tcp_hp_hits += frames;
    }
}

impl Predicted {
    #[inline(always)]
    const fn has(self, direction: u8) -> bool {
        self.0 & direction != 0
    }
}

impl Connection {
    /// Whether segments may be predicted again (Linux's `tcp_fast_path_check`).
    #[inline]
    pub(crate) fn predict(&mut self) {
        let bit = |is: bool, direction| if is { direction } else { 0 };
        let calm = self.is_calm();
        let input = bit(calm && self.expects_text(), INPUT);
        self.predicted = Predicted(input | bit(calm && self.sends_text(), OUTPUT));
    }

    /// Something is to be seen to first.
    #[inline]
    pub(crate) fn unpredict(&mut self) {
        self.predicted = Predicted::default();
    }

    /// Whether the segment is the next one, and has nothing for the connection but an ACK, the window and data.
    #[inline(always)]
    pub(crate) fn predicts(&self, segment: &PlainFrame<'_>, now: Instant) -> bool {
        debug_assert!(
            !self.predicted.has(INPUT) || (self.is_calm() && self.expects_text()),
            "unpredict() is missing"
        );
        let timestamps = self.timestamps.is_some();
        if !self.predicted.has(INPUT) || !segment.has_header(Flags::ACK, timestamps) {
            return false;
        }
        let (Some(len), ack) = (segment.payload_len(timestamps), segment.ack()) else { return false };
        segment.seq() == self.rcv.nxt
            && len <= self.rcv.wnd() as usize
            && ack.at_or_after(self.snd.una)
            && ack.at_or_before(self.snd.nxt)
            && (len > 0 || ack != self.snd.una)
            && self
                .timestamps
                .as_ref()
                .is_none_or(|ours| segment.timestamps().is_some_and(|(value, _)| !ours.is_old(value, now)))
    }

    /// Nothing out of order, no FIN and no probe waits for what comes, and somebody reads it.
    fn expects_text(&self) -> bool {
        self.rcv.assembler.is_none()
            && self.rcv.fin.is_none()
            && self.snd.keepalive_probes == 0
            && !self.app.orphan
    }

    /// No probe, no SACK block, no ACK apart and no pace of its own, and only Nagle's rule about when a segment leaves.
    fn sends_text(&self) -> bool {
        let has_more = self.snd.probe || self.snd.force || self.rcv.has_sack() || self.cut_acks.is_some();
        !has_more && self.pacing.is_none() && self.app.send_flags.is_plain()
    }

    /// Open both ways, and nothing was lost.
    fn is_calm(&self) -> bool {
        self.machine.get() == State::Established
            && self.recovery.is_calm()
            && self.snd.retries == 0
            && !self.snd.fin
    }

    /// Takes the frame of a segment that it [predicts](Connection::predicts).
    ///
    /// A call of its own: among all that a frame needs, the pointer to the connection would be read from the stack at each step.
    #[inline(never)]
    pub(crate) fn input_predicted(&mut self, mut packet: Packet, env: &mut Env<'_>) {
        let has_timestamps = self.timestamps.is_some();
        let Some(segment) = PlainFrame::of(&packet) else { return };
        let (seq, ack) = (segment.seq(), segment.ack());
        let timestamps = if has_timestamps { segment.timestamps() } else { None };
        self.rcv.heard = env.now;
        // RFC 7323 4.3 (2).
        if let (Some(ours), Some((value, _))) = (&mut self.timestamps, timestamps)
            && seq.at_or_before(self.rcv.acked)
        {
            ours.update(value, env.now);
        }
        let echo = timestamps.map(|(_, echo)| echo);
        if ack != self.snd.una {
            self.predicted_ack(ack, echo, env);
        }
        self.take_window(seq, ack, u32::from(segment.window()) << self.snd.scale);
        let (ecn, flags) = (segment.ecn(), segment.flags());
        let len = segment.payload_len(has_timestamps).unwrap_or_default();
        if len == 0 {
            return;
        }
        packet.trim_front(header_len(has_timestamps));
        packet.truncate(len);
        self.effects.transmit = true; // at least an ACK or its timer
        self.take_ecn(ecn, flags);
        if len > usize::from(self.rcv.mss) {
            cold_path();
            self.rcv.mss = self.rcv.mss.max(len.min(usize::from(env.link_mss())) as u16); // limited by a u16
        }
        if Self::keep_chunk(&mut self.rcv, packet.freeze(), env) {
            let len = len as u32; // shorter than an IP packet
            self.rcv.nxt += len;
            self.took(len, echo, env);
        }
    }

    /// Sends all that waits as one segment with a copied payload, or the ACK that is owed. `false`, with nothing done:
    /// that is not all there is to it.
    #[inline(never)]
    pub(crate) fn output_predicted(&mut self, net: &mut Net<'_>, config: &TcpConfig, link: &Link) -> bool {
        let Some(len) = self.predicted_len(link) else { return false };
        if len == 0 && !self.rcv.ack_now {
            self.delay_ack(net.now, config);
            self.set_retransmit(net.now, config);
            return true;
        }
        let flight = self.snd.flight();
        if net.out.room() == 0 {
            return false;
        }
        let ttl = net.ip.ttl();
        let Some(link_header) = net.ip.link_header(net.now, self.tuple.remote) else { return false };
        let pool = net.pool;
        let packet = if len == 0 { pool.take_reserved() } else { pool.take() };
        let Some(mut packet) = packet else { return false };
        if packet.headroom() < MAX_HEADER_LEN {
            return false;
        }
        let (offset, queue) = (flight as usize, &mut self.snd.queue);
        let sum = if link.offloads.tx_checksum && len > link.offloads.sum_below.into() {
            if queue.copy_to(offset, len, &mut packet) < len {
                return false;
            }
            None
        } else {
            let Some(sum) = queue.copy_summed(offset, len, &mut packet) else { return false };
            Some(sum)
        };
        if flight == 0 && len > 0 {
            self.restart_idle(net.now, config);
        }
        let (marks, ecn) = self.mark_ecn(self.snd.nxt, len);
        let flags = if len > 0 { Flags::ACK.with(Flags::PSH) } else { Flags::ACK };
        let segment = Plain {
            tuple: WireTuple::sent(&self.tuple),
            seq: self.snd.nxt,
            ack: self.rcv.nxt,
            flags: flags.with(marks),
            ecn,
            window: self.rcv.advertise(),
            timestamps: self.timestamps.map(|ts| (Timestamps::value(ts.offset, net.now), ts.recent)),
        };
        if !segment.emit(&mut packet, link_header, ttl, sum) {
            return false; // shorter than an MSS and with the headroom looked at: it does not happen
        }
        let place = ChecksumOffload { start: HEADROOM as u16, offset: CHECKSUM_AT as u16 };
        net.out
            .push(packet, TxOffload { checksum: if sum.is_some() { None } else { Some(place) }, tso_mss: 0 });
        net.stats.ip_out_requests += 1;
        net.stats.tcp_out_segs += 1;
        net.stats.tx_copied_bytes += len as u64;
        self.departed(len, net.now, config);
        true
    }

    /// `len` bytes went out, all that there were, with an ACK; a call of its own, as `input_predicted`.
    #[inline(never)]
    fn departed(&mut self, len: usize, now: Instant, config: &TcpConfig) {
        self.sent_ack(len, now);
        if len > 0 {
            self.sent_new(len, now, config);
            self.set_timers_of_new(now, config);
        } else {
            self.set_retransmit(now, config);
        }
    }

    /// How much waits to be sent, in bytes, if one segment with a copied payload may carry all of it now.
    #[inline(always)]
    fn predicted_len(&self, link: &Link) -> Option<usize> {
        debug_assert!(
            !self.predicted.has(OUTPUT) || (self.is_calm() && self.sends_text()),
            "unpredict() is missing"
        );
        if !self.predicted.has(OUTPUT) {
            return None;
        }
        let snd = &self.snd;
        let flight = snd.flight() as usize;
        let len = snd.queue.len().checked_sub(flight)?;
        let mss = usize::from(snd.mss);
        let small_waits = len < mss && self.app.send_flags.hold(snd.small_end.after(snd.una));
        let offloads = &link.offloads;
        let copied = offloads.tx_chunks == 0 || len <= usize::from(offloads.copy_below);
        let fits = len <= mss
            && flight + len <= snd.wnd as usize
            && self.flight.pipe() as usize + len <= self.cc.cwnd() as usize;
        (len == 0 || (fits && !small_waits && copied)).then_some(len)
    }

    /// Notes that `len` new bytes went out, all that there were.
    #[inline(always)]
    fn sent_new(&mut self, len: usize, now: Instant, config: &TcpConfig) {
        let snapshot = self.rate.sent(now, self.flight.is_empty());
        let snd = &mut self.snd;
        let end = snd.nxt + len as u32; // at most an MSS
        self.flight.push(snd.nxt, end, now, snapshot, true);
        snd.nxt = end;
        snd.last_sent = now;
        if len < usize::from(snd.mss) {
            snd.small_end = end;
        }
        self.note_usage(false, now, config);
        self.rate.app_limited(self.flight.pipe());
    }
}
