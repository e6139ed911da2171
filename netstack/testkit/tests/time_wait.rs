//! TIME-WAIT: who takes its place, what ends it, how many there are (RFC 6191, RFC 1337; Linux).

use std::net::SocketAddr;
use std::time::Duration;

use corelane_netstack::{Config, Error, SocketId, TcpConfig};
use corelane_testkit::{PEER, Script, Spoken, US};

const SECOND: Duration = Duration::from_secs(1);
const WINDOW: u16 = 10_000;

fn tcp(tcp: TcpConfig) -> Script {
    Script::new(Config { tcp, ..Config::default() })
}

/// A connection from our port 1000, with timestamps or without, closed by us first: its TIME-WAIT, the number of our next byte,
/// our last TSval. The peer's numbers end at 9002, its timestamps at 77.
fn time_wait(config: TcpConfig, timestamps: bool) -> (Script, u32, u32) {
    let mut script = tcp(config);
    let (local, remote) = (SocketAddr::from((US, 1000)), script.peer_addr());
    let id = script.stack().connect(Some(local), remote).unwrap();
    script.run();
    script.port = 1000;
    let syn = script.hear();
    let value = syn.timestamps.map_or(0, |(value, _)| value);
    let spoken = |seq, ack, flags| Spoken {
        seq,
        ack: Some(ack),
        flags,
        window: WINDOW,
        timestamps: timestamps.then_some((77, value)),
        ..Spoken::default()
    };
    script.say(&spoken(9000, syn.seq.wrapping_add(1), "S"));
    script.shut(id);
    let next = syn.seq.wrapping_add(2);
    script.say(&spoken(9001, next, "F"));
    script.stack().close(id).unwrap();
    let last = script.heard().pop().unwrap();
    assert_eq!((last.seq, last.ack, script.stack().time_wait()), (next, Some(9002), 1));
    (script, next, last.timestamps.map_or(0, |(value, _)| value))
}

/// Opens from our port 1000 again.
fn again(script: &mut Script) -> Result<SocketId, Error> {
    let remote = script.peer_addr();
    let id = script.stack().connect(Some(SocketAddr::from((US, 1000))), remote);
    script.run();
    id
}

fn reuse(tcp_tw_reuse: u8) -> TcpConfig {
    TcpConfig { tcp_tw_reuse, ..TcpConfig::default() }
}

#[test]
fn an_opening_takes_its_place_after_a_second() {
    let (mut script, next, last) = time_wait(reuse(1), true);
    assert_eq!(again(&mut script), Err(Error::AddrInUse), "in the same second");
    script.pass(SECOND);
    let id = again(&mut script).unwrap();
    let syn = script.hear();
    assert_eq!(syn.flags, "S");
    assert!(syn.seq.wrapping_sub(next) as i32 >= 65_535, "RFC 6191: beyond the old numbers");
    assert!(syn.timestamps.unwrap().0.wrapping_sub(last) as i32 > 0, "a newer timestamp");
    assert_eq!((script.stack().time_wait(), script.stack().stats().time_wait_recycled), (0, 1));
    script.stack().abort(id).unwrap();
    script.pass(SECOND * 70);
    assert_eq!((script.stack().flows(), script.stack().stats().time_wait), (0, 0));
}

#[test]
fn it_stays_without_timestamps_and_by_default() {
    let without = TcpConfig { tcp_timestamps: false, ..reuse(1) };
    for (config, timestamps) in [(reuse(1), false), (without, false), (reuse(2), true), (reuse(0), true)] {
        let (mut script, ..) = time_wait(config, timestamps);
        script.pass(SECOND * 59);
        assert_eq!(again(&mut script), Err(Error::AddrInUse));
        script.pass(SECOND * 2);
        assert_eq!((script.stack().time_wait(), script.stack().stats().time_wait), (0, 1));
        assert!(again(&mut script).is_ok());
    }
}

#[test]
fn ephemeral_ports_in_time_wait_are_picked_again() {
    for (tcp_tw_reuse, expected) in [(0, Err(Error::AddrNotAvailable)), (1, Ok(1000))] {
        let config = TcpConfig { ip_local_port_range: (1000, 1000), ..reuse(tcp_tw_reuse) };
        let (mut script, ..) = time_wait(config, true);
        script.pass(SECOND);
        let remote = SocketAddr::from((PEER, script.peer_port));
        let port =
            script.stack().connect(None, remote).map(|id| script.stack().local_addr(id).unwrap().port());
        assert_eq!(port, expected);
    }
}

#[test]
fn a_reset_ends_it_where_rfc_1337_is_off() {
    for (tcp_rfc1337, left) in [(true, 1), (false, 0)] {
        let config = TcpConfig { tcp_rfc1337, ..TcpConfig::default() };
        let (mut script, ..) = time_wait(config, true);
        script.say(&Spoken { seq: 9003, flags: "R", ..Spoken::default() });
        assert_eq!(script.stack().time_wait(), 1, "not its number");
        script.say(&Spoken { seq: 9002, flags: "R", ..Spoken::default() });
        assert_eq!((script.stack().time_wait(), script.stack().flows()), (left, left));
        script.silence();
    }
}

#[test]
fn a_syn_takes_its_place_by_number_or_timestamp() {
    // (number, TSval): whether it opens.
    let cases = [((9003, 77), true), ((9002, 77), false), ((100, 78), true), ((9003, 76), false)];
    for ((seq, value), opens) in cases {
        let (mut script, next, _) = time_wait(TcpConfig::default(), true);
        let local = SocketAddr::from((US, 1000));
        script.stack().listen(local, 1).unwrap();
        let timestamps = Some((value, 0));
        script.say(&Spoken { seq, flags: "S", window: WINDOW, timestamps, ..Spoken::default() });
        let answer = script.hear();
        assert_eq!(answer.flags == "S", opens, "number {seq}, timestamp {value}");
        if opens {
            assert_eq!(answer.ack, Some(seq + 1));
            assert!(answer.seq.wrapping_sub(next) as i32 >= 65_535);
        } else {
            assert_eq!((answer.seq, answer.ack), (next, Some(9002)));
        }
        assert_eq!(script.stack().time_wait(), usize::from(!opens));
    }
}

#[test]
fn records_are_bounded() {
    let config = TcpConfig { tcp_max_tw_buckets: 2, ..TcpConfig::default() };
    let mut script = tcp(config);
    for port in 5000..5005 {
        script.peer_port = port;
        let (id, theirs, ours) = script.connect(WINDOW);
        script.shut(id);
        let ack = Some(ours.wrapping_add(1));
        script.say(&Spoken { seq: theirs, ack, flags: "F", window: WINDOW, ..Spoken::default() });
        script.stack().close(id).unwrap();
        script.run();
        script.heard();
    }
    assert_eq!((script.stack().time_wait(), script.stack().flows(), script.stack().connections()), (2, 2, 0));
    assert_eq!(script.stack().stats().time_wait_overflow, 3);
}
