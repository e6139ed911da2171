//! What the tests of this folder share, and the tests of the whole.

use super::*;
use crate::{RouteConfig, Stats};
use alloc::vec;
use corelane_nic::{Checksum, Chunk, MacAddress, Offloads, Pool, PoolConfig, RxFrame, TxBurst, TxOffload};
use proptest::prelude::*;

pub(super) const OUR_MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 2]);
pub(super) const PEER_MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);
pub(super) const US: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
pub(super) const PEER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub(super) const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 254);
const SLOTS: u32 = 64;

/// The IP layer with what it needs, and a link that the test plays.
pub(super) struct Bed {
    pub(super) ip: Ip,
    pub(super) out: TxBurst,
    pub(super) pool: Pool,
    pub(super) stats: Stats,
    pub(super) now: Instant,
}

pub(super) fn config() -> Config {
    Config {
        addresses: vec!["10.0.0.2/24".parse().unwrap()],
        routes: vec![RouteConfig { destination: "0.0.0.0/0".parse().unwrap(), gateway: GATEWAY }],
        ..Config::default()
    }
}

pub(super) fn ethernet_link() -> Link {
    let offloads = Offloads { tx_chunks: 4, ..Offloads::default() };
    Link { medium: Medium::Ethernet(OUR_MAC), mtu: 1500, offloads }
}

impl Bed {
    pub(super) fn new() -> Bed {
        Bed::with(&config(), &ethernet_link())
    }

    pub(super) fn with(config: &Config, link: &Link) -> Bed {
        Bed {
            ip: Ip::new(config, link, &[7; 32]),
            out: TxBurst::with_capacity(8),
            pool: Pool::heap(PoolConfig { slots: SLOTS, slot_size: 2048, headroom: 0, reserve: 4 }),
            stats: Stats::default(),
            now: Instant::from_nanos(1_000_000_000),
        }
    }

    pub(super) fn split(&mut self) -> (&mut Ip, Context<'_>) {
        (&mut self.ip, Context { out: &mut self.out, pool: &self.pool, stats: &mut self.stats })
    }

    pub(super) fn packet(&self, bytes: &[u8]) -> Packet {
        let mut packet = self.pool.take_reserved().unwrap();
        assert!(packet.set_headroom(HEADROOM));
        assert_eq!(packet.extend_from_slice(bytes), bytes.len());
        packet
    }

    /// A chain of the pieces.
    pub(super) fn chain(&self, pieces: &[&[u8]]) -> Packet {
        let mut chain = self.packet(pieces[0]);
        pieces[1..].iter().for_each(|piece| chain.append(self.packet(piece)));
        chain
    }

    pub(super) fn receive_packet(&mut self, packet: Packet) -> Option<Received> {
        let now = self.now;
        let (ip, mut cx) = self.split();
        cx.stats.in_frames += 1; // as the stack does
        ip.receive(now, RxFrame { packet, checksum: Checksum::Good, hash: None }, &mut cx)
    }

    pub(super) fn receive(&mut self, frame: &[u8]) -> Option<Received> {
        let packet = self.packet(frame);
        self.receive_packet(packet)
    }

    /// Sends a segment with `bytes` in place of its header.
    pub(super) fn send(&mut self, destination: Ipv4Addr, bytes: &[u8]) {
        let packet = self.packet(bytes);
        self.send_packet(destination, packet, &mut Vec::new(), TxOffload::default());
    }

    pub(super) fn send_packet(
        &mut self,
        destination: Ipv4Addr,
        packet: Packet,
        payload: &mut Vec<Chunk>,
        offload: TxOffload,
    ) {
        let header =
            Ipv4Send { source: US, destination, protocol: 6, ecn: 0, tos: 0, ttl: None, dont_fragment: true };
        let now = self.now;
        let (ip, mut cx) = self.split();
        ip.send(now, header, packet, payload, offload, &mut cx);
    }

    /// Moves time on, stopping at each deadline.
    pub(super) fn advance(&mut self, by: core::time::Duration) {
        let end = self.now + by;
        while let Some(next) = self.ip.next_deadline().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.expire();
        }
        self.now = end;
        self.expire();
    }

    fn expire(&mut self) {
        let now = self.now;
        let (ip, mut cx) = self.split();
        ip.expire(now, &mut cx);
    }

    /// What went to the link since the last call.
    pub(super) fn sent(&mut self) -> Vec<Vec<u8>> {
        core::iter::from_fn(|| self.out.pop_linear()).map(|frame| frame.unwrap().0.to_vec()).collect()
    }

    /// Every buffer is at home again; call it when nothing should be held.
    #[track_caller]
    pub(super) fn check_buffers(&mut self) {
        self.sent();
        assert_eq!(self.pool.available(), SLOTS as usize);
    }

    /// Each frame ended in exactly one way.
    #[track_caller]
    pub(super) fn check_counts(&self) {
        let s = &self.stats;
        assert_eq!(s.in_frames, s.in_frame_errors + s.in_other_host + s.arp_in + s.ip_in_receives, "{s:?}");
        let dropped = s.ip_in_hdr_errors + s.ip_in_truncated + s.ip_in_addr_errors + s.ip_reasm_fails;
        assert_eq!(s.ip_in_receives, dropped + s.ip_in_unknown_protos + s.ip_in_delivers, "{s:?}");
    }
}

pub(super) fn frame(destination: MacAddress, ether_type: u16, body: &[u8]) -> Vec<u8> {
    let mut frame = [destination.0, PEER_MAC.0].concat();
    frame.extend(ether_type.to_be_bytes());
    frame.extend(body);
    frame
}

