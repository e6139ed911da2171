//! How much may wait in the send queue: `tcp_wmem`, SO_SNDBUF, TCP_NOTSENT_LOWAT.

use corelane_nic::TxBurst;

use super::chrono::Limit;
use super::connection::Connection;
use super::receiver::MAX_BUFFER;
use super::state::State;
use crate::config::{BufferSizes, TcpConfig};
use crate::error::Error;
use crate::time::Instant;

/// What a frame of the send queue is charged beside its payload: what Linux's is (the struct sk_buff and its head of 1 KiB).
const FRAME_OVERHEAD: usize = 1280;
/// What a segment's head takes in Linux (MAX_TCP_HEADER and the struct skb_shared_info), and its struct sk_buff.
const SEGMENT_HEAD: u32 = 640;
const SEGMENT_RECORD: u32 = 256;

/// Bytes that the send buffer takes.
struct Room {
    /// In the frame that has begun.
    filler: usize,
    /// In frames that may begin.
    fresh: usize,
}

/// What waits unsent while the buffer is tuned by itself: what three turns send, and the next is written before it is gone. More
/// makes no stream faster, but would have left the core's caches before it goes out.
const UNSENT: u32 = 3 * TxBurst::MAX_BYTES as u32; // 384 KiB

/// How much a connection may have written and not acknowledged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SendBuffer {
    /// The size: tuned, or SO_SNDBUF. At most [`MAX_BUFFER`].
    pub(crate) limit: u32,
    /// How far tuning may take it: not at all once SO_SNDBUF was set.
    pub(crate) limit_max: u32,
    /// What may wait unsent: TCP_NOTSENT_LOWAT, or the stack's own.
    pub(crate) notsent_lowat: u32,
}

impl SendBuffer {
    pub(crate) fn new(config: &TcpConfig) -> SendBuffer {
        SendBuffer {
            limit: limited(config.tcp_wmem.default),
            limit_max: limited(config.tcp_wmem.max),
            notsent_lowat: notsent_lowat(None, false, config),
        }
    }
}

fn limited(bytes: usize) -> u32 {
    bytes.min(MAX_BUFFER) as u32 // limited
}

/// How much may wait unsent: the socket's own TCP_NOTSENT_LOWAT, that of all, or what makes sense. A buffer that is as large
/// as the application wants it may be filled.
pub(crate) fn notsent_lowat(own: Option<u32>, is_fixed: bool, config: &TcpConfig) -> u32 {
    match (own, config.tcp_notsent_lowat) {
        (Some(own), _) => own,
        (None, u32::MAX) if !is_fixed => UNSENT,
        (None, all) => all,
    }
}

impl Connection {
    /// What was written and never sent.
    pub(crate) fn notsent(&self) -> u32 {
        let end = self.snd.data_end();
        if self.snd.nxt.before(end) { end.since(self.snd.nxt) } else { 0 }
    }

    /// Whether the peer's window has no room for the next segment.
    pub(crate) fn is_window_limited(&self) -> bool {
        let window = (self.snd.una + self.snd.wnd).since(self.snd.nxt);
        window < self.notsent().min(u32::from(self.snd.mss))
    }

    /// What the send queue is cut into: whole segments, half of the peer's largest window and an IP packet at most (Linux's
    /// `tcp_xmit_size_goal`).
    fn frame_len(&self) -> usize {
        const LONGEST: u32 = 65_535 - 320;
        const TCP_MSS_DEFAULT: u32 = 536;
        let wnd = self.snd.max_wnd;
        let most = if wnd > TCP_MSS_DEFAULT { wnd / 2 } else { wnd };
        let mss = u32::from(self.snd.mss.max(1));
        ((most.min(LONGEST) / mss).max(1) * mss) as usize
    }

    /// What the send buffer holds in Linux's reckoning (`sk_wmem_queued`), beside payload an overhead for each frame; `unsent` of
    /// it were never sent.
    fn queued(&self, unsent: usize, frame: usize) -> usize {
        let len = self.snd.queue.len();
        len + FRAME_OVERHEAD * ((len - unsent.min(len)).div_ceil(frame) + unsent.div_ceil(frame))
    }

    /// How much can be written now. As in Linux in frames: one that has begun is filled in any case, and another one begins
    /// while less is queued than the buffer's size and less unsent than TCP_NOTSENT_LOWAT. So a full buffer holds up to one
    /// frame more, and no frame is short because the buffer was full.
    fn send_room(&self) -> Room {
        let (unsent, frame) = (self.notsent() as usize, self.frame_len());
        let filler = unsent.next_multiple_of(frame) - unsent;
        let free = (self.send_buffer.limit as usize).saturating_sub(self.queued(unsent, frame) + filler);
        let welcome = (self.send_buffer.notsent_lowat as usize).saturating_sub(unsent + filler);
        let frames = free.div_ceil(frame + FRAME_OVERHEAD).min(welcome.div_ceil(frame));
        Room { filler, fresh: frames * frame }
    }

    /// Whether a write takes at least a byte.
    pub(crate) fn has_room(&self) -> bool {
        let room = self.send_room();
        room.filler + room.fresh > 0
    }

