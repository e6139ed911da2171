//! What a connection sends next (RFC 9293 3.8), and how a segment is built.

use alloc::vec::Vec;

use corelane_nic::{ChecksumOffload, Chunk, Packet, TxOffload};

use super::chrono::Limit;
use super::connection::Connection;
use super::options;
use super::receiver::Receiver;
use super::resets::Reset;
use super::sack::SackList;
use super::seq::SeqNumber;
use super::state::State;
use super::table::FourTuple;
use super::timers::Timer;
use super::tso::Deferral;
use crate::config::{Link, TcpConfig};
use crate::ip::{self, HEADROOM, Ip, Ipv4Send};
use crate::time::Instant;
use crate::wire::checksum::Sum;
use crate::wire::tcp::{CHECKSUM_AT, Flags, HEADER_LEN, TcpHeader};
use crate::wire::tcp_options::{TcpOptions, emit_sack, sack_len};

const PROTOCOL_TCP: u8 = 6;
/// Room in front of the payload: all headers with the longest options.
const HEADERS: usize = HEADROOM + 60;

/// Where segments go.
pub(crate) struct Wire<'a, 'b> {
    pub(crate) now: Instant,
    pub(crate) ip: &'a mut Ip,
    pub(crate) cx: ip::Context<'b>,
    pub(crate) config: &'a TcpConfig,
    pub(crate) link: &'a Link,
    /// Chunks of the segment under way; kept between segments for its memory.
    pub(crate) chunks: &'a mut Vec<Chunk>,
    /// IP_TTL and IP_TOS of the connection.
    pub(crate) mark: Mark,
}

/// What a socket sets in the IP header.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mark {
    /// `None`: the stack's.
    pub(crate) ttl: Option<u8>,
    /// The DSCP, in the upper six bits.
    pub(crate) tos: u8,
}

/// One segment to be built.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) seq: SeqNumber,
    pub(crate) flags: Flags,
    /// Payload bytes from `seq` on.
    pub(crate) len: usize,
}

impl Wire<'_, '_> {
    /// Payload that an IP packet has room for, without TCP options.
    pub(crate) fn link_mss(&self) -> u16 {
        link_mss(self.link)
    }

    /// An empty packet with room for all headers in front of its data.
    pub(crate) fn packet(&mut self, control: bool) -> Option<Packet> {
        let packet = if control { self.cx.pool.take_reserved() } else { self.cx.pool.take() };
        let Some(mut packet) = packet else {
            self.cx.stats.out_no_buffers += 1;
            return None;
        };
        if packet.headroom() < HEADERS {
            packet.set_headroom(HEADERS);
        }
        Some(packet)
    }

    /// Puts the header in front of `packet`'s payload and hands it to IP.
    fn send(
        &mut self,
        tuple: &FourTuple,
        header: &TcpHeader,
        sack: &SackList,
        mut packet: Packet,
        ecn: u8,
        tso_mss: u16,
    ) {
        let Some(room) = packet.push_front(header.header_len) else { return }; // `packet()` made sure
        header.emit(room);
        if header.header_len > HEADER_LEN + header.options.encoded_len() {
            emit_sack(sack, &mut room[HEADER_LEN + header.options.encoded_len()..]);
        }
        let chunks: usize =
            if self.chunks.is_empty() { 0 } else { self.chunks.iter().map(|chunk| chunk.len()).sum() };
        let len = (packet.len() + chunks) as u16; // a segment fits an IP packet
        let payload = packet.len() + chunks - header.header_len; // which was put in front just now
        let pseudo = Sum::pseudo_ipv4(tuple.local, tuple.remote, PROTOCOL_TCP, len);
        let mut offload = TxOffload { checksum: None, tso_mss };
        let sum = if self.link.offloads.tx_checksum && payload > self.link.offloads.sum_below.into() {
            offload.checksum = Some(ChecksumOffload { start: 0, offset: CHECKSUM_AT as u16 });
            pseudo.fold()
        } else {
            let head = pseudo.add_bytes(&packet);
            let sum =
                if chunks == 0 { head } else { self.chunks.iter().fold(head, |sum, c| sum.add_bytes(c)) };
            sum.finish()
        };
        packet[CHECKSUM_AT..CHECKSUM_AT + 2].copy_from_slice(&sum.to_be_bytes());
        self.cx.stats.tcp_out_segs += 1;
        let ip_header = Ipv4Send {
            source: tuple.local,
            destination: tuple.remote,
            protocol: PROTOCOL_TCP,
            ecn,
            tos: self.mark.tos,
            ttl: self.mark.ttl,
            dont_fragment: true,
        };
        self.ip.send(self.now, ip_header, packet, self.chunks, offload, &mut self.cx);
    }

