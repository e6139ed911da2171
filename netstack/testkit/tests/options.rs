//! What options on a socket change on the wire: tcp(7), socket(7).

use std::time::Duration;

use corelane_netstack::{
    BufferSizes, Config, Error, Event, Keepalive, SocketId, SocketOptions, State, TcpConfig,
};
use corelane_nic::TxBurst;
use corelane_testkit::{Heard, Script, Spoken};

const SECOND: Duration = Duration::from_secs(1);
const WINDOW: u16 = 10_000;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn ack(seq: u32, ack: u32) -> Spoken<'static> {
    Spoken { seq, ack: Some(ack), window: WINDOW, ..Spoken::default() }
}

fn set(script: &mut Script, id: SocketId, change: impl FnOnce(&mut SocketOptions)) {
    let mut options = script.stack().options(id).unwrap();
    change(&mut options);
    script.stack().set_options(id, &options).unwrap();
    assert_eq!(script.stack().options(id), Ok(options));
}

fn lengths(heard: &[Heard]) -> Vec<usize> {
    heard.iter().map(|heard| heard.data.len()).collect()
}

/// An opening by us whose SYN-ACK takes 100 ms, so that the RTO is 300 ms.
fn opened() -> (Script, SocketId, u32, u32) {
    let mut script = Script::new(Config::default());
    let remote = script.peer_addr();
    let id = script.stack().connect(None, remote).unwrap();
    script.run();
    let syn = script.hear();
    script.port = syn.ports.0;
    script.pass(ms(100));
    let ours = syn.seq.wrapping_add(1);
    script.say(&Spoken { flags: "S", mss: Some(1000), ..ack(9000, ours) });
    script.heard();
    while script.stack().next_event().is_some() {}
    (script, id, 9001, ours)
}

#[test]
fn what_linux_refuses_is_refused_and_changes_nothing() {
    let (mut script, id, ..) = opened();
    let good = SocketOptions { nodelay: true, ttl: Some(3), ..SocketOptions::default() };
    script.stack().set_options(id, &good).unwrap();
    for wrong in [
        SocketOptions { syncnt: Some(0), ..good },
        SocketOptions { syncnt: Some(128), ..good },
        SocketOptions { user_timeout: Some(Duration::ZERO), ..good },
        SocketOptions { maxseg: Some(87), ..good },
        SocketOptions { maxseg: Some(32_768), ..good },
        SocketOptions { ttl: Some(0), ..good },
    ] {
        assert_eq!(script.stack().set_options(id, &wrong), Err(Error::InvalidInput), "{wrong:?}");
        assert_eq!(script.stack().options(id), Ok(good));
    }
    // These are cut to what can be, as in Linux.
    let cut = SocketOptions { send_buffer: Some(1), linger2: Some(SECOND * 1000), tos: 0xff, ..good };
    script.stack().set_options(id, &cut).unwrap();
    let options = script.stack().options(id).unwrap();
    assert_eq!((options.send_buffer, options.linger2, options.tos), (Some(4608), Some(SECOND * 120), 0xfc));
    script.stack().abort(id).unwrap();
    assert_eq!(script.stack().set_options(id, &good), Err(Error::NotOpen));
}

#[test]
fn retries_2_is_a_time() {
    let (mut script, id, ..) = opened();
    let start = script.now();
    script.write(id, b"data");
    script.pass(SECOND * 990);
    // From 0.3 s on, after 0.6, 1.2 ... 76.8 s, then each 120 s: the 15th comes 873 s after the first, the 16th would
    // come after more than 924.6.
    let heard = script.heard();
    assert_eq!(heard.len(), 16, "{heard:#?}");
    assert_eq!(script.stack().info(id).unwrap().state, State::Established);
    script.pass(SECOND * 5);
    assert_eq!(script.now() - start, SECOND * 995);
    script.silence();
    assert_eq!(script.stack().take_error(id), Ok(Some(Error::TimedOut)));
}

