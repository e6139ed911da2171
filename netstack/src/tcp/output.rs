//! What a connection sends next (RFC 9293 3.8), and how a segment is built.

use alloc::vec::Vec;

use corelane_nic::{ChecksumOffload, Chunk, Packet, TxOffload};

use super::congestion::Controller;
use super::connection::Connection;
use super::options;
use super::sack::SackList;
use super::seq::SeqNumber;
use super::state::State;
use super::table::FourTuple;
use super::timers::Timer;
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
}

/// One segment to be built.
struct Plan {
    seq: SeqNumber,
    flags: Flags,
    /// Payload bytes from `seq` on.
    len: usize,
}

impl Wire<'_, '_> {
    /// Payload that an IP packet has room for, without TCP options.
    pub(crate) fn link_mss(&self) -> u16 {
        link_mss(self.link)
    }

    /// An empty packet with room for all headers in front of its data.
    fn packet(&mut self, control: bool) -> Option<Packet> {
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
            ecn: 0,
            ttl: None,
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
        let header = header(tuple, seq, ack, flags, window, options);
        self.send(tuple, &header, &SackList::default(), packet, 0);
        true
    }

    /// RFC 9293 3.10.7.1: the answer to a segment that nobody expects.
    pub(crate) fn send_reset(&mut self, tuple: &FourTuple, seq: SeqNumber, ack: Option<SeqNumber>) {
        self.cx.stats.tcp_out_rsts += 1;
        let flags = if ack.is_some() { Flags::RST.with(Flags::ACK) } else { Flags::RST };
        self.send_bare(tuple, seq, ack.unwrap_or_default(), flags, 0, TcpOptions::default());
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
        self.refresh_path(wire.now);
        let done = match self.machine.get() {
            State::Closed | State::Listen => true,
            State::SynSent | State::SynReceived => self.output_syn(wire),
            _ => self.output_open(wire),
        };
        if done {
            self.set_retransmit(wire);
        }
        done
    }

    fn output_syn(&mut self, wire: &mut Wire<'_, '_>) -> bool {
        let due = self.snd.nxt == self.iss;
        if !due && !self.rcv.ack_now {
            return true;
        }
        let crossed = self.machine.get() == State::SynReceived;
        let mut offer = options::offer(wire.config, wire.link_mss(), None);
        let mut flags = Flags::SYN;
        if crossed {
            flags = flags.with(Flags::ACK);
            offer.timestamps = offer.timestamps.filter(|_| self.timestamps.is_some());
        }
        if let (Some(ours), Some(offered)) = (&self.timestamps, &mut offer.timestamps) {
            *offered = (super::options::Timestamps::value(ours.offset, wire.now), ours.recent);
        }
        let window = self.rcv.limit.min(u32::from(u16::MAX)) as u16; // just limited; RFC 7323 2.2: not scaled
        if !wire.send_bare(&self.tuple, self.iss, self.rcv.nxt, flags, window, offer) {
            return false;
        }
        self.rcv.ack_now = false;
        let end = self.iss + 1;
        if self.snd.max == self.iss {
            self.snd.timed = Some((end, wire.now));
        } else if due {
            self.snd.retransmits += 1;
            wire.cx.stats.tcp_retrans_segs += 1;
        }
        self.snd.nxt = end;
        self.snd.max = end;
        true
    }

    fn output_open(&mut self, wire: &mut Wire<'_, '_>) -> bool {
        if self.snd.flight() == 0 && wire.now > self.snd.last_sent.plus_nanos(self.rto(wire.config)) {
            self.cc.on_idle(); // RFC 5681 4.1
        }
        if self.snd.probe {
            // One below what is expected: the peer answers with an ACK.
            let plan = Plan { seq: self.snd.una - 1, flags: Flags::ACK, len: 0 };
            if wire.cx.out.room() == 0 || self.emit(&plan, wire).is_none() {
                return false;
            }
            self.snd.probe = false;
        }
        if self.snd.resend_head && !self.resend(self.snd.una, wire) {
            return false;
        }
        if self.snd.resend_tail {
            let len = self.snd.flight().min(u32::from(self.snd.mss));
            if len > 0 && !self.resend_range(self.snd.max - len, self.snd.max, wire) {
                return false;
            }
            self.snd.resend_tail = false;
        }
        if self.sack_recovery().is_some() && !self.resend_lost(wire) {
            return false;
        }
        while let Some(plan) = self.next_segment(wire) {
            if wire.cx.out.room() == 0 {
                return false;
            }
            let Some(sent) = self.emit(&plan, wire) else { return false };
            self.sent(&plan, sent, wire);
        }
        if self.rcv.ack_now {
            let plan = Plan { seq: self.snd.nxt.max(self.snd.max), flags: Flags::ACK, len: 0 };
            return wire.cx.out.room() > 0 && self.emit(&plan, wire).is_some();
        }
        true
    }

