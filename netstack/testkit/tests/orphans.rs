//! Half closed, closed and forgotten: shutdown in each direction, orphans and their limits.

use std::time::Duration;

use corelane_netstack::{Config, Error, Event, Shutdown, SocketId, SocketOptions, State, TcpConfig};
use corelane_testkit::{Script, Spoken};

const SECOND: Duration = Duration::from_secs(1);
const WINDOW: u16 = 10_000;

fn ack(seq: u32, ack: u32) -> Spoken<'static> {
    Spoken { seq, ack: Some(ack), window: WINDOW, ..Spoken::default() }
}

fn fin(seq: u32, number: u32) -> Spoken<'static> {
    Spoken { flags: "F", ..ack(seq, number) }
}

fn state(script: &mut Script, id: SocketId) -> State {
    script.stack().info(id).expect("the socket is held").state
}

fn script(change: impl FnOnce(&mut TcpConfig)) -> Script {
    let mut config = Config::default();
    change(&mut config.tcp);
    Script::new(config)
}

#[test]
fn shutdown_read_ends_reading_and_the_peer_never_knows() {
    let mut script = script(|_| {});
    let (id, theirs, ours) = script.accept(WINDOW);
    script.say(&Spoken { data: b"before", ..ack(theirs, ours) });
    script.heard();
    script.stack().shutdown(id, Shutdown::Read).unwrap();
    script.run();
    script.silence();
    let mut buf = [0; 20];
    assert_eq!(script.stack().read(id, &mut buf), Ok(6), "what was there is still read");
    assert_eq!(script.stack().read(id, &mut buf), Ok(0), "and then is the end, without waiting");
    let readiness = script.stack().readiness(id).unwrap();
    assert!(
        readiness.is_readable()
            && readiness.is_read_closed()
            && !readiness.is_write_closed()
            && readiness.is_writable()
    );
    // As in Linux data that arrive are taken and can be read.
    script.say(&Spoken { data: b"after", ..ack(theirs + 6, ours) });
    assert_eq!(script.hear().ack, Some(theirs + 11));
    assert_eq!(script.stack().read(id, &mut buf), Ok(5));
    assert_eq!(&buf[..5], b"after");
    assert_eq!(script.stack().read(id, &mut buf), Ok(0));
    script.write(id, b"still");
    assert_eq!(script.hear().data, b"still");
    assert_eq!(state(&mut script, id), State::Established);
}

#[test]
fn data_after_both_directions_were_shut_are_answered_by_a_reset() {
    let mut script = script(|_| {});
    let (id, theirs, ours) = script.accept(WINDOW);
    script.stack().shutdown(id, Shutdown::Both).unwrap();
    script.run();
    assert_eq!(script.hear().flags, "F");
    script.say(&ack(theirs, ours.wrapping_add(1)));
    assert_eq!(state(&mut script, id), State::FinWait2);
    script.say(&Spoken { data: b"late", ..ack(theirs, ours.wrapping_add(1)) });
    assert_eq!(script.hear().flags, "R");
    assert_eq!(script.stack().stats().abort_on_data, 1);
    assert_eq!(script.stack().take_error(id), Ok(Some(Error::ConnectionReset)));
}

#[test]
fn data_after_our_own_fin_are_delivered_until_the_peers() {
    let mut script = script(|_| {});
    let (id, theirs, ours) = script.accept(WINDOW);
    script.shut(id);
    script.heard();
    let ours = ours.wrapping_add(1);
    for (n, data) in [b"one", b"two"].into_iter().enumerate() {
        script.say(&Spoken { data, ..ack(theirs + 3 * n as u32, ours) }); // 0 or 1
    }
    let mut buf = [0; 9];
    assert_eq!(script.stack().read(id, &mut buf), Ok(6));
    assert_eq!(&buf[..6], b"onetwo");
    assert_eq!(script.stack().read(id, &mut buf), Err(Error::WouldBlock));
    assert_eq!(script.stack().write(id, b"x"), Err(Error::BrokenPipe));
    script.say(&fin(theirs + 6, ours));
    assert_eq!(script.stack().read(id, &mut buf), Ok(0));
    assert_eq!(script.stack().time_wait(), 1);
}

