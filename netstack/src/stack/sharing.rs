//! What one core's stack has for those of other cores that stand behind the same addresses.

use alloc::collections::VecDeque;

use corelane_nic::{Checksum, Packet, RxBurst, RxFrame};

use super::Stack;
use crate::ip::Heard;
use crate::tcp::{CorePorts, FourTuple};
use crate::time::Instant;
use crate::wire::icmp::IcmpError;

/// The most that waits to be fetched, of frames and of notices each: a turn's burst. What comes beyond is dropped, and the
/// runtime counts on being asked again.
const LIMIT: usize = 1024;

/// Something that a stack was told and that others must know too: a neighbour's address, an ICMP error about a flow that
/// another core has.
#[derive(Debug, Clone, Copy)]
pub struct Notice(Content);

#[derive(Debug, Clone, Copy)]
enum Content {
    Neighbor(Heard),
    TcpError { error: IcmpError, tuple: FourTuple, sequence: u32 },
}

#[derive(Default)]
pub(super) struct Sharing {
    strays: VecDeque<RxFrame>,
    notices: VecDeque<Notice>,
    /// Frames that found no room.
    dropped: u64,
}

impl Sharing {
    /// Keeps a frame as it arrived: its headers, which were passed over, still stand in front of the segment.
    pub(super) fn put_aside(
        &mut self,
        mut packet: Packet,
        headroom: usize,
        checksum: Checksum,
        hash: Option<u32>,
    ) {
        let passed = packet.headroom().checked_sub(headroom);
        let is_whole = passed.is_some_and(|passed| packet.push_front(passed).is_some());
        if !is_whole || self.strays.len() >= LIMIT {
            self.dropped += 1;
            return;
        }
        self.strays.push_back(RxFrame { packet, checksum, hash });
    }

    fn tell(&mut self, content: Content) {
        if self.notices.len() < LIMIT {
            self.notices.push_back(Notice(content));
        }
    }

    pub(super) fn tell_neighbor(&mut self, heard: Heard) {
        self.tell(Content::Neighbor(heard));
    }

    pub(super) fn tell_error(&mut self, error: IcmpError, tuple: FourTuple, sequence: u32) {
        self.tell(Content::TcpError { error, tuple, sequence });
    }
}

impl Stack {
    /// From now on, what belongs to no connection and no listener here is not answered but kept for [`Stack::next_stray`], and
    /// what other cores must know for [`Stack::next_notice`].
    pub fn share(&mut self) {
        self.sharing.get_or_insert_default();
    }

    /// How the source ports of connections that are opened from now on are shared with other cores. Ports that the application
    /// names are its own affair.
    pub fn set_core_ports(&mut self, ports: CorePorts) {
        self.tcp.set_cores(ports);
    }

    /// A TCP frame that nobody here answers for, as it arrived.
    pub fn next_stray(&mut self) -> Option<RxFrame> {
        self.sharing.as_mut()?.strays.pop_front()
    }

    /// Frames that nobody here answers for and that found no room to wait, since the last call.
    pub fn take_strays_dropped(&mut self) -> u64 {
        self.sharing.as_mut().map_or(0, |sharing| core::mem::take(&mut sharing.dropped))
    }

    /// As [`Stack::receive`], for frames that no other core answers for either: they are refused here.
    pub fn receive_last(&mut self, now: Instant, burst: &mut RxBurst) {
        let sharing = self.sharing.take();
        self.receive(now, burst);
        self.sharing = sharing;
    }

    /// Something to be told to all other cores.
    pub fn next_notice(&mut self) -> Option<Notice> {
        self.sharing.as_mut()?.notices.pop_front()
    }

    /// Takes in what another core was told.
    pub fn take_notice(&mut self, now: Instant, notice: &Notice) {
        let (tcp, mut net) = self.parts(now);
        match notice.0 {
            Content::Neighbor(heard) => {
                let mut cx = crate::ip::Context { out: net.out, pool: net.pool, stats: net.stats };
                net.ip.learn(now, &heard, &mut cx);
            }
            Content::TcpError { error, tuple, sequence } => {
                if tcp.lookup(&tuple).is_some() {
                    tcp.icmp_error(&error, tuple, sequence, &mut net);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
