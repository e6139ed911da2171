//! The text of a segment (RFC 9293 3.10.7.4, seventh): into the queue, or into the assembler.

use alloc::boxed::Box;
use core::hint::cold_path;

use corelane_nic::Chunk;

use super::assembler::{Assembler, Bounds};
use super::connection::{Connection, Env};
use super::options::Timestamps;
use super::receiver::Receiver;
use super::recovery::DUP_THRESH;
use super::segment::Segment;
use super::state::State;
use super::timers::Timer;
use crate::error::Error;

impl Connection {
    /// Seventh, process the segment text: trimmed to the window.
    pub(crate) fn text(&mut self, segment: &mut Segment, env: &mut Env<'_>) {
        let len = segment.payload.len();
        if len == 0 {
            if segment.seq_len() > 0 && segment.seq() != self.rcv.nxt {
                self.rcv.owe_duplicate_ack(); // a FIN before its data
                self.effects.transmit = true;
            }
            return;
        }
        if !self.machine.get().can_receive() {
            return; // RFC 9293: ignore, the peer has sent its FIN
        }
        self.effects.transmit = true; // at least an ACK or its timer
        if self.app.orphan || (self.app.read_shut && self.machine.get() != State::Established) {
            // RFC 9293 3.6.1 (MUST-14 of RFC 1122 4.2.2.13): nobody will read it, and the peer shall know. As in Linux this
            // takes both directions to be shut.
            env.stats.abort_on_data += 1;
            self.effects.reset = Some(segment.header.ack);
            self.effects.reset_is_answer = true;
            return self.fail(Error::ConnectionReset);
        }
        self.take_ecn(segment.ecn, segment.header.flags);
        let mss = len.min(usize::from(env.link_mss())) as u16; // limited by a u16
        self.rcv.mss = self.rcv.mss.max(mss);
        if segment.seq() == self.rcv.nxt {
            self.in_order(segment, env);
        } else {
            self.out_of_order(segment, env);
        }
    }

    fn in_order(&mut self, segment: &mut Segment, env: &mut Env<'_>) {
        let before = self.rcv.nxt;
        if self.rcv.assembler.is_none() {
            self.keep(segment, env);
        } else {
            self.assemble(segment, env); // it may hold bytes that are in hand already
        }
        let had_hole = self.rcv.assembler.is_some();
        if had_hole {
            self.drain_assembler(env);
        }
        if self.rcv.nxt != before {
            self.rcv.ack_now |= had_hole; // RFC 5681 4.2: what fills a hole, or a part of it, is acknowledged at once
            self.took(
                self.rcv.nxt.since(before),
                segment.header.options.timestamps.map(|(_, echo)| echo),
                env,
            );
        }
    }

    /// `len` bytes of data were taken in order, up to RCV.NXT. `echo`: TSecr of what brought them.
    #[inline(always)]
    pub(crate) fn took(&mut self, len: u32, echo: Option<u32>, env: &Env<'_>) {
        self.rcv.bytes += u64::from(len);
        if len >= u32::from(self.rcv.mss)
            && let (Some(echo), Some(ours)) = (echo.filter(|echo| *echo != 0), &self.timestamps)
        {
            self.rcv.measure_rtt(echo, Timestamps::value(ours.offset, env.now));
        }
        self.rcv.time_window(env.now);
        self.rcv.owe_ack(len, env.now, || self.rtt.rto(env.config));
        if self.timers.is_set(Timer::DelayedAck) {
            self.hasten_ack(env);
        }
        self.effects.readable |= self.rcv.queue.len() > 0;
    }

    /// Puts the payload into the queue: in the device's buffers, or copied when the device runs low of them.
    fn keep(&mut self, segment: &mut Segment, env: &mut Env<'_>) {
        let rcv = &mut self.rcv;
        let mut next = segment.seq();
        let mut whole = true;
        segment.payload.take_chunks(|chunk| {
            let len = chunk.len();
            whole = whole && Self::keep_chunk(rcv, chunk, env);
            if whole {
                next += len as u32; // a chunk is shorter than a frame
            }
        });
        rcv.nxt = next;
    }