#[test]
fn the_end_that_was_read_stays_the_end_after_a_reset() {
    let mut script = script(|_| {});
    let (id, theirs, ours) = script.accept(WINDOW);
    script.say(&Spoken { data: b"all", ..fin(theirs, ours) });
    script.say(&Spoken { seq: theirs + 4, flags: "R", ..Spoken::default() });
    let mut buf = [0; 9];
    assert_eq!(script.stack().read(id, &mut buf), Ok(3));
    assert_eq!(script.stack().read(id, &mut buf), Ok(0), "SOCK_DONE");
    assert_eq!(script.stack().write(id, b"x"), Err(Error::BrokenPipe));
}

#[test]
fn delivered_tells_when_all_was_acknowledged() {
    let mut script = script(|_| {});
    let (id, theirs, ours) = script.accept(WINDOW);
    while script.stack().next_event().is_some() {}
    script.write(id, b"last words");
    script.shut(id);
    assert_eq!(script.stack().delivered(id), Err(Error::WouldBlock));
    script.say(&ack(theirs, ours.wrapping_add(10)));
    assert_eq!(script.stack().delivered(id), Err(Error::WouldBlock), "the FIN is still out");
    assert_eq!(script.stack().next_event(), None);
    script.say(&ack(theirs, ours.wrapping_add(11)));
    assert_eq!(script.stack().next_event(), Some(Event::Readable(id)), "all who wait for anything are told");
    assert_eq!(script.stack().next_event(), Some(Event::Writable(id)));
    assert_eq!(script.stack().delivered(id), Ok(()));
    script.heard();
    // After the peer's FIN the connection is over by then.
    let (id, theirs, ours) = {
        script.peer_port = 5001;
        script.port = 81;
        script.accept(WINDOW)
    };
    script.say(&fin(theirs, ours));
    script.shut(id);
    assert_eq!(script.stack().delivered(id), Err(Error::WouldBlock));
    while script.stack().next_event().is_some() {}
    script.say(&ack(theirs + 1, ours.wrapping_add(1)));
    assert_eq!(script.stack().next_event(), Some(Event::Closed(id)));
    assert_eq!(script.stack().delivered(id), Ok(()));
}

#[test]
fn linger_zero_counts_as_linux_counts_it() {
    let mut script = script(|_| {});
    let (id, ..) = script.accept(WINDOW);
    script.stack().set_linger(id, Some(Duration::ZERO)).unwrap();
    script.stack().close(id).unwrap();
    script.run();
    assert_eq!(script.hear().flags, "R");
    let stats = script.stack().stats();
    assert_eq!((stats.abort_on_data, stats.abort_on_close, stats.tcp_estab_resets), (1, 0, 1));
}

#[test]
fn linger_with_a_time_delivers_after_close() {
    let mut script = script(|_| {});
    let (id, theirs, ours) = script.accept(WINDOW);
    script.stack().set_linger(id, Some(SECOND)).unwrap();
    script.write(id, b"data");
    script.stack().close(id).unwrap();
    script.pass(SECOND * 10); // much longer than it would linger
    let heard = script.heard();
    assert!(heard.iter().all(|heard| heard.flags != "R") && heard.len() > 4, "{heard:#?}");
    script.say(&ack(theirs, ours.wrapping_add(5)));
    script.say(&fin(theirs, ours.wrapping_add(5)));
    assert_eq!((script.stack().connections(), script.stack().time_wait()), (0, 1));
}

#[test]
fn an_abort_when_all_was_said_needs_no_reset() {
    let mut script = script(|_| {});
    let (id, theirs, ours) = script.accept(WINDOW);
    script.say(&fin(theirs, ours));
    script.shut(id);
    script.heard();
    assert_eq!(state(&mut script, id), State::LastAck);
    script.stack().abort(id).unwrap();
    script.run();
    script.silence(); // RFC 9293 3.10.5
    assert_eq!((script.stack().connections(), script.stack().flows()), (0, 0));
}

