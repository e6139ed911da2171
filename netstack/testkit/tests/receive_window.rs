//! The window that is offered: how it starts, grows, shuts and opens (RFC 9293 3.8.6, RFC 1122 4.2.2.16, RFC 7323 2).

use std::time::Duration;

use corelane_netstack::{Config, SocketId, TcpConfig};
use corelane_testkit::{Heard, Script, Spoken};

const WINDOW: u16 = 20_000;
const MS: Duration = Duration::from_millis(1);
/// The shift of our windows by default: for `tcp_rmem.max`.
const SCALE: u8 = 7;

fn ack(seq: u32, ack: u32) -> Spoken<'static> {
    Spoken { seq, ack: Some(ack), window: WINDOW, ..Spoken::default() }
}

/// As `Script::accept`, with window scales and timestamps whose echo is always 10 ms old.
fn accept(tcp: TcpConfig) -> (Script, SocketId, u32, u32) {
    let mut script = Script::new(Config { tcp, ..Config::default() });
    let listener = script.listen(1);
    script.say(&Spoken {
        seq: 9000,
        flags: "S",
        window: WINDOW,
        mss: Some(1400),
        scale: Some(7),
        ..Spoken::default()
    });
    let syn_ack = script.hear();
    assert_eq!(syn_ack.window, 65_535, "not scaled");
    let ours = syn_ack.seq.wrapping_add(1);
    script.say(&Spoken { ..ack(9001, ours) });
    let (id, _) = script.stack().accept(listener).expect("an open connection");
    (script, id, 9001, ours)
}

fn edge(heard: &Heard, scale: u8) -> u32 {
    heard.ack.unwrap() + (u32::from(heard.window) << scale)
}

/// A window full each 10 ms, and all of it is read.
fn window_after(script: &mut Script, id: SocketId, mut next: u32, ours: u32, rounds: u32) -> u32 {
    let mut end = next + 65_535;
    for _ in 0..rounds {
        while end - next >= 1400 {
            script.say(&Spoken { data: &[1; 1400], ..ack(next, ours) });
            next += 1400;
            script.stack().read(id, &mut [0; 1400]).unwrap();
        }
        script.pass(MS * 10);
        end = script.heard().iter().map(|heard| edge(heard, SCALE)).max().unwrap();
        script.pass(MS * 40);
    }
    end - next
}

#[test]
fn the_window_grows_with_what_is_read_up_to_tcp_rmem_max() {
    let (mut script, id, theirs, ours) = accept(TcpConfig::default());
    assert_eq!(script.stack().recv_buffer_size(id), Ok(131_072));
    let grown = window_after(&mut script, id, theirs, ours, 8);
    assert!(grown > 1 << 20, "{grown}");
    let info = script.stack().info(id).unwrap();
    assert!(info.rcv_rtt > MS * 9 && info.rcv_rtt < MS * 100 && info.rcv_space > 100_000, "{info:?}");
    let tcp = TcpConfig { tcp_rmem: [4096, 131_072, 300_000].into(), ..TcpConfig::default() };
    let (mut script, id, theirs, ours) = accept(tcp);
    window_after(&mut script, id, theirs, ours, 8);
    assert_eq!(script.stack().recv_buffer_size(id), Ok(300_000));
}

#[test]
fn so_rcvbuf_and_tcp_moderate_rcvbuf_stop_the_growth() {
    let (mut script, id, theirs, ours) = accept(TcpConfig::default());
    script.stack().set_recv_buffer_size(id, 100_000).unwrap();
    let window = window_after(&mut script, id, theirs, ours, 6);
    assert!(window <= 100_096, "{window}");
    assert_eq!(script.stack().recv_buffer_size(id), Ok(100_000));
    let tcp = TcpConfig { tcp_moderate_rcvbuf: false, ..TcpConfig::default() };
    let (mut script, id, theirs, ours) = accept(tcp);
    let window = window_after(&mut script, id, theirs, ours, 6);
    assert!(window <= 131_072, "{window}");
}

#[test]
fn a_smaller_buffer_takes_nothing_back_of_what_was_offered() {
    let (mut script, id, theirs, ours) = accept(TcpConfig::default());
    script.say(&Spoken { data: &[1; 1400], ..ack(theirs, ours) });
    let offered = edge(&script.hear(), SCALE);
    script.stack().set_recv_buffer_size(id, 10_000).unwrap();
    script.stack().set_window_clamp(id, 5000).unwrap();
    script.stack().read(id, &mut [0; 1400]).unwrap();
    let (mut next, mut edges) = (theirs + 1400, vec![offered]);
    for _ in 0..200 {
        script.say(&Spoken { data: &[1; 1400], ..ack(next, ours) });
        next += 1400;
        edges.extend(script.heard().iter().map(|heard| edge(heard, SCALE)));
        script.stack().read(id, &mut [0; 1400]).unwrap();
    }
    assert!(edges.is_sorted(), "{edges:?}");
    script.pass(MS * 300);
    script.say(&Spoken { data: &[1; 1400], ..ack(next, ours) });
    script.pass(MS * 300);
    let last = script.heard().pop().unwrap();
    assert_eq!(u32::from(last.window) << SCALE, 4992, "TCP_WINDOW_CLAMP, by the scale");
}

