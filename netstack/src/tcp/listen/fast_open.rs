//! Fast Open's server (RFC 7413): who may skip the handshake.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::time::Duration;

use siphasher::sip::SipHasher24;

use super::HalfOpen;
use crate::error::Error;
use crate::event::{Event, ListenerId, SocketId};
use crate::stats::Stats;
use crate::tcp::connection::{Connection, Effects, Env};
use crate::tcp::ecn::Ecn;
use crate::tcp::fast_open::{FastOpen, SERVER, SERVER_NO_COOKIE, Server};
use crate::tcp::segment::Segment;
use crate::tcp::state::Machine;
use crate::tcp::table::{FourTuple, Owner};
use crate::tcp::{Net, Tcp, output};
use crate::time::Instant;
use crate::wire::tcp_options::FastOpenCookie;

/// How long a connection counts that a RST has ended: RFC 7413 5.1, or a peer would fill the server's memory with spoofed SYNs and
/// have the victim's RSTs make room for more.
const AFTER_RESET: Duration = Duration::from_secs(60);

/// Makes the cookies of a server, and knows its own.
pub(crate) struct FastOpenKeys {
    key: SipHasher24,
    /// The key before: its cookies are still good.
    before: Option<SipHasher24>,
}

/// Whose a cookie is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Validity {
    Good,
    /// By the key before: the peer gets a new one.
    Old,
    Bad,
}

impl FastOpenKeys {
    pub(crate) fn new(key: [u8; 16]) -> FastOpenKeys {
        FastOpenKeys { key: SipHasher24::new_with_key(&key), before: None }
    }

    pub(crate) fn rotate(&mut self, key: [u8; 16]) {
        self.before = Some(core::mem::replace(&mut self.key, SipHasher24::new_with_key(&key)));
    }

    /// RFC 7413 4.1.2: by the peer's address, and ours.
    fn cookie_by(key: &SipHasher24, tuple: &FourTuple) -> FastOpenCookie {
        let mut addresses = [0; 8];
        addresses[..4].copy_from_slice(&tuple.remote.octets());
        addresses[4..].copy_from_slice(&tuple.local.octets());
        FastOpenCookie::new(&key.hash(&addresses).to_le_bytes()).unwrap_or(FastOpenCookie::REQUEST)
    }

    pub(super) fn cookie(&self, tuple: &FourTuple) -> FastOpenCookie {
        FastOpenKeys::cookie_by(&self.key, tuple)
    }

    fn check(&self, tuple: &FourTuple, cookie: &FastOpenCookie) -> Validity {
        let is_by = |key| FastOpenKeys::cookie_by(key, tuple) == *cookie;
        match &self.before {
            _ if is_by(&self.key) => Validity::Good,
            Some(before) if is_by(before) => Validity::Old,
            _ => Validity::Bad,
        }
    }
}

/// A listener's connections that were accepted early.
#[derive(Debug, Default)]
pub(crate) struct EarlyQueue {
    /// The most (TCP_FASTOPEN); 0: none.
    pub(crate) limit: usize,
    /// Those whose third ACK has not come.
    pub(crate) len: usize,
    /// Until when each counts that was reset.
    resets: VecDeque<Instant>,
}

impl EarlyQueue {
    /// Whether there is room for one more.
    fn has_room(&mut self, now: Instant, stats: &mut Stats) -> bool {
        if self.limit == 0 {
            return false;
        }
        if self.len + self.resets.len() >= self.limit {
            if self.resets.front().is_none_or(|until| *until > now) {
                stats.fast_open_listen_overflow += 1;
                return false;
            }
            self.resets.pop_front();
        }
        true
    }

    /// One leaves; `reset`: by a RST, at this time.
    fn leave(&mut self, reset: Option<Instant>) {
        self.len = self.len.saturating_sub(1);
        if let Some(now) = reset {
            self.resets.push_back(now + AFTER_RESET);
        }
    }
}

impl Tcp {
    /// TCP_FASTOPEN of a listener.
    pub(crate) fn set_fast_open(&mut self, id: ListenerId, limit: usize) -> Result<(), Error> {
        let listener = self.listeners.get_mut(id).ok_or(Error::NotOpen)?;
        listener.early.limit = limit.min(self.config.somaxconn);
        Ok(())
    }

