//! Fast Open (RFC 7413), both sides, segment by segment and between two stacks.

use std::net::SocketAddr;
use std::time::Duration;

use corelane_netstack::{Config, Error, Event, ListenerId, Shutdown, SocketId, State, TcpConfig};
use corelane_sim::{Faults, LinkConfig, Side};
use corelane_testkit::{Heard, Script, Spoken, World};

const SECOND: Duration = Duration::from_secs(1);
const COOKIE: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

fn config(tcp_fastopen: u32) -> Config {
    Config { tcp: TcpConfig { tcp_fastopen, ..TcpConfig::default() }, ..Config::default() }
}

fn syn() -> Spoken<'static> {
    Spoken { seq: 9000, flags: "S", window: 1000, mss: Some(1000), ..Spoken::default() }
}

/// An ACK of all up to `seq` of ours.
fn ack(seq: u32, ours: u32) -> Spoken<'static> {
    Spoken { seq, ack: Some(ours), window: 1000, ..Spoken::default() }
}

/// A listener that allows `limit` early connections, and the cookie that the peer got from it.
fn server(tcp_fastopen: u32, limit: usize) -> (Script, ListenerId, Vec<u8>) {
    let mut script = Script::new(config(tcp_fastopen));
    let listener = script.listen(16);
    script.stack().set_fast_open(listener, limit).unwrap();
    script.say(&Spoken { fast_open: Some(&[]), ..syn() });
    let syn_ack = script.hear();
    assert_eq!((syn_ack.flags.as_str(), syn_ack.ack), ("S", Some(9001)));
    script.say(&Spoken { seq: 9001, flags: "R", ..Spoken::default() });
    assert_eq!(script.stack().half_open(), 0);
    script.peer_port += 1;
    (script, listener, syn_ack.fast_open.unwrap_or_default())
}

fn state(script: &mut Script, id: SocketId) -> State {
    script.stack().info(id).unwrap().state
}

#[test]
fn it_is_off_by_default() {
    let (mut script, _, cookie) = server(TcpConfig::default().tcp_fastopen, 5);
    assert_eq!((cookie.len(), script.stack().stats().fast_open_cookie_reqd), (0, 1));
    let (_, _, cookie) = server(2, 0);
    assert_eq!(cookie.len(), 0, "this listener does not want it");
    let (_, _, cookie) = server(2, 1);
    assert_eq!(cookie.len(), 8);
}

#[test]
fn a_syn_with_a_cookie_is_accepted_with_its_data_and_answered_at_once() {
    let (mut script, listener, cookie) = server(2, 5);
    script.say(&Spoken { fast_open: Some(&cookie), data: b"hello", ..syn() });
    let syn_ack = script.hear();
    assert_eq!((syn_ack.flags.as_str(), syn_ack.ack, syn_ack.fast_open), ("S", Some(9006), None));
    assert_eq!(script.stack().next_event(), Some(Event::Acceptable(listener)));
    let (id, _) = script.stack().accept(listener).unwrap();
    assert_eq!(state(&mut script, id), State::SynReceived);
    assert_eq!(script.stack().listener_info(listener).unwrap().fast_open_queue, 1);
    let mut buf = [0; 9];
    assert_eq!(script.stack().read(id, &mut buf), Ok(5));
    assert_eq!(&buf[..5], b"hello");
    // The answer does not wait for the third ACK.
    assert!(script.stack().readiness(id).unwrap().is_writable());
    script.write(id, b"there");
    let data = script.hear();
    let first = syn_ack.seq.wrapping_add(1);
    assert_eq!((data.seq, data.ack, data.data.as_slice()), (first, Some(9006), b"there".as_slice()));
    // It comes, and acknowledges both.
    script.say(&ack(9006, first.wrapping_add(5)));
    assert_eq!(state(&mut script, id), State::Established);
    assert_eq!(script.stack().listener_info(listener).unwrap().fast_open_queue, 0);
    let info = script.stack().info(id).unwrap();
    assert_eq!((info.unacked, info.bytes_acked, info.bytes_received), (0, 5, 5));
    script.say(&Spoken { data: b"more", ..ack(9006, first.wrapping_add(5)) });
    assert_eq!(script.stack().read(id, &mut buf), Ok(4));
    script.pass(SECOND * 5);
    assert!(script.heard().iter().all(|heard| heard.data.is_empty()), "nothing is sent again");
    let stats = script.stack().stats();
    assert_eq!((stats.fast_open_passive, stats.fast_open_passive_fail, stats.tcp_passive_opens), (1, 0, 1));
}

