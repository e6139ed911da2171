//! One stack, and a peer that a test plays segment by segment.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use corelane_netstack::{Config, Event, ListenerId, Shutdown, SocketId, Stack};
use etherparse::{IpEcn, Ipv4Header, PacketBuilder, TcpOptionElement, TcpOptions};

use crate::dut::{Dut, PEER, US};
use crate::{Medium, Segment};

/// A segment that the stack sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// When.
    pub at: Duration,
    /// From which of our addresses.
    pub from: Ipv4Addr,
    /// Our port and the peer's.
    pub ports: (u16, u16),
    /// The sequence number.
    pub seq: u32,
    /// The acknowledgment number, with the ACK flag.
    pub ack: Option<u32>,
    /// `S`, `F`, `R`, `E`, `W` for SYN, FIN, RST, ECE and CWR, in this order.
    pub flags: String,
    /// PSH.
    pub push: bool,
    /// The two bits of ECN in IP's header.
    pub ecn: u8,
    /// The window field.
    pub window: u16,
    /// TSval and TSecr.
    pub timestamps: Option<(u32, u32)>,
    /// The MSS option.
    pub mss: Option<u16>,
    /// The window scale option.
    pub scale: Option<u8>,
    /// The option SACK permitted.
    pub sack_permitted: bool,
    /// SACK blocks: first number, one past the last.
    pub sack: Vec<(u32, u32)>,
    /// The Fast Open option: a cookie, or nothing to ask for one.
    pub fast_open: Option<Vec<u8>>,
    /// The data.
    pub data: Vec<u8>,
}

/// A segment that the peer sends; the default is a bare ACK.
#[derive(Debug, Clone, Default)]
pub struct Spoken<'a> {
    /// The sequence number.
    pub seq: u32,
    /// The acknowledgment number; `None` clears the flag.
    pub ack: Option<u32>,
    /// `S`, `F`, `R`, `P`, `E`, `W` for SYN, FIN, RST, PSH, ECE and CWR.
    pub flags: &'a str,
    /// The urgent pointer, with the URG flag.
    pub urgent: Option<u16>,
    /// The two bits of ECN in IP's header.
    pub ecn: u8,
    /// The window field.
    pub window: u16,
    /// MSS, window scale, timestamps.
    pub mss: Option<u16>,
    /// The window scale option.
    pub scale: Option<u8>,
    /// TSval and TSecr.
    pub timestamps: Option<(u32, u32)>,
    /// The option SACK permitted.
    pub sack_permitted: bool,
    /// A SACK block: first number, one past the last.
    pub sack: Option<(u32, u32)>,
    /// The Fast Open option.
    pub fast_open: Option<&'a [u8]>,
    /// The data.
    pub data: &'a [u8],
}

/// A stack on a bare IP link whose other end is in the test's hand.
///
/// Each call runs the stack as far as it goes at that time. What it said is kept with its time, until
/// [`Script::heard`] takes it.
pub struct Script {
    /// Our port.
    pub port: u16,
    /// The peer's port.
    pub peer_port: u16,
    dut: Dut,
    heard: Vec<Heard>,
}

impl Script {
    /// A stack with this configuration; its first address is [`US`], its port 80 unless changed, the peer's 5000.
    ///
    /// # Panics
    /// When the link can't be: a fault of this crate.
    pub fn new(config: Config) -> Script {
        Script { port: 80, peer_port: 5000, dut: Dut::new(config, 1500, false), heard: Vec::new() }
    }

    /// The stack.
    pub fn stack(&mut self) -> &mut Stack {
        &mut self.dut.host.stack
    }

    /// The time.
    pub fn now(&self) -> Duration {
        self.dut.now()
    }

    /// The peer's address and port.
    pub fn peer_addr(&self) -> SocketAddr {
        SocketAddr::from((PEER, self.peer_port))
    }

    /// Runs the stack at this time; its commands are carried out.
    pub fn run(&mut self) {
        self.dut.run();
        self.listen_in();
    }

