//! Packet scripts: what arrives at a stack, what its application does, and what it must send then, in virtual time.
//!
//! The notation is [packetdrill](https://github.com/google/packetdrill)'s, as far as TCP needs it:
//!
//! ```text
//! // A passive opening.                  comments: // to the end of the line, # at its start, /* between */
//! --mtu=1500                             or --tso=1 (the device cuts and merges), --peer_isn=N, --tolerance_usecs=N
//! --sysctl=tcp_syn_retries=2             settings by Linux's names, in Linux's units or with one (200ms)
//! 0   socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
//! +0  bind(3, ..., ...) = 0              our port is 8080, the peer's 5000; in `connect` the peer's is 8080
//! +0  listen(3, 1) = 0
//! +.1 < S 0:0(0) win 32792 <mss 1000,nop,wscale 7>         arrives
//! +0  > S. 0:0(0) ack 1 win 65535 <mss 1460,nop,wscale 5>  is sent: `win N` may be left out, <...>: any options
//! +.1 < . 1:1(0) ack 1 win 257
//! +0  accept(3, ..., ...) = 4
//! +0  < [ce] P. 1:1001(1000) ack 1 win 257
//! +0  > . 1:1(0) ack 1001
//! +0.05...0.15 read(4, ..., 1000) = 1000                   blocks in between
//! +*  > F. 1:1(0) ack 1001               whenever it comes; `+0~+.2`: within a range
//! +0  %{ tcpi_snd_cwnd == 10 and TcpExtTCPTimeouts == 0 }%
//! +0  < icmp unreachable frag_needed mtu 1200 [1:1461(1460)]
//! ```
//!
//! Sequence numbers count from each side's SYN, TSval from what our SYN says (else it is the time in milliseconds). Several
//! connections are told apart by their ports: `< 5001>8080 S ...`. Marks in brackets before them: `noecn`, `ect0`, `ect1`, `ce`,
//! and our own `garbled` (payload that does not belong there), `badsum`, `from 10.0.0.9`. A long segment may come as several that
//! make it up. TCP_INFO is asked of the connection that was made or accepted last; beside its fields and the counters of `nstat` an
//! assertion knows `connections`, `half_open`, `time_wait`, `flows`, `timers`, and `isn_advance`, the distance of our last two
//! initial numbers; `ss_state`, `ss_age` (in seconds), `ss_recv_q`, `ss_send_q` and `ss_orphan` are the usual connection's in the
//! list of sockets. Options that packetdrill has no words for are
//! `kind N HEX` and `raw HEX`; `FO *` is the Fast Open cookie that the stack made;
//! `setsockopt(4, SOL_SOCKET, SO_KEEPALIVE, "WEB", 3)` is one of the ready-made settings.
//!
//! Beyond what a script says, each segment that the stack sends is looked at by a [`Monitor`](crate::Monitor): checksums, payload
//! that tells its place in the stream, a window that never moves to the left. Each read is compared likewise. In the end, all
//! sockets are aborted, and nothing may be left: no connection, no timer, no buffer.
//!
//! Time is exact, since the clock is virtual: a segment a nanosecond late fails, unless `--tolerance_usecs` says otherwise. So
//! time-outs are those of the stack's formulas to the nanosecond: RFC 6298's G (1 ms) is only the floor of 4 x RTTVAR, and a
//! round trip that is measured by timestamps has their resolution, 1 ms.

mod assertion;
mod cursor;
mod expect;
mod flow;
mod lines;
mod parse;
mod run;
mod settings;
mod sockopt;
mod syntax;
mod syscall;
mod tcp_option;
mod wire;

use std::fmt;

/// Where a script failed, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptFailure {
    /// The line, from 1 on.
    pub line: usize,
    /// What it says.
    pub text: String,
    /// What went wrong, and the last packets.
    pub what: String,
}

impl fmt::Display for ScriptFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}\n{}", self.line, self.text, self.what)
    }
}

impl std::error::Error for ScriptFailure {}

/// Plays the script `text`.
///
/// # Errors
/// The first line that does not hold, or can't be read.
pub fn play(text: &str) -> Result<(), ScriptFailure> {
    let source = parse::parse(text).map_err(|(line, what)| ScriptFailure {
        line: line.number,
        text: line.text,
        what,
    })?;
    run::run(&source).map_err(|(line, what)| {
        let said = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        ScriptFailure { line, text: said.trim().to_string(), what }
    })
}

#[cfg(test)]
mod tests;
