//! The way to the target: an interface's raw frames.

use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::Context;
use smoltcp::wire::EthernetAddress;

use super::pace::Pace;
use super::segment::Segment;
use crate::error::bad_input;
use crate::netns;
use crate::sys::Stop;
use crate::sys::packet::{PacketSocket, wait_any};

/// How often frames are sent: so many at once as the rate has in this time.
const TICK: Duration = Duration::from_millis(1);
/// How long the target may take to answer.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// The longest frame: what an offloading host would send.
const FRAME: usize = 65_536 + 14;

/// An interface, and who is at its other end.
pub struct Link {
    socket: PacketSocket,
    target: SocketAddrV4,
    ours: EthernetAddress,
    theirs: EthernetAddress,
    buffer: Box<[u8]>,
    /// Frames sent.
    pub sent: u64,
    /// Frames that the interface had no room for.
    pub refused: u64,
    stop: Stop,
}

impl Link {
    /// Asks the kernel for the target once: it must be there, and the kernel then knows its Ethernet address.
    ///
    /// # Errors
    /// Outside a namespace of `ip netns`, without rights, without such an interface, or when the target does not answer.
    pub fn open(interface: &str, target: SocketAddrV4, stop: Stop) -> anyhow::Result<Self> {
        refuse_the_hosts_network(interface)?;
        let socket = PacketSocket::open(interface).map_err(|error| {
            bad_input(format!(
                "--interface {interface}: {error}: as root, give an interface that `ip link` shows"
            ))
        })?;
        TcpStream::connect_timeout(&target.into(), PATIENCE)
            .map_err(|error| bad_input(format!("--target {target}: {error}: start the server first")))?;
        let ours = fs::read_to_string(format!("/sys/class/net/{interface}/address"))?;
        let ours = parse(ours.trim()).context("the interface has no Ethernet address")?;
        let neighbours = fs::read_to_string("/proc/net/arp")?;
        let theirs = neighbour(&neighbours, *target.ip(), interface).ok_or_else(|| {
            bad_input(format!(
                "--target {target}: it is no neighbour on {interface}: routers get no forged frames"
            ))
        })?;
        let buffer = vec![0; FRAME].into();
        Ok(Self { socket, target, ours, theirs, buffer, sent: 0, refused: 0, stop })
    }

    /// Sends a segment to the target.
    pub fn send(&mut self, segment: &Segment) -> anyhow::Result<()> {
        debug_assert_eq!(segment.to, self.target);
        let took = self.socket.send(&segment.frame(self.ours, self.theirs))?;
        self.sent += 1;
        self.refused += u64::from(!took);
        Ok(())
    }

    /// The next segment that the target has sent, to whomever; `None` when none waits.
    pub fn hear(&mut self) -> anyhow::Result<Option<Segment>> {
        while let Some(length) = self.socket.receive(&mut self.buffer)? {
            let segment = self.buffer.get(..length).and_then(Segment::parse);
            if let Some(segment) = segment.filter(|segment| segment.from == self.target) {
                return Ok(Some(segment));
            }
        }
        Ok(None)
    }

    /// Sends `total` segments at a rate, and gives on what is heard meanwhile.
    pub fn attack(
        &mut self,
        rate: u32,
        total: u64,
        mut forge: impl FnMut(u64) -> Segment,
        mut heard: impl FnMut(&Segment),
    ) -> anyhow::Result<()> {
        let (mut pace, start, mut number) = (Pace::new(rate, total), Instant::now(), 0);
        loop {
            let now = start.elapsed();
            for _ in 0..pace.due(now) {
                self.send(&forge(number))?;
                number += 1;
            }
            while let Some(segment) = self.hear()? {
                heard(&segment);
            }
            if pace.is_over(now) {
                return Ok(());
            }
            wait_any([self.stop.as_fd()], Some(TICK))?;
            anyhow::ensure!(!self.stop.requested(), "stopped by a signal");
        }
    }

    /// Gives on what is heard, for so long or until it is enough.
    pub fn listen(
        &mut self,
        time: Duration,
        mut is_enough: impl FnMut(&Segment) -> bool,
    ) -> anyhow::Result<()> {
        let end = Instant::now() + time;
        loop {
            while let Some(segment) = self.hear()? {
                if is_enough(&segment) {
                    return Ok(());
                }
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            wait_any([self.socket.as_fd(), self.stop.as_fd()], Some(left))?;
            anyhow::ensure!(!self.stop.requested(), "stopped by a signal");
        }
    }

    /// Frames that came while this process was kept from running.
    pub fn missed(&self) -> anyhow::Result<u64> {
        Ok(self.socket.overflows()?)
    }
}

/// A namespace made for the purpose has nobody else in it. What can't be shown to be one is refused: comparing with that of
/// process 1 would not do, since a container may hide it.
fn refuse_the_hosts_network(interface: &str) -> anyhow::Result<()> {
    if netns::is_inside() {
        return Ok(());
    }
    Err(bad_input(format!(
        "--interface {interface}: this may be the host's own network, and forged frames must not reach anybody else: run \
         it in a namespace that `ip netns add` made, with `ip netns exec`"
    )))
}

/// Of /proc/net/arp: address, type, flags, Ethernet address, mask, interface.
fn neighbour(table: &str, address: Ipv4Addr, interface: &str) -> Option<EthernetAddress> {
    let rows = table.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    let mut found = rows.filter_map(|row| match row[..] {
        // Without flags it has not answered.
        [ip, _, flags, mac, _, device]
            if ip.parse() == Ok(address) && device == interface && flags != "0x0" =>
        {
            parse(mac)
        }
        _ => None,
    });
    found.next()
}

/// An Ethernet address, as the kernel writes it.
fn parse(text: &str) -> Option<EthernetAddress> {
    let bytes: Option<Vec<u8>> = text.split(':').map(|byte| u8::from_str_radix(byte, 16).ok()).collect();
    Some(EthernetAddress(bytes?.try_into().ok()?))
}

#[cfg(test)]
mod tests;
