//! How much may wait in the send queue: `tcp_wmem`, SO_SNDBUF, TCP_NOTSENT_LOWAT.

use corelane_nic::TxBurst;

use super::connection::Connection;
use super::receiver::MAX_BUFFER;
use super::state::State;
use crate::config::BufferSizes;
use crate::error::Error;

/// What waits unsent while the buffer is tuned by itself. A turn sends half of it, and wakes who writes: more makes no stream
/// faster, but would have left the core's caches before it goes out.
const UNSENT: usize = 2 * TxBurst::MAX_BYTES;

impl Connection {
    /// What was written and never sent.
    pub(crate) fn notsent(&self) -> u32 {
        let end = self.snd.data_end();
        if self.snd.nxt.before(end) { end.since(self.snd.nxt) } else { 0 }
    }

    /// How many bytes can be written now.
    pub(crate) fn send_room(&self) -> usize {
        let free = self.app.send_limit.saturating_sub(self.snd.queue.len());
        let most = self.most_unsent();
        if free == 0 || self.app.send_limit <= most {
            return free;
        }
        free.min(most.saturating_sub(self.notsent() as usize))
    }

    /// TCP_NOTSENT_LOWAT, or without it what makes sense.
    fn most_unsent(&self) -> usize {
        match self.app.notsent_lowat {
            u32::MAX if self.app.send_limit_max == 0 => usize::MAX,
            u32::MAX => UNSENT,
            lowat => lowat as usize, // usize has at least 32 bits
        }
    }

    /// How many bytes the send buffer takes, at least one.
    #[inline(always)]
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
            Some(bytes) => (self.app.send_limit, self.app.send_limit_max) = (bytes, 0),
            None => {
                self.app.send_limit_max = sizes.max.min(MAX_BUFFER);
                self.expand_send_buffer();
            }
        }
    }

    /// Tells the application that there is room again: once a third of the buffer is free, and less than half of what may
    /// wait unsent does (both as Linux does).
    #[inline]
    pub(crate) fn tell_writable(&mut self) {
        if self.app.want_write {
            self.look_for_room();
        }
    }

    fn look_for_room(&mut self) {
        self.expand_send_buffer();
        let free = self.app.send_limit.saturating_sub(self.snd.queue.len());
        let sent = u64::from(self.notsent()) * 2 < self.most_unsent() as u64;
        if free >= self.app.send_limit / 3 && sent && self.machine.get().can_write() {
            self.app.want_write = false;
            self.effects.writable = true;
        }
    }

    /// Segments went out: where the unsent are limited that makes room. Whether the application is to be told.
    pub(crate) fn sent_some(&mut self) -> bool {
        let waits = self.app.want_write && self.app.send_limit > self.most_unsent();
        if waits {
            self.look_for_room();
        }
        waits && self.effects.writable
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
