//! Whole conversations of two stacks over a wire that the input rules.

use std::collections::VecDeque;
use std::time::Duration;

use corelane_netstack::{Error, Event, Instant, ListenerId, Shutdown, SocketId};
use corelane_nic::Checksum;

use super::bed::{End, Host, PORT};
use super::frame::{self, ETHERNET_LEN};
use super::reader::Reader;
use crate::{Medium, Monitor, Pattern};

/// Steps of one input at most.
const STEPS: usize = 300;
/// Connections at once.
const CONNECTIONS: usize = 4;
/// Frames on the wire; beyond it the oldest is lost, as in a router.
const WIRE: usize = 64;
/// Nothing is given up so early, but a SYN in a queue that is more than half full: that after two repetitions.
const PATIENCE: Duration = Duration::from_secs(60);
const LEAST_PATIENCE: Duration = Duration::from_secs(7);
/// What a turn takes: an initial sequence number may be given out again while the clock behind them stands (RFC 9293 3.4.1).
const TURN: Duration = Duration::from_micros(4);
/// The EtherType of ARP.
const ARP: [u8; 2] = [8, 6];
/// Where the header of TCP starts: no stack of ours sends IP options.
const TCP: usize = ETHERNET_LEN + 20;

/// One end of a connection.
struct Socket {
    end: End,
    id: SocketId,
    outgoing: Pattern,
    incoming: Pattern,
    written: u64,
    read: u64,
    shut: bool,
    /// The peer's FIN was read.
    ended: bool,
}

struct Conversation {
    now: Instant,
    server: Host,
    client: Host,
    monitor: Monitor,
    listener: ListenerId,
    sockets: Vec<Socket>,
    /// On their way, with the end that they go to.
    wire: VecDeque<(End, Vec<u8>)>,
    /// Frames were changed or made up: then bytes may differ, and connections may end.
    is_hostile: bool,
    /// A connection was aborted, or the wire held frames for so long that one may have been given up.
    is_cut: bool,
    /// How long time was passed on without regard to the wire.
    held: Duration,
}

/// Two stacks, driven by an input: what their applications do, what the wire loses, doubles, delays and changes, and when.
///
/// Everything that the stacks send is checked by the [`Monitor`]. Where no frame was changed, each byte that was written before
/// a close arrives in the end; in any case nothing is left when all is closed.
///
/// # Panics
/// When a stack does, or when something else is found.
pub fn conversation(input: &[u8]) {
    talk(input);
}

/// The same; gives the bytes that were read.
pub(super) fn talk(input: &[u8]) -> u64 {
    let mut reader = Reader::new(input);
    let mut talk = Conversation::new(reader.u8() & 1 == 1);
    for _ in 0..STEPS {
        if reader.is_empty() {
            break;
        }
        talk.step(&mut reader);
        talk.check();
    }
    talk.finish()
}

impl Conversation {
    fn new(is_hostile: bool) -> Conversation {
        let mut server = Host::new(End::Server);
        let listener =
            server.stack.listen((End::Server.address(), PORT).into(), 8).expect("nobody else listens");
        let mut monitor = Monitor::new(Medium::Ethernet, 1500);
        monitor.expect_patterns();
        Conversation {
            now: Instant::from_nanos(1_000_000_000),
            server,
            client: Host::new(End::Client),
            monitor,
            listener,
            sockets: Vec::new(),
            wire: VecDeque::new(),
            is_hostile,
            is_cut: false,
            held: Duration::ZERO,
        }
    }

    fn host(&mut self, end: End) -> &mut Host {
        match end {
            End::Server => &mut self.server,
            End::Client => &mut self.client,
        }
    }

    fn check(&self) {
        if let Err(failure) = self.monitor.check() {
            panic!("{failure} (hostile: {})", self.is_hostile);
        }
    }

