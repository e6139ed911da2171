//! How much may wait in the send queue: `tcp_wmem`, SO_SNDBUF, TCP_NOTSENT_LOWAT.

use super::chrono::Limit;
use super::connection::Connection;
use super::receiver::MAX_BUFFER;
use super::state::State;
use crate::config::BufferSizes;
use crate::error::Error;
use crate::time::Instant;

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

    /// How many bytes can be written now.
    pub(crate) fn send_room(&self) -> usize {
        let free = self.app.send_limit.saturating_sub(self.snd.queue.len());
        if self.app.notsent_lowat == u32::MAX {
            return free;
        }
        free.min(self.app.notsent_lowat.saturating_sub(self.notsent()) as usize)
    }

    /// How many bytes the send buffer takes, at least one.
    pub(crate) fn room_to_write(&mut self) -> Result<usize, Error> {
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
        if room == 0 {
            self.app.want_write = true;
            return Err(Error::WouldBlock);
        }
        Ok(room)
    }

    /// Linux's tcp_sndbuf_expand: twice what may fly, so that one window waits while the other is under way and is sent again
    /// where it was lost; at least for ten segments. Only payload is counted here, so Linux's share for its overhead is left
    /// out. A buffer never shrinks.
    pub(crate) fn expand_send_buffer(&mut self) {
        const INITIAL_SEGMENTS: u32 = 10;
        if self.app.send_limit < self.app.send_limit_max {
            let flight = self.cc.cwnd().max(INITIAL_SEGMENTS * u32::from(self.snd.mss)) as usize;
            let wanted = flight.saturating_mul(2).min(self.app.send_limit_max);
            self.app.send_limit = self.app.send_limit.max(wanted);
        }
    }

    /// SO_SNDBUF, or tuning again from where it is.
    pub(crate) fn fix_send_buffer(&mut self, bytes: Option<usize>, sizes: &BufferSizes) {
        match bytes {
            Some(bytes) => (self.app.send_limit, self.app.send_limit_max) = (bytes, bytes),
            None => {
                self.app.send_limit_max = sizes.max.min(MAX_BUFFER);
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

    /// There is room again once a third of the buffer is free, and less than half of TCP_NOTSENT_LOWAT is unsent (both as Linux
    /// does).
    #[inline(never)]
    fn look_for_room(&mut self, now: Instant) -> bool {
        self.expand_send_buffer();
        let free = self.app.send_limit.saturating_sub(self.snd.queue.len());
        let lowat = self.app.notsent_lowat;
        let sent = lowat == u32::MAX || u64::from(self.notsent()) * 2 < u64::from(lowat);
        let is_open = self.machine.get().can_write();
        if free >= self.app.send_limit / 3 && sent && is_open {
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
