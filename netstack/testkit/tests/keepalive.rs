//! Keep-alive (RFC 9293 3.8.4): the peer answers, is silent, or has forgotten the connection.

use std::time::Duration;

use corelane_netstack::{Config, Error, Keepalive, SocketId, SocketOptions, State};
use corelane_testkit::{Heard, Script, Spoken};

const SECOND: Duration = Duration::from_secs(1);
const WINDOW: u16 = 10_000;
const QUICK: Keepalive = Keepalive { time: Duration::from_secs(10), interval: SECOND, probes: 3 };

fn ack(seq: u32, ack: u32) -> Spoken<'static> {
    Spoken { seq, ack: Some(ack), window: WINDOW, ..Spoken::default() }
}

/// The stack spoke at these seconds after `start`, each at most 20 ms late.
#[track_caller]
fn assert_seconds(heard: &[Heard], start: Duration, expected: &[u64]) {
    let times: Vec<Duration> = heard.iter().map(|heard| heard.at - start).collect();
    let late = Duration::from_millis(20);
    let fits = |(time, want): (&Duration, &u64)| {
        *time >= SECOND * *want as u32 && *time <= SECOND * *want as u32 + late
    };
    assert!(
        times.len() == expected.len() && times.iter().zip(expected).all(fits),
        "{times:?}, not {expected:?}"
    );
}

/// An open connection with these settings: its script, its id, the peer's next number, what it acknowledges.
fn open(keepalive: Keepalive) -> (Script, SocketId, u32, u32) {
    let mut script = Script::new(Config::default());
    let (id, theirs, ours) = script.accept(WINDOW);
    script.stack().set_keepalive(id, Some(keepalive)).unwrap();
    (script, id, theirs, ours)
}

#[test]
fn an_answer_starts_the_time_anew_and_silence_ends_with_a_reset() {
    let (mut script, id, theirs, ours) = open(QUICK);
    let start = script.now();
    script.pass(SECOND * 10 + SECOND / 2);
    let heard = script.heard();
    assert_seconds(&heard, start, &[10]);
    assert_eq!((heard[0].seq, heard[0].data.len()), (ours.wrapping_sub(1), 0));
    let answered = script.now();
    script.say(&ack(theirs, ours));
    script.pass(SECOND * 14);
    let heard = script.heard();
    assert_seconds(&heard, answered, &[10, 11, 12, 13]);
    assert_eq!((heard[3].flags.as_str(), heard[3].seq, heard[3].ack), ("R", ours, Some(theirs)));
    assert_eq!(script.stack().take_error(id), Ok(Some(Error::TimedOut)));
    let stats = *script.stack().stats();
    assert_eq!((stats.keep_alive, stats.abort_on_timeout), (4, 1));
    assert_eq!((script.stack().flows(), script.stack().timers()), (0, 0));
}

#[test]
fn every_ready_made_setting_gives_up_when_it_says() {
    for keepalive in [
        Keepalive::LINUX,
        Keepalive::MACOS,
        Keepalive::WINDOWS,
        Keepalive::WEB,
        Keepalive::DATABASE_POOL,
        Keepalive::FINANCE,
        Keepalive::REAL_TIME,
        Keepalive::NAT,
        Keepalive::IOT,
    ] {
        let (mut script, id, ..) = open(keepalive);
        script.pass(keepalive.gives_up_after() - SECOND / 10);
        assert_eq!(script.heard().len(), usize::from(keepalive.probes), "{keepalive:?}");
        assert_eq!(script.stack().info(id).unwrap().state, State::Established);
        script.pass(SECOND / 2);
        assert_eq!(script.hear().flags, "R", "{keepalive:?}");
        assert_eq!(script.stack().take_error(id), Ok(Some(Error::TimedOut)), "{keepalive:?}");
    }
}

