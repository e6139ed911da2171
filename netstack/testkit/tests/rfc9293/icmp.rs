//! 3.9.2.2: what ICMP says of a connection.

use std::time::Duration;

use corelane_netstack::{Config, Error, SocketId, State};
use corelane_testkit::{PEER, Script, Spoken, US};
use etherparse::icmpv4::{DestUnreachableHeader, ParameterProblemHeader, TimeExceededCode};
use etherparse::{Icmpv4Type, PacketBuilder};

/// An ICMP message that quotes our segment with this number.
fn message(script: &Script, what: Icmpv4Type, seq: u32) -> Vec<u8> {
    let mut quoted = Vec::new();
    let ours =
        PacketBuilder::ipv4(US.octets(), PEER.octets(), 60).tcp(script.port, script.peer_port, seq, 100);
    ours.ack(1).write(&mut quoted, &[]).expect("a vector takes it");
    quoted.truncate(28); // RFC 792: the header and 8 bytes
    let mut frame = Vec::new();
    PacketBuilder::ipv4([10, 0, 0, 254], US.octets(), 64)
        .icmpv4(what)
        .write(&mut frame, &quoted)
        .expect("a vector takes it");
    frame
}

fn unreachable(what: DestUnreachableHeader) -> Icmpv4Type {
    Icmpv4Type::DestinationUnreachable(what)
}

/// A connection that waits for an ACK; the stack retries in vain from now on.
fn waiting() -> (Script, SocketId, u32) {
    let mut script = Script::new(Config::default());
    let (id, _, ours) = script.accept(9000);
    script.write(id, b"data");
    script.heard();
    (script, id, ours)
}

/// What it fails with when the retries have run out, after this message.
fn reason(what: Icmpv4Type) -> Option<Error> {
    let (mut script, id, ours) = waiting();
    let frame = message(&script, what, ours);
    script.say_raw(&frame);
    assert_eq!(script.stack().info(id).unwrap().state, State::Established, "MUST-56: not at once");
    script.pass(Duration::from_secs(2000));
    script.stack().take_error(id).unwrap()
}

#[test]
fn soft_errors_end_nothing_but_are_the_reason_in_the_end() {
    for what in [
        unreachable(DestUnreachableHeader::Network),
        unreachable(DestUnreachableHeader::Host),
        unreachable(DestUnreachableHeader::SourceRouteFailed),
        Icmpv4Type::TimeExceeded(TimeExceededCode::TtlExceededInTransit),
        Icmpv4Type::TimeExceeded(TimeExceededCode::FragmentReassemblyTimeExceeded),
        Icmpv4Type::ParameterProblem(ParameterProblemHeader::PointerIndicatesError(0)),
        Icmpv4Type::ParameterProblem(ParameterProblemHeader::BadLength),
    ] {
        assert_eq!(reason(what.clone()), Some(Error::HostUnreachable), "{what:?}");
    }
}

#[test]
fn source_quench_is_thrown_away() {
    let quench = Icmpv4Type::Unknown { type_u8: 4, code_u8: 0, bytes5to8: [0; 4] };
    assert_eq!(reason(quench), Some(Error::TimedOut));
}

#[test]
fn hard_errors_end_an_opening_but_no_open_connection() {
    for what in [DestUnreachableHeader::Port, DestUnreachableHeader::Protocol] {
        let mut script = Script::new(Config::default());
        let remote = script.peer_addr();
        let id = script.stack().connect(None, remote).unwrap();
        script.run();
        let syn = script.hear();
        script.port = syn.ports.0;
        let stale = message(&script, unreachable(what.clone()), syn.seq.wrapping_add(1));
        script.say_raw(&stale);
        assert_eq!(script.stack().info(id).unwrap().state, State::SynSent, "RFC 5927: not our SYN");
        let frame = message(&script, unreachable(what.clone()), syn.seq);
        script.say_raw(&frame);
        assert_eq!(script.stack().take_error(id), Ok(Some(Error::ConnectionRefused)), "SHLD-26");
        // RFC 5927 5.2, and Linux: whoever speaks for an open connection would not be asked for its port.
        assert_eq!(reason(unreachable(what)), Some(Error::HostUnreachable));
    }
}

#[test]
fn what_quotes_nothing_that_is_out_there_is_counted_and_dropped() {
    let (mut script, id, ours) = waiting();
    for seq in [ours.wrapping_sub(1), ours.wrapping_add(4), ours.wrapping_add(1 << 31)] {
        let frame = message(&script, unreachable(DestUnreachableHeader::Host), seq);
        script.say_raw(&frame);
    }
    assert_eq!(script.stack().stats().out_of_window_icmps, 3);
    // Of a connection that there is not.
    script.peer_port = 4999;
    let frame = message(&script, unreachable(DestUnreachableHeader::Host), ours);
    script.say_raw(&frame);
    assert_eq!(script.stack().stats().icmp_in_errors, 1);
    script.peer_port = 5000;
    script.silence();
    script.say(&Spoken { seq: 9001, ack: Some(ours.wrapping_add(4)), window: 9000, ..Spoken::default() });
    assert_eq!(script.stack().info(id).unwrap().unacked, 0);
}
