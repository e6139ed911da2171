//! The SYN queue and SYN cookies (RFC 4987; Linux), segment by segment.

use std::time::Duration;

use corelane_netstack::{Config, ListenerId, Stats, TcpConfig};
use corelane_testkit::{Heard, Script, Spoken};

const SECOND: Duration = Duration::from_secs(1);

fn tcp(tcp: TcpConfig) -> Script {
    Script::new(Config { tcp, ..Config::default() })
}

/// Always cookies.
fn cookies() -> TcpConfig {
    TcpConfig { tcp_syncookies: 2, ..TcpConfig::default() }
}

fn syn() -> Spoken<'static> {
    Spoken { seq: 9000, flags: "S", window: 1000, mss: Some(1000), ..Spoken::default() }
}

fn stats(script: &mut Script) -> Stats {
    *script.stack().stats()
}

/// A SYN from `port`, and what it brings.
fn syn_from(script: &mut Script, port: u16) -> Vec<Heard> {
    script.peer_port = port;
    script.say(&syn());
    script.heard()
}

/// The third ACK to a SYN-ACK.
fn third(syn_ack: &Heard) -> Spoken<'static> {
    Spoken { seq: 9001, ack: Some(syn_ack.seq.wrapping_add(1)), window: 1000, ..Spoken::default() }
}

#[track_caller]
fn syn_queue(script: &mut Script, listener: ListenerId) -> usize {
    let info = script.stack().listener_info(listener).unwrap();
    assert_eq!(info.syn_queue, script.stack().half_open(), "there is one listener");
    info.syn_queue
}

#[test]
fn a_full_syn_queue_answers_by_cookies() {
    let mut script = tcp(TcpConfig { tcp_max_syn_backlog: 8, ..TcpConfig::default() });
    let listener = script.listen(100);
    let answers: Vec<_> = (5000..5020).flat_map(|port| syn_from(&mut script, port)).collect();
    assert_eq!((answers.len(), syn_queue(&mut script, listener)), (20, 8));
    let counts = stats(&mut script);
    assert_eq!((counts.syncookies_sent, counts.req_q_full_do_cookies), (12, 12));
    assert_eq!((counts.req_q_full_drop, counts.listen_drops), (0, 0));
    // Half-open or cookie, both open.
    for (port, answer) in (5000..).zip(&answers) {
        script.peer_port = port;
        script.say(&third(answer));
        script.silence();
        script.stack().accept(listener).unwrap();
    }
    let counts = stats(&mut script);
    assert_eq!((counts.syncookies_recv, counts.syncookies_failed, counts.tcp_passive_opens), (12, 0, 20));
    assert_eq!((script.stack().connections(), script.stack().flows(), script.stack().timers()), (20, 20, 0));
}

#[test]
fn the_backlog_bounds_the_syn_queue_too() {
    let mut script = tcp(TcpConfig { tcp_syncookies: 0, ..TcpConfig::default() });
    let listener = script.listen(3);
    let answered = (5000..5010).filter(|port| !syn_from(&mut script, *port).is_empty()).count();
    assert_eq!(answered, 3, "all at once: those that found no room come again");
    let info = script.stack().listener_info(listener).unwrap();
    assert_eq!((info.syn_queue, info.syn_limit, info.backlog, info.accept_queue), (3, 3, 3, 0));
    assert_eq!((info.drops, stats(&mut script).req_q_full_drop), (7, 7));
}

#[test]
fn without_cookies_the_oldest_make_room() {
    let config = TcpConfig { tcp_syncookies: 0, tcp_max_syn_backlog: 8, ..TcpConfig::default() };
    let mut script = tcp(config);
    let listener = script.listen(100);
    let mut answers = Vec::new();
    for port in 5000..5020 {
        answers.extend(syn_from(&mut script, port));
        script.pass(SECOND / 80); // each has a tenth of a second to answer
    }
    assert_eq!((answers.len(), syn_queue(&mut script, listener)), (20, 8));
    let counts = stats(&mut script);
    assert_eq!((counts.syncookies_sent, counts.req_q_full_do_cookies), (0, 0));
    assert_eq!((counts.req_q_full_drop, counts.listen_drops), (12, 12));
    for (port, answer) in (5000..).zip(&answers) {
        script.peer_port = port;
        script.say(&third(answer));
        let refused = script.heard().iter().any(|heard| heard.flags == "R");
        assert_eq!(refused, port < 5012, "port {port}: the last eight open");
    }
    assert_eq!((syn_queue(&mut script, listener), script.stack().connections()), (0, 8));
}