    /// RFC 6675 5: sends again what is lost, as far as cwnd allows.
    fn resend_lost(&mut self, wire: &mut Wire<'_, '_>) -> bool {
        let (una, max, mss) = (self.snd.una, self.snd.max, u32::from(self.snd.mss));
        let cwnd = self.cwnd();
        while self
            .scoreboard
            .as_ref()
            .is_some_and(|board| board.may_resend(board.pipe(una, max, mss), cwnd, mss))
        {
            let Some((start, end)) =
                self.scoreboard.as_mut().and_then(|board| board.next_resend(una, max, mss))
            else {
                break;
            };
            if !self.resend_range(start, end, wire) {
                return false;
            }
            if let Some(board) = &mut self.scoreboard {
                board.resent(start, end, max);
            }
        }
        true
    }

    /// Fast retransmission without SACK: the segment at SND.UNA.
    fn resend(&mut self, una: SeqNumber, wire: &mut Wire<'_, '_>) -> bool {
        let len = self.snd.flight().min(u32::from(self.snd.mss));
        if len == 0 {
            self.snd.resend_head = false; // all was acknowledged before its turn came
            return true;
        }
        let done = self.resend_range(una, una + len, wire);
        self.snd.resend_head &= !done;
        done
    }

    /// Sends `start..end` again, where SND.NXT stays where it is; the FIN's number may be its last.
    fn resend_range(&mut self, start: SeqNumber, end: SeqNumber, wire: &mut Wire<'_, '_>) -> bool {
        let data_end = self.snd.data_end();
        let fin = end.after(data_end) || (self.snd.fin_sent() && end == data_end);
        let len = if end.after(data_end) { data_end.since(start) } else { end.since(start) };
        let flags = if fin { Flags::ACK.with(Flags::FIN) } else { Flags::ACK.with(Flags::PSH) };
        let plan = Plan { seq: start, flags, len: len as usize };
        if wire.cx.out.room() == 0 || self.emit(&plan, wire).is_none() {
            return false;
        }
        self.snd.retransmits += 1;
        wire.cx.stats.tcp_retrans_segs += 1;
        true
    }

    /// The segment at SND.NXT, if one may go out now.
    fn next_segment(&mut self, wire: &Wire<'_, '_>) -> Option<Plan> {
        let snd = &self.snd;
        let end = snd.data_end();
        if snd.nxt.after(end) || (snd.nxt == end && !snd.fin) {
            return None;
        }
        let unsent = end.since(snd.nxt);
        let mss = u32::from(snd.mss);
        // RFC 5681 3.1: the lesser of both windows bounds what is in flight.
        let (wnd_edge, cwnd_edge) = (snd.una + snd.wnd, self.cwnd_edge());
        let allowed = if wnd_edge.before(cwnd_edge) { wnd_edge } else { cwnd_edge };
        let mut len = unsent.min(allowed.since(snd.nxt)).min(self.largest(wire));
        if snd.force {
            // What was sent before may go again; new data only as far as the window goes.
            let window = (snd.una + snd.wnd).since(snd.nxt);
            len = len.max(unsent.min(mss).min(window.max(snd.max.since(snd.nxt))));
        } else if len < unsent && len > mss {
            len -= len % mss; // whole segments, where a device cuts them
        }
        let last = len == unsent;
        let fin = snd.fin && last;
        if !fin && (len == 0 || (!snd.force && len < mss && self.should_wait(len, last))) {
            return None;
        }
        let flags = match (fin, last) {
            (true, _) => Flags::ACK.with(Flags::FIN).with(Flags::PSH),
            (false, true) => Flags::ACK.with(Flags::PSH),
            (false, false) => Flags::ACK,
        };
        Some(Plan { seq: snd.nxt, flags, len: len as usize })
    }

