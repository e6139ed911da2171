//! The device under test: one stack on a bare IP link, whose other end is in the hand of a test.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::time::Duration;

use corelane_netstack::{Config, Ipv4Cidr, Link as Device};
use corelane_nic::{Queue, RxBurst, TxBurst, TxOffload};
use corelane_sim::{Link, LinkConfig, LinkQueue};

use crate::{Host, Medium, Monitor};

/// The stack's address.
pub const US: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
/// The address that the test plays.
pub const PEER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

/// A stack in virtual time. What it sends is kept, with its time.
pub(crate) struct Dut {
    /// The stack, for commands; [`Dut::run`] carries them out.
    pub(crate) host: Host,
    /// What the stack sent: when, and the IP packet.
    pub(crate) sent: VecDeque<(Duration, Vec<u8>)>,
    /// Looks at everything that arrives and leaves.
    pub(crate) monitor: Monitor,
    link: Link,
    peer: LinkQueue,
    now: Duration,
}

impl Dut {
    /// A stack with this configuration, the first address [`US`] in a /24, and packets of at most `mtu` bytes; `tso`: on a device
    /// that cuts segments of up to 64 KiB, and merges them.
    ///
    /// # Panics
    /// When the link can't be: a fault of this crate.
    pub(crate) fn new(mut config: Config, mtu: u16, tso: bool) -> Dut {
        let mut settings = LinkConfig { macs: None, mtu, ..LinkConfig::default() };
        if tso {
            (settings.mtu, settings.slots) = (u16::MAX, 256);
        }
        let (link, a, peer) = Link::new(&settings).expect("the defaults are right");
        config.addresses.splice(..0, Ipv4Cidr::new(US, 24));
        let mut device = Device { mtu, ..Device::from(a.info()) };
        let mut monitor = Monitor::new(Medium::Ip, settings.mtu);
        if tso {
            device.offloads.tso_max = u32::from(u16::MAX) - 100; // an IP packet with its headers
            monitor.allow_tso();
        }
        let host = Host::with_link(a, device, config, [7; 32], 64);
        Dut { host, sent: VecDeque::new(), monitor, link, peer, now: Duration::ZERO }
    }

    /// The time.
    pub(crate) fn now(&self) -> Duration {
        self.now
    }

    /// Runs the stack at this time.
    pub(crate) fn run(&mut self) {
        let mut rx = RxBurst::with_capacity(1024);
        let Dut { host, monitor, now, link, peer, .. } = self;
        for _ in 0..16 {
            host.receive(*now, |frame, _| monitor.received(frame, false));
            host.transmit(*now, |frame, offload| monitor.sent(*now, frame, offload.checksum.is_some()));
            link.advance_to(*now);
            peer.receive(&mut rx);
        }
        while let Some(frame) = rx.pop() {
            self.sent.push_back((self.now, frame.packet.to_vec()));
        }
    }

    /// Goes to the next deadline of the stack that is not after `end`, and runs it there. `false`: there is none.
    pub(crate) fn step(&mut self, end: Duration) -> bool {
        let next = self.host.stack.next_deadline().map(|at| Duration::from_nanos(at.as_nanos()));
        let Some(next) = next.filter(|next| *next <= end) else { return false };
        // A deadline may be early; the stack then names another.
        self.now = next.max(self.now);
        self.link.advance_to(self.now);
        self.run();
        true
    }

    /// Lets time pass up to `end`, stopping at each deadline of the stack.
    pub(crate) fn run_until(&mut self, end: Duration) {
        self.run();
        while self.step(end) {}
        self.now = end.max(self.now);
        self.link.advance_to(self.now);
        self.run();
    }

    /// IP packets arrive in one burst, whatever they hold, and the stack runs.
    ///
    /// # Panics
    /// When the peer has no buffers left: the stack keeps more than it should.
    pub(crate) fn inject(&mut self, frames: &[impl AsRef<[u8]>]) {
        let mut tx = TxBurst::with_capacity(frames.len());
        for frame in frames {
            let mut packet = self.peer.pool().take().expect("the peer has buffers");
            packet.extend_from_slice(frame.as_ref());
            tx.push(packet, TxOffload::default());
        }
        self.peer.transmit(&mut tx);
        self.link.advance_to(self.now);
        self.run();
    }
}
