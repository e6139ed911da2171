//! A stack with connections that a test plays the peer of.

use std::net::SocketAddr;
use std::time::Duration;

use corelane_netstack::{Config, ListenerId, SocketId, State};
use corelane_testkit::{Forged, Heard, Script, Spoken, US};

pub const WINDOW: u16 = 20_000;
const LISTEN_PORT: u16 = 80;

/// What the peer offers in its SYN.
#[derive(Debug, Clone, Copy, Default)]
pub struct Offer {
    pub scale: Option<u8>,
    pub sack: bool,
    /// Its first TSval.
    pub timestamp: Option<u32>,
}

/// A stack with a listener.
pub struct Bed {
    pub script: Script,
    pub listener: ListenerId,
    free: usize,
}

/// An open connection, as its peer sees it.
#[derive(Debug, Clone, Copy)]
pub struct Live {
    pub port: u16,
    pub id: SocketId,
    /// The peer's next number.
    pub theirs: u32,
    /// The stack's.
    pub ours: u32,
    pub timestamps: Option<(u32, u32)>,
}

impl Bed {
    pub fn new(mut config: Config) -> Bed {
        config.tcp.tcp_wmem.default = 1 << 20; // tests write in one go
        let mut script = Script::new(config);
        let free = script.stack().pool().available();
        let local = SocketAddr::from((US, LISTEN_PORT));
        let listener = script.stack().listen(local, 64).expect("the port is free");
        Bed { script, listener, free }
    }

    /// A connection from the peer's `port`, accepted.
    #[track_caller]
    pub fn open(&mut self, port: u16, offer: Offer) -> Live {
        self.script.peer_port = port;
        self.script.say(&Spoken {
            seq: 9000,
            flags: "S",
            window: WINDOW,
            mss: Some(1000),
            scale: offer.scale,
            sack_permitted: offer.sack,
            timestamps: offer.timestamp.map(|value| (value, 0)),
            ..Spoken::default()
        });
        let syn_ack = self.script.hear();
        let timestamps = offer.timestamp.and_then(|value| Some((value, syn_ack.timestamps?.0)));
        let ours = syn_ack.seq.wrapping_add(1);
        let spoken = Spoken { seq: 9001, ack: Some(ours), window: WINDOW, timestamps, ..Spoken::default() };
        self.script.say(&spoken);
        let (id, _) = self.script.stack().accept(self.listener).expect("it is open");
        Live { port, id, theirs: 9001, ours, timestamps }
    }

    /// A bare ACK with the peer's next number.
    pub fn ack(&self, live: &Live) -> Spoken<'static> {
        Spoken {
            seq: live.theirs,
            ack: Some(live.ours),
            window: WINDOW,
            timestamps: live.timestamps,
            ..Spoken::default()
        }
    }

    /// The same, to be spoiled.
    pub fn forged(live: &Live, flags: u8) -> Forged<'static> {
        Forged { seq: live.theirs, ack: live.ours, flags, window: WINDOW, ..Forged::default() }
    }

    pub fn state(&mut self, live: &Live) -> State {
        self.script.stack().info(live.id).expect("it is open").state
    }

    /// The peer's bytes come back, in the turn in which they arrive.
    #[track_caller]
    pub fn echo(&mut self, live: &mut Live) {
        self.script.peer_port = live.port;
        self.script.heard();
        let text = b"are you there?";
        self.script.say(&Spoken { data: text, ..self.ack(live) });
        live.theirs = live.theirs.wrapping_add(text.len() as u32); // a few bytes
        let mut buffer = [0; 100];
        assert_eq!(self.script.stack().read(live.id, &mut buffer), Ok(text.len()));
        self.script.write(live.id, &buffer[..text.len()]);
        let heard: Vec<Heard> = self.script.heard();
        let answer = heard.iter().find(|heard| heard.ports.1 == live.port && !heard.data.is_empty());
        let answer = answer.unwrap_or_else(|| panic!("no answer in the same turn: {heard:#?}"));
        assert_eq!((answer.seq, &answer.data[..], answer.at), (live.ours, &text[..], self.script.now()));
        live.ours = live.ours.wrapping_add(text.len() as u32); // as above
        self.script.say(&self.ack(live));
    }

    /// The connection works to the end; when all are closed, nothing is left.
    #[track_caller]
    pub fn finish(mut self, mut lives: Vec<Live>) {
        for live in &mut lives {
            self.echo(live);
            self.script.say(&Spoken { flags: "R", ..self.ack(live) });
            self.script.stack().close(live.id).expect("it is open");
        }
        self.check_home();
    }

    /// Nothing is left, in the end: no connection, no timer, no buffer.
    #[track_caller]
    pub fn check_home(&mut self) {
        self.script.pass(Duration::from_secs(2000));
        let stack = self.script.stack();
        let left =
            (stack.connections(), stack.half_open(), stack.flows(), stack.timers(), stack.buffers_in_use());
        assert_eq!(left, (0, 0, 0, 0, 0), "connections, half-open, flows, timers, buffers of copies");
        assert_eq!(stack.pool().available(), self.free, "buffers of the device");
    }
}