/// An orphan in FIN-WAIT-2, whose socket had these options: the peer's next number, what it acknowledges.
fn orphan(script: &mut Script, options: SocketOptions) -> (u32, u32) {
    let (id, theirs, ours) = script.accept(WINDOW);
    script.stack().set_options(id, &options).unwrap();
    script.stack().close(id).unwrap();
    script.run();
    assert_eq!(script.hear().flags, "F");
    script.say(&ack(theirs, ours.wrapping_add(1)));
    (theirs, ours.wrapping_add(1))
}

#[test]
fn linger2_bounds_fin_wait_2() {
    let mut script = script(|_| {});
    orphan(&mut script, SocketOptions { linger2: Some(SECOND * 5), ..SocketOptions::default() });
    script.pass(SECOND * 5 - SECOND / 10);
    assert_eq!(script.stack().connections(), 1);
    script.pass(SECOND / 5);
    assert_eq!(script.stack().connections(), 0);
    script.silence();
}

#[test]
fn linger2_of_zero_means_no_fin_wait_2() {
    let mut script = script(|_| {});
    orphan(&mut script, SocketOptions { linger2: Some(Duration::ZERO), ..SocketOptions::default() });
    assert_eq!(script.hear().flags, "R");
    assert_eq!((script.stack().connections(), script.stack().stats().abort_on_linger), (0, 1));
}

#[test]
fn fin_wait_2_lasts_for_some_retransmissions_of_the_peers_fin() {
    let mut script = script(|tcp| tcp.tcp_fin_timeout = Duration::from_millis(1));
    let (theirs, ours) = orphan(&mut script, SocketOptions::default());
    // Linux: 3.5 RTO at least, which is 1 s before anything was measured, and 200 ms after.
    script.pass(Duration::from_millis(500));
    assert_eq!(script.stack().connections(), 1);
    script.say(&fin(theirs, ours));
    assert_eq!(script.stack().time_wait(), 1);
}

#[test]
fn orphans_beyond_tcp_max_orphans_are_reset() {
    let mut script = script(|tcp| tcp.tcp_max_orphans = 2);
    for n in 0..3 {
        script.peer_port = 6000 + n;
        script.port = 80 + n;
        let (id, ..) = script.accept(WINDOW);
        script.stack().close(id).unwrap();
        script.run();
        let last = script.hear();
        assert_eq!(last.flags, if n < 2 { "F" } else { "R" }, "{n}");
    }
    assert_eq!((script.stack().connections(), script.stack().stats().abort_on_memory), (2, 1));
}

#[test]
fn a_silent_orphan_is_shed_before_others() {
    // Two of three: one that has been silent for long counts for two.
    let mut script = script(|tcp| {
        tcp.tcp_max_orphans = 3;
        tcp.tcp_orphan_retries = 15;
    });
    for n in 0..2 {
        script.peer_port = 6000 + n;
        script.port = 80 + n;
        let (id, theirs, ours) = script.accept(WINDOW);
        if n == 0 {
            script.write(id, b"data"); // sent again and again
        } else {
            script.write(id, &[7; 12_000]);
            // A shut window, and nothing in flight.
            script.say(&Spoken { window: 0, ..ack(theirs, ours.wrapping_add(10_000)) });
        }
        script.stack().close(id).unwrap();
        script.run();
        script.heard();
    }
    script.pass(SECOND * 240);
    assert!(script.heard().iter().all(|heard| heard.flags != "R"));
    script.pass(SECOND * 240);
    let resets: Vec<u16> =
        script.heard().iter().filter(|heard| heard.flags == "R").map(|heard| heard.ports.1).collect();
    assert_eq!(resets, [6001], "it has sent nothing but probes for 2 x 120 s");
    assert_eq!((script.stack().stats().abort_on_memory, script.stack().connections()), (1, 1));
}