#[test]
fn a_cookie_keeps_nothing_until_it_comes_back() {
    let mut script = tcp(cookies());
    let listener = script.listen(100);
    let answer = syn_from(&mut script, 5000).remove(0);
    assert_eq!((answer.flags.as_str(), answer.ack), ("S", Some(9001)));
    assert_eq!(
        (syn_queue(&mut script, listener), script.stack().flows(), script.stack().timers()),
        (0, 0, 0)
    );
    assert_eq!(stats(&mut script).syncookies_sent, 1);
    script.pass(SECOND * 50);
    script.silence(); // nothing is sent again
    // The bare ACK was lost: the first data bring the cookie.
    script.say(&Spoken { data: b"hello", ..third(&answer) });
    let (id, peer) = script.stack().accept(listener).unwrap();
    assert_eq!(peer, script.peer_addr());
    let mut buf = [0; 9];
    assert_eq!(script.stack().read(id, &mut buf), Ok(5));
    assert_eq!(script.heard().last().and_then(|heard| heard.ack), Some(9006));
    script.write(id, b"there");
    let data = script.hear();
    assert_eq!((data.seq, data.data), (answer.seq.wrapping_add(1), b"there".to_vec()));
}

/// The third ACK was lost, and the first byte too: a connection that began behind it would never miss it.
#[test]
fn a_cookie_stands_for_the_number_of_the_syn_alone() {
    for lost in 1..8 {
        let mut script = tcp(cookies());
        let listener = script.listen(100);
        let answer = syn_from(&mut script, 5000).remove(0);
        script.say(&Spoken { seq: 9001 + lost, data: b"ello", ..third(&answer) });
        assert_eq!(script.hear().flags, "R", "{lost} bytes are missing");
        assert!(script.stack().accept(listener).is_err());
        assert_eq!(stats(&mut script).syncookies_failed, 1);
    }
}

#[test]
fn options_survive_a_cookie_through_timestamps() {
    let mut script = tcp(cookies());
    let listener = script.listen(100);
    script.pass(SECOND);
    let (scale, timestamps) = (Some(7), Some((70, 0)));
    script.say(&Spoken { scale, timestamps, sack_permitted: true, mss: Some(1460), ..syn() });
    let answer = script.hear();
    assert!(answer.sack_permitted && answer.scale.is_some() && answer.mss.is_some());
    let (value, echo) = answer.timestamps.unwrap();
    assert_eq!(echo, 70);
    script.pass(SECOND);
    script.say(&Spoken { timestamps: Some((71, value)), ..third(&answer) });
    let (id, _) = script.stack().accept(listener).unwrap();
    let info = script.stack().info(id).unwrap();
    assert_eq!((info.snd_wnd, info.snd_mss), (1000 << 7, 1448));
    assert_eq!(info.rcv_wnd, u32::from(answer.window), "what the SYN-ACK offered");
    // A hole: the ACK names what is behind it, in a window that is scaled by our own shift.
    let timestamps = Some((72, value));
    script.say(&Spoken { seq: 9101, data: b"hole", timestamps, ..third(&answer) });
    let duplicate = script.hear();
    assert_eq!((duplicate.ack, duplicate.sack.as_slice()), (Some(9001), [(9101, 9105)].as_slice()));
    assert_eq!(duplicate.timestamps.map(|(_, echo)| echo), Some(71));
    assert!(duplicate.timestamps.unwrap().0.wrapping_sub(value) >= 1000, "its clock goes on");
    assert!(u32::from(duplicate.window) << answer.scale.unwrap() >= u32::from(answer.window));
}

#[test]
fn without_timestamps_a_cookie_brings_the_mss_alone() {
    let mut script = tcp(cookies());
    let listener = script.listen(100);
    script.say(&Spoken { scale: Some(7), sack_permitted: true, mss: Some(1400), ..syn() });
    let answer = script.hear();
    assert_eq!((answer.scale, answer.sack_permitted, answer.timestamps), (None, false, None));
    script.say(&third(&answer));
    let (id, _) = script.stack().accept(listener).unwrap();
    let info = script.stack().info(id).unwrap();
    assert_eq!((info.snd_wnd, info.snd_mss, info.rcv_wnd), (1000, 1300, u32::from(answer.window)));
}

