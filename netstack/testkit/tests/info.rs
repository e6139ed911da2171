//! TCP_INFO: each number against what was said on the wire.

use std::time::Duration;

use corelane_netstack::{CaState, Config, CongestionControl, Keepalive, SocketId, State, TcpInfo};
use corelane_testkit::{Script, Spoken};

const SECOND: Duration = Duration::from_secs(1);
const WINDOW: u16 = 10_000;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn ack(seq: u32, ack: u32) -> Spoken<'static> {
    Spoken { seq, ack: Some(ack), window: WINDOW, ..Spoken::default() }
}

fn info(script: &mut Script, id: SocketId) -> TcpInfo {
    script.stack().info(id).expect("the socket is held")
}

/// An opening by us that took 100 ms, with SACK and window scaling: its id, the peer's next number, ours.
fn opened() -> (Script, SocketId, u32, u32) {
    let mut script = Script::new(Config::default());
    script.pass(SECOND * 10);
    let remote = script.peer_addr();
    let id = script.stack().connect(None, remote).unwrap();
    script.run();
    let syn = script.hear();
    script.port = syn.ports.0;
    script.pass(ms(100));
    let ours = syn.seq.wrapping_add(1);
    script.say(&Spoken {
        flags: "S",
        mss: Some(1000),
        scale: Some(2),
        sack_permitted: true,
        ..ack(9000, ours)
    });
    script.heard();
    (script, id, 9001, ours)
}

#[test]
fn a_fresh_connection_tells_what_was_agreed_on() {
    let (mut script, id, ..) = opened();
    let info = info(&mut script, id);
    assert_eq!((info.state, info.ca_state), (State::Established, CaState::Open));
    assert_eq!(info.congestion_control, CongestionControl::Cubic);
    assert!(info.sack && !info.timestamps);
    assert!(info.snd_wscale == 2 && info.rcv_wscale > 0);
    assert_eq!((info.rtt, info.rttvar, info.min_rtt), (ms(100), ms(50), ms(100)));
    assert_eq!((info.snd_mss, info.advmss, info.snd_cwnd), (1000, 1460, 10_000));
    assert_eq!((info.pmtu, info.ecn), (1040, false));
    assert_eq!(info.ato, Duration::ZERO);
    assert_eq!((info.pacing_rate, info.max_pacing_rate), (None, None));
    assert_eq!((info.unacked, info.sacked, info.lost, info.retrans, info.notsent_bytes), (0, 0, 0, 0, 0));
    assert_eq!((info.bytes_acked, info.bytes_received, info.total_retrans), (0, 0, 0));
    assert_eq!(info.last_ack_recv, Duration::ZERO);
}

#[test]
fn data_on_their_way_are_told_apart() {
    let (mut script, id, theirs, ours) = opened();
    script.say(&ack(theirs, ours)); // its window is scaled from here on: 40,000 bytes
    script.write(id, &[7; 15_000]);
    script.heard();
    let before = info(&mut script, id);
    assert_eq!((before.unacked, before.notsent_bytes, before.snd_wnd), (10_000, 5000, 40_000));
    assert_eq!(before.last_data_sent, Duration::ZERO);
    script.pass(ms(100));
    assert_eq!(info(&mut script, id).last_data_sent, ms(100));
    // The first segment is lost, the next five arrive.
    let sack = Some((ours.wrapping_add(1000), ours.wrapping_add(6000)));
    script.say(&Spoken { sack, ..ack(theirs, ours) });
    let after = info(&mut script, id);
    assert_eq!(after.ca_state, CaState::Recovery);
    assert_eq!((after.sacked, after.lost, after.retrans, after.total_retrans), (5000, 0, 1000, 1));
    assert_eq!((after.delivered, after.bytes_acked), (5000, 0));
    assert!(after.snd_ssthresh < 10_000);
    script.pass(ms(10));
    script.say(&ack(theirs, ours.wrapping_add(6000)));
    let repaired = info(&mut script, id);
    assert_eq!((repaired.sacked, repaired.lost, repaired.retrans), (0, 0, 0));
    assert_eq!((repaired.delivered, repaired.bytes_acked), (6000, 6000));
    assert_eq!(repaired.reord_seen, 0);
    assert!(repaired.delivery_rate > 0);
}

#[test]
fn time_outs_probes_and_silence_are_counted() {
    let (mut script, id, theirs, ours) = opened();
    script.say(&Spoken { data: &[1; 700], ..ack(theirs, ours) });
    let told = info(&mut script, id);
    assert_eq!((told.rcv_mss, told.bytes_received), (700, 700));
    assert_eq!(told.ato, ms(40));
    script.pass(SECOND);
    script.write(id, b"data");
    script.pass(SECOND * 2);
    let silent = info(&mut script, id);
    assert_eq!(silent.ca_state, CaState::Loss);
    assert!(silent.retransmits > 0 && silent.backoff == silent.retransmits, "{silent:?}");
    assert_eq!(silent.total_retrans, script.stack().stats().tcp_retrans_segs);
    assert_eq!(silent.last_ack_recv, SECOND * 3);
    script.say(&ack(theirs + 700, ours.wrapping_add(4)));
    let answered = info(&mut script, id);
    assert_eq!((answered.retransmits, answered.last_ack_recv), (0, Duration::ZERO));
    script.stack().set_keepalive(id, Some(Keepalive::REAL_TIME)).unwrap();
    script.pass(SECOND * 3 + ms(500));
    assert_eq!(info(&mut script, id).probes, 2);
}
