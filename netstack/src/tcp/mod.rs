//! TCP (RFC 9293). The picture of the states is in [`state`]; which file answers for what:
//!
//! | file | RFC |
//! |---|---|
//! | `input`, `text` | 9293 3.10.7: SEGMENT ARRIVES |
//! | `prediction` | the common case of `input` and `output` |
//! | `output` | 9293 3.8: what is sent next, Nagle, silly window avoidance |
//! | `timeout`, `timers`, `rtt` | 6298; 9293 3.8.6.1 |
//! | `sender`, `receiver` | 9293 3.3.1: SND.*, RCV.* |
//! | `assembler`, `rcv_space` | 9293 3.10.7.4: what is out of order; the buffer's size |
//! | `ecn` | 3168; 8257 3.2 |
//! | `delayed_ack` | 1122 4.2.3.2; 5681 4.2 |
//! | `ack` | 9293 3.10.7.4, fifth; 6298 3, 4 and 5 |
//! | `retransmit` | 6675 5 |
//! | `recovery/` | 5681, 6582, 3042, 6675, 8985, 6937, 5682, 3522, 3708: see there |
//! | `rate` | draft-cheng-iccrg-delivery-rate-estimation |
//! | `congestion/` | 5681, 9438, 9406, 8257, 7661; draft-cardwell-iccrg-bbr-congestion-control-00 |
//! | `pacing` | as Linux paces inside of TCP |
//! | `challenge`, `paws` | 5961; 7323 5 |
//! | `options`, `sack`, `dsack` | 7323; 9293 3.2; 2018; 2883 |
//! | `listen/` | 9293 3.10.7.2; 6528; 4987 |
//! | `fast_open`, `listen/fast_open` | 7413 |
//! | `time_wait` | 9293 3.4.2; 6191; 1337 |
//! | `resets` | RSTs of connections, until the device takes them |
//! | `icmp`, `path_mtu`, `mtu_probe` | 5461, 5927; 1191; 4821 |
//! | `open`, `ports` | 9293 3.9.1.1; 6056 |
//! | `keepalive` | 9293 3.8.4 |
//! | `closing` | 9293 3.6, 3.10.4, 3.10.5; 1122 4.2.2.13 |
//! | `retries` | 1122 4.2.3.5; 5482 |
//! | `socket_options`, `send_flags`, `records`, `send_buffer` | 9293 3.9.1; tcp(7), socket(7), ip(7) |
//! | `info` | tcp(7): TCP_INFO |
//! | `sizes` | what connections take in memory |

mod ack;
mod assembler;
mod challenge;
mod chrono;
mod chunk_queue;
mod closing;
mod commands;
pub(crate) mod congestion;
mod connection;
mod delayed_ack;
mod dsack;
mod ecn;
mod fast_open;
mod icmp;
mod info;
mod input;
mod keepalive;
mod listen;
mod lookup;
mod memory;
mod mtu_probe;
mod open;
mod options;
mod output;
pub(crate) mod pacing;
mod path_mtu;
mod paws;
mod ports;
mod prediction;
mod rate;
mod rcv_space;
mod receiver;
mod records;
mod recovery;
mod recv_queue;
mod resets;
mod retransmit;
mod retries;
mod rtt;
pub(crate) mod sack;
mod segment;
mod send_buffer;
mod send_flags;
mod send_queue;
mod sender;
pub(crate) mod seq;
mod settle;
mod sizes;
mod socket_list;
mod socket_options;
pub(crate) mod state;
mod table;
mod text;
mod time_wait;
mod timeout;
mod timers;
mod tso;
pub(crate) mod wire_tuple;

use alloc::vec::Vec;
use core::net::Ipv4Addr;

use corelane_nic::{Checksum, Chunk, Packet, Pool, RxBurst, TxBurst};

pub use closing::Shutdown;
pub use commands::{Readiness, WriteChunkError, WriteFlags};
pub use congestion::CongestionControl;
pub use info::{CaState, TcpInfo};
pub use keepalive::Keepalive;
pub use listen::ListenerInfo;
pub use sizes::RecordSizes;
pub use socket_list::{SocketInfo, SocketOwner};
pub use socket_options::SocketOptions;

