//! Fast Open (RFC 7413): data in the SYN. Here are the connection's parts, and the cookies that a client keeps; who may skip the
//! handshake is decided in `listen/fast_open.rs`.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;

use super::connection::{Connection, Env};
use super::options::{self, Negotiated, Timestamps};
use super::output::Wire;
use super::receiver::Receiver;
use super::segment::Segment;
use super::state::State;
use super::{Tcp, output};
use crate::arena::Id;
use crate::error::Error;
use crate::event::{ListenerId, SocketId};
use crate::ip::Ip;
use crate::stats::Stats;
use crate::time::Instant;
use crate::wire::tcp::Flags;
use crate::wire::tcp_options::FastOpenCookie;

/// Bits of `tcp_fastopen`, as in Linux.
pub(crate) const CLIENT: u32 = 0x1;
pub(crate) const SERVER: u32 = 0x2;
/// Data go with the SYN even without a cookie.
pub(crate) const CLIENT_NO_COOKIE: u32 = 0x4;
/// And are taken without one.
pub(crate) const SERVER_NO_COOKIE: u32 = 0x200;
/// Every listener has it, without being told.
pub(crate) const SERVER_ALL: u32 = 0x400;

/// Servers that a client remembers.
const CACHE: usize = 256;
/// The longest options of a SYN: what is left of a segment takes data.
const MAX_OPTIONS: u16 = 40;
/// After a SYN with data was lost: no more of them to that server for so long, and twice as long after the next.
const AFTER_LOSS: Duration = Duration::from_secs(60);

/// What a connection has while its handshake is not over.
pub(crate) enum FastOpen {
    Client(Client),
    Server(Server),
}

/// The SYN is ours.
pub(crate) struct Client {
    /// The option of the SYN: a cookie, or the request for one.
    option: Option<FastOpenCookie>,
    /// Data bytes that may go with the SYN, which waits for them; 0: it does not wait.
    room: u16,
    /// Data bytes that went with it.
    sent: u16,
    /// The SYN was sent again, without data.
    lost: bool,
}

/// The SYN is the peer's: the connection is in the accept queue before its third ACK has come.
pub(crate) struct Server {
    pub(crate) listener: ListenerId,
    pub(crate) negotiated: Negotiated,
    /// A cookie that the SYN-ACK brings, since the peer's is by the key before.
    pub(crate) cookie: Option<FastOpenCookie>,
}

impl Connection {
    /// Whether a write is taken before the connection is open.
    pub(crate) fn takes_early_data(&self) -> bool {
        match self.fast_open.as_deref() {
            Some(FastOpen::Client(client)) => client.room > 0 && self.snd.nxt == self.iss,
            Some(FastOpen::Server(_)) => self.machine.get() == State::SynReceived,
            None => false,
        }
    }

    /// As `output`, before the handshake is over.
    pub(crate) fn output_fast_open(&mut self, wire: &mut Wire<'_, '_>) -> bool {
        match self.fast_open.as_deref() {
            Some(FastOpen::Client(_)) if self.snd.nxt == self.iss => self.output_syn_data(wire),
            Some(FastOpen::Client(_)) => {
                self.note_lost_syn_data(wire.cx.stats);
                self.output_syn(wire) // sent again without data and without the option, as Linux does
            }
            Some(FastOpen::Server(_)) => {
                let due = self.snd.nxt == self.iss || self.snd.syn_due;
                (!due || self.output_syn_ack(wire)) && self.output_open(wire)
            }
            None => true,
        }
    }

    /// Whether the SYN waits for the first write.
    pub(crate) fn is_deferred(&self) -> bool {
        let empty = self.snd.queue.len() == 0 && !self.snd.fin;
        self.takes_early_data() && self.machine.get() == State::SynSent && empty
    }

    /// Closing in SYN-SENT: whether a FIN follows the SYN, for what was written goes or went with it, or for the peer to hear of a
    /// shutdown. An application that has written nothing and lets go leaves nothing.
    pub(crate) fn closes_early(&self) -> bool {
        let Some(FastOpen::Client(client)) = self.fast_open.as_deref() else { return false };
        let waits = client.room > 0 && !self.app.orphan;
        self.machine.get() == State::SynSent && (waits || self.snd.queue.len() > 0)
    }

    fn note_lost_syn_data(&mut self, stats: &mut Stats) {
        if let Some(FastOpen::Client(client)) = self.fast_open.as_deref_mut()
            && self.snd.syn_due
            && client.sent > 0
            && !client.lost
        {
            client.lost = true;
            stats.fast_open_active_fail += 1;
        }
    }