#[test]
fn a_wrong_cookie_gets_a_right_one_and_its_data_wait() {
    let (mut script, listener, cookie) = server(2, 5);
    script.say(&Spoken { fast_open: Some(&COOKIE), data: b"hello", ..syn() });
    let syn_ack = script.hear();
    assert_eq!((syn_ack.ack, syn_ack.fast_open), (Some(9001), Some(cookie)));
    assert_eq!((script.stack().stats().fast_open_passive_fail, script.stack().half_open()), (1, 1));
    script.say(&Spoken { data: b"hello", ..ack(9001, syn_ack.seq.wrapping_add(1)) });
    let (id, _) = script.stack().accept(listener).unwrap();
    assert_eq!(script.stack().read(id, &mut [0; 9]), Ok(5));
}

#[test]
fn a_cookie_by_the_key_before_is_good_and_renewed() {
    let (mut script, listener, cookie) = server(2, 5);
    script.stack().rotate_fast_open_key([9; 16]);
    script.say(&Spoken { fast_open: Some(&cookie), data: b"hello", ..syn() });
    let syn_ack = script.hear();
    assert_eq!(syn_ack.ack, Some(9006));
    assert!(syn_ack.fast_open.is_some_and(|new| new.len() == 8 && new != cookie));
    assert_eq!(script.stack().stats().fast_open_passive_alt_key, 1);
    assert!(script.stack().accept(listener).is_ok());
}

#[test]
fn the_syn_ack_is_sent_again_alone_until_it_is_answered_or_time_runs_out() {
    let (mut script, listener, cookie) = server(2, 5);
    script.say(&Spoken { fast_open: Some(&cookie), data: b"hello", ..syn() });
    let (id, _) = script.stack().accept(listener).unwrap();
    let first = script.hear();
    // The peer's SYN again, as it goes after a time-out: without data and without the option.
    script.say(&syn());
    let again = script.hear();
    assert_eq!((again.flags, again.seq, again.ack), ("S".to_string(), first.seq, Some(9006)));
    script.say(&syn());
    script.silence(); // tcp_invalid_ratelimit
    script.pass(SECOND * 60);
    let sent = script.heard();
    assert!(sent.iter().all(|heard| heard.flags == "S" && heard.ack == Some(9006)), "{sent:#?}");
    assert_eq!(sent.len(), 5, "tcp_synack_retries");
    script.pass(SECOND * 10);
    assert_eq!(state(&mut script, id), State::Closed);
    assert_eq!(script.stack().read(id, &mut [0; 9]), Ok(5), "what came early stays");
    assert_eq!(script.stack().take_error(id), Ok(Some(Error::TimedOut)));
    assert_eq!(script.stack().listener_info(listener).unwrap().fast_open_queue, 0);
    script.stack().close(id).unwrap();
    assert_eq!((script.stack().connections(), script.stack().flows(), script.stack().timers()), (0, 0, 0));
}

#[test]
fn a_full_queue_falls_back_to_the_handshake() {
    let (mut script, listener, cookie) = server(2, 2);
    for port in 6000..6003 {
        script.peer_port = port;
        script.say(&Spoken { fast_open: Some(&cookie), data: b"hello", ..syn() });
        let early = port < 6002;
        assert_eq!(script.hear().ack, Some(if early { 9006 } else { 9001 }));
    }
    assert_eq!(script.stack().stats().fast_open_listen_overflow, 1);
    assert_eq!((script.stack().connections(), script.stack().half_open()), (2, 1));
    // A RST ends one of them, but makes no room for a minute.
    script.peer_port = 6000;
    script.say(&Spoken { seq: 9006, flags: "R", ..Spoken::default() });
    let (id, _) = script.stack().accept(listener).unwrap();
    assert_eq!(script.stack().take_error(id), Ok(Some(Error::ConnectionReset)));
    for (port, early) in [(6003, false), (6004, true)] {
        script.heard();
        script.peer_port = port;
        script.say(&Spoken { fast_open: Some(&cookie), data: b"hello", ..syn() });
        assert_eq!(script.hear().ack, Some(if early { 9006 } else { 9001 }), "port {port}");
        script.pass(SECOND * 61);
    }
    // The application may let one go before its handshake is over.
    let (id, _) = script.stack().accept(listener).unwrap();
    script.stack().abort(id).unwrap();
    assert!(script.stack().listener_info(listener).unwrap().fast_open_queue <= 1);
}

