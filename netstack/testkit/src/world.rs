//! Two stacks, a wire, a clock.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use corelane_netstack::{Config, Ipv4Cidr};
use corelane_nic::Checksum;
use corelane_sim::{Link, LinkConfig, Side};

use crate::{Failure, Host, Medium, Monitor};

/// While a stack waits for a buffer there is no deadline to wait for: look again so much later.
const POLL: Duration = Duration::from_millis(1);
/// Turns without time passing that mean a stack goes in circles.
const STANDSTILL: u32 = 100_000;

/// Two stacks on a link in virtual time, each frame looked at by a [`Monitor`].
pub struct World {
    /// The wire: faults and captures.
    pub link: Link,
    /// Looks at each frame.
    pub monitor: Monitor,
    hosts: [Host; 2],
    now: Duration,
    standstill: u32,
}

/// An end's index.
pub(crate) fn index(side: Side) -> usize {
    match side {
        Side::A => 0,
        Side::B => 1,
    }
}

impl World {
    /// The address of an end: 10.0.0.1 is A, 10.0.0.2 is B; /24.
    pub fn address(side: Side) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 0, 1 + index(side) as u8) // 1 or 2
    }

    /// That address with a port.
    pub fn socket_addr(side: Side, port: u16) -> SocketAddr {
        SocketAddr::from((World::address(side), port))
    }

    /// A world. Each configuration gets the end's address; `burst` frames pass an end in a turn.
    ///
    /// # Errors
    /// Those of [`Link::new`].
    pub fn new(link: &LinkConfig, configs: [Config; 2], burst: usize) -> io::Result<World> {
        let medium = if link.macs.is_some() { Medium::Ethernet } else { Medium::Ip };
        let monitor = Monitor::new(medium, link.mtu);
        let (wire, a, b) = Link::new(link)?;
        let [config_a, config_b] = configs;
        let host = |side: Side, queue, mut config: Config| {
            config.addresses = Ipv4Cidr::new(World::address(side), 24).into_iter().collect();
            let mut secret = [0; 32];
            secret[..8].copy_from_slice(&link.seed.to_le_bytes());
            secret[8] = index(side) as u8; // 0 or 1
            Host::new(queue, config, secret, burst)
        };
        let hosts = [host(Side::A, a, config_a), host(Side::B, b, config_b)];
        Ok(World { link: wire, monitor, hosts, now: Duration::ZERO, standstill: 0 })
    }

    /// The time.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// An end.
    pub fn host(&mut self, side: Side) -> &mut Host {
        &mut self.hosts[index(side)]
    }

    /// An end, to look at.
    pub fn peek(&self, side: Side) -> &Host {
        &self.hosts[index(side)]
    }

    /// The first half of an end's turn: what arrived, and timers. Then the application has its say.
    pub fn receive(&mut self, side: Side) {
        let World { hosts, monitor, now, .. } = self;
        hosts[index(side)].receive(*now, |frame, checksum| {
            monitor.received(frame, checksum == Checksum::Partial);
        });
    }

    /// The second half of an end's turn.
    pub fn transmit(&mut self, side: Side) {
        let World { hosts, monitor, now, .. } = self;
        hosts[index(side)].transmit(*now, |frame, offload| {
            monitor.sent(*now, frame, offload.checksum.is_some());
        });
    }

    /// When something happens next: now while frames wait, `None` when never.
    pub fn next(&self) -> Option<Duration> {
        let arrival = self.link.next_arrival();
        let deadlines = self.hosts.iter().map(|host| {
            let busy = host.is_busy().then(|| self.now + POLL);
            let deadline = host.stack.next_deadline().map(|at| Duration::from_nanos(at.as_nanos()));
            busy.into_iter().chain(deadline).min()
        });
        arrival.into_iter().chain(deadlines.flatten()).min().map(|next| next.max(self.now))
    }

    /// Moves the time on to `to`, and says when an end goes in circles or the monitor has found something.
    ///
    /// # Errors
    /// The first thing found.
    pub fn advance_to(&mut self, to: Duration) -> Result<(), Failure> {
        self.standstill = if to > self.now { 0 } else { self.standstill + 1 };
        if self.standstill > STANDSTILL {
            let what = format!("{STANDSTILL} turns and no time has passed: an end goes in circles");
            return Err(Failure { at: self.now, what });
        }
        self.now = self.now.max(to);
        self.link.advance_to(self.now);
        self.monitor.check()
    }

    /// Both ends' turns, and on to the next event; `false` when there is none by `limit`.
    ///
    /// # Errors
    /// As [`World::advance_to`].
    pub fn step(&mut self, limit: Duration) -> Result<bool, Failure> {
        for side in [Side::A, Side::B] {
            self.receive(side);
            self.transmit(side);
        }
        let next = self.next().filter(|next| *next <= limit);
        self.advance_to(next.unwrap_or(self.now))?;
        Ok(next.is_some())
    }

    /// Lets `time` pass.
    ///
    /// # Errors
    /// As [`World::advance_to`].
    pub fn pass(&mut self, time: Duration) -> Result<(), Failure> {
        let end = self.now + time;
        while self.step(end)? {}
        self.advance_to(end)
    }

    /// What is left over at the ends: buffers that are not home, connections, flows, timers. Empty: nothing.
    pub fn leftovers(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (side, host) in [Side::A, Side::B].into_iter().zip(&self.hosts) {
            let (stack, pool) = (&host.stack, host.stack.pool());
            let buffers = pool.config().slots as usize - pool.available();
            let counts = [
                ("buffers of the device", buffers),
                ("buffers of copied bytes", stack.buffers_in_use()),
                ("connections", stack.connections()),
                ("half-open connections", stack.half_open()),
                ("TIME-WAIT records", stack.time_wait()),
                ("flows", stack.flows()),
                ("timers", stack.timers()),
            ];
            let left = counts.iter().filter(|(_, count)| *count > 0);
            found.extend(left.map(|(name, count)| format!("{side:?}: {count} {name}")));
        }
        found
    }
}