/// A packet to us, written by etherparse.
pub(super) fn ipv4(source: Ipv4Addr, destination: Ipv4Addr, protocol: u8, body: &[u8]) -> Vec<u8> {
    let len = body.len() as u16;
    let mut header =
        etherparse::Ipv4Header::new(len, 61, protocol.into(), source.octets(), destination.octets()).unwrap();
    header.header_checksum = header.calc_header_checksum();
    [&header.to_bytes()[..], body].concat()
}

pub(super) fn ipv4_frame(protocol: u8, body: &[u8]) -> Vec<u8> {
    frame(OUR_MAC, 0x0800, &ipv4(PEER, US, protocol, body))
}

/// Changes bytes of the IPv4 header in a frame and makes its checksum right again.
pub(super) fn patch_ipv4(frame: &mut [u8], patches: &[(usize, u8)]) {
    let header = &mut frame[14..];
    patches.iter().for_each(|(at, value)| header[*at] = *value);
    let header_len = usize::from(header[0] & 0xf) * 4;
    header[10..12].fill(0);
    let checksum = crate::wire::checksum::sum(&header[..header_len]).finish();
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
}

pub(super) fn arp(reply: bool, sender_mac: MacAddress, sender: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    let mut body = vec![0, 1, 8, 0, 6, 4, 0, if reply { 2 } else { 1 }];
    body.extend(sender_mac.0);
    body.extend(sender.octets());
    body.extend(if reply { OUR_MAC.0 } else { [0; 6] });
    body.extend(target.octets());
    frame(if reply { OUR_MAC } else { MacAddress::BROADCAST }, 0x0806, &body)
}

pub(super) fn echo_request(payload: &[u8]) -> Vec<u8> {
    let header = etherparse::IcmpEchoHeader { id: 0x1234, seq: 7 };
    let header =
        etherparse::Icmpv4Header::with_checksum(etherparse::Icmpv4Type::EchoRequest(header), payload);
    [&header.to_bytes()[..], payload].concat()
}

/// An ICMP message with a right checksum.
pub(super) fn icmp(kind: u8, code: u8, rest: [u8; 4], body: &[u8]) -> Vec<u8> {
    let mut message = [&[kind, code, 0, 0][..], &rest, body].concat();
    let checksum = crate::wire::checksum::sum(&message).finish();
    message[2..4].copy_from_slice(&checksum.to_be_bytes());
    message
}

/// One frame of each kind that is listened to.
fn good_frames() -> Vec<Vec<u8>> {
    let quoted = ipv4(US, PEER, 6, &[0x12; 20]);
    vec![
        ipv4_frame(6, &[0x50; 40]),
        ipv4_frame(1, &echo_request(b"abcdefgh")),
        ipv4_frame(1, &icmp(3, 4, [0, 0, 5, 0], &quoted)),
        ipv4_frame(17, &[0; 30]),
        ipv4_frame(132, &[0; 30]),
        arp(false, PEER_MAC, PEER, US),
        arp(true, PEER_MAC, PEER, US),
        arp(false, PEER_MAC, PEER, PEER),
    ]
}

#[test]
fn source_and_errors_of_destinations() {
    let bed = Bed::new();
    assert_eq!(bed.ip.source_for(PEER), Ok(US));
    assert_eq!(bed.ip.source_for(Ipv4Addr::new(8, 8, 8, 8)), Ok(US));
    for bad in ["0.0.0.0", "255.255.255.255", "10.0.0.255", "224.0.0.1", "240.0.0.1"] {
        assert_eq!(bed.ip.source_for(bad.parse().unwrap()), Err(Error::InvalidInput), "{bad}");
    }
    for none in ["127.0.0.1", "10.0.0.2"] {
        assert_eq!(bed.ip.source_for(none.parse().unwrap()), Err(Error::NetworkUnreachable), "{none}");
    }
    let without_routes = Bed::with(&Config { routes: vec![], ..config() }, &ethernet_link());
    assert_eq!(without_routes.ip.source_for(Ipv4Addr::new(8, 8, 8, 8)), Err(Error::NetworkUnreachable));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn random_frames_are_dropped_and_counted(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..1800), 1..8), is_ip in any::<bool>()) {
        let link = if is_ip { Link { medium: Medium::Ip, ..ethernet_link() } } else { ethernet_link() };
        let mut bed = Bed::with(&config(), &link);
        for frame in &frames {
            prop_assert!(bed.receive(frame).is_none());
            bed.check_counts();
        }
        prop_assert_eq!(bed.stats.in_frames, frames.len() as u64);
        bed.check_buffers();
    }

    #[test]
    fn mutated_frames_never_panic_and_are_counted(
        which in prop::collection::vec((0_usize..8, prop::collection::vec((0_usize..70, any::<u8>()), 0..4), 0_usize..90, any::<bool>(), 0_usize..90), 1..40),
    ) {
        let mut bed = Bed::new();
        for (kind, changes, len, fix, cut) in which {
            let mut frame = good_frames().swap_remove(kind);
            changes.iter().for_each(|(at, value)| if let Some(byte) = frame.get_mut(*at) { *byte = *value });
            if fix && frame[12..14] == [8, 0] && frame.len() >= 14 + usize::from(frame[14] & 0xf) * 4 && frame[14] & 0xf >= 5 {
                patch_ipv4(&mut frame, &[]);
            }
            // Some are cut, some arrive in two pieces.
            if len > 14 { frame.truncate(len); }
            let packet = if cut > 0 && cut < frame.len() { bed.chain(&[&frame[..cut], &frame[cut..]]) } else { bed.packet(&frame) };
            drop(bed.receive_packet(packet));
            bed.check_counts();
        }
        bed.advance(core::time::Duration::from_secs(600));
        bed.check_buffers();
        prop_assert_eq!(bed.ip.next_deadline(), None, "all neighbours are forgotten in the end");
    }
}