#[test]
fn closed_before_the_third_ack_it_still_delivers_what_was_written() {
    let (mut script, listener, cookie) = server(2, 5);
    script.say(&Spoken { fast_open: Some(&cookie), data: b"hello", ..syn() });
    let syn_ack = script.hear();
    let (id, _) = script.stack().accept(listener).unwrap();
    assert_eq!(script.stack().read(id, &mut [0; 9]), Ok(5));
    script.write(id, b"bye");
    script.stack().close(id).unwrap();
    script.run();
    let sent = script.heard();
    assert_eq!(sent.last().map(|heard| heard.flags.as_str()), Some("F"));
    // All but the SYN-ACK is lost on the way: the peer knows nothing of data behind it.
    script.pass(SECOND + SECOND / 10);
    assert!(script.heard().iter().any(|heard| heard.flags == "S" && heard.seq == syn_ack.seq));
    let end = syn_ack.seq.wrapping_add(5); // SYN, three bytes, FIN
    script.say(&Spoken { flags: "F", ..ack(9006, end) });
    assert_eq!((script.stack().connections(), script.stack().time_wait()), (0, 1));
    assert_eq!(script.stack().listener_info(listener).unwrap().fast_open_queue, 0);
}

/// A client that has opened once, so that it knows the server's cookie: (our port is the script's).
fn client() -> Script {
    let mut script = Script::new(config(1));
    let remote = script.peer_addr();
    let id = script.stack().connect_fast_open(None, remote).unwrap();
    script.run();
    let request = script.hear();
    assert_eq!((request.flags.as_str(), request.fast_open.as_deref()), ("S", Some([].as_slice())));
    script.port = request.ports.0;
    let ours = request.seq.wrapping_add(1);
    script.say(&Spoken { ack: Some(ours), fast_open: Some(&COOKIE), ..syn() });
    assert_eq!(state(&mut script, id), State::Established);
    script.stack().abort(id).unwrap();
    script.run();
    script.heard();
    while script.stack().next_event().is_some() {}
    script
}

/// A second opening: its first write goes with the SYN.
fn early(script: &mut Script, data: &[u8]) -> (SocketId, Heard) {
    let remote = script.peer_addr();
    let id = script.stack().connect_fast_open(None, remote).unwrap();
    script.run();
    script.silence(); // it waits
    assert_eq!(script.stack().next_event(), Some(Event::Writable(id)));
    assert!(script.stack().readiness(id).unwrap().is_writable());
    script.write(id, data);
    let syn = script.hear();
    assert_eq!((syn.flags.as_str(), syn.fast_open.as_deref()), ("S", Some(COOKIE.as_slice())));
    script.port = syn.ports.0;
    (id, syn)
}

#[test]
fn the_first_write_goes_with_the_syn() {
    let mut script = client();
    let (id, sent) = early(&mut script, b"hello");
    assert_eq!(sent.data, b"hello");
    assert_eq!(script.stack().write(id, b"more"), Err(Error::WouldBlock), "until it is open");
    script.say(&Spoken { ack: Some(sent.seq.wrapping_add(6)), ..syn() });
    assert_eq!(state(&mut script, id), State::Established);
    assert_eq!(script.hear().data, b"", "all was acknowledged");
    let info = script.stack().info(id).unwrap();
    assert_eq!((info.unacked, info.bytes_acked), (0, 5));
    script.write(id, b"more");
    let more = script.hear();
    assert_eq!((more.seq, more.data.as_slice()), (sent.seq.wrapping_add(6), b"more".as_slice()));
    let stats = script.stack().stats();
    assert_eq!((stats.fast_open_active, stats.fast_open_active_fail), (1, 0));
}

#[test]
fn what_the_syn_ack_does_not_acknowledge_goes_out_again() {
    for acked in [0, 2] {
        let mut script = client();
        let (id, sent) = early(&mut script, b"hello");
        let ours = sent.seq.wrapping_add(1 + acked);
        script.say(&Spoken { ack: Some(ours), ..syn() });
        let again = script.hear();
        assert_eq!(
            (again.seq, again.ack, again.data.as_slice()),
            (ours, Some(9001), &b"hello"[acked as usize..])
        );
        script.say(&ack(9001, sent.seq.wrapping_add(6)));
        assert_eq!(script.stack().info(id).unwrap().bytes_acked, 5);
        script.pass(SECOND * 5);
        script.silence();
        let stats = script.stack().stats();
        assert_eq!((stats.fast_open_active, stats.fast_open_active_fail), (0, 1));
    }
}