use crate::arena::{Arena, Id};
use crate::config::{Link, TcpConfig};
use crate::ip::{self, Ip};
use crate::rng::Rng;
use crate::stats::Stats;
use crate::time::Instant;
use crate::wheel::Wheel;
use crate::wire::checksum::Sum;
use crate::wire::plain::PlainFrame;
use crate::wire::tcp::{Flags, TcpHeader};
use challenge::ChallengeLimit;
use connection::{Connection, Env};
use fast_open::CookieCache;
use listen::{Cookies, FastOpenKeys, HalfOpen, Isn, Listeners};
use lookup::LookAhead;
use memory::Memory;
use output::Wire;
pub use ports::CorePorts;
use ports::Ports;
use sack::Blocks;
use segment::{Payload, Segment};
use seq::SeqNumber;
use settle::Lists;
pub use table::FourTuple;
use table::{FlowTable, Owner};
use time_wait::{Answer, TimeWaits};
use wire_tuple::WireTuple;

const PROTOCOL_TCP: u8 = 6;
/// RFC 6191 2, appendix: a connection that re-uses a record starts well beyond its numbers.
const REUSE_DISTANCE: u32 = 65_535 + 2;

/// What an entry of the wheel stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timed {
    Connection(Id),
    HalfOpen(Id),
}

/// What TCP needs from the layers below for one call.
pub(crate) struct Net<'a> {
    pub(crate) now: Instant,
    pub(crate) ip: &'a mut Ip,
    pub(crate) out: &'a mut TxBurst,
    pub(crate) pool: &'a Pool,
    pub(crate) stats: &'a mut Stats,
}

impl Net<'_> {
    fn wire<'s>(
        &'s mut self,
        config: &'s TcpConfig,
        link: &'s Link,
        chunks: &'s mut Vec<Chunk>,
    ) -> Wire<'s, 's> {
        let cx = ip::Context { out: self.out, pool: self.pool, stats: self.stats };
        Wire { now: self.now, ip: self.ip, cx, config, link, chunks, mark: Default::default() }
    }
}

/// All connections and listeners of a stack.
pub(crate) struct Tcp {
    config: TcpConfig,
    link: Link,
    /// The time of the handler that ran last: commands have none of their own.
    now: Instant,
    memory: Memory,
    connections: Arena<Connection>,
    half_open: Arena<HalfOpen>,
    time_wait: TimeWaits,
    listeners: Listeners,
    flows: FlowTable,
    ahead: LookAhead,
    wheel: Wheel<Timed>,
    lists: Lists,
    /// Writers that found no memory.
    starved: Vec<Id>,
    /// Connections in SYN-SENT, and some that were: those that a silent neighbour concerns.
    opening: Vec<Id>,
    orphans: usize,
    ports: Ports,
    isn: Isn,
    challenges: ChallengeLimit,
    cookies: Cookies,
    fast_open_keys: FastOpenKeys,
    cookie_cache: CookieCache,
    chunks: Vec<Chunk>,
}

