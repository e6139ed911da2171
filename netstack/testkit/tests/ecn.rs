//! Explicit congestion notification (RFC 3168), and DCTCP's way with it (RFC 8257).

use std::time::Duration;

use corelane_netstack::{Config, CongestionControl, SocketId, TcpConfig};
use corelane_testkit::{Heard, Script, Spoken};

const WINDOW: u16 = 60_000;
const ECT_1: u8 = 1;
const ECT_0: u8 = 2;
const CE: u8 = 3;
const MS: Duration = Duration::from_millis(1);

fn ack(seq: u32, ack: u32) -> Spoken<'static> {
    Spoken { seq, ack: Some(ack), window: WINDOW, ..Spoken::default() }
}

fn syn(flags: &'static str) -> Spoken<'static> {
    Spoken { seq: 9000, flags, window: WINDOW, mss: Some(1000), ..Spoken::default() }
}

/// The flags of the SYN-ACK that a SYN with these gets.
fn answer(tcp: TcpConfig, flags: &'static str, ecn: u8) -> String {
    let mut script = Script::new(Config { tcp, ..Config::default() });
    script.listen(1);
    script.say(&Spoken { ecn, ..syn(flags) });
    let heard = script.hear();
    assert_eq!(heard.ecn, 0, "a SYN-ACK is not ECN-capable");
    heard.flags
}

/// A passive opening with ECN agreed on.
fn accept(tcp: TcpConfig) -> (Script, SocketId, u32, u32) {
    let mut script = Script::new(Config { tcp, ..Config::default() });
    let listener = script.listen(1);
    script.say(&syn("SEW"));
    let ours = script.hear().seq.wrapping_add(1);
    script.say(&ack(9001, ours));
    let (id, _) = script.stack().accept(listener).expect("an open connection");
    (script, id, 9001, ours)
}

fn marks(heard: &[Heard]) -> Vec<(usize, &str, u8)> {
    heard.iter().map(|heard| (heard.data.len(), heard.flags.as_str(), heard.ecn)).collect()
}

#[test]
fn a_syn_that_asks_is_answered_and_others_are_not() {
    let ecn = |tcp_ecn| TcpConfig { tcp_ecn, ..TcpConfig::default() };
    assert_eq!(answer(TcpConfig::default(), "SEW", 0), "SE");
    assert_eq!(answer(ecn(1), "SEW", 0), "SE");
    assert_eq!(answer(ecn(0), "SEW", 0), "S");
    for flags in ["S", "SE", "SW"] {
        assert_eq!(answer(TcpConfig::default(), flags, 0), "S", "{flags}");
    }
    assert_eq!(answer(TcpConfig::default(), "SEW", ECT_0), "S", "ECT on a SYN: something on the way is odd");
    let dctcp = TcpConfig { tcp_congestion_control: CongestionControl::Dctcp, ..ecn(0) };
    assert_eq!(answer(dctcp, "SEW", ECT_0), "SE", "as Linux");
}

/// Opens actively; what the SYN has, and the mark of our data after the SYN-ACK.
fn connect(tcp: TcpConfig, syn_ack: &'static str) -> (String, u8) {
    let mut script = Script::new(Config { tcp, ..Config::default() });
    let remote = script.peer_addr();
    let id = script.stack().connect(None, remote).unwrap();
    script.run();
    let first = script.hear();
    script.port = first.ports.0;
    script.say(&Spoken { ack: Some(first.seq.wrapping_add(1)), ..syn(syn_ack) });
    script.heard();
    script.write(id, b"data");
    (first.flags, script.hear().ecn)
}

#[test]
fn an_active_opening_asks_and_believes_only_ece() {
    let ask = TcpConfig { tcp_ecn: 1, ..TcpConfig::default() };
    assert_eq!(connect(ask.clone(), "SE"), ("SEW".into(), ECT_0));
    assert_eq!(connect(ask.clone(), "S"), ("SEW".into(), 0));
    assert_eq!(connect(ask, "SEW"), ("SEW".into(), 0), "a host that mirrors the bits");
    assert_eq!(connect(TcpConfig::default(), "SE"), ("S".into(), 0), "2: only answers");
    let dctcp = TcpConfig { tcp_congestion_control: CongestionControl::Dctcp, ..TcpConfig::default() };
    assert_eq!(connect(dctcp, "SE"), ("SEW".into(), ECT_0));
}

#[test]
fn a_lost_syn_goes_again_without_ecn() {
    for (tcp_ecn_fallback, again) in [(true, "S"), (false, "SEW")] {
        let tcp = TcpConfig { tcp_ecn: 1, tcp_ecn_fallback, ..TcpConfig::default() };
        let mut script = Script::new(Config { tcp, ..Config::default() });
        let remote = script.peer_addr();
        script.stack().connect(None, remote).unwrap();
        script.pass(MS * 1100);
        let flags: Vec<String> = script.heard().into_iter().map(|heard| heard.flags).collect();
        assert_eq!(flags, ["SEW", again]);
    }
}

#[test]
fn syns_that_cross_agree_by_both_and_then_by_ece() {
    for (flags, answer, ecn) in [("SEW", "SE", ECT_0), ("S", "S", 0)] {
        let tcp = TcpConfig { tcp_ecn: 1, ..TcpConfig::default() };
        let mut script = Script::new(Config { tcp, ..Config::default() });
        let remote = script.peer_addr();
        let id = script.stack().connect(None, remote).unwrap();
        script.run();
        let first = script.hear();
        script.port = first.ports.0;
        script.say(&syn(flags));
        assert_eq!(script.hear().flags, answer);
        script.say(&Spoken { ack: Some(first.seq.wrapping_add(1)), ..syn("S") });
        script.heard();
        script.write(id, b"data");
        assert_eq!(script.hear().ecn, ecn);
    }
}

/// RFC 3168 6.1.2 to 6.1.5.
#[test]
fn new_data_are_ecn_capable_and_nothing_else() {
    let (mut script, id, theirs, ours) = accept(TcpConfig::default());
    script.write(id, &[1; 2000]);
    assert_eq!(marks(&script.heard()), [(1000, "", ECT_0), (1000, "", ECT_0)]);
    script.say(&Spoken { data: b"data", ..ack(theirs, ours) });
    assert_eq!(marks(&script.heard()), [(0, "", 0)], "a bare ACK");
    script.pass(Duration::from_secs(3));
    let again = script.heard();
    assert!(!again.is_empty() && again.iter().all(|heard| heard.ecn == 0), "{again:#?}");
    script.shut(id);
    let fin = script.heard();
    assert!(fin.iter().all(|heard| heard.ecn == 0), "{fin:#?}");
}

#[test]
fn a_mark_is_echoed_until_the_peer_has_reduced_its_window() {
    let (mut script, id, theirs, ours) = accept(TcpConfig::default());
    script.stack().set_quickack(id, false).unwrap();
    script.say(&Spoken { data: &[1; 100], ecn: ECT_0, ..ack(theirs, ours) });
    script.silence();
    script.say(&Spoken { data: &[1; 100], ecn: CE, ..ack(theirs + 100, ours) });
    assert_eq!(marks(&script.heard()), [(0, "E", 0)], "at once: its window may be small");
    script.say(&Spoken { data: &[1; 1000], ecn: ECT_1, ..ack(theirs + 200, ours) });
    script.pass(MS * 50);
    assert_eq!(script.heard().pop().unwrap().flags, "E");
    script.write(id, b"answer");
    assert_eq!(marks(&script.heard()), [(6, "E", ECT_0)], "on data, too");
    // CWR comes with a segment that is marked again: the echo goes on. Then with one that is not.
    script.say(&Spoken { data: &[1; 100], flags: "W", ecn: CE, ..ack(theirs + 1200, ours) });
    assert_eq!(script.heard().pop().unwrap().flags, "E");
    script.say(&Spoken { data: &[1; 100], flags: "W", ecn: ECT_0, ..ack(theirs + 1300, ours) });
    assert_eq!(script.hear().flags, "");
    let stats = script.stack().stats();
    assert_eq!(
        (stats.in_ce_pkts, stats.in_ect0_pkts, stats.in_ect1_pkts, stats.in_no_ect_pkts),
        (2, 2, 1, 2)
    );
}

#[test]
fn marks_above_a_hole_count_and_marks_without_ecn_do_not() {
    let (mut script, _, theirs, ours) = accept(TcpConfig::default());
    script.say(&Spoken { data: &[1; 100], ecn: CE, ..ack(theirs + 100, ours) });
    assert_eq!(script.hear().flags, "E");
    let mut script = Script::new(Config::default());
    let (_, theirs, ours) = script.accept(WINDOW);
    script.say(&Spoken { data: &[1; 100], ecn: CE, ..ack(theirs, ours) });
    assert_eq!(script.hear().flags, "");
}

#[test]
fn an_echo_reduces_the_window_once_a_round_trip_and_the_next_new_segment_says_so() {
    let (mut script, id, theirs, ours) = accept(TcpConfig::default());
    script.write(id, &[1; 20_000]);
    let sent = script.heard().len() as u32;
    assert_eq!(sent, 10);
    let before = script.stack().info(id).unwrap().snd_cwnd;
    script.pass(MS * 10);
    script.say(&Spoken { flags: "E", ..ack(theirs, ours.wrapping_add(1000)) });
    script.say(&Spoken { flags: "E", ..ack(theirs, ours.wrapping_add(2000)) });
    for n in 3..=sent {
        script.say(&ack(theirs, ours.wrapping_add(n * 1000)));
    }
    let heard = script.heard();
    let with_cwr: Vec<usize> = (0..heard.len()).filter(|n| heard[*n].flags == "W").collect();
    assert_eq!(with_cwr, [0], "{heard:#?}");
    assert!(
        heard.iter().all(|heard| heard.ecn == ECT_0 && heard.data.len() == 1000),
        "nothing is sent again"
    );
    let cwnd = script.stack().info(id).unwrap().snd_cwnd;
    assert!(cwnd < before * 9 / 10 && cwnd >= before / 2, "{before} to {cwnd}");
    let stats = script.stack().stats();
    assert_eq!((stats.delivered_ce, stats.tcp_retrans_segs), (2, 0));
}

/// RFC 8257 3.2: ECE says of each segment whether it was marked.
#[test]
fn dctcp_echoes_exactly() {
    let tcp = TcpConfig { tcp_congestion_control: CongestionControl::Dctcp, ..TcpConfig::default() };
    let (mut script, id, theirs, ours) = accept(tcp);
    script.stack().set_quickack(id, false).unwrap();
    let mut say = |at: u32, ecn| {
        script.say(&Spoken { data: &[1; 100], ecn, ..ack(theirs + at, ours) });
        let heard = script.heard();
        heard
            .into_iter()
            .map(|heard| (heard.ack.unwrap() - theirs, heard.flags, heard.ecn))
            .collect::<Vec<_>>()
    };
    assert_eq!(say(0, ECT_0), []);
    assert_eq!(say(100, CE), [(100, String::new(), ECT_0), (200, "E".into(), ECT_0)]);
    assert_eq!(say(200, CE), []);
    assert_eq!(say(300, ECT_0), [(300, "E".into(), ECT_0), (400, String::new(), ECT_0)]);
    assert_eq!(say(400, ECT_0), []);
}