    fn step(&mut self, reader: &mut Reader<'_>) {
        let kind = reader.u8();
        match kind & 0x1f {
            0 | 1 => self.connect(),
            2..=6 => self.write(reader),
            7..=9 => self.read(reader),
            10 => self.shut(reader),
            11 if kind & 0xe0 == 0 => self.abort(reader),
            12..=16 => {
                for _ in 0..=kind >> 5 {
                    self.deliver(0);
                }
            }
            17 => self.deliver(usize::from(reader.u8())),
            18 => drop(self.take(usize::from(reader.u8()))),
            19 => self.double(usize::from(reader.u8())),
            20..=23 if self.is_hostile => self.change(reader),
            24 if self.is_hostile => self.raw(reader),
            25 => return self.advance(Duration::from_micros(1 << (reader.u8() % 28))),
            26..=28 => return self.advance(Duration::from_millis(u64::from(reader.u8()))),
            _ => self.deliver(0),
        }
        self.run();
    }

    /// Both ends' turn at this time. ARP passes the wire at once: what waits for a neighbour may be lost where nobody sees it.
    fn run(&mut self) {
        self.now += TURN;
        let mut is_busy = true;
        while is_busy {
            is_busy = false;
            for end in [End::Server, End::Client] {
                let now = self.now;
                let (frames, events) = self.host(end).turn(now);
                self.note(end, &events);
                for frame in frames {
                    if frame[12..14] == ARP {
                        self.arrive(end.other(), &frame);
                        is_busy = true;
                    } else {
                        self.send(end.other(), frame);
                    }
                }
            }
        }
        self.is_cut |= self.has_given_up();
    }

    /// Whether the server has forgotten a SYN-ACK that the client may have taken, or got data behind those that bring its cookie
    /// back: then the client hears a RST.
    fn has_given_up(&self) -> bool {
        let stats = self.server.stack.stats();
        (self.held >= LEAST_PATIENCE && stats.tcp_attempt_fails > 0) || stats.syncookies_failed > 0
    }

    fn send(&mut self, to: End, frame: Vec<u8>) {
        self.monitor.sent(since_start(self.now), &frame, false);
        if self.wire.len() >= WIRE {
            self.wire.pop_front();
        }
        self.wire.push_back((to, frame));
    }

    fn note(&mut self, end: End, events: &[Event]) {
        if end == End::Server && events.iter().any(|event| matches!(event, Event::Acceptable(_))) {
            while let Ok((id, peer)) = self.server.stack.accept(self.listener) {
                self.monitor.accepted((End::Server.address(), PORT), (End::Client.address(), peer.port()));
                self.add(End::Server, id, PORT, peer.port());
            }
        }
    }

    fn add(&mut self, end: End, id: SocketId, ours: u16, theirs: u16) {
        let outgoing = Pattern::between(ours, theirs);
        // An old ACK with a SYN cookie opens what was over once more, and this time nobody is at the other end.
        self.is_cut |= self.sockets.iter().any(|other| other.end == end && other.outgoing == outgoing);
        self.sockets.push(Socket {
            end,
            id,
            outgoing,
            incoming: Pattern::between(theirs, ours),
            written: 0,
            read: 0,
            shut: false,
            ended: false,
        });
    }

    fn connect(&mut self) {
        if self.sockets.len() >= 2 * CONNECTIONS {
            return;
        }
        let remote = (End::Server.address(), PORT).into();
        if let Ok(id) = self.client.stack.connect(None, remote) {
            let port = self.client.stack.local_addr(id).expect("it was just opened").port();
            self.add(End::Client, id, port, PORT);
        }
    }

    fn pick(&self, reader: &mut Reader<'_>) -> Option<usize> {
        let which = usize::from(reader.u8());
        (!self.sockets.is_empty()).then(|| which % self.sockets.len())
    }

    fn write(&mut self, reader: &mut Reader<'_>) {
        let Some(index) = self.pick(reader) else { return };
        let len = usize::from(reader.u16()) % 6000;
        self.write_at(index, len);
    }

