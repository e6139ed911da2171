//! The stack with its device, its clock and its table of descriptors.

use std::collections::HashMap;

use corelane_netstack::{Event, Stack};

use crate::clock::Clock;
use crate::epoll::Epoll;
use crate::flags::Flags;
use crate::netdev::{Netdev, Sent};
use crate::sockets::Socket;

/// All keyed hashes follow from it. The same in every run, so that runs are the same.
const SECRET: [u8; 32] = *b"corelane, driven by packetdrill.";

/// What a descriptor stands for.
pub(crate) enum File {
    Socket(Box<Socket>),
    Epoll(Epoll),
}

pub(crate) struct Machine {
    pub(crate) stack: Stack,
    pub(crate) files: HashMap<i32, File>,
    pub(crate) flags: Flags,
    /// `tcp_wmem`, for those who ask before they set.
    pub(crate) wmem_default: usize,
    netdev: Netdev,
    clock: Clock,
}

impl Machine {
    pub(crate) fn new(flags: Flags) -> Result<Machine, String> {
        let (config, unknown) = flags.config()?;
        for name in unknown {
            eprintln!("corelane: sysctl {name}: no such knob here, ignored");
        }
        let wmem_default = config.tcp.tcp_wmem.default;
        let netdev = Netdev::new(flags.mtu);
        let stack = Stack::new(config, Netdev::link(flags.mtu, flags.tso), netdev.pool().clone(), SECRET);
        let mut machine =
            Machine { stack, files: HashMap::new(), flags, wmem_default, netdev, clock: Clock::new() };
        machine.turn();
        Ok(machine)
    }

    pub(crate) fn micros(&self) -> u64 {
        self.clock.micros()
    }

    /// Brings the stack up to now: the timers that are due, what it sends, what happened.
    pub(crate) fn turn(&mut self) {
        let now = self.clock.now();
        self.stack.expire(now);
        self.netdev.drain(now, &mut self.stack);
        while let Some(event) = self.stack.next_event() {
            self.note(event);
        }
    }

    /// Tells the epoll instances that watch the socket.
    fn note(&mut self, event: Event) {
        let is_it = |file: &File| match (file, event) {
            (File::Socket(socket), Event::Acceptable(id)) => socket.listener() == Some(id),
            (File::Socket(socket), Event::Readable(id) | Event::Writable(id) | Event::Closed(id)) => {
                socket.connection() == Some(id)
            }
            _ => false,
        };
        let Some(fd) = self.files.iter().find(|(_, file)| is_it(file)).map(|(fd, _)| *fd) else { return };
        if let (Event::Acceptable(_), Ok(socket)) = (event, self.socket(fd)) {
            socket.acceptable = true;
        }
        if let (Event::Writable(_) | Event::Closed(_), Ok(socket)) = (event, self.socket(fd)) {
            socket.no_space = false;
        }
        let mask = match event {
            Event::Readable(_) | Event::Acceptable(_) => libc::EPOLLIN | libc::EPOLLRDHUP,
            Event::Writable(_) => libc::EPOLLOUT,
            Event::Closed(_) => !0,
        };
        for file in self.files.values_mut() {
            if let File::Epoll(epoll) = file {
                epoll.note(fd, mask as u32); // a bit mask
            }
        }
    }

    /// A packet arrives.
    pub(crate) fn deliver(&mut self, bytes: &[u8]) -> bool {
        let taken = self.netdev.deliver(self.clock.now(), bytes, &mut self.stack);
        self.turn();
        taken
    }

    pub(crate) fn next_sent(&mut self) -> Option<Sent> {
        self.netdev.next()
    }

    pub(crate) fn has_sent(&self) -> bool {
        !self.netdev.is_empty()
    }

    /// Moves the clock on to `micros`, at which nothing is due.
    pub(crate) fn advance_to(&mut self, micros: u64) {
        self.clock.advance_to(micros);
    }

    /// Moves time on to the next thing that is due, `until` among them, but not beyond `limit`. False when there is none.
    pub(crate) fn step(&mut self, limit: u64, until: Option<u64>) -> bool {
        let deadline = self.stack.next_deadline().map(Clock::micros_at);
        let next = deadline.into_iter().chain(until).min();
        // The stack may give a deadline early, even in the past: without the 1 time would stand still.
        let Some(next) = next.map(|next| next.max(self.micros() + 1)).filter(|next| *next <= limit) else {
            return false;
        };
        self.clock.advance_to(next);
        self.turn();
        true
    }
}