impl Tcp {
    pub(crate) fn new(config: TcpConfig, link: Link, device: Pool, secret: &[u8; 32]) -> Tcp {
        let mut rng = Rng::new(secret, u64::from_le_bytes(*b"TCP keys"));
        let mut key = || {
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&rng.next_u64().to_le_bytes());
            bytes[8..].copy_from_slice(&rng.next_u64().to_le_bytes());
            bytes
        };
        Tcp {
            flows: FlowTable::new(key()),
            ahead: LookAhead::default(),
            ports: Ports::new(config.ip_local_port_range, [key(), key()]),
            isn: Isn::new([key(), key()]),
            challenges: ChallengeLimit::new(secret),
            cookies: Cookies::new([key(), key()]),
            fast_open_keys: FastOpenKeys::new(key()),
            cookie_cache: CookieCache::default(),
            memory: Memory::new(config.tcp_mem, device),
            lists: Lists::new(config.max_connections),
            config,
            link,
            now: Instant::ZERO,
            connections: Arena::new(),
            half_open: Arena::new(),
            time_wait: TimeWaits::new(),
            listeners: Listeners::new(),
            wheel: Wheel::new(Instant::ZERO),
            starved: Vec::new(),
            opening: Vec::new(),
            orphans: 0,
            chunks: Vec::new(),
        }
    }

    /// Takes the frames at the front of `burst` that connections predict: with one look at the headers of each.
    #[inline(always)]
    pub(crate) fn receive_predicted(&mut self, burst: &mut RxBurst, net: &mut Net<'_>) {
        self.now = net.now;
        let Tcp { connections, lists, flows, ahead, .. } = self;
        let mut env = Env {
            now: net.now,
            config: &self.config,
            stats: net.stats,
            memory: &self.memory,
            link: &self.link,
        };
        let mut taken = 0;
        while let Some(frame) = burst.get(0)
            && let Some(segment) = PlainFrame::parse(&frame.packet, net.ip.station())
            && let Some(id) = ahead.likely(segment.tuple(), flows, connections)
            && let Some(connection) = connections.get_mut(id)
            && WireTuple::received(&connection.tuple) == segment.tuple()
            && connection.predicts(&segment, net.now)
            && !frame.packet.is_chained()
            && segment.is_valid(frame.checksum)
        {
            let (ecn, has_acked) = (segment.ecn(), segment.ack() != connection.snd.una);
            let Some(frame) = burst.pop() else { break };
            taken += 1;
            env.stats.count_ecn(ecn);
            if has_acked {
                // Only an answer to what we sent shows that the neighbour hears us.
                net.ip.confirm(net.now, connection.tuple.remote);
            }
            connection.input_predicted(frame.packet, &mut env);
            lists.note_predicted(connection, id);
        }
        net.stats.count_predicted(taken);
    }

    /// A segment arrives: who answers for it?
    pub(crate) fn receive(
        &mut self,
        source: Ipv4Addr,
        destination: Ipv4Addr,
        packet: Packet,
        checksum: Checksum,
        ecn: u8,
        net: &mut Net<'_>,
    ) {
        self.now = net.now;
        net.stats.tcp_in_segs += 1;
        let Some((tuple, mut segment)) = parse(source, destination, packet, checksum, net.stats) else {
            return;
        };
        segment.ecn = ecn;
        match self.lookup(&tuple) {
            Some(Owner::Connection(id)) => self.connection_input(id, &mut segment, net),
            Some(Owner::HalfOpen(id)) => self.half_open_input(id, &mut segment, net),
            Some(Owner::TimeWait(id)) => self.time_wait_input(id, &mut segment, net),
            None => match self.listeners.find(tuple.local, tuple.local_port) {
                Some(listener) => self.listen_input(listener, tuple, &mut segment, None, net),
                None => self.refuse(&tuple, &segment, net),
            },
        }
    }

    /// RFC 9293 3.10.7.1: CLOSED answers everything but a RST with a RST.
    pub(crate) fn refuse(&mut self, tuple: &FourTuple, segment: &Segment, net: &mut Net<'_>) {
        if segment.has(Flags::RST) {
            return;
        }
        let (seq, ack) = if segment.has(Flags::ACK) {
            (segment.header.ack, None)
        } else {
            (SeqNumber(0), Some(segment.end()))
        };
        net.wire(&self.config, &self.link, &mut self.chunks).send_reset(tuple, seq, ack);
    }

    fn connection_input(&mut self, id: Id, segment: &mut Segment, net: &mut Net<'_>) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let mut env = Env {
            now: net.now,
            config: &self.config,
            stats: net.stats,
            memory: &self.memory,
            link: &self.link,
        };
        let una = connection.snd.una;
        connection.input(segment, &mut env);
        if connection.effects.challenge {
            connection.send_challenge(&mut self.challenges, net.now, &self.config, net.stats);
        }
        if connection.snd.una != una {
            // Only an answer to what we sent shows that the neighbour hears us.
            net.ip.confirm(net.now, connection.tuple.remote);
        }
        if connection.fast_open.is_some() {
            self.note_fast_open(id, segment, net.now);
            return self.settle(id);
        }
        if self.lists.note(connection, id) {
            self.end_state(id);
        }
    }

    fn time_wait_input(&mut self, id: Id, segment: &mut Segment, net: &mut Net<'_>) {
        let Some(record) = self.time_wait.get_mut(id) else { return };
        let tuple = record.tuple;
        match record.input(segment, self.config.tcp_rfc1337, net.now) {
            Answer::Drop => {}
            Answer::Remove => {
                self.time_wait.remove(id);
                self.flows.remove(&tuple, Owner::TimeWait(id));
            }
            Answer::Restart => {
                self.time_wait.restart(id, net.now + self.config.tcp_timewait_len);
                self.ack_time_wait(id, net);
            }
            Answer::Ack => self.ack_time_wait(id, net),
            Answer::Reuse => {
                let Some(listener) = self.listeners.find(tuple.local, tuple.local_port) else {
                    return self.ack_time_wait(id, net);
                };
                let Some(record) = self.time_wait.remove(id) else { return };
                self.flows.remove(&tuple, Owner::TimeWait(id));
                net.stats.time_wait_recycled += 1;
                self.listen_input(listener, tuple, segment, Some(record.snd_nxt + REUSE_DISTANCE), net);
            }
        }
    }

    fn ack_time_wait(&mut self, id: Id, net: &mut Net<'_>) {
        let Some(record) = self.time_wait.get_mut(id) else { return };
        if record.acked_at.is_some_and(|last| net.now - last < self.config.tcp_invalid_ratelimit) {
            net.stats.ack_skipped_time_wait += 1;
            return;
        }
        record.acked_at = Some(net.now);
        let (tuple, seq, ack, window) = (record.tuple, record.snd_nxt, record.rcv_nxt, record.window);
        let timestamps =
            record.timestamps.map(|ts| (options::Timestamps::value(ts.offset, net.now), ts.recent));
        let options = crate::wire::tcp_options::TcpOptions { timestamps, ..Default::default() };
        net.wire(&self.config, &self.link, &mut self.chunks).send_bare(
            &tuple,
            seq,
            ack,
            Flags::ACK,
            window,
            options,
        );
    }

    /// The neighbour on the way to `address` does not answer: openings to it fail.
    pub(crate) fn unreachable(&mut self, address: Ipv4Addr) {
        let waiting: Vec<Id> =
            self.opening.iter().copied().filter(|id| self.is_opening_to(*id, Some(address))).collect();
        for id in waiting {
            if let Some(connection) = self.connections.get_mut(id) {
                connection.fail(crate::Error::HostUnreachable);
            }
            self.settle(id);
        }
        self.opening
            .retain(|id| self.connections.get(*id).is_some_and(|c| c.machine.get() == state::State::SynSent));
    }

    fn is_opening_to(&self, id: Id, address: Option<Ipv4Addr>) -> bool {
        self.connections.get(id).is_some_and(|c| {
            c.machine.get() == state::State::SynSent
                && address.is_none_or(|address| c.tuple.remote == address)
        })
    }
}