    /// The first SYN, with the option and the data that have room.
    fn output_syn_data(&mut self, wire: &mut Wire<'_, '_>) -> bool {
        let Some(FastOpen::Client(client)) = self.fast_open.as_deref_mut() else { return true };
        let mut offer = options::offer(wire.config, wire.link_mss(), None);
        offer.fast_open = client.option;
        if let (Some(ours), Some(offered)) = (&self.timestamps, &mut offer.timestamps) {
            *offered = (Timestamps::value(ours.offset, wire.now), ours.recent);
        }
        let Some(mut packet) = wire.packet(true) else { return false };
        let len = self.snd.queue.len().min(usize::from(client.room));
        let sent = self.snd.queue.copy_to(0, len, &mut packet) as u16; // at most the room
        client.sent = sent;
        wire.cx.stats.tx_copied_bytes += u64::from(sent);
        let window = Receiver::first_window(self.rcv.limit.min(self.rcv.clamp) as usize);
        let flags = Flags::SYN.with(self.ecn.syn_flags(false, false, wire.config));
        wire.send_packet(&self.tuple, self.iss, self.rcv.nxt, flags, window, offer, packet);
        self.snd.time_syn(wire.now);
        self.snd.last_sent = wire.now;
        self.snd.nxt = self.iss + 1 + u32::from(sent);
        if sent > 0 {
            let snapshot = self.rate.sent(wire.now, true);
            // Linux says no PSH in a SYN; what is sent again has it where the write ended.
            let push = usize::from(sent) == self.snd.queue.len();
            self.flight.push(self.iss + 1, self.snd.nxt, wire.now, snapshot, push);
        }
        true
    }

    /// The SYN-ACK, which acknowledges the SYN's data.
    fn output_syn_ack(&mut self, wire: &mut Wire<'_, '_>) -> bool {
        let Some(FastOpen::Server(server)) = self.fast_open.as_deref() else { return true };
        let mut offer = options::offer(wire.config, wire.link_mss(), Some(&server.negotiated));
        offer.fast_open = server.cookie;
        if let (Some(ours), Some(offered)) = (&self.timestamps, &mut offer.timestamps) {
            *offered = (Timestamps::value(ours.offset, wire.now), ours.recent);
        }
        let free = self.rcv.limit.saturating_sub(self.rcv.queue.len() as u32); // a queue holds less than 2^32
        let window = Receiver::first_window(free.min(self.rcv.clamp) as usize);
        let flags = Flags::SYN.with(Flags::ACK).with(self.ecn.syn_flags(true, false, wire.config));
        if !wire.send_bare(&self.tuple, self.iss, self.rcv.nxt, flags, window, offer) {
            return false;
        }
        self.rcv.edge = self.rcv.edge.max(self.rcv.nxt + u32::from(window));
        self.sent_ack(0, wire.now);
        if self.snd.nxt == self.iss {
            self.snd.time_syn(wire.now);
            self.snd.nxt = self.iss + 1;
        } else {
            self.snd.forget_syn_time();
            self.snd.retransmits += 1;
            wire.cx.stats.tcp_retrans_segs += 1;
            wire.cx.stats.syn_retrans += 1;
        }
        self.snd.syn_due = false;
        self.snd.last_sent = wire.now;
        true
    }

    /// The SYN that came early comes again: so does the SYN-ACK. `true`: that is all there is to the segment.
    pub(crate) fn is_early_syn_again(&mut self, segment: &Segment, env: &mut Env<'_>) -> bool {
        let irs = match self.fast_open.as_deref() {
            Some(FastOpen::Server(_)) => self.rcv.irs,
            _ => return false,
        };
        if segment.header.flags.kind() != Flags::SYN || segment.seq() != irs {
            return false;
        }
        if self.rcv.may_ack_invalid(env.now, env.config) {
            self.snd.syn_due = true;
            self.effects.transmit = true;
        } else {
            env.stats.ack_skipped_syn_recv += 1;
        }
        true
    }

    /// The SYN-ACK has come: what it leaves unacknowledged of the SYN's data goes out again, as if it never had.
    pub(crate) fn early_data_answered(&mut self, segment: &Segment, env: &mut Env<'_>) {
        let Some(FastOpen::Client(client)) = self.fast_open.as_deref() else { return };
        let (sent, lost) = (client.sent, client.lost);
        if sent == 0 {
            return;
        }
        let all = segment.header.ack == self.snd.nxt;
        if segment.header.ack.after(self.snd.una) {
            self.process_ack(segment, env);
        }
        if all {
            env.stats.fast_open_active += 1;
            return;
        }
        env.stats.fast_open_active_fail += u64::from(!lost);
        self.snd.nxt = self.snd.una;
        self.snd.small_end = self.snd.una;
        self.snd.retransmits += 1;
        env.stats.tcp_retrans_segs += 1;
        self.flight.clear();
    }
}