#[test]
fn so_keepalive_without_times_is_what_is_configured() {
    let mut script = Script::new(Config::default());
    assert_eq!(script.stack().default_keepalive(), Keepalive::LINUX, "7200 s, 75 s, 9");
    let mut config = Config::default();
    config.tcp.tcp_keepalive_time = SECOND * 60;
    config.tcp.tcp_keepalive_intvl = SECOND * 10;
    config.tcp.tcp_keepalive_probes = 6;
    let mut script = Script::new(config);
    assert_eq!(script.stack().default_keepalive(), Keepalive::WEB);
}

#[test]
fn a_peer_that_has_forgotten_the_connection_resets_it() {
    let (mut script, id, theirs, ours) = open(QUICK);
    script.pass(SECOND * 10 + SECOND / 2);
    assert_eq!(script.hear().seq, ours.wrapping_sub(1));
    script.say(&Spoken { seq: theirs, flags: "R", ..Spoken::default() });
    assert_eq!(script.stack().take_error(id), Ok(Some(Error::ConnectionReset)));
    script.pass(SECOND * 100);
    script.silence();
}

#[test]
fn nothing_is_probed_while_data_are_in_flight() {
    let (mut script, id, theirs, ours) = open(QUICK);
    script.write(id, b"data");
    script.pass(SECOND * 60);
    let heard = script.heard();
    assert!(heard.iter().all(|heard| heard.data == b"data"), "retransmissions only: {heard:#?}");
    assert_eq!(script.stack().stats().keep_alive, 0);
    // The answer to them counts as a word of the peer.
    let answered = script.now();
    script.say(&ack(theirs, ours.wrapping_add(4)));
    script.pass(SECOND * 9);
    script.silence();
    script.pass(SECOND * 11);
    let probes = script.heard();
    assert!(probes[0].at >= answered + SECOND * 10, "{probes:?}");
    assert!(script.stack().stats().keep_alive > 0);
}

#[test]
fn what_the_peer_says_by_itself_counts_as_an_answer() {
    let (mut script, _, theirs, ours) = open(QUICK);
    for n in 0..5 {
        script.pass(SECOND * 9);
        script.say(&Spoken { data: b"x", ..ack(theirs + n, ours) });
    }
    assert_eq!(script.stack().stats().keep_alive, 0);
    let last = script.now();
    script.heard();
    script.pass(SECOND * 11);
    let probes: Vec<Heard> = script.heard().into_iter().filter(|heard| heard.seq != ours).collect();
    assert_seconds(&probes, last, &[10, 11]);
}

#[test]
fn the_user_timeout_decides_in_the_place_of_the_probes() {
    let end = |user_timeout: u64| {
        let (mut script, id, ..) = open(QUICK);
        let options = SocketOptions {
            user_timeout: Some(SECOND * user_timeout as u32),
            ..script.stack().options(id).unwrap()
        };
        script.stack().set_options(id, &options).unwrap();
        let start = script.now();
        script.pass(SECOND * 100);
        let heard = script.heard();
        assert_eq!(script.stack().take_error(id), Ok(Some(Error::TimedOut)));
        assert_eq!(heard.last().map(|heard| heard.flags.as_str()), Some("R"));
        ((heard.last().unwrap().at - start).as_secs(), heard.len() - 1)
    };
    assert_eq!(end(20), (20, 10), "more than three probes");
    assert_eq!(end(12), (12, 2), "fewer");
    assert_eq!(end(1), (11, 1), "but never before a probe was sent");
}

#[test]
fn keepalive_can_be_switched_off_and_changed() {
    let (mut script, id, ..) = open(QUICK);
    script.pass(SECOND * 5);
    script.stack().set_keepalive(id, None).unwrap();
    script.pass(SECOND * 100);
    script.silence();
    // The time counts from what was heard last: that was long ago.
    script.stack().set_keepalive(id, Some(Keepalive { time: SECOND * 50, ..QUICK })).unwrap();
    script.pass(SECOND / 10);
    assert_eq!(script.heard().len(), 1);
    assert_eq!(script.stack().options(id).unwrap().keepalive.unwrap().time, SECOND * 50);
}