#[test]
fn a_long_write_fills_the_syn_and_follows_it() {
    let mut script = client();
    let data: Vec<u8> = (0..3000).map(|n| n as u8).collect();
    let (_, sent) = early(&mut script, &data);
    // The MSS of the last SYN-ACK, with room for all options.
    assert_eq!(sent.data, data[..960]);
    script.say(&Spoken { ack: Some(sent.seq.wrapping_add(961)), window: 8000, ..syn() });
    let rest: Vec<u8> = script.heard().into_iter().flat_map(|heard| heard.data).collect();
    assert_eq!(rest, data[960..]);
}

#[test]
fn a_syn_that_is_lost_goes_out_without_data_and_the_next_ones_too() {
    let mut script = client();
    let (id, sent) = early(&mut script, b"hello");
    script.pass(SECOND + SECOND / 10);
    let again = script.hear();
    assert_eq!(
        (again.flags.as_str(), again.seq, again.data.len(), again.fast_open),
        ("S", sent.seq, 0, None)
    );
    script.say(&Spoken { ack: Some(sent.seq.wrapping_add(1)), ..syn() });
    assert_eq!(script.hear().data, b"hello");
    assert_eq!(state(&mut script, id), State::Established);
    assert_eq!(script.stack().stats().fast_open_active_fail, 1);
    let remote = script.peer_addr();
    script.stack().connect_fast_open(None, remote).unwrap();
    script.run();
    let plain = script.hear();
    assert_eq!((plain.flags.as_str(), plain.fast_open), ("S", None), "for a minute");
    script.pass(SECOND * 61);
    script.heard();
    while script.stack().next_event().is_some() {}
    early(&mut script, b"again");
}

#[test]
fn an_answer_that_is_late_acknowledges_the_data_all_the_same() {
    let mut script = client();
    let (id, sent) = early(&mut script, b"hello");
    script.pass(SECOND + SECOND / 10);
    script.heard();
    script.say(&Spoken { ack: Some(sent.seq.wrapping_add(6)), ..syn() });
    let third = script.hear();
    assert_eq!((third.flags.as_str(), third.ack, third.data.len()), ("", Some(9001), 0));
    assert_eq!(script.stack().info(id).unwrap().bytes_acked, 5);
}

#[test]
fn refused_closed_and_unused() {
    let mut script = client();
    let (id, sent) = early(&mut script, b"hello");
    script.say(&Spoken { seq: 0, ack: Some(sent.seq.wrapping_add(6)), flags: "R", ..Spoken::default() });
    assert_eq!(script.stack().take_error(id), Ok(Some(Error::ConnectionRefused)));
    script.stack().close(id).unwrap();
    // One that nobody wrote to says nothing, whatever time passes, and leaves nothing.
    let remote = script.peer_addr();
    let id = script.stack().connect_fast_open(None, remote).unwrap();
    script.stack().set_nodelay(id, true).unwrap();
    script.pass(SECOND * 300);
    script.silence();
    assert_eq!(state(&mut script, id), State::SynSent);
    script.stack().close(id).unwrap();
    script.run();
    script.silence();
    assert_eq!((script.stack().connections(), script.stack().flows(), script.stack().timers()), (0, 0, 0));
    // Without the client's bit it is `connect`.
    let mut script = Script::new(config(2));
    let remote = script.peer_addr();
    script.stack().connect_fast_open(None, remote).unwrap();
    script.run();
    assert_eq!(script.hear().fast_open, None);
}

#[test]
fn what_was_written_before_a_close_is_delivered() {
    let mut script = client();
    let (id, sent) = early(&mut script, b"hello");
    script.stack().shutdown(id, Shutdown::Write).unwrap();
    assert_eq!(script.stack().write(id, b"more"), Err(Error::BrokenPipe));
    script.stack().close(id).unwrap();
    script.run();
    script.silence();
    script.say(&Spoken { ack: Some(sent.seq.wrapping_add(1)), ..syn() });
    let all = script.heard();
    let data: Vec<u8> = all.iter().flat_map(|heard| heard.data.clone()).collect();
    assert_eq!((data.as_slice(), all.last().unwrap().flags.as_str()), (b"hello".as_slice(), "F"));
    script.say(&Spoken { flags: "F", ..ack(9001, sent.seq.wrapping_add(7)) });
    assert_eq!((script.stack().connections(), script.stack().time_wait()), (0, 1));
}