#[test]
fn an_orphan_that_is_not_answered_goes_after_its_retries() {
    let life = |retries: u8| {
        let mut script = script(|tcp| tcp.tcp_orphan_retries = retries);
        let (id, ..) = script.connect(WINDOW);
        script.stack().close(id).unwrap();
        let start = script.now();
        while script.stack().connections() > 0 {
            script.pass(SECOND);
        }
        assert_eq!(script.stack().stats().abort_on_timeout, 1);
        (script.now() - start).as_secs()
    };
    // 0 stands for 8: 102.2 s, and ends with the time-out after it.
    assert_eq!(life(0), life(8));
    assert!((102..=205).contains(&life(8)), "{}", life(8));
    assert!((6..=14).contains(&life(4)), "{}", life(4));
    assert!(life(15) > 924, "{}", life(15));
}

#[test]
fn an_orphan_before_a_shut_window_goes_although_the_peer_answers() {
    let mut script = script(|_| {});
    let (id, theirs, ours) = script.connect(1000);
    script.write(id, &[7; 3000]);
    script.heard();
    let shut = Spoken { window: 0, ..ack(theirs, ours.wrapping_add(1000)) };
    script.say(&shut);
    script.stack().close(id).unwrap();
    let start = script.now();
    while script.stack().connections() > 0 {
        script.pass(SECOND);
        for probe in script.heard() {
            if probe.flags.is_empty() {
                script.say(&shut);
            }
        }
        assert!(script.now() - start < SECOND * 600, "for ever");
    }
    assert!(script.now() - start > SECOND * 100);
}

#[test]
fn abort_all_leaves_nothing_and_tells_every_peer() {
    let mut script = script(|_| {});
    let mut peers = 0;
    for n in 0..4 {
        script.peer_port = 6000 + n;
        script.port = 80 + n;
        let (id, theirs, ours) = script.accept(WINDOW);
        match n {
            0 => {}
            1 => script.stack().close(id).unwrap(), // an orphan
            2 => script.say(&fin(theirs, ours)),
            _ => {
                // Over, and still held: no peer to tell.
                script.say(&Spoken { seq: theirs, flags: "R", ..Spoken::default() });
                peers -= 1;
            }
        }
        peers += 1;
        script.run();
        script.heard();
    }
    script.stack().abort_all();
    script.run();
    let resets = script.heard();
    assert_eq!(resets.len(), peers as usize);
    assert!(resets.iter().all(|heard| heard.flags == "R"));
    assert_eq!((script.stack().connections(), script.stack().flows(), script.stack().timers()), (0, 0, 0));
    assert!(script.stack().is_drained());
    script.say(&ack(9001, 1));
    assert_eq!(script.hear().flags, "R", "nobody is there any more");
}

#[test]
fn an_orphan_that_holds_much_goes_when_memory_is_out() {
    let mut script = script(|tcp| {
        tcp.tcp_mem = 1 << 20; // 32 buffers of 16 KiB, and small ones
    });
    let (id, theirs, ours) = script.accept(WINDOW);
    script.say(&Spoken { window: 0, ..ack(theirs, ours) });
    let mut options = script.stack().options(id).unwrap();
    options.send_buffer = Some(4 << 20);
    script.stack().set_options(id, &options).unwrap();
    while script.stack().write(id, &[7; 16_384]).is_ok() {}
    script.heard();
    (script.peer_port, script.port) = (5001, 81);
    let (small, ..) = script.accept(WINDOW);
    assert_eq!(script.stack().write(small, b"x"), Err(Error::WouldBlock), "memory is out");
    script.stack().close(small).unwrap();
    script.run();
    assert_eq!(script.hear().flags, "F", "one that holds nothing may stay");
    script.stack().close(id).unwrap();
    script.run();
    assert_eq!(script.hear().flags, "R");
    assert_eq!(script.stack().stats().abort_on_memory, 1);
    assert_eq!(script.stack().buffers_in_use(), 0);
}

#[test]
fn a_reset_that_finds_no_buffer_is_counted() {
    let mut script = script(|_| {});
    let (id, ..) = script.accept(WINDOW);
    let pool = script.stack().pool().clone();
    let all: Vec<_> = std::iter::from_fn(|| pool.take_reserved()).collect();
    script.stack().abort(id).unwrap();
    script.run();
    drop(all);
    script.run();
    script.silence();
    assert_eq!(script.stack().stats().abort_failed, 1);
}