    fn write_at(&mut self, index: usize, len: usize) {
        let socket = &mut self.sockets[index];
        let mut bytes = vec![0; len];
        socket.outgoing.fill(socket.written, &mut bytes);
        let stack = match socket.end {
            End::Server => &mut self.server.stack,
            End::Client => &mut self.client.stack,
        };
        // Whatever else it gives is right: the connection may be closed, or gone.
        if let Ok(n) = stack.write(socket.id, &bytes) {
            socket.written += n as u64;
        }
    }

    fn read(&mut self, reader: &mut Reader<'_>) {
        let Some(index) = self.pick(reader) else { return };
        let len = usize::from(reader.u16()) % 4000;
        self.read_at(index, len);
    }

    /// Whether something was read.
    fn read_at(&mut self, index: usize, len: usize) -> bool {
        let socket = &mut self.sockets[index];
        let stack = match socket.end {
            End::Server => &mut self.server.stack,
            End::Client => &mut self.client.stack,
        };
        let mut buffer = vec![0; len];
        match stack.read(socket.id, &mut buffer) {
            Ok(0) => {
                socket.ended |= len > 0;
                false
            }
            Ok(n) => {
                if !self.is_hostile {
                    let wrong = socket.incoming.mismatch(socket.read, &buffer[..n]);
                    assert_eq!(wrong.map(|at| socket.read + at as u64), None, "a byte that was not written");
                }
                socket.read += n as u64;
                true
            }
            Err(Error::WouldBlock | Error::NotOpen) => false,
            Err(error) => {
                assert!(self.is_hostile || self.is_cut, "an honest connection failed: {error}");
                false
            }
        }
    }

    fn shut(&mut self, reader: &mut Reader<'_>) {
        let Some(index) = self.pick(reader) else { return };
        let Socket { end, id, .. } = self.sockets[index];
        if self.host(end).stack.shutdown(id, Shutdown::Write).is_ok() {
            self.sockets[index].shut = true;
        }
    }

    fn abort(&mut self, reader: &mut Reader<'_>) {
        let Some(index) = self.pick(reader) else { return };
        let Socket { end, id, .. } = self.sockets.remove(index);
        // It may be over already.
        let _ = self.host(end).stack.abort(id);
        self.is_cut = true;
    }

    fn take(&mut self, which: usize) -> Option<(End, Vec<u8>)> {
        let len = self.wire.len().max(1);
        self.wire.remove(which % len)
    }

    fn deliver(&mut self, which: usize) {
        if let Some((end, frame)) = self.take(which) {
            self.arrive(end, &frame);
        }
    }

    fn arrive(&mut self, end: End, frame: &[u8]) {
        self.monitor.received(frame, false);
        self.host(end).deliver(frame, None, Checksum::Unknown);
    }

    fn double(&mut self, which: usize) {
        if let Some((end, frame)) = self.take(which) {
            self.arrive(end, &frame);
            self.wire.push_back((end, frame));
        }
    }

    /// A frame arrives with some fields changed; the frame itself may follow.
    fn change(&mut self, reader: &mut Reader<'_>) {
        let Some((end, mut frame)) = self.take(usize::from(reader.u8())) else { return };
        let how = reader.u8();
        if how & 0x80 != 0 {
            self.wire.push_front((end, frame.clone()));
        }
        // A SYN's options are what both must agree on; the monitor takes those that were sent.
        let is_open = frame.get(TCP + 13).is_some_and(|flags| flags & 2 == 0) && frame[12..14] == [8, 0];
        if is_open {
            for _ in 0..=how & 3 {
                change_field(&mut frame, reader);
            }
        }
        frame::fix_transport(&mut frame[ETHERNET_LEN..]);
        self.arrive(end, &frame);
    }

    /// Bytes that are no frame of anybody arrive.
    fn raw(&mut self, reader: &mut Reader<'_>) {
        let end = if reader.u8() & 1 == 0 { End::Server } else { End::Client };
        let packet = frame::ipv4(end.other().address(), end.address(), reader.u8(), reader.block());
        self.arrive(end, &frame::ethernet(end.mac(), end.other().mac(), 0x0800, &packet));
    }