#[test]
fn the_user_timeout_bounds_the_silence_after_a_retransmission() {
    let (mut script, id, theirs, ours) = opened();
    set(&mut script, id, |options| options.user_timeout = Some(SECOND * 2));
    // An answer in time: it counts for that much only.
    script.write(id, b"a");
    script.pass(ms(1500));
    script.say(&ack(theirs, ours.wrapping_add(1)));
    script.heard();
    let start = script.now();
    script.write(id, b"b");
    script.pass(SECOND * 30);
    let times: Vec<u128> = script.heard().iter().map(|heard| (heard.at - start).as_millis()).collect();
    // The back-off of the first loss stays until something is measured: it may begin at 0.3 or later.
    let first = times[1];
    assert!(times.iter().all(|at| *at < first + 2000), "{times:?}");
    assert_eq!(script.stack().take_error(id), Ok(Some(Error::TimedOut)));
    assert_eq!(script.stack().stats().abort_on_timeout, 1);
}

#[test]
fn the_user_timeout_ends_to_the_millisecond() {
    let (mut script, id, ..) = opened();
    set(&mut script, id, |options| options.user_timeout = Some(SECOND * 2));
    script.write(id, b"data");
    script.pass(ms(2290)); // retransmissions at 0.3, 0.9 and 2.1 s: the next would be at 4.5 s
    assert_eq!(script.heard().len(), 4);
    assert_eq!(script.stack().info(id).unwrap().state, State::Established);
    script.pass(ms(30));
    assert_eq!(script.stack().take_error(id), Ok(Some(Error::TimedOut)));
    script.silence();
}

#[test]
fn the_user_timeout_bounds_a_shut_window_even_when_probes_are_answered() {
    let mut script = Script::new(Config::default());
    let (id, theirs, ours) = script.connect(1000);
    set(&mut script, id, |options| options.user_timeout = Some(SECOND * 30));
    script.write(id, &[7; 3000]);
    script.heard();
    let shut = Spoken { window: 0, ..ack(theirs, ours.wrapping_add(1000)) };
    script.say(&shut);
    let (mut probes, start) = (0, script.now());
    while script.stack().info(id).unwrap().state == State::Established {
        script.pass(ms(100));
        for _ in script.heard() {
            probes += 1;
            script.say(&shut);
        }
        assert!(script.now() - start < SECOND * 40, "{probes} probes");
    }
    assert!(script.now() - start >= SECOND * 30 && probes >= 5, "{probes} probes");
    assert_eq!(script.stack().take_error(id), Ok(Some(Error::TimedOut)));
}

#[test]
fn syncnt_bounds_an_opening() {
    let mut script = Script::new(Config::default());
    let remote = script.peer_addr();
    let id = script.stack().connect(None, remote).unwrap();
    set(&mut script, id, |options| options.syncnt = Some(2));
    script.pass(ms(6900));
    assert_eq!(script.heard().len(), 3, "at 0, 1 and 3 s");
    assert_eq!(script.stack().info(id).unwrap().state, State::SynSent);
    script.pass(ms(200));
    assert_eq!(script.stack().take_error(id), Ok(Some(Error::TimedOut)));
    script.silence();
}

#[test]
fn the_user_timeout_bounds_an_opening() {
    let mut script = Script::new(Config::default());
    let remote = script.peer_addr();
    let id = script.stack().connect(None, remote).unwrap();
    set(&mut script, id, |options| options.user_timeout = Some(SECOND * 5));
    script.pass(ms(4900));
    assert_eq!(script.heard().len(), 3, "at 0, 1 and 3 s");
    assert_eq!(script.stack().info(id).unwrap().state, State::SynSent);
    script.pass(ms(200));
    assert_eq!(script.stack().take_error(id), Ok(Some(Error::TimedOut)), "from the first SYN on");
}