/// What a client knows of a server.
struct Known {
    server: Ipv4Addr,
    cookie: Option<FastOpenCookie>,
    mss: u16,
    used: Instant,
    losses: u8,
    blocked_until: Instant,
}

/// Cookies by server: at most 256, the one that was not used for longest makes room.
#[derive(Default)]
pub(crate) struct CookieCache {
    known: Vec<Known>,
}

impl CookieCache {
    fn get(&mut self, server: Ipv4Addr, now: Instant) -> Option<&mut Known> {
        let known = self.known.iter_mut().find(|known| known.server == server)?;
        known.used = now;
        Some(known)
    }

    /// What a SYN-ACK of `server` says.
    fn learn(
        &mut self,
        server: Ipv4Addr,
        mss: u16,
        cookie: Option<FastOpenCookie>,
        lost: bool,
        now: Instant,
    ) {
        if self.get(server, now).is_none() {
            if cookie.is_none() && !lost {
                return;
            }
            if self.known.len() >= CACHE {
                let oldest = self.known.iter().enumerate().min_by_key(|(_, known)| known.used);
                let oldest = oldest.map_or(0, |(place, _)| place);
                self.known.swap_remove(oldest);
            }
            let blocked_until = Instant::ZERO;
            self.known.push(Known { server, cookie: None, mss, used: now, losses: 0, blocked_until });
        }
        let Some(known) = self.get(server, now) else { return };
        if let Some(cookie) = cookie {
            (known.cookie, known.mss) = (Some(cookie), mss);
        }
        if lost {
            known.blocked_until = now + AFTER_LOSS * (1 << known.losses.min(6));
            known.losses = known.losses.saturating_add(1);
        } else {
            known.losses = 0;
        }
    }
}

impl Tcp {
    /// As `connect`, but with TCP_FASTOPEN_CONNECT: where the server's cookie is known, the SYN waits for the first write.
    pub(crate) fn connect_fast_open(
        &mut self,
        ip: &Ip,
        local: Option<SocketAddr>,
        remote: SocketAddr,
        stats: &mut Stats,
    ) -> Result<SocketId, Error> {
        if self.config.tcp_fastopen & CLIENT == 0 {
            return self.connect(ip, local, remote, stats);
        }
        let id = self.open(ip, local, remote, stats)?;
        let now = self.now;
        if let Some(connection) = self.connections.get_mut(id.0) {
            let known = self.cookie_cache.get(connection.tuple.remote, now);
            let blocked = known.as_ref().is_some_and(|known| now < known.blocked_until);
            let known = known.and_then(|known| Some((known.cookie?, known.mss)));
            let link_mss = output::link_mss(&self.link);
            let room = |mss: u16| mss.min(link_mss).saturating_sub(MAX_OPTIONS);
            let without = self.config.tcp_fastopen & CLIENT_NO_COOKIE != 0;
            let (option, room) = match known {
                _ if blocked => (None, 0),
                Some((cookie, mss)) => (Some(cookie), room(mss)),
                None if without => (None, room(options::DEFAULT_MSS)),
                None => (Some(FastOpenCookie::REQUEST), 0),
            };
            let client = Client { option, room, sent: 0, lost: false };
            connection.fast_open = Some(Box::new(FastOpen::Client(client)));
            connection.effects.transmit = room == 0;
            connection.effects.writable = room > 0;
        }
        self.settle(id.0);
        Ok(id)
    }

    /// After a segment was handled: whether the handshake is over, and what follows from it.
    pub(crate) fn note_fast_open(&mut self, id: Id, segment: &Segment, now: Instant) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let state = connection.machine.get();
        if !connection.snd.syn_acked && state != State::Closed {
            return;
        }
        let Some(fast_open) = connection.fast_open.take() else { return };
        match *fast_open {
            FastOpen::Client(client) if state != State::Closed => {
                let (server, mss) = (connection.tuple.remote, options::peer_mss(&segment.header.options));
                let cookie = segment.header.options.fast_open.filter(|cookie| !cookie.is_request());
                self.cookie_cache.learn(server, mss, cookie, client.lost, now);
            }
            FastOpen::Client(_) => {}
            FastOpen::Server(server) => {
                let reset = state == State::Closed && segment.has(Flags::RST);
                self.end_early(server.listener, reset.then_some(now));
            }
        }
    }

    /// A connection is gone whose handshake was not over.
    pub(crate) fn forget_fast_open(&mut self, fast_open: Option<&FastOpen>) {
        if let Some(FastOpen::Server(server)) = fast_open {
            self.end_early(server.listener, None);
        }
    }
}

#[cfg(test)]
mod tests;