/// RFC 9293 3.8.6.2.2, and the update when there is room again; a lost update is asked for by the peer's probe.
#[test]
fn a_window_that_shut_opens_by_a_segment_and_a_lost_update_is_repeated() {
    let tcp = TcpConfig { tcp_rmem: 4000.into(), ..TcpConfig::default() };
    let mut script = Script::new(Config { tcp, ..Config::default() });
    let (id, theirs, ours) = script.accept(WINDOW);
    for at in 0..4 {
        script.say(&Spoken { data: &[1; 1000], ..ack(theirs + at * 1000, ours) });
    }
    assert_eq!(script.heard().pop().map(|heard| (heard.ack, heard.window)), Some((Some(theirs + 4000), 0)));
    // The peer asks, by an old number (Linux) and by a byte beyond the window (BSD): each is answered, and nothing taken.
    script.say(&ack(theirs + 3999, ours));
    assert_eq!(script.hear().window, 0);
    script.say(&Spoken { data: b"x", ..ack(theirs + 4000, ours) });
    assert_eq!(script.hear().ack, Some(theirs + 4000));
    script.stack().read(id, &mut [0; 999]).unwrap();
    script.run();
    script.silence();
    script.pass(MS * 600);
    script.say(&ack(theirs + 3999, ours));
    assert_eq!(script.hear().window, 0, "less than a segment is not told");
    script.stack().read(id, &mut [0; 1]).unwrap();
    script.run();
    assert_eq!(script.hear().window, 1000);
    // That one was lost.
    script.pass(MS * 600);
    script.say(&ack(theirs + 3999, ours));
    assert_eq!(script.hear().window, 1000);
}

/// RFC 9293 3.8.6: a peer may take its window back; what was sent beyond stays out and is sent again once it may.
#[test]
fn a_peer_that_shrinks_its_window_is_survived() {
    let mut script = Script::new(Config::default());
    let (id, theirs, ours) = script.accept(5000);
    script.write(id, &[1; 8000]);
    assert_eq!(script.heard().iter().map(|heard| heard.data.len()).sum::<usize>(), 5000);
    let say = |script: &mut Script, acked: u32, window| {
        script.say(&Spoken { window, ..ack(theirs, ours.wrapping_add(acked)) });
    };
    say(&mut script, 1000, 1000);
    script.silence();
    say(&mut script, 2000, 0);
    script.silence();
    say(&mut script, 2000, 6000);
    script.pass(Duration::from_secs(3));
    let heard = script.heard();
    let reach = heard.iter().map(|heard| heard.seq.wrapping_sub(ours) as usize + heard.data.len()).max();
    assert!(reach == Some(8000), "{heard:#?}");
    assert!(heard.iter().any(|heard| heard.seq == ours.wrapping_add(2000)), "what was out is sent again");
    say(&mut script, 8000, 6000);
    assert_eq!(script.stack().info(id).unwrap().unacked, 0);
}

/// Without a window it is a keep-alive, too: one below what is expected, with a byte or without (RFC 1122 4.2.3.6).
#[test]
fn keep_alive_probes_are_answered() {
    let mut script = Script::new(Config::default());
    let (_, theirs, ours) = script.accept(WINDOW);
    for data in [&b""[..], b"x"] {
        script.say(&Spoken { data, ..ack(theirs - 1, ours) });
        let answer = script.hear();
        assert_eq!((answer.seq, answer.ack, answer.data.len()), (ours, Some(theirs), 0));
        script.pass(MS * 600);
    }
}

/// Chunks that the application keeps are buffers that the device lacks: data are copied then, and when there is little room for
/// copies either, the window is `tcp_rmem.min`.
#[test]
fn chunks_that_the_application_keeps_shut_the_window() {
    let tcp = TcpConfig { tcp_mem: 16 << 20, tcp_moderate_rcvbuf: false, ..TcpConfig::default() };
    let (mut script, id, theirs, ours) = accept(tcp);
    let mut kept = Vec::new();
    // The peer sends what is not acknowledged, and the application reads it; gives the window.
    let mut next = theirs;
    let mut turn = |script: &mut Script, kept: &mut Vec<_>| {
        script.say(&Spoken { data: &[1; 1400], ..ack(next, ours) });
        while let Ok(Some(chunk)) = script.stack().read_chunk(id) {
            kept.push(chunk);
        }
        script.pass(MS * 50);
        let last = script.heard().pop().expect("an ACK");
        next = last.ack.unwrap();
        edge(&last, SCALE) - next
    };
    let mut turns = 0;
    while turn(&mut script, &mut kept) > 4096 {
        turns += 1;
        assert!(turns < 8000);
    }
    assert!(turns > 3000, "{turns}");
    let pool = script.stack().pool();
    assert!(pool.available() > pool.config().slots as usize / 8, "the ring does not starve");
    for _ in 0..200 {
        assert!(turn(&mut script, &mut kept) <= 4096);
    }
    assert!(script.stack().stats().rcv_q_drop > 50, "what has no room is answered and not kept");
    kept.clear();
    turn(&mut script, &mut kept);
    assert!(turn(&mut script, &mut kept) > 100_000);
}
