//! The stack and smoltcp in memory: seeded conversations under faults, in virtual time. Both ends read exactly what the
//! other one wrote, both see it end, and nothing of it is left.

mod peer;

use std::time::Duration;

use corelane_netstack::{Config, Error, Ipv4Cidr, Shutdown, SocketId, Stack};
use corelane_sim::{Faults, Link, LinkConfig, Rng};
use corelane_testkit::{Host, Pattern, World};
use peer::Peer;

/// The port of the end that listens, and that of the smoltcp end that connects.
const PORTS: (u16, u16) = (80, 50_000);

/// A conversation that takes longer than this in virtual time stands still.
const LIMIT: Duration = Duration::from_secs(3600);

/// TIME-WAIT and what else has to expire is over so long after the last close.
const AFTERMATH: Duration = Duration::from_secs(600);

/// When an end closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Close {
    /// It ends its direction when all is written, and closes when it has read the other's end.
    Shut,
    /// When it has read the other's end.
    AfterPeer,
    /// When all is written and read.
    WhenDone,
    /// The same, but with a reset.
    Reset,
}

/// The ways of the two ends that end by themselves.
const CLOSES: [[Close; 2]; 8] = [
    [Close::Shut, Close::Shut],
    [Close::Shut, Close::AfterPeer],
    [Close::AfterPeer, Close::Shut],
    [Close::WhenDone, Close::AfterPeer],
    [Close::AfterPeer, Close::WhenDone],
    [Close::WhenDone, Close::WhenDone],
    [Close::Reset, Close::AfterPeer],
    [Close::AfterPeer, Close::Reset],
];

/// What an attempt to read brings.
#[derive(Debug, PartialEq, Eq)]
enum Got {
    Bytes(usize),
    Nothing,
    End,
    Reset,
}

/// A connection, whoever has it.
trait Socket {
    fn read(&mut self, buf: &mut [u8]) -> Result<Got, String>;
    /// How many bytes it takes; 0: none now.
    fn write(&mut self, bytes: &[u8]) -> Result<usize, String>;
    fn shut(&mut self) -> Result<(), String>;
    fn close(&mut self) -> Result<(), String>;
    fn reset(&mut self) -> Result<(), String>;
}

/// The stack's.
struct Ours<'a>(&'a mut Stack, SocketId);