    /// TCP_FASTOPEN_KEY of all listeners.
    pub(crate) fn rotate_fast_open_key(&mut self, key: [u8; 16]) {
        self.fast_open_keys.rotate(key);
    }

    /// A SYN with the option, or with data: Linux's `tcp_try_fastopen`. Whether a connection was made; otherwise the half-open
    /// one knows whether its SYN-ACK brings a cookie.
    pub(super) fn try_fast_open(
        &mut self,
        half: &mut HalfOpen,
        segment: &mut Segment,
        net: &mut Net<'_>,
    ) -> bool {
        let option = segment.header.options.fast_open;
        let has_data = segment.payload.len() > 0;
        if option.is_none() && !has_data {
            return false;
        }
        net.stats.fast_open_cookie_reqd += u64::from(option.is_some_and(|cookie| cookie.is_request()));
        let config = self.config.tcp_fastopen;
        let Some(listener) = self.listeners.get_mut(half.listener) else { return false };
        if config & SERVER == 0 || !listener.early.has_room(net.now, net.stats) {
            return false;
        }
        let validity = match &option {
            _ if config & SERVER_NO_COOKIE != 0 => Validity::Good,
            Some(cookie) if !cookie.is_request() => {
                let validity = self.fast_open_keys.check(&half.tuple, cookie);
                net.stats.fast_open_passive_fail += u64::from(validity == Validity::Bad);
                validity
            }
            _ => Validity::Bad,
        };
        if validity == Validity::Bad {
            half.offers_fast_open = option.is_some();
            return false;
        }
        net.stats.fast_open_passive += 1;
        net.stats.fast_open_passive_alt_key += u64::from(validity == Validity::Old);
        let renew = validity == Validity::Old;
        self.establish_early(half, renew, segment, net);
        true
    }

    /// A connection in the accept queue whose SYN-ACK is still to be sent; the SYN's data can be read.
    fn establish_early(&mut self, half: &HalfOpen, renew: bool, segment: &mut Segment, net: &mut Net<'_>) {
        let link_mss = output::link_mss(&self.link);
        let cookie = renew.then(|| self.fast_open_keys.cookie(&half.tuple));
        let server = Server { listener: half.listener, negotiated: half.negotiated, cookie };
        let mut env = Env {
            now: net.now,
            config: &self.config,
            stats: net.stats,
            memory: &self.memory,
            link: &self.link,
        };
        let mut connection = Connection::connect(half.tuple, half.iss, half.ts_offset, env.config, link_mss);
        let own = self.listeners.get(half.listener).map(|listener| listener.options).unwrap_or_default();
        connection.set_options(&own, env.config);
        connection.open(half.irs, half.window, half.negotiated, &env);
        connection.machine = Machine::early_open(net.now);
        connection.ecn = Ecn::new(half.ecn_ok);
        connection.app.listener = Some(half.listener);
        connection.fast_open = Some(Box::new(FastOpen::Server(server)));
        connection.effects = Effects::default();
        segment.trim_before(half.irs + 1);
        segment.trim_after(connection.rcv.edge);
        connection.text(segment, &mut env);
        connection.effects.transmit = true;
        let id = self.connections.insert_with(|_| connection);
        self.flows.insert(&half.tuple, Owner::Connection(id));
        if let Some(listener) = self.listeners.get_mut(half.listener) {
            listener.early.len += 1;
            listener.accept_queue.push_back(SocketId(id));
            if !listener.acceptable_queued {
                listener.acceptable_queued = true;
                self.lists.events.push(Event::Acceptable(half.listener));
            }
        }
        self.settle(id);
    }

    /// The handshake of a connection that was accepted early is over, well or by a RST at this time.
    pub(crate) fn end_early(&mut self, listener: ListenerId, reset: Option<Instant>) {
        if let Some(listener) = self.listeners.get_mut(listener) {
            listener.early.leave(reset);
        }
    }
}

#[cfg(test)]
mod tests;
