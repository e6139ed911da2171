//! The text of a segment (RFC 9293 3.10.7.4, seventh): into the queue, or into the assembler.

use corelane_nic::Chunk;

use super::connection::{Connection, Env};
use super::receiver::Receiver;
use super::segment::Segment;
use super::seq::SeqNumber;
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
            self.effects.reset = Some(self.snd.nxt);
            return self.fail(Error::ConnectionReset);
        }
        let mss = len.min(usize::from(env.link_mss)) as u16; // limited by a u16
        self.rcv.mss = self.rcv.mss.max(mss);
        if segment.seq() == self.rcv.nxt {
            self.in_order(segment, env);
        } else {
            self.out_of_order(segment, env);
        }
    }

    fn in_order(&mut self, segment: &mut Segment, env: &mut Env<'_>) {
        let before = self.rcv.nxt;
        if self.rcv.assembler.is_some() {
            self.fill_hole(segment, env);
        } else {
            self.keep(segment, env);
        }
        if self.rcv.nxt != before {
            self.took(before, env);
        }
    }

    /// Data from `before` up to RCV.NXT were taken in order.
    #[inline]
    pub(crate) fn took(&mut self, before: SeqNumber, env: &Env<'_>) {
        self.rcv.bytes += u64::from(self.rcv.nxt.since(before));
        self.rcv.owe_ack();
        if !self.rcv.ack_now && !self.timers.is_set(Timer::DelayedAck) {
            self.timers.set(Timer::DelayedAck, env.now + env.config.tcp_delack_max);
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

    /// Data at RCV.NXT while others wait behind it. Where they overlap, what arrived first stays (the lesson of RFC 5722; Linux
    /// keeps the later copy here).
    fn fill_hole(&mut self, segment: &mut Segment, env: &mut Env<'_>) {
        let mut seq = segment.seq();
        let mut whole = true;
        segment.payload.take_chunks(|mut chunk| {
            let end = seq + chunk.len() as u32; // a chunk is shorter than a frame
            while whole && self.rcv.nxt.before(end) {
                chunk.advance(self.rcv.nxt.since(seq) as usize);
                seq = self.rcv.nxt;
                let waiting = self.rcv.assembler.as_ref().and_then(|assembler| assembler.start());
                let part = chunk.split_to(waiting.map_or(usize::MAX, |start| start.since(seq) as usize));
                let len = part.len() as u32; // as above
                whole = part.is_empty() || Self::keep_chunk(&mut self.rcv, part, env);
                if whole {
                    seq += len;
                    self.rcv.nxt = seq;
                    self.drain_assembler(env);
                    // Without memory the assembler gives all up: then there is no more room here either.
                    whole = len > 0 || self.rcv.nxt != seq;
                }
            }
            seq = end;
        });
    }

    #[inline(always)]
    pub(crate) fn keep_chunk(rcv: &mut Receiver, chunk: Chunk, env: &mut Env<'_>) -> bool {
        if !env.memory.device_is_low() {
            rcv.queue.push(chunk);
            return true;
        }
        let kept = rcv.queue.copy(&chunk, env.memory);
        if kept {
            env.stats.rx_copied_bytes += chunk.len() as u64;
        } else {
            env.stats.rcv_q_drop += 1;
        }
        kept
    }

    fn drain_assembler(&mut self, env: &mut Env<'_>) {
        let Some(mut assembler) = self.rcv.assembler.take() else { return };
        for chunk in assembler.take(self.rcv.nxt) {
            let len = chunk.len() as u32; // a chunk is shorter than a frame
            if !Self::keep_chunk(&mut self.rcv, chunk, env) {
                // Not kept and not acknowledged: the peer sends it again, and what followed it.
                assembler.clear();
                break;
            }
            self.rcv.nxt += len;
        }
        if !assembler.is_empty() {
            assembler.sack.advance(self.rcv.nxt);
            self.rcv.assembler = Some(assembler);
        }
    }

    fn out_of_order(&mut self, segment: &mut Segment, env: &mut Env<'_>) {
        self.rcv.owe_duplicate_ack();
        let mut seq = segment.seq();
        let rcv = &mut self.rcv;
        segment.payload.take_chunks(|chunk| {
            let len = chunk.len() as u32; // a chunk is shorter than a frame
            // The ring must not starve while a hole is open: what came out of order can come again.
            if env.memory.device_is_low() {
                env.stats.ofo_drop += 1;
                seq += len;
                return;
            }
            let assembler = rcv.assembler.get_or_insert_default();
            if assembler.insert(seq, chunk) {
                env.stats.ofo_queue += 1;
                if rcv.sack_permitted {
                    assembler.sack.add(seq, seq + len);
                }
            } else {
                env.stats.ofo_drop += 1;
            }
            seq += len;
        });
    }
}