/// A segment from a packet that starts with its TCP header; `None` when it is malformed (counted).
fn parse(
    source: Ipv4Addr,
    destination: Ipv4Addr,
    mut packet: Packet,
    checksum: Checksum,
    stats: &mut Stats,
) -> Option<(FourTuple, Segment)> {
    let mut sacked = Blocks::default();
    let Some(header) = TcpHeader::parse(&packet, &mut sacked) else {
        stats.tcp_in_errs += 1;
        return None;
    };
    let chained = packet.is_chained();
    let len = if chained { packet.chain().map(<[u8]>::len).sum() } else { packet.len() };
    let pseudo = Sum::pseudo_ipv4(source, destination, PROTOCOL_TCP, len as u16); // an IP packet's length
    let sums_up = || packet.chain().fold(pseudo, Sum::add_bytes).is_valid();
    let valid = match checksum {
        Checksum::Good | Checksum::Partial => true,
        Checksum::Bad => false,
        Checksum::Unknown => sums_up(),
        Checksum::UnknownOrPartial => header.checksum == pseudo.fold() || sums_up(),
    };
    if !valid {
        stats.tcp_in_csum_errors += 1;
        stats.tcp_in_errs += 1;
        return None;
    }
    stats.tcp_bad_options += u64::from(header.options.malformed);
    packet.trim_front(header.header_len);
    let tuple = FourTuple {
        local: destination,
        remote: source,
        local_port: header.destination_port,
        remote_port: header.source_port,
    };
    Some((tuple, Segment { header, payload: Payload::new(packet, len - header.header_len), sacked, ecn: 0 }))
}