#[test]
fn a_cork_holds_what_is_not_full() {
    let (mut script, id, theirs, ours) = opened();
    set(&mut script, id, |options| {
        options.cork = true;
        options.nodelay = true; // weaker than the cork
    });
    script.write(id, b"head");
    script.write(id, b"er");
    script.silence();
    script.write(id, &[7; 1500]);
    let heard = script.heard();
    assert_eq!(lengths(&heard), [1000], "a full segment: {heard:#?}");
    assert!(heard[0].data.starts_with(b"header"));
    set(&mut script, id, |options| options.cork = false);
    script.run();
    assert_eq!(lengths(&script.heard()), [506]);
    script.say(&ack(theirs, ours.wrapping_add(1506)));
    script.silence();
}

#[test]
fn a_cork_holds_for_one_time_out_and_costs_no_retry() {
    let (mut script, id, theirs, ours) = opened();
    set(&mut script, id, |options| options.cork = true);
    script.write(id, b"small");
    script.pass(ms(290));
    script.silence();
    script.pass(ms(20));
    assert_eq!(script.hear().data, b"small");
    script.say(&ack(theirs, ours.wrapping_add(5)));
    let stats = *script.stack().stats();
    assert_eq!((stats.win_probe, stats.timeouts, stats.tcp_retrans_segs), (0, 0, 0));
    // Each piece waits anew.
    script.write(id, b"again");
    script.pass(ms(150));
    script.silence();
    script.pass(ms(200));
    assert_eq!(script.hear().data, b"again");
}

#[test]
fn nodelay_on_a_corked_socket_pushes_what_is_there_once() {
    let (mut script, id, ..) = opened();
    set(&mut script, id, |options| options.cork = true);
    script.write(id, b"first");
    script.silence();
    set(&mut script, id, |options| options.nodelay = true);
    script.run();
    assert_eq!(script.hear().data, b"first");
    script.write(id, b"second");
    script.silence();
    // Our FIN takes it along.
    script.shut(id);
    let last = script.hear();
    assert_eq!((last.data.as_slice(), last.flags.as_str()), (&b"second"[..], "F"));
}

#[test]
fn notsent_lowat_bounds_what_is_not_sent() {
    let (mut script, id, theirs, ours) = opened();
    set(&mut script, id, |options| options.notsent_lowat = Some(4000));
    // The window takes 10,000 bytes; what is written in one go counts as unsent until the next turn.
    let mut written = 0;
    loop {
        match script.stack().write(id, &[7; 20_000]) {
            Ok(n) => {
                assert!(n <= 5000, "a frame is half of the window");
                written += n;
                script.run();
                // A write that was not taken whole asks for room, which what was sent has made.
                while script.stack().next_event().is_some() {}
            }
            Err(error) => {
                assert_eq!(error, Error::WouldBlock);
                break;
            }
        }
    }
    let sent: usize = lengths(&script.heard()).iter().sum();
    assert!(written - sent <= 5000 && written - sent > 3000, "{written} written, {sent} sent");
    assert!(!script.stack().readiness(id).unwrap().is_writable());
    assert_eq!(script.stack().next_event(), None);
    // What is acknowledged makes room in the window, and the sending room in the buffer.
    script.say(&ack(theirs, ours.wrapping_add(sent as u32)));
    script.run();
    assert_eq!(script.stack().next_event(), Some(Event::Writable(id)));
    assert!(script.stack().readiness(id).unwrap().is_writable());
}

#[test]
fn the_stack_wide_notsent_lowat_counts_where_none_is_set() {
    let tcp = TcpConfig { tcp_notsent_lowat: 1000, ..TcpConfig::default() };
    let mut script = Script::new(Config { tcp, ..Config::default() });
    let (id, ..) = script.connect(WINDOW);
    assert_eq!(script.stack().write(id, &[7; 8000]), Ok(5000), "a frame");
    assert_eq!(script.stack().write(id, &[7; 8000]), Err(Error::WouldBlock));
    set(&mut script, id, |options| options.notsent_lowat = Some(u32::MAX));
    assert_eq!(script.stack().write(id, &[7; 5000]), Ok(5000));
}