    /// A segment of a header alone: SYN, SYN-ACK, RST. `false` when there is no buffer.
    pub(crate) fn send_bare(
        &mut self,
        tuple: &FourTuple,
        seq: SeqNumber,
        ack: SeqNumber,
        flags: Flags,
        window: u16,
        options: TcpOptions,
    ) -> bool {
        let Some(packet) = self.packet(true) else { return false };
        self.send_packet(tuple, seq, ack, flags, window, options, packet);
        true
    }

    /// As `send_bare`, with the payload in `packet`.
    #[expect(clippy::too_many_arguments, reason = "the fields of a header")]
    pub(crate) fn send_packet(
        &mut self,
        tuple: &FourTuple,
        seq: SeqNumber,
        ack: SeqNumber,
        flags: Flags,
        window: u16,
        options: TcpOptions,
        packet: Packet,
    ) {
        let header = header(tuple, seq, ack, flags, window, options);
        self.send(tuple, &header, &SackList::default(), packet, 0, 0);
    }

    /// The RST that ends a connection from here.
    pub(crate) fn send_abort(&mut self, reset: &Reset) -> bool {
        let Some(ours) = &reset.timestamps else {
            return self.send_reset(&reset.tuple, reset.seq, reset.ack);
        };
        self.cx.stats.tcp_out_rsts += 1;
        let timestamps = Some((options::Timestamps::value(ours.offset, self.now), ours.recent));
        let flags = if reset.ack.is_some() { Flags::RST.with(Flags::ACK) } else { Flags::RST };
        let options = TcpOptions { timestamps, ..TcpOptions::default() };
        self.send_bare(&reset.tuple, reset.seq, reset.ack.unwrap_or_default(), flags, 0, options)
    }

    /// RFC 9293 3.10.7.1: the answer to a segment that nobody expects.
    pub(crate) fn send_reset(&mut self, tuple: &FourTuple, seq: SeqNumber, ack: Option<SeqNumber>) -> bool {
        self.cx.stats.tcp_out_rsts += 1;
        let flags = if ack.is_some() { Flags::RST.with(Flags::ACK) } else { Flags::RST };
        self.send_bare(tuple, seq, ack.unwrap_or_default(), flags, 0, TcpOptions::default())
    }
}

/// Payload that an IP packet has room for, without TCP options.
pub(crate) fn link_mss(link: &Link) -> u16 {
    link.mtu.saturating_sub(40).max(88)
}

fn header(
    tuple: &FourTuple,
    seq: SeqNumber,
    ack: SeqNumber,
    flags: Flags,
    window: u16,
    options: TcpOptions,
) -> TcpHeader {
    TcpHeader {
        source_port: tuple.local_port,
        destination_port: tuple.remote_port,
        seq,
        ack,
        flags,
        window,
        checksum: 0,
        options,
        header_len: HEADER_LEN + options.encoded_len(),
    }
}

impl Connection {
    /// Sends what may be sent now. `false`: the burst or the pool was full, come again.
    pub(crate) fn output(&mut self, wire: &mut Wire<'_, '_>) -> bool {
        self.refresh_path(wire);
        if self.app.send_flags.is_marked() {
            wire.mark = self.mark();
        }
        let done = match self.machine.get() {
            State::Closed | State::Listen => true,
            _ if self.is_deferred() => return true,
            _ if self.fast_open.is_some() => self.output_fast_open(wire),
            State::SynSent | State::SynReceived => self.output_syn(wire),
            _ => self.output_open(wire),
        };
        if done {
            self.set_retransmit(wire.now, wire.config);
            if wire.config.header_prediction {
                self.predict();
            }
        }
        done
    }