    /// How many of `wanted` bytes the send buffer takes, at least one; if `whole`, all of them or none: they may go beyond a
    /// frame where another one may begin.
    #[inline(always)]
    pub(crate) fn room_to_write(&mut self, wanted: usize, whole: bool) -> Result<usize, Error> {
        // What is not more than a segment has room for certain.
        let fits = self.snd.queue.len() + wanted <= usize::from(self.snd.mss);
        if fits && self.machine.get() == State::Established && self.app.error.is_none() {
            return Ok(wanted);
        }
        self.look_before_writing(wanted, whole)
    }

    #[inline(never)]
    fn look_before_writing(&mut self, wanted: usize, whole: bool) -> Result<usize, Error> {
        if let Some(error) = self.app.error.take() {
            return Err(error);
        }
        match self.machine.get() {
            State::SynSent | State::SynReceived if !self.snd.fin && !self.takes_early_data() => {
                self.app.want_write = true;
                return Err(Error::WouldBlock);
            }
            state if !state.can_write() && (self.snd.fin || !self.takes_early_data()) => {
                return Err(Error::BrokenPipe);
            }
            _ => {}
        }
        let room = self.send_room();
        match room.filler + room.fresh {
            _ if wanted == 0 => Ok(0),
            _ if whole && (room.fresh > 0 || wanted <= room.filler) => Ok(wanted),
            bytes if bytes > 0 && !whole => Ok(bytes),
            _ => {
                self.app.want_write = true;
                Err(Error::WouldBlock)
            }
        }
    }

    /// Linux's tcp_sndbuf_expand: twice what may fly, so that one window waits while the other is under way and is sent again
    /// where it was lost; at least for ten segments, each reckoned with Linux's overhead of one that is sent alone. A buffer
    /// never shrinks.
    pub(crate) fn expand_send_buffer(&mut self) {
        const INITIAL_SEGMENTS: u32 = 10;
        let SendBuffer { limit, limit_max, .. } = self.send_buffer;
        if limit < limit_max {
            let mss = u32::from(self.snd.mss.max(1));
            let segment = (mss + SEGMENT_HEAD).next_power_of_two() + SEGMENT_RECORD;
            let segments = (self.cc.cwnd() / mss).max(INITIAL_SEGMENTS).max(self.recovery.reordering + 1);
            let wanted = (segments as usize).saturating_mul(2 * segment as usize);
            self.send_buffer.limit = limit.max(limited(wanted).min(limit_max));
        }
    }

    /// SO_SNDBUF, or tuning again from where it is.
    pub(crate) fn fix_send_buffer(&mut self, bytes: Option<usize>, sizes: &BufferSizes) {
        let buffer = &mut self.send_buffer;
        match bytes.map(limited) {
            Some(bytes) => (buffer.limit, buffer.limit_max) = (bytes, bytes),
            None => {
                buffer.limit_max = limited(sizes.max);
                self.expand_send_buffer();
            }
        }
    }

    /// Something made room. As in Linux it is looked at after what it lets out has gone, in `sent_some`.
    #[inline]
    pub(crate) fn tell_writable(&mut self) {
        if self.app.want_write {
            self.effects.transmit = true;
        }
    }

    /// What could be sent is sent. Whether the application, which waits for room, is to be told that there is some.
    #[inline(always)]
    pub(crate) fn sent_some(&mut self, now: Instant) -> bool {
        self.app.want_write && self.look_for_room(now)
    }

    /// Linux's __sk_stream_is_writeable: a third of the buffer is free, and less than half of what may wait unsent does.
    #[inline]
    pub(crate) fn has_ample_room(&self) -> bool {
        if self.snd.queue.len() == 0 {
            return self.send_buffer.notsent_lowat > 0;
        }
        self.has_ample_room_behind()
    }

    /// The same, with something in the buffer.
    fn has_ample_room_behind(&self) -> bool {
        let unsent = self.notsent();
        let queued = self.queued(unsent as usize, self.frame_len());
        let sent = u64::from(unsent) * 2 < u64::from(self.send_buffer.notsent_lowat);
        queued + queued / 2 <= self.send_buffer.limit as usize && sent
    }

    /// There is room again once a third of the buffer is free, and less than half of what may wait unsent does; the buffer grows
    /// first, unless cwnd is full (all as Linux does).
    #[inline(never)]
    fn look_for_room(&mut self, now: Instant) -> bool {
        if self.cwnd_room() >= u32::from(self.snd.mss) {
            self.expand_send_buffer();
        }
        let is_open = self.machine.get().can_write();
        if is_open && self.has_ample_room() {
            self.app.want_write = false;
            self.effects.writable = true;
            self.chrono.lift(Limit::Buffer, now);
            return true;
        }
        // All that fits the buffer is out, more would be written, and cwnd would let it out.
        if is_open && self.snd.flight() > 0 && !self.snd.has_unsent() && !self.is_cwnd_limited() {
            self.chrono.limit(Limit::Buffer, now);
        }
        false
    }

    /// The retransmission timer fired with nothing in flight: whether all that it waited for is a cork, which as in Linux
    /// holds segments back for no longer.
    pub(crate) fn cork_timeout(&mut self) -> bool {
        let corked = self.app.send_flags.is_corked() && self.snd.syn_acked && self.snd.wnd > 0;
        if corked {
            self.snd.force = true;
            self.effects.transmit = true;
        }
        corked
    }
}