    /// The longest payload of one frame.
    fn largest(&self, wire: &Wire<'_, '_>) -> u32 {
        let mss = u32::from(self.snd.mss);
        // Segments that are sent again go one by one: they are what a lossy path needs.
        let tso = if self.snd.nxt.before(self.snd.max) { 0 } else { wire.link.offloads.tso_max };
        if tso > mss { tso - tso % mss } else { mss }
    }

    /// Whether a segment that is not full waits: the window allows no more of what there is (RFC 9293 3.8.6.2.1, the
    /// sender's silly window avoidance), or Nagle holds the rest back until the last small segment is acknowledged.
    fn should_wait(&self, len: u32, last: bool) -> bool {
        if !last {
            return len < self.snd.max_wnd / 2;
        }
        !self.app.nodelay && self.snd.small_end.after(self.snd.una)
    }

    /// Notes that `len` bytes of `plan`, with its FIN if all of it went out, were sent.
    fn sent(&mut self, plan: &Plan, len: usize, wire: &mut Wire<'_, '_>) {
        let snd = &mut self.snd;
        let fin = plan.flags.has(Flags::FIN) && len == plan.len;
        let again = snd.nxt.before(snd.max);
        snd.nxt += len as u32 + u32::from(fin); // below 64 KiB
        snd.force = false;
        snd.last_sent = wire.now;
        if again {
            snd.retransmits += 1;
            wire.cx.stats.tcp_retrans_segs += 1;
        } else if snd.timed.is_none() {
            snd.timed = Some((snd.nxt, wire.now));
        }
        if len < usize::from(snd.mss) {
            snd.small_end = snd.nxt;
        }
        snd.max = snd.max.max(snd.nxt);
    }

    /// Builds a segment and hands it to IP; it carries an ACK and the window. Gives the payload bytes that went
    /// out (a chain of chunks may be too long for the device), `None` when there was no buffer.
    fn emit(&mut self, plan: &Plan, wire: &mut Wire<'_, '_>) -> Option<usize> {
        let mut packet = wire.packet(plan.len == 0)?;
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
        if sent < plan.len {
            flags.0 &= !Flags::FIN.0;
        }
        let options = TcpOptions {
            timestamps: self
                .timestamps
                .map(|ts| (super::options::Timestamps::value(ts.offset, wire.now), ts.recent)),
            ..TcpOptions::default()
        };
        // Data go without blocks: the segment is cut for the options that it always has.
        let blocks = if plan.len == 0 { sack_len(self.rcv.sack()) } else { 0 };
        let mut header = header(&self.tuple, plan.seq, self.rcv.nxt, flags, self.rcv.advertise(), options);
        header.header_len += blocks;
        let tso_mss = if sent > usize::from(self.snd.mss) { self.snd.mss } else { 0 };
        wire.send(&self.tuple, &header, self.rcv.sack(), packet, tso_mss);
        self.sent_ack();
        Some(sent)
    }

    /// RFC 6298 5.1: the timer runs while data are out; and as persist timer while a shut window holds data back.
    #[inline(always)]
    pub(crate) fn set_retransmit(&mut self, wire: &Wire<'_, '_>) {
        let waits = self.snd.flight() > 0 || self.snd.has_unsent();
        let open = !matches!(self.machine.get(), State::Closed | State::TimeWait);
        if waits && open && !self.timers.is_set(Timer::Retransmit) {
            self.timers.set(Timer::Retransmit, wire.now.plus_nanos(self.rto(wire.config)));
        }
        if !self.timers.is_set(Timer::TailProbe) && self.snd.flight() > u32::from(self.snd.mss) {
            self.set_tail_probe(wire.now);
        }
    }
}