    pub(crate) fn output_syn(&mut self, wire: &mut Wire<'_, '_>) -> bool {
        let first = self.snd.nxt == self.iss;
        let due = first || self.snd.syn_due;
        if !due && !self.rcv.ack_now {
            return true;
        }
        let crossed = self.machine.get() == State::SynReceived;
        let mut offer = options::offer(wire.config, self.within_maxseg(wire.link_mss()), None);
        let mut flags = Flags::SYN.with(self.ecn.syn_flags(crossed, !first, wire.config));
        if crossed {
            flags = flags.with(Flags::ACK);
            offer.timestamps = offer.timestamps.filter(|_| self.timestamps.is_some());
        }
        if let (Some(ours), Some(offered)) = (&self.timestamps, &mut offer.timestamps) {
            *offered = (super::options::Timestamps::value(ours.offset, wire.now), ours.recent);
        }
        let window = Receiver::first_window(self.rcv.limit.min(self.rcv.clamp) as usize);
        if !wire.send_bare(&self.tuple, self.iss, self.rcv.nxt, flags, window, offer) {
            return false;
        }
        self.rcv.ack_now = false;
        if first {
            self.snd.time_syn(wire.now);
        } else if due {
            self.snd.forget_syn_time();
            self.snd.retransmits += 1;
            wire.cx.stats.tcp_retrans_segs += 1;
            wire.cx.stats.syn_retrans += 1;
        }
        self.snd.syn_due = false;
        self.snd.last_sent = wire.now;
        self.snd.nxt = self.snd.nxt.max(self.iss + 1); // data may have gone with it
        true
    }

    pub(crate) fn output_open(&mut self, wire: &mut Wire<'_, '_>) -> bool {
        if self.cut_acks.is_some() && !self.output_cut_acks(wire) {
            return false;
        }
        if self.flight.is_empty() && self.snd.has_unsent() {
            self.restart_idle(wire.now, wire.config);
        }
        if self.snd.probe {
            // One below what is expected: the peer answers with an ACK.
            let plan = Plan { seq: self.snd.una - 1, flags: Flags::ACK, len: 0 };
            if wire.cx.out.room() == 0 || self.emit(&plan, wire).is_none() {
                return false;
            }
            self.snd.probe = false;
        }
        if !self.resend_forced(wire) {
            return false;
        }
        if self.snd.new_first {
            let before = self.snd.nxt;
            if !self.output_new(wire) {
                return false;
            }
            self.snd.new_first = false;
            self.recovery.frto &= self.snd.nxt.after(before);
            if self.recovery.frto {
                return self.output_ack(wire); // RFC 5682 2.1 step 2b: nothing but new data until they are answered
            }
        }
        (self.flight.lost_bytes() == 0 || self.resend_lost(wire))
            && self.output_new(wire)
            && self.output_ack(wire)
    }

    /// Sends new data as far as the windows go.
    fn output_new(&mut self, wire: &mut Wire<'_, '_>) -> bool {
        let before = self.snd.nxt;
        let mut done = self.path.is_none() || self.send_mtu_probe(wire);
        let mut deferral = None;
        while done && let Some(plan) = self.next_segment(wire) {
            if !self.may_leave(wire.now) {
                break; // a timer goes on with it
            }
            deferral = self.plan_deferral(&plan, wire);
            if deferral.is_some() {
                break;
            }
            let sent = if wire.cx.out.room() == 0 { None } else { self.emit(&plan, wire) };
            let Some(sent) = sent else {
                done = false;
                break;
            };
            self.sent(&plan, sent, wire.now);
        }
        let left = self.snd.has_unsent();
        let limited =
            done && left && (self.cwnd_room() < u32::from(self.snd.mss) || deferral == Some(Deferral::Cwnd));
        if left && !limited && self.is_window_limited() {
            self.chrono.limit(Limit::Window, wire.now);
        }
        if limited || self.snd.nxt != before {
            self.note_usage(limited, wire.now, wire.config);
        }
        if !left && !limited && self.flight.lost_bytes() == 0 {
            self.rate.app_limited(self.pipe());
        }
        done
    }

    /// Whether what is planned waits for more.
    fn plan_deferral(&self, plan: &Plan, wire: &Wire<'_, '_>) -> Option<Deferral> {
        let unsent = self.snd.data_end().since(self.snd.nxt);
        let is_small = self.snd.force || plan.len == 0 || unsent <= u32::from(self.snd.mss);
        // Nothing will be added to a record that is whole.
        let is_record = plan.flags.has(Flags::PSH) && self.app.send_flags.has_records();
        if is_small || is_record && self.ends_record(plan) {
            return None;
        }
        self.deferral(unsent, (self.snd.una + self.snd.wnd).since(self.snd.nxt), wire)
    }