#[test]
fn a_buffer_that_tunes_itself_holds_no_more_unsent_than_three_turns_send() {
    const MEBIBYTE: usize = 1 << 20;
    let sizes = BufferSizes { default: MEBIBYTE, ..TcpConfig::default().tcp_wmem };
    let tcp = TcpConfig { tcp_wmem: sizes, ..TcpConfig::default() };
    let opened = || {
        let mut script = Script::new(Config { tcp: tcp.clone(), ..Config::default() });
        let (id, ..) = script.connect(WINDOW);
        (script, id)
    };
    let (mut script, id) = opened();
    let taken = script.stack().write(id, &[7; MEBIBYTE]).unwrap();
    let most = 3 * TxBurst::MAX_BYTES;
    assert!((most..=most + 65_536).contains(&taken), "{taken}: a frame may go beyond");
    assert_eq!(script.stack().write(id, &[7; 100]), Err(Error::WouldBlock));
    // Who asks for a limit, or for a buffer, gets it.
    let (mut script, id) = opened();
    set(&mut script, id, |options| options.notsent_lowat = Some(u32::MAX));
    let taken = script.stack().write(id, &[7; MEBIBYTE]).unwrap();
    assert!(taken > 3 * MEBIBYTE / 4, "{taken}: some is overhead");
    let (mut script, id) = opened();
    set(&mut script, id, |options| options.send_buffer = Some(MEBIBYTE));
    let taken = script.stack().write(id, &[7; MEBIBYTE]).unwrap();
    assert!(taken > 3 * MEBIBYTE / 4, "{taken}: some is overhead");
}

#[test]
fn maxseg_is_asked_for_and_kept() {
    let mut script = Script::new(Config::default());
    let remote = script.peer_addr();
    let id = script.stack().connect(None, remote).unwrap();
    set(&mut script, id, |options| options.maxseg = Some(500));
    script.run();
    let syn = script.hear();
    assert_eq!(syn.mss, Some(500));
    script.port = syn.ports.0;
    let ours = syn.seq.wrapping_add(1);
    script.say(&Spoken {
        flags: "S",
        mss: Some(1000),
        timestamps: syn.timestamps.map(|(value, _)| (1, value)),
        ..ack(9000, ours)
    });
    script.heard();
    script.write(id, &[7; 1464]);
    assert_eq!(lengths(&script.heard()), [488, 488, 488], "500 with the timestamps");
    assert_eq!(script.stack().info(id).unwrap().snd_mss, 488);
}

#[test]
fn accepted_connections_start_with_the_listeners_options() {
    let mut script = Script::new(Config::default());
    let listener = script.listen(16);
    let options = SocketOptions {
        maxseg: Some(500),
        nodelay: true,
        keepalive: Some(Keepalive::REAL_TIME),
        user_timeout: Some(SECOND * 20),
        ..SocketOptions::default()
    };
    script.stack().set_listener_options(listener, &options).unwrap();
    assert_eq!(script.stack().listener_options(listener), Ok(options));
    script.say(&Spoken { seq: 9000, flags: "S", window: WINDOW, mss: Some(1000), ..Spoken::default() });
    let syn_ack = script.hear();
    assert_eq!(syn_ack.mss, Some(500));
    let ours = syn_ack.seq.wrapping_add(1);
    script.say(&ack(9001, ours));
    // The keep-alive runs before anybody accepts.
    script.pass(SECOND * 2 + ms(100));
    assert_eq!(script.hear().seq, ours.wrapping_sub(1));
    script.say(&ack(9001, ours));
    let (id, _) = script.stack().accept(listener).unwrap();
    assert_eq!(script.stack().options(id), Ok(options));
    script.write(id, &[7; 1200]);
    assert_eq!(lengths(&script.heard()), [500, 500, 200]);
    assert_eq!(script.stack().info(id).unwrap().snd_cwnd, 5000, "ten segments");
    let wrong = SocketOptions { ttl: Some(0), ..options };
    assert_eq!(script.stack().set_listener_options(listener, &wrong), Err(Error::InvalidInput));
    script.stack().close_listener(listener).unwrap();
    assert_eq!(script.stack().set_listener_options(listener, &options), Err(Error::NotOpen));
}
