//! How a link is made.

use std::io;

use corelane_nic::{COPY_BELOW, MacAddress, Medium, NicInfo, Offloads, PoolConfig, Rss, SUM_BELOW};

use crate::faults::invalid;
use crate::{Faults, Side};

/// What happens to a frame when the ring of its direction is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenFull {
    /// It stays in the sender's burst for a later turn.
    #[default]
    Wait,
    /// It is dropped and counted, as a real card's full receive ring does.
    Drop,
}

/// The sizes, the faults and the seed of a link.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkConfig {
    /// The Ethernet addresses of the ends A and B; `None` = raw IP packets.
    pub macs: Option<[MacAddress; 2]>,
    /// The largest IP packet, in bytes; longer ones are refused by the sending queue.
    pub mtu: u16,
    /// Buffers in the pool of each end ([`SimNic`](crate::SimNic) is told by `open_queue` instead).
    pub slots: u32,
    /// Free bytes in front of the data of a new packet.
    pub headroom: u32,
    /// Buffers of each pool kept for control packets; half of `slots` at most.
    pub reserve: u32,
    /// Frames that each direction holds, in flight or waiting to be received.
    pub ring: usize,
    /// What happens when they are more.
    pub when_full: WhenFull,
    /// How many payload chunks a frame may have; they are copied into one buffer, and counted. 0 = the
    /// stack copies.
    pub tx_chunks: u16,
    /// Whether the sender may leave TCP and UDP checksums to the card. Such a frame arrives as
    /// [`Checksum::Partial`](corelane_nic::Checksum::Partial), unless a fault corrupts it: then its checksum is filled in before.
    pub checksum_offload: bool,
    /// Queue pairs of each end of [`cross_thread_pair`](crate::cross_thread_pair): queue `i` of one end is joined with queue `i`
    /// of the other, unless `rss` says otherwise. A [`Link`](crate::Link) has one.
    pub queues: u16,
    /// How each end spreads the TCP segments that it receives over its queues; all else goes to the table's first entry.
    /// Frames of one flow stay in order. Only for [`cross_thread_pair`](crate::cross_thread_pair).
    pub rss: Option<Rss>,
    /// What the ends tell of it, when that is another thing than `rss`: a card that hashes otherwise than it says.
    pub rss_told: Option<Rss>,
    /// The same seed gives the same faults.
    pub seed: u64,
    /// The faults from A to B.
    pub a_to_b: Faults,
    /// The faults from B to A.
    pub b_to_a: Faults,
}

impl Default for LinkConfig {
    fn default() -> LinkConfig {
        LinkConfig {
            macs: Some([MacAddress([2, 0, 0, 0, 0, 1]), MacAddress([2, 0, 0, 0, 0, 2])]),
            mtu: 1500,
            slots: 4096,
            headroom: 128,
            reserve: 64,
            ring: 1024,
            when_full: WhenFull::Wait,
            tx_chunks: 0,
            checksum_offload: false,
            queues: 1,
            rss: None,
            rss_told: None,
            seed: 0,
            a_to_b: Faults::default(),
            b_to_a: Faults::default(),
        }
    }
}

/// Room for an Ethernet header with one VLAN tag.
const LINK_HEADER: u32 = 18;

impl LinkConfig {
    pub(crate) fn check(&self) -> io::Result<()> {
        self.a_to_b.check()?;
        self.b_to_a.check()?;
        if self.ring == 0 || self.slots == 0 || self.queues == 0 {
            return Err(invalid("ring, slots and queues must be at least 1".to_string()));
        }
        if let Some(queue) = self.rss.iter().flat_map(|rss| &rss.table).find(|queue| **queue >= self.queues) {
            return Err(invalid(format!("rss.table names queue {queue}: there are {}", self.queues)));
        }
        if self.mtu < 68 {
            // RFC 791: every internet module must be able to forward 68 octets.
            return Err(invalid(format!("mtu is {}: IP needs 68 bytes or more", self.mtu)));
        }
        if self.headroom > u32::from(u16::MAX) {
            return Err(invalid(format!("headroom is {}: give 65535 bytes or less", self.headroom)));
        }
        Ok(())
    }

    /// Bytes in front of the IP header of a frame.
    pub(crate) fn header_len(&self) -> usize {
        if self.macs.is_some() { 14 } else { 0 }
    }

    pub(crate) fn pool_config(&self, slots: u32) -> PoolConfig {
        let frame = self.headroom + LINK_HEADER + u32::from(self.mtu);
        PoolConfig {
            slots,
            slot_size: frame.next_multiple_of(64).max(2048),
            headroom: self.headroom,
            reserve: self.reserve.min(slots / 2),
        }
    }

    pub(crate) fn info(&self, side: Side) -> NicInfo {
        NicInfo {
            name: match side {
                Side::A => "sim-a".to_string(),
                Side::B => "sim-b".to_string(),
            },
            driver: "sim",
            medium: match self.macs {
                Some(macs) => Medium::Ethernet(macs[side.index()]),
                None => Medium::Ip,
            },
            mtu: self.mtu,
            queues: self.queues,
            offloads: Offloads {
                rx_checksum: self.checksum_offload,
                tx_checksum: self.checksum_offload,
                tso_max: 0,
                tx_chunks: self.tx_chunks,
                copy_below: COPY_BELOW,
                sum_below: SUM_BELOW,
            },
            rss: self.rss_told.clone().or_else(|| self.rss.clone()),
        }
    }
}