    /// Sends the ACK that is owed, if no segment took it along.
    fn output_ack(&mut self, wire: &mut Wire<'_, '_>) -> bool {
        if !self.rcv.ack_now {
            self.delay_ack(wire.now, wire.config);
            return true;
        }
        let plan = Plan { seq: self.snd.nxt, flags: Flags::ACK, len: 0 };
        wire.cx.out.room() > 0 && self.emit(&plan, wire).is_some()
    }

    /// Sending begins with nothing out: cwnd may be too old to be believed (RFC 5681 4.1).
    #[inline(always)]
    pub(crate) fn restart_idle(&mut self, now: Instant, config: &TcpConfig) {
        let (idle, rto) = (now.nanos_since(self.snd.last_sent), self.rto(config));
        if idle > rto && config.tcp_slow_start_after_idle {
            self.cc.on_idle(now, idle, rto);
        }
        self.chrono.resume(now);
        self.cc.on_transmit_start(now);
    }

    /// The segment at SND.NXT, if one may go out now.
    fn next_segment(&mut self, wire: &Wire<'_, '_>) -> Option<Plan> {
        let snd = &self.snd;
        let end = snd.data_end();
        if snd.nxt.after(end) || (snd.nxt == end && !snd.fin) {
            return None;
        }
        let unsent = end.since(snd.nxt);
        let record = if self.app.send_flags.has_records() { self.record_len() } else { unsent };
        let snd = &self.snd;
        let mss = u32::from(snd.mss);
        let window = (snd.una + snd.wnd).since(snd.nxt);
        // RFC 5681 3.1: the lesser of both windows bounds what is in flight.
        let mut len = record.min(window).min(self.cwnd_room()).min(self.largest(wire));
        let is_tail = record == unsent;
        if snd.force {
            len = len.max(record.min(mss).min(window));
        } else if len > mss && (len < record || (is_tail && !snd.fin && self.should_wait(len % mss, true))) {
            len -= len % mss; // whole segments, where a device cuts them
        }
        let (last, ends_record) = (len == unsent, len == record && !is_tail);
        let fin = snd.fin && last;
        let may_wait = !snd.force && len < mss && !ends_record;
        if !fin && (len == 0 || (may_wait && self.should_wait(len, last))) {
            return None;
        }
        // As Linux: what a device cuts is not held back by the receiver's GRO, nor is a window probe.
        let push = ends_record
            || len > mss
            || (snd.force && len < mss)
            || (last && (fin || self.app.send_flags.has_end()));
        let flags = match (fin, push && len > 0) {
            (true, true) => Flags::ACK.with(Flags::FIN).with(Flags::PSH),
            (true, false) => Flags::ACK.with(Flags::FIN),
            (false, true) => Flags::ACK.with(Flags::PSH),
            (false, false) => Flags::ACK,
        };
        Some(Plan { seq: snd.nxt, flags, len: len as usize })
    }

    /// Whether a segment that is not full waits: the window allows no more of what there is (RFC 9293 3.8.6.2.1, the
    /// sender's silly window avoidance), or Nagle holds the rest back until the last small segment is acknowledged.
    fn should_wait(&self, len: u32, last: bool) -> bool {
        if !last {
            return len < self.snd.max_wnd / 2;
        }
        self.app.send_flags.hold(self.snd.small_end.after(self.snd.una))
    }