    #[inline(always)]
    pub(crate) fn keep_chunk(rcv: &mut Receiver, chunk: Chunk, env: &mut Env<'_>) -> bool {
        rcv.pressed = u32::MAX;
        if !env.memory.device_is_low() {
            rcv.queue.push(chunk);
            return true;
        }
        cold_path();
        // What the application keeps of the buffers is not ours to count: it shows when they run out.
        if env.memory.is_pressed() {
            rcv.pressed = env.config.tcp_rmem.min.min(super::receiver::MAX_BUFFER) as u32; // limited
        }
        let kept = rcv.queue.copy(&chunk, env.memory);
        if kept {
            env.stats.rx_copied_bytes += chunk.len() as u64;
        } else {
            env.stats.rcv_q_drop += 1;
            rcv.ack_now = true; // as Linux: the peer shall not take it for lost on the way
        }
        kept
    }

    fn drain_assembler(&mut self, env: &mut Env<'_>) {
        let Some(mut assembler) = self.rcv.assembler.take() else { return };
        while let Some((chunk, is_copy)) = assembler.pop(self.rcv.nxt) {
            let len = chunk.len() as u32; // a chunk is shorter than a frame
            if is_copy {
                self.rcv.queue.push(chunk);
            } else {
                if env.memory.is_exhausted() {
                    // What is out of order can come again, and gives the room for what is not.
                    env.stats.prune_called += 1;
                    env.stats.ofo_pruned += u64::from(!assembler.is_empty());
                    assembler.clear();
                }
                if !Self::keep_chunk(&mut self.rcv, chunk, env) {
                    // Not kept and not acknowledged: the peer sends it again, and what followed it.
                    env.stats.rcv_pruned += 1;
                    assembler.clear();
                    break;
                }
            }
            self.rcv.nxt += len;
        }
        if !assembler.is_empty() {
            assembler.sack.advance(self.rcv.nxt);
            self.rcv.assembler = Some(assembler);
        }
    }

    fn out_of_order(&mut self, segment: &mut Segment, env: &mut Env<'_>) {
        self.part_duplicate_acks();
        self.rcv.owe_duplicate_ack();
        self.assemble(segment, env);
    }

    /// RFC 5681 4.2: each segment out of order gets its own ACK, also where several come in one turn: the peer counts them.
    /// As in Linux, of those behind one hole only the first three where SACK blocks tell of the others.
    fn part_duplicate_acks(&mut self) {
        let behind = self.rcv.assembler.as_ref().map_or(0, |assembler| assembler.len());
        if self.rcv.ack_now && !(self.rcv.sack_permitted && behind >= DUP_THRESH as usize) {
            self.cut_acks.get_or_insert_default().push(self.rcv.nxt, self.ecn.demand_cwr);
        }
    }

    /// Puts the payload beside what arrived out of order.
    fn assemble(&mut self, segment: &mut Segment, env: &mut Env<'_>) {
        let mut seq = segment.seq();
        let rcv = &mut self.rcv;
        let bounds = Bounds { memory: env.memory, limit: rcv.limit as usize };
        segment.payload.take_chunks(|chunk| {
            let end = seq + chunk.len() as u32; // a chunk is shorter than a frame
            let nxt = rcv.nxt;
            let assembler = rcv.assembler.get_or_insert_with(|| Box::new(Assembler::new(nxt)));
            let inserted = assembler.insert(seq, chunk, bounds);
            if inserted.kept && seq != nxt {
                env.stats.ofo_queue += 1;
                if rcv.sack_permitted {
                    assembler.sack.add(seq, end);
                }
            }
            if assembler.is_empty() {
                rcv.assembler = None;
            }
            env.stats.ofo_merge += u64::from(inserted.merged);
            env.stats.ofo_drop += u64::from(!inserted.kept);
            env.stats.prune_called += u64::from(inserted.pruned || !inserted.kept);
            env.stats.ofo_pruned += u64::from(inserted.pruned);
            if let Some(range) = inserted.duplicate {
                rcv.note_duplicate(range, env.config, env.stats);
            }
            seq = end;
        });
    }
}