#[test]
fn a_shutdown_before_the_first_write_opens_all_the_same() {
    let mut script = client();
    let remote = script.peer_addr();
    let id = script.stack().connect_fast_open(None, remote).unwrap();
    script.stack().shutdown(id, Shutdown::Write).unwrap();
    script.run();
    let sent = script.hear();
    assert_eq!((sent.flags.as_str(), sent.data.len()), ("S", 0));
    script.port = sent.ports.0;
    script.say(&Spoken { ack: Some(sent.seq.wrapping_add(1)), ..syn() });
    assert_eq!((script.hear().flags.as_str(), state(&mut script, id)), ("F", State::FinWait1));
}

#[test]
fn cookies_are_not_needed_where_both_sides_say_so() {
    let mut script = Script::new(config(0x1 | 0x4));
    let remote = script.peer_addr();
    let id = script.stack().connect_fast_open(None, remote).unwrap();
    script.write(id, b"hello");
    let sent = script.hear();
    assert_eq!((sent.flags.as_str(), sent.data.as_slice(), sent.fast_open), ("S", b"hello".as_slice(), None));
    let mut script = Script::new(config(0x2 | 0x200 | 0x400));
    let listener = script.listen(16);
    script.say(&Spoken { data: b"hello", ..syn() });
    assert_eq!(script.hear().ack, Some(9006));
    let (id, _) = script.stack().accept(listener).unwrap();
    assert_eq!(script.stack().read(id, &mut [0; 9]), Ok(5));
}

/// When the answer to a request of 100 bytes arrives, counted from the opening.
fn exchange(world: &mut World, listener: ListenerId) -> Duration {
    let remote: SocketAddr = World::socket_addr(Side::B, 80);
    let start = world.now();
    let id = world.host(Side::A).stack.connect_fast_open(None, remote).unwrap();
    let (mut served, mut server) = (false, None);
    let mut written = false;
    loop {
        for side in [Side::A, Side::B] {
            world.receive(side);
            if side == Side::A {
                written = written || world.host(side).stack.write(id, &[7; 100]).is_ok();
            } else {
                let stack = &mut world.host(side).stack;
                server = server.or_else(|| stack.accept(listener).ok().map(|(id, _)| id));
                if let Some(id) = server.filter(|_| !served)
                    && stack.read(id, &mut [0; 200]) == Ok(100)
                {
                    assert_eq!(stack.write(id, &[8; 200]), Ok(200));
                    served = true;
                }
            }
            world.transmit(side);
        }
        let mut buf = [0; 300];
        if let Ok(n) = world.host(Side::A).stack.read(id, &mut buf) {
            assert_eq!((n, buf[0]), (200, 8));
            break;
        }
        let next = world.next().expect("something is under way");
        world.advance_to(next).unwrap();
    }
    let took = world.now() - start;
    world.host(Side::A).stack.close(id).unwrap();
    world.host(Side::B).stack.close(server.unwrap()).unwrap();
    world.pass(SECOND).unwrap();
    took
}

#[test]
fn the_second_exchange_of_two_stacks_takes_one_round_trip() {
    let slow = Faults { delay: Duration::from_millis(50), ..Faults::default() };
    let link = LinkConfig { a_to_b: slow.clone(), b_to_a: slow, macs: None, ..LinkConfig::default() };
    let mut world = World::new(&link, [config(1), config(2 | 0x400)], 32).unwrap();
    let listener = world.host(Side::B).stack.listen(World::socket_addr(Side::B, 80), 16).unwrap();
    let times: Vec<_> = (0..3).map(|_| exchange(&mut world, listener).as_millis() / 10).collect();
    assert_eq!(times, [20, 10, 10], "in units of 10 ms; a round trip is 100");
    let (a, b) = (*world.host(Side::A).stack.stats(), *world.host(Side::B).stack.stats());
    assert_eq!((a.fast_open_active, a.fast_open_active_fail), (2, 0));
    assert_eq!((b.fast_open_passive, b.fast_open_cookie_reqd, b.fast_open_passive_fail), (2, 1, 0));
    world.pass(SECOND * 130).unwrap();
    assert_eq!(world.leftovers(), Vec::<String>::new());
}