    /// Notes that `len` bytes of `plan`, with its FIN if all of it went out, were sent.
    pub(crate) fn sent(&mut self, plan: &Plan, len: usize, now: Instant) {
        let fin = plan.flags.has(Flags::FIN) && len == plan.len;
        let end = plan.seq + len as u32 + u32::from(fin); // below 64 KiB
        let snapshot = self.rate.sent(now, self.flight.is_empty());
        let mss = u32::from(self.snd.mss);
        let mut start = plan.seq;
        let pushes = end.at_or_after(self.snd.data_end())
            || self.app.send_flags.has_records() && self.ends_record(plan);
        while start.before(end) {
            // A FIN stays with the last of its data.
            let left = end.since(start) - u32::from(fin);
            let next = if left > mss { start + mss } else { end };
            // What a device cuts gets PSH for its length; that ends with the frame.
            let push = plan.flags.has(Flags::PSH) && next == end && pushes;
            self.flight.push(start, next, now, snapshot, push);
            if start != plan.seq {
                self.flight.join_last();
            }
            start = next;
        }
        let snd = &mut self.snd;
        snd.nxt = end;
        snd.last_sent = now;
        // One that was cut short for its options was full.
        if !len.is_multiple_of(usize::from(snd.mss)) && len == plan.len {
            snd.small_end = end;
        }
        if self.recovery.reduces_cwnd() {
            self.recovery.repair_mut().prr.sent(end.since(plan.seq));
        }
        self.note_departure(end.since(plan.seq), now);
        // RFC 8985 7.2: new data schedule the probe anew, in `set_retransmit`.
        self.timers.clear(Timer::TailProbe);
        if core::mem::take(&mut self.snd.force) {
            self.tail_probe_sent();
        }
    }

    /// Builds a segment and hands it to IP; it carries an ACK and the window. Gives the payload bytes that went
    /// out (a chain of chunks may be too long for the device), `None` when there was no buffer.
    pub(crate) fn emit(&mut self, plan: &Plan, wire: &mut Wire<'_, '_>) -> Option<usize> {
        let mut packet = wire.packet(plan.len == 0)?;
        let wanted = plan.len;
        let (sack, len) = self.room_for_sack(plan.seq, wanted);
        let plan = &Plan { len, ..*plan };
        let offset = plan.seq.since(self.snd.base()) as usize;
        let mut flags = plan.flags;
        let max_chunks = usize::from(wire.link.offloads.tx_chunks);
        let copy_below = usize::from(wire.link.offloads.copy_below).min(packet.tailroom());
        let sent = if plan.len == 0 {
            0
        } else if max_chunks > 0 && plan.len > copy_below {
            let chunks = &mut *wire.chunks;
            let attached = self.snd.queue.chunks(offset, plan.len, max_chunks, |chunk| chunks.push(chunk));
            let full = plan.len.min(usize::from(self.snd.mss));
            if attached < full {
                // Many small writes: a full segment of copies beats several small ones.
                chunks.clear();
                let copied = self.snd.queue.copy_to(offset, full, &mut packet);
                wire.cx.stats.tx_copied_bytes += copied as u64;
                copied
            } else {
                attached
            }
        } else {
            self.snd.queue.copy_to(offset, plan.len, &mut packet)
        };
        if max_chunks == 0 || plan.len <= copy_below {
            wire.cx.stats.tx_copied_bytes += sent as u64;
        }
        if sent < wanted {
            flags.0 &= !Flags::FIN.0;
        }
        let (marks, ecn) = self.mark_ecn(plan.seq, sent);
        let flags = flags.with(marks);
        let options = TcpOptions {
            timestamps: self
                .timestamps
                .map(|ts| (super::options::Timestamps::value(ts.offset, wire.now), ts.recent)),
            ..TcpOptions::default()
        };
        let mut header = header(&self.tuple, plan.seq, self.rcv.nxt, flags, self.rcv.advertise(), options);
        header.header_len += sack_len(&sack);
        let mss = self.snd.mss - sack_len(&sack) as u16; // see room_for_sack
        let tso_mss = if sent > usize::from(mss) { mss } else { 0 };
        wire.send(&self.tuple, &header, &sack, packet, ecn, tso_mss);
        self.sent_sack(&sack, sent, wire.now);
        Some(sent)
    }

    /// RFC 6298 5.1: the timer runs while data are out; and as persist timer while a shut window holds data back.
    #[inline(always)]
    pub(crate) fn set_retransmit(&mut self, now: Instant, config: &TcpConfig) {
        let waits = self.snd.flight() > 0 || self.snd.has_unsent();
        let open = !matches!(self.machine.get(), State::Closed | State::TimeWait);
        if waits && open && !self.timers.is_set(Timer::Retransmit) {
            let rto = self.within_user_timeout(self.rto(config), now);
            self.timers.set(Timer::Retransmit, now.plus_nanos(rto));
        }
        if !self.timers.is_set(Timer::TailProbe) {
            self.set_tail_probe(now, config);
        }
    }
}