    fn listen_in(&mut self) {
        for (at, frame) in self.dut.sent.drain(..) {
            if let Some(segment) = Segment::parse(&frame, Medium::Ip) {
                assert!(segment.is_intact, "the stack sent a wrong checksum: {segment:?}");
                self.heard.push(Heard::from(&segment, at));
            }
        }
    }

    /// Lets `time` pass, stopping at each deadline of the stack.
    pub fn pass(&mut self, time: Duration) {
        self.dut.run_until(self.dut.now() + time);
        self.listen_in();
    }

    /// What the stack said since the last call.
    pub fn heard(&mut self) -> Vec<Heard> {
        std::mem::take(&mut self.heard)
    }

    /// The one segment that the stack said since the last call.
    ///
    /// # Panics
    /// When it said nothing, or more.
    #[track_caller]
    pub fn hear(&mut self) -> Heard {
        let mut heard = self.heard();
        assert_eq!(heard.len(), 1, "one segment expected: {heard:#?}");
        heard.remove(0)
    }

    /// Asserts that the stack said nothing since the last call.
    ///
    /// # Panics
    /// When it did.
    #[track_caller]
    pub fn silence(&mut self) {
        let heard = self.heard();
        assert!(heard.is_empty(), "silence expected: {heard:#?}");
    }

    /// The peer sends a segment, and the stack runs.
    pub fn say(&mut self, spoken: &Spoken<'_>) {
        let frame = self.build(spoken);
        self.say_raw(&frame);
    }

    /// The peer sends an IP packet, whatever it holds, and the stack runs.
    ///
    /// # Panics
    /// When the peer has no buffer left: the stack keeps more than it should.
    pub fn say_raw(&mut self, frame: &[u8]) {
        self.say_together(&[frame]);
    }

    /// The peer sends IP packets that arrive in one burst, and the stack runs.
    ///
    /// # Panics
    /// When the peer has no buffers left: the stack keeps more than it should.
    pub fn say_together(&mut self, frames: &[impl AsRef<[u8]>]) {
        self.dut.inject(frames);
        self.listen_in();
    }

    /// The IP packet of a segment.
    ///
    /// # Panics
    /// When the options are more than 40 bytes: none that can be given are.
    pub fn build(&self, spoken: &Spoken<'_>) -> Vec<u8> {
        let mut step = PacketBuilder::ipv4(PEER.octets(), US.octets(), 64).tcp(
            self.peer_port,
            self.port,
            spoken.seq,
            spoken.window,
        );
        if let Some(ack) = spoken.ack {
            step = step.ack(ack);
        }
        for flag in spoken.flags.chars() {
            step = match flag {
                'S' => step.syn(),
                'F' => step.fin(),
                'R' => step.rst(),
                'E' => step.ece(),
                'W' => step.cwr(),
                _ => step.psh(),
            };
        }
        if let Some(pointer) = spoken.urgent {
            step = step.urg(pointer);
        }
        let options = [
            spoken.mss.map(TcpOptionElement::MaximumSegmentSize),
            spoken.scale.map(TcpOptionElement::WindowScale),
            spoken.timestamps.map(|(value, echo)| TcpOptionElement::Timestamp(value, echo)),
            spoken.sack_permitted.then_some(TcpOptionElement::SelectiveAcknowledgementPermitted),
            spoken.sack.map(|block| TcpOptionElement::SelectiveAcknowledgement(block, [None; 3])),
        ];
        let options: Vec<_> = options.into_iter().flatten().collect();
        let mut frame = Vec::new();
        let known = TcpOptions::try_from_elements(&options).expect("at most 40 bytes of options");
        let mut options = known.as_slice().to_vec();
        if let Some(cookie) = spoken.fast_open {
            options.extend([34, 2 + cookie.len() as u8]); // at most 16 bytes
            options.extend(cookie);
            options.resize(options.len().next_multiple_of(4), 1);
        }
        let step = step.options_raw(&options).expect("at most 40 bytes of options");
        step.write(&mut frame, spoken.data).expect("a vector takes it");
        let (mut header, _) = Ipv4Header::from_slice(&frame).expect("just written");
        header.ecn = IpEcn::try_new(spoken.ecn).expect("two bits");
        header.header_checksum = header.calc_header_checksum();
        frame[..header.header_len()].copy_from_slice(&header.to_bytes());
        frame
    }