impl Socket for Ours<'_> {
    fn read(&mut self, buf: &mut [u8]) -> Result<Got, String> {
        match self.0.read(self.1, buf) {
            Ok(0) => Ok(Got::End),
            Ok(n) => Ok(Got::Bytes(n)),
            Err(Error::WouldBlock) => Ok(Got::Nothing),
            Err(Error::ConnectionReset) => Ok(Got::Reset),
            Err(error) => Err(format!("read: {error}")),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, String> {
        match self.0.write(self.1, bytes) {
            Err(Error::WouldBlock) => Ok(0),
            result => result.map_err(|error| format!("write: {error}")),
        }
    }

    fn shut(&mut self) -> Result<(), String> {
        self.0.shutdown(self.1, Shutdown::Write).map_err(|error| format!("shutdown: {error}"))
    }

    fn close(&mut self) -> Result<(), String> {
        self.0.close(self.1).map_err(|error| format!("close: {error}"))
    }

    fn reset(&mut self) -> Result<(), String> {
        self.0.abort(self.1).map_err(|error| format!("abort: {error}"))
    }
}

/// What an end has to say, and how far it is.
#[derive(Debug)]
struct Application {
    bytes: u64,
    expected: u64,
    write_size: u64,
    read_size: u64,
    /// How often in a hundred actions it rests.
    rests: u64,
    close: Close,
    written: u64,
    read: u64,
    shut: bool,
    ended: bool,
    was_reset: bool,
    closed: bool,
    rests_until: Duration,
    rng: Rng,
}

impl Application {
    fn draw(rng: &mut Rng, bytes: u64, expected: u64, close: Close) -> Application {
        let size = |rng: &mut Rng| 1 << rng.below(16);
        Application {
            bytes,
            expected,
            write_size: size(rng),
            read_size: 64 * size(rng),
            rests: [0, 0, 2, 10][rng.below(4) as usize], // below 4
            close,
            written: 0,
            read: 0,
            shut: false,
            ended: false,
            was_reset: false,
            closed: false,
            rests_until: Duration::ZERO,
            rng: Rng::new(rng.next_u64()),
        }
    }

    /// Writes and reads until nothing moves or it rests; then closes if it is time.
    fn act(
        &mut self,
        now: Duration,
        socket: &mut impl Socket,
        ours: Pattern,
        theirs: Pattern,
    ) -> Result<(), String> {
        while !self.closed && now >= self.rests_until {
            let moved = self.write(socket, ours)? | self.read(socket, theirs)?;
            if self.rng.below(100) < self.rests {
                self.rests_until = now + Duration::from_micros(self.rng.below(30_000));
            }
            if !moved {
                break;
            }
        }
        self.finish(socket)
    }

    fn write(&mut self, socket: &mut impl Socket, pattern: Pattern) -> Result<bool, String> {
        let size = (1 + self.rng.below(self.write_size)).min(self.bytes - self.written);
        if size == 0 || self.was_reset {
            return Ok(false);
        }
        let mut bytes = vec![0; size as usize]; // up to 32 KiB
        pattern.fill(self.written, &mut bytes);
        let taken = socket.write(&bytes)?;
        self.written += taken as u64;
        Ok(taken > 0)
    }

    fn read(&mut self, socket: &mut impl Socket, pattern: Pattern) -> Result<bool, String> {
        if self.ended || self.was_reset {
            return Ok(false);
        }
        let mut buf = vec![0; 1 + self.rng.below(self.read_size) as usize]; // up to 2 MiB
        match socket.read(&mut buf)? {
            Got::Bytes(n) => {
                if let Some(index) = pattern.mismatch(self.read, &buf[..n]) {
                    return Err(format!("byte {} is wrong", self.read + index as u64));
                }
                self.read += n as u64;
                if self.read > self.expected {
                    return Err(format!("{} bytes are too many", self.read));
                }
                return Ok(true);
            }
            Got::Nothing => {}
            Got::End if self.read == self.expected => self.ended = true,
            Got::End => return Err(format!("the end after {} of {} bytes", self.read, self.expected)),
            Got::Reset => self.was_reset = true,
        }
        Ok(false)
    }

    fn finish(&mut self, socket: &mut impl Socket) -> Result<(), String> {
        if self.closed {
            return Ok(());
        }
        if self.was_reset {
            self.closed = true;
            return socket.close();
        }
        if self.written < self.bytes {
            return Ok(());
        }
        let all_read = self.read == self.expected;
        match self.close {
            Close::Shut if !self.shut => {
                self.shut = true;
                return socket.shut();
            }
            Close::Shut | Close::AfterPeer if self.ended => {}
            Close::WhenDone if all_read => {}
            Close::Reset if all_read => {
                self.closed = true;
                return socket.reset();
            }
            _ => return Ok(()),
        }
        self.closed = true;
        socket.close()
    }
}

/// A conversation between the stack at A and smoltcp at B.
struct Conversation {
    link: Link,
    host: Host,
    peer: Peer,
    socket: Option<SocketId>,
    listener: Option<corelane_netstack::ListenerId>,
    ours: Application,
    theirs: Application,
    now: Duration,
}

/// Bits are only flipped where all of a packet has a checksum: neither ARP nor an Ethernet header has one here.
fn faults(rng: &mut Rng, clean: bool, raw_ip: bool) -> Faults {
    let share = |rng: &mut Rng| [0.0, 0.0, 0.01, 0.05][rng.below(4) as usize]; // below 4
    let mut faults = Faults {
        delay: Duration::from_micros(rng.below(40_000)),
        bytes_per_second: [None, Some(1_000_000), Some(12_500_000)][rng.below(3) as usize], // below 3
        ..Faults::default()
    };
    if !clean {
        faults.jitter = Duration::from_micros(rng.below(5_000));
        faults.loss = share(rng);
        faults.reorder = share(rng);
        faults.reorder_delay = Duration::from_micros(rng.below(20_000));
        faults.duplicate = share(rng);
        faults.corrupt = if raw_ip { share(rng) } else { 0.0 };
    }
    faults
}

impl Conversation {
    fn draw(seed: u64) -> Conversation {
        let mut rng = Rng::new(seed);
        let closes = CLOSES[(seed % 8) as usize]; // below 8
        // smoltcp says a reset once: it has to arrive.
        let clean = closes.contains(&Close::Reset);
        let raw_ip = rng.below(2) == 0;
        let macs = LinkConfig::default().macs.filter(|_| !raw_ip);
        let config = LinkConfig {
            seed,
            macs,
            a_to_b: faults(&mut rng, clean, raw_ip),
            b_to_a: faults(&mut rng, clean, raw_ip),
            ..LinkConfig::default()
        };
        let amount = |rng: &mut Rng| {
            let most = 1 << rng.below(19);
            1 + rng.below(most) // who has read something is connected
        };
        let (bytes, expected) = (amount(&mut rng), amount(&mut rng));
        let (link, a, b) = Link::new(&config).expect("the faults are sound");
        let addresses = Ipv4Cidr::new(World::address(corelane_sim::Side::A), 24).into_iter().collect();
        let mut host = Host::new(a, Config { addresses, ..Config::default() }, [7; 32], 64);
        let buffer = 1024 << rng.below(7);
        let mut peer = Peer::new(b, buffer, rng.next_u64());
        let listens = rng.below(2) == 0;
        let remote = World::socket_addr(corelane_sim::Side::B, PORTS.0);
        let (listener, socket) = if listens {
            peer.connect(PORTS);
            let here = World::socket_addr(corelane_sim::Side::A, PORTS.0);
            (Some(host.stack.listen(here, 4).expect("the port is free")), None)
        } else {
            peer.listen(PORTS.0);
            (None, Some(host.stack.connect(None, remote).expect("there is a route")))
        };
        Conversation {
            link,
            host,
            peer,
            socket,
            listener,
            ours: Application::draw(&mut rng, bytes, expected, closes[0]),
            theirs: Application::draw(&mut rng, expected, bytes, closes[1]),
            now: Duration::ZERO,
        }
    }

    fn turn(&mut self) -> Result<(), String> {
        let (there, back) = (Pattern::between(1, 2), Pattern::between(2, 1));
        self.host.receive(self.now, |_, _| {});
        while self.host.stack.next_event().is_some() {}
        if let (None, Some(listener)) = (self.socket, self.listener) {
            self.socket = self.host.stack.accept(listener).ok().map(|(socket, _)| socket);
        }
        if let Some(socket) = self.socket {
            let mut socket = Ours(&mut self.host.stack, socket);
            self.ours.act(self.now, &mut socket, there, back).map_err(|what| format!("corelane: {what}"))?;
        }
        self.host.transmit(self.now, |_, _| {});
        self.peer.poll(self.now);
        if self.peer.is_open() {
            let socket = &mut self.peer.socket();
            self.theirs.act(self.now, socket, back, there).map_err(|what| format!("smoltcp: {what}"))?;
        }
        self.peer.poll(self.now);
        Ok(())
    }

    /// When something happens next.
    fn next(&mut self) -> Option<Duration> {
        let busy = self.host.is_busy().then(|| self.now + Duration::from_micros(100));
        let deadline = self.host.stack.next_deadline().map(|at| Duration::from_nanos(at.as_nanos()));
        let resting = [&self.ours, &self.theirs].map(|app| Some(app.rests_until).filter(|at| *at > self.now));
        let peer = self.peer.next(self.now);
        let all = [self.link.next_arrival(), busy, deadline, peer, resting[0], resting[1]];
        // smoltcp counts microseconds: what is due within one is due after it.
        all.into_iter().flatten().min().map(|next| next.max(self.now + Duration::from_micros(1)))
    }

    fn is_done(&self) -> bool {
        self.ours.closed && self.theirs.closed && self.host.stack.connections() == 0 && self.peer.is_gone()
    }

    /// Until both are done, or the limit.
    fn run(&mut self) -> Result<(), String> {
        while !self.is_done() {
            self.turn()?;
            let next = if self.is_done() { break } else { self.next() };
            match next {
                Some(next) if next <= LIMIT => self.now = next,
                other => {
                    return Err(format!(
                        "it stands still ({other:?})\n  {:?}\n  {:?}\n  {}, {:?}",
                        self.ours,
                        self.theirs,
                        self.peer.state(),
                        self.socket.map(|socket| self.host.stack.info(socket))
                    ));
                }
            }
            self.link.advance_to(self.now);
        }
        Ok(())
    }

    /// What must be true at the end.
    fn check(&mut self) -> Result<(), String> {
        for (app, other) in [(&self.ours, &self.theirs), (&self.theirs, &self.ours)] {
            let reset = other.close == Close::Reset;
            if reset != app.was_reset {
                return Err(format!("reset {}, expected {reset}", app.was_reset));
            }
            if !reset && app.read != app.expected {
                return Err(format!("{} of {} bytes were read", app.read, app.expected));
            }
        }
        if let Some(listener) = self.listener {
            self.host.stack.close_listener(listener).map_err(|error| format!("close_listener: {error}"))?;
        }
        let end = self.now + AFTERMATH;
        while let Some(next) = self.next().filter(|next| *next <= end) {
            self.now = next;
            self.link.advance_to(next);
            self.turn()?;
        }
        let stack = &self.host.stack;
        let out = stack.pool().config().slots as usize - stack.pool().available();
        let left = [
            out,
            stack.connections(),
            stack.half_open(),
            stack.flows(),
            stack.timers(),
            stack.buffers_in_use(),
        ];
        if left != [0; 6] {
            return Err(format!("left over: {left:?}"));
        }
        Ok(())
    }
}

#[test]
fn conversations_with_smoltcp_arrive_whole_and_end() {
    let (mut bytes, mut longest) = (0, Duration::ZERO);
    for seed in 0..64 {
        let mut conversation = Conversation::draw(seed);
        let result = conversation.run().and_then(|()| {
            longest = longest.max(conversation.now);
            bytes += conversation.ours.read + conversation.theirs.read;
            conversation.check()
        });
        if let Err(what) = result {
            panic!("seed {seed} at {:?}: {what}", conversation.now);
        }
    }
    assert!(bytes > 1_000_000, "only {bytes} bytes were sent");
    assert!(longest < Duration::from_secs(900), "one took {longest:?} of virtual time");
}