    /// Time passes, with a stop at each deadline; what is sent stays on the wire.
    fn advance(&mut self, by: Duration) {
        let end = self.now + by;
        self.held += by;
        self.is_cut |= self.held > PATIENCE;
        self.run();
        while let Some(next) = self.next_deadline().filter(|next| *next <= end) {
            self.now = next.max(self.now + Duration::from_nanos(1));
            self.run();
        }
        self.now = self.now.max(end);
        self.run();
    }

    fn next_deadline(&self) -> Option<Instant> {
        [&self.server, &self.client].into_iter().filter_map(|host| host.stack.next_deadline()).min()
    }

    /// The wire is honest from now on: all arrives, in order, until nothing more comes.
    fn calm(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.run();
            let mut is_busy = false;
            while !self.wire.is_empty() {
                self.deliver(0);
                self.run();
            }
            for index in 0..self.sockets.len() {
                while self.read_at(index, 4000) {
                    is_busy = true;
                }
            }
            self.check();
            if is_busy {
                continue;
            }
            match self.next_deadline().filter(|next| *next <= end) {
                Some(next) => self.now = next.max(self.now + Duration::from_nanos(1)),
                None => break,
            }
        }
        self.now = self.now.max(end);
    }

    fn finish(mut self) -> u64 {
        self.calm(Duration::from_secs(600));
        if !self.is_hostile && !self.is_cut {
            self.check_whole();
        }
        let read = self.sockets.iter().map(|socket| socket.read).sum();
        for index in 0..self.sockets.len() {
            let Socket { end, id, .. } = self.sockets[index];
            // It may be over already.
            let _ = self.host(end).stack.close(id);
        }
        self.sockets.clear();
        self.server.stack.close_listener(self.listener).expect("it is open");
        for _ in 0..30 {
            self.calm(Duration::from_secs(300));
        }
        self.server.check_empty();
        self.client.check_empty();
        read
    }

    /// Whatever was written has been read at the other end.
    fn check_whole(&self) {
        for socket in &self.sockets {
            let peer =
                self.sockets.iter().find(|peer| peer.incoming == socket.outgoing && peer.end != socket.end);
            let Some(peer) = peer else {
                assert_eq!(socket.written, 0, "bytes were taken for a connection that nobody accepted");
                continue;
            };
            assert_eq!(socket.written, peer.read, "written at one end and read at the other");
            assert!(!socket.shut || peer.ended, "the end of data did not arrive");
        }
    }
}

fn since_start(now: Instant) -> Duration {
    Duration::from_nanos(now.as_nanos())
}

/// Changes one field of a segment.
fn change_field(frame: &mut Vec<u8>, reader: &mut Reader<'_>) {
    let what = reader.u8();
    let mut add = |at: usize, change: u32| {
        if let Some(field) = frame.get_mut(TCP + at..TCP + at + 4) {
            let value = u32::from_be_bytes([field[0], field[1], field[2], field[3]]);
            field.copy_from_slice(&value.wrapping_add(change).to_be_bytes());
        }
    };
    let near = |reader: &mut Reader<'_>| match reader.u8() {
        small @ 0..0xc0 => u32::from(small % 32).wrapping_sub(16),
        0xc0..0xf0 => u32::from(reader.u16()).wrapping_sub(0x8000),
        _ => reader.u32(),
    };
    let (at, value) = match what % 8 {
        0 => return add(4, near(reader)),
        1 => return add(8, near(reader)),
        2 => (13, frame.get(TCP + 13).map_or(0, |flags| flags ^ (1 << (what >> 3 & 7)))),
        3 => (14, reader.u8()),
        4 => (15, reader.u8()),
        5 => (20 + usize::from(reader.u8() % 40), reader.u8()),
        6 => (12, reader.u8()),
        _ => return frame.truncate((TCP + usize::from(reader.u8())).min(frame.len())),
    };
    if let Some(byte) = frame.get_mut(TCP + at) {
        *byte = value;
    }
}
