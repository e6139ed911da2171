//! What a script says, as the parser gives it.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::tcp_option::TcpOption;

/// A whole script.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Source {
    pub(super) header: Header,
    pub(super) events: Vec<Event>,
}

/// The lines `--NAME=VALUE` at its start.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Header {
    /// `--mtu`: of the link.
    pub(super) mtu: u16,
    /// `--tso=1`: the device cuts and merges segments.
    pub(super) tso: bool,
    /// `--tolerance_usecs`: how much earlier or later than it says something may happen.
    pub(super) tolerance: Duration,
    /// `--peer_isn`: the number on the wire of the peer's number 0.
    pub(super) peer_isn: u32,
    /// `--sysctl=NAME=VALUE`, with their lines.
    pub(super) sysctls: Vec<(usize, String, String)>,
}

impl Default for Header {
    fn default() -> Header {
        Header { mtu: 1500, tso: false, tolerance: Duration::ZERO, peer_isn: 9000, sysctls: Vec::new() }
    }
}

/// Something that happens.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event {
    /// Its line, from 1 on, and what that says.
    pub(super) line: usize,
    pub(super) text: String,
    pub(super) when: When,
    pub(super) action: Action,
}

/// When it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// Since the start.
    At(Duration),
    /// Since the event before.
    After(Duration),
    /// `*`: whenever it comes.
    Any,
    /// `A~B`.
    Between(Duration, Duration),
    /// `+A~+B`.
    AfterBetween(Duration, Duration),
}

/// What happens.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    /// `<`: a segment arrives at the stack.
    Inject(TcpPacket),
    /// `>`: the stack sends a segment.
    Expect(TcpPacket),
    /// `<`: an ICMP error arrives.
    Icmp(Icmp),
    /// A system call of the application.
    Call(Call),
    /// `%{ A == B and ... }%`.
    Assert(Vec<Comparison>),
}

/// A segment, in the numbers of the script: each side counts from its SYN on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TcpPacket {
    pub(super) marks: Marks,
    /// `SOURCE>DESTINATION`.
    pub(super) ports: Option<(u16, u16)>,
    pub(super) flags: u8,
    pub(super) seq: u32,
    pub(super) len: usize,
    pub(super) ack: Option<u32>,
    pub(super) window: Option<u16>,
    pub(super) urgent: Option<u16>,
    /// `None`: `<...>`, any.
    pub(super) options: Option<Vec<TcpOption>>,
}

/// What stands in brackets before the flags.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) ecn: Option<Ecn>,
    /// `from A.B.C.D`: the peer's address, which else is its usual one.
    pub(super) from: Option<Ipv4Addr>,
    /// `garbled`: other bytes than those that belong there.
    pub(super) is_garbled: bool,
    /// `badsum`: a wrong TCP checksum.
    pub(super) has_bad_sum: bool,
}

/// The ECN field of the IP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ecn {
    NotEct = 0,
    Ect1 = 1,
    Ect0 = 2,
    Ce = 3,
}

/// An ICMP error about a segment that the stack sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Icmp {
    pub(super) kind: u8,
    pub(super) code: u8,
    pub(super) mtu: u16,
    /// The quoted segment's ports, as on the wire.
    pub(super) ports: Option<(u16, u16)>,
    /// The quoted segment's first number.
    pub(super) seq: u32,
}

/// A system call.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) arguments: Vec<Expr>,
    pub(super) result: Outcome,
    /// `START...END`: it blocks until then.
    pub(super) end: Option<When>,
}

/// What a call gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Value(i64),
    /// -1, and this errno.
    Errno(String),
}

/// An argument.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expr {
    /// `...`
    Ellipsis,
    Number(i64),
    /// A constant's name, or several with `|`.
    Word(String),
    Text(String),
    /// `[A, B]`
    List(Vec<Expr>),
    /// `{name=A, name=B}`
    Struct(Vec<(String, Expr)>),
    /// `htons(80)`
    Apply(String, Vec<Expr>),
}

/// `LEFT == RIGHT` and the like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Comparison {
    pub(super) left: String,
    pub(super) operator: Operator,
    pub(super) right: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Letters of the flags, by their bit.
pub(super) const FLAGS: [(char, u8); 8] =
    [('F', 1), ('S', 2), ('R', 4), ('P', 8), ('.', 16), ('U', 32), ('E', 64), ('W', 128)];
pub(super) const SYN: u8 = 2;
pub(super) const ACK: u8 = 16;