    /// An active opening up to ESTABLISHED; the peer's SYN-ACK has `window`, MSS 1000 and no other option.
    /// Gives the connection, and the peer's view: (its next number, what it acknowledges).
    ///
    /// # Panics
    /// When the stack does not open.
    #[track_caller]
    pub fn connect(&mut self, window: u16) -> (SocketId, u32, u32) {
        let remote = self.peer_addr();
        let id = self.stack().connect(None, remote).expect("a connection");
        self.run();
        let syn = self.hear();
        assert_eq!(syn.flags, "S");
        self.port = syn.ports.0;
        let ack = syn.seq.wrapping_add(1);
        self.say(&Spoken {
            seq: 9000,
            ack: Some(ack),
            flags: "S",
            window,
            mss: Some(1000),
            ..Spoken::default()
        });
        assert_eq!(self.hear().ack, Some(9001));
        assert_eq!(self.stack().next_event(), Some(Event::Writable(id)));
        (id, 9001, ack)
    }

    /// A passive opening up to ESTABLISHED, accepted; as [`Script::connect`].
    ///
    /// # Panics
    /// When the stack does not open.
    #[track_caller]
    pub fn accept(&mut self, window: u16) -> (SocketId, u32, u32) {
        let listener = self.listen(16);
        self.say(&Spoken { seq: 9000, flags: "S", window, mss: Some(1000), ..Spoken::default() });
        let syn_ack = self.hear();
        assert_eq!((syn_ack.flags.as_str(), syn_ack.ack), ("S", Some(9001)));
        let ack = syn_ack.seq.wrapping_add(1);
        self.say(&Spoken { seq: 9001, ack: Some(ack), window, ..Spoken::default() });
        let (id, _) = self.stack().accept(listener).expect("an open connection");
        (id, 9001, ack)
    }

    /// A listener on our port.
    ///
    /// # Panics
    /// When the port is taken.
    #[track_caller]
    pub fn listen(&mut self, backlog: usize) -> ListenerId {
        let local = SocketAddr::from((US, self.port));
        self.stack().listen(local, backlog).expect("a listener")
    }

    /// Our FIN goes out.
    ///
    /// # Panics
    /// When there is no such connection.
    #[track_caller]
    pub fn shut(&mut self, id: SocketId) {
        self.stack().shutdown(id, Shutdown::Write).expect("an open connection");
        self.run();
    }

    /// Writes all of `bytes`.
    ///
    /// # Panics
    /// When they are not taken whole.
    #[track_caller]
    pub fn write(&mut self, id: SocketId, bytes: &[u8]) {
        assert_eq!(self.stack().write(id, bytes), Ok(bytes.len()));
        self.run();
    }
}

impl Heard {
    fn from(segment: &Segment<'_>, at: Duration) -> Heard {
        let flags = [
            ('S', segment.syn),
            ('F', segment.fin),
            ('R', segment.rst),
            ('E', segment.ece),
            ('W', segment.cwr),
        ];
        Heard {
            at,
            from: segment.from.0,
            ports: (segment.from.1, segment.to.1),
            seq: segment.seq,
            ack: segment.ack,
            flags: flags.iter().filter(|(_, on)| *on).map(|(name, _)| *name).collect(),
            push: segment.psh,
            ecn: segment.ecn,
            window: segment.window,
            timestamps: segment.timestamps,
            mss: segment.mss,
            scale: segment.scale,
            sack_permitted: segment.sack_permitted,
            sack: segment.sack.clone(),
            fast_open: segment.fast_open.clone(),
            data: segment.payload.to_vec(),
        }
    }
}