#[test]
fn a_wrong_or_old_cookie_is_refused() {
    let mut script = tcp(cookies());
    script.listen(100);
    let answer = syn_from(&mut script, 5000).remove(0);
    let mut refused = |spoken: Spoken<'_>| {
        script.say(&spoken);
        let reset = script.hear();
        assert_eq!((reset.flags.as_str(), Some(reset.seq)), ("R", spoken.ack));
        (stats(&mut script).syncookies_failed, script.stack().connections())
    };
    assert_eq!(refused(Spoken { ack: Some(answer.seq.wrapping_add(99)), ..third(&answer) }), (1, 0));
    assert_eq!(refused(Spoken { seq: 9900, ..third(&answer) }), (2, 0));
    script.pass(SECOND * 119);
    syn_from(&mut script, 6000);
    script.peer_port = 5000;
    script.pass(SECOND * 2);
    script.say(&third(&answer));
    assert_eq!((script.hear().flags.as_str(), stats(&mut script).syncookies_failed), ("R", 3), "too old");
    // When none was sent lately, none is looked for.
    script.pass(SECOND * 121);
    script.say(&third(&answer));
    assert_eq!((script.hear().flags.as_str(), stats(&mut script).syncookies_failed), ("R", 3));
}

#[test]
fn a_cookie_that_finds_the_accept_queue_full_is_dropped() {
    let mut script = tcp(cookies());
    let listener = script.listen(1);
    let answers: Vec<_> = (5000..5003).map(|port| syn_from(&mut script, port).remove(0)).collect();
    for (port, answer) in (5000..).zip(&answers) {
        script.peer_port = port;
        script.say(&third(answer));
        script.silence();
    }
    let counts = stats(&mut script);
    assert_eq!((counts.listen_overflows, counts.listen_drops, script.stack().connections()), (1, 1, 2));
    assert!(syn_from(&mut script, 5003).is_empty(), "and a SYN too");
    assert_eq!(stats(&mut script).listen_overflows, 2);
    assert_eq!(script.stack().listener_info(listener).unwrap().drops, 2);
    script.stack().accept(listener).unwrap();
    script.peer_port = 5002;
    script.say(&Spoken { data: b"again", ..third(&answers[2]) });
    assert_eq!(script.stack().connections(), 3, "the peer's data bring it once more");
}

#[test]
fn a_syn_ack_goes_out_fewer_times_from_a_crowded_queue() {
    let config = TcpConfig { tcp_max_syn_backlog: 16, ..TcpConfig::default() };
    let mut script = tcp(config);
    script.listen(16);
    for port in 5000..5016 {
        syn_from(&mut script, port);
    }
    script.pass(SECOND * 8);
    let times: Vec<_> = script.heard().iter().map(|heard| heard.at.as_secs()).collect();
    let sent = |second| times.iter().filter(|at| **at == second).count();
    assert_eq!([0, 1, 3, 7].map(sent), [0, 16, 16, 8], "until the queue is half full");
    assert_eq!((times.len(), stats(&mut script).syn_retrans), (40, 40));
    assert_eq!((script.stack().half_open(), script.stack().timers()), (8, 8));
}

#[test]
fn a_third_ack_that_finds_no_room_is_answered_by_the_syn_ack_again() {
    for abort in [false, true] {
        let mut script = tcp(TcpConfig { tcp_abort_on_overflow: abort, ..TcpConfig::default() });
        let listener = script.listen(2);
        let waiting = syn_from(&mut script, 4999).remove(0);
        for port in 5000..5003 {
            let answer = syn_from(&mut script, port).remove(0);
            script.say(&third(&answer));
        }
        script.peer_port = 4999;
        script.say(&third(&waiting));
        assert_eq!(stats(&mut script).listen_overflows, 1, "three fit a backlog of 2");
        if abort {
            let reset = script.hear();
            assert_eq!((reset.flags.as_str(), reset.seq), ("R", waiting.seq.wrapping_add(1)));
            assert_eq!(script.stack().half_open(), 0);
            continue;
        }
        script.silence();
        script.stack().accept(listener).unwrap();
        script.pass(SECOND * 2);
        let again = script.hear();
        assert_eq!((again.flags.as_str(), again.seq), ("S", waiting.seq));
        script.say(&third(&again));
        assert_eq!((script.stack().connections(), script.stack().half_open()), (4, 0));
    }
}

#[test]
fn a_syn_that_comes_often_is_answered_twice_a_second_at_most() {
    let mut script = Script::new(Config::default());
    script.listen(1);
    let timestamps = Some((50, 0));
    for _ in 0..100 {
        script.say(&Spoken { timestamps, ..syn() });
        script.pass(SECOND / 100);
    }
    let heard = script.heard();
    assert_eq!(heard.len(), 3, "the SYN-ACK, and one a half second");
    for answer in &heard {
        assert_eq!((answer.seq, answer.ack), (heard[0].seq, heard[0].ack));
        let (value, echo) = answer.timestamps.unwrap();
        assert_eq!(echo, 50);
        let since = value.wrapping_sub(heard[0].timestamps.unwrap().0);
        assert_eq!(u128::from(since), (answer.at - heard[0].at).as_millis(), "the clock of its own time");
    }
    assert_eq!(stats(&mut script).ack_skipped_syn_recv, 97);
}
