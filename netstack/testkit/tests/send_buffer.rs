//! The send buffer: `tcp_wmem` and its tuning, SO_SNDBUF, and when the application is told of room.

use corelane_netstack::{Config, Error, Event, SocketId, SocketOptions, TcpConfig};
use corelane_testkit::{Script, Spoken};

/// Segments have 1000 bytes, frames half of the window: 4000.
const WINDOW: u16 = 8000;
/// What each frame is charged beside its payload.
const OVERHEAD: usize = 1280;

fn ack(seq: u32, ack: u32) -> Spoken<'static> {
    Spoken { seq, ack: Some(ack), window: WINDOW, ..Spoken::default() }
}

fn open(change: impl FnOnce(&mut TcpConfig)) -> (Script, SocketId, u32, u32) {
    let mut config = Config::default();
    change(&mut config.tcp);
    let mut script = Script::new(config);
    let (id, theirs, ours) = script.connect(WINDOW);
    (script, id, theirs, ours)
}

/// Writes until there is no room; how much there was.
fn fill(script: &mut Script, id: SocketId) -> usize {
    let mut filled = 0;
    loop {
        match script.stack().write(id, &[7; 5000]) {
            Ok(n) => filled += n,
            Err(error) => {
                assert_eq!(error, Error::WouldBlock);
                return filled;
            }
        }
    }
}

#[test]
fn it_starts_with_two_initial_windows() {
    let frames = |size: usize| size.div_ceil(4000 + OVERHEAD) * 4000;
    let (mut script, id, ..) = open(|_| {});
    let initial = 2 * 10 * 2304; // segments of 1000 bytes, each in a buffer of 2048 and with its record
    assert_eq!(fill(&mut script, id), frames(initial), "more than the 16 KiB of tcp_wmem");
    let (mut script, id, ..) = open(|tcp| tcp.tcp_wmem = [4096, 60_000, 1 << 20].into());
    assert_eq!(fill(&mut script, id), frames(60_000), "tcp_wmem's default where that is more");
    let (mut script, id, ..) = open(|tcp| tcp.tcp_wmem = 6000.into());
    assert_eq!(fill(&mut script, id), frames(6000), "but never more than its max");
}

/// Acknowledges for 8 rounds all that is out, offers `window`, and keeps the buffer full; the most that was in it.
fn bulk(script: &mut Script, id: SocketId, theirs: u32, mut ours: u32, window: u16) -> usize {
    let mut most = 0;
    for _ in 0..8 {
        fill(script, id);
        script.run();
        // From one acknowledgment to the next the buffer holds what it may.
        let sockets: Vec<_> = script.stack().sockets().collect();
        most = most.max(sockets[0].send_queue);
        ours = ours.wrapping_add(script.heard().iter().map(|heard| heard.data.len() as u32).sum());
        script.say(&Spoken { window, ..ack(theirs, ours) });
    }
    most
}

#[test]
fn it_grows_with_the_congestion_window_up_to_its_max() {
    let (mut script, id, theirs, ours) = open(|_| {});
    let most = bulk(&mut script, id, theirs, ours, 65_535);
    let cwnd = script.stack().info(id).unwrap().snd_cwnd as usize;
    let size = 2 * cwnd / 1000 * 2304;
    assert!(cwnd > 20_000 && most > 60_000, "{most} bytes at a window of {cwnd}");
    assert!(most <= size + 32_000, "{most} bytes in a buffer of {size}, and a frame");
    let (mut script, id, theirs, ours) = open(|tcp| tcp.tcp_wmem = [4096, 16_384, 25_000].into());
    assert_eq!(bulk(&mut script, id, theirs, ours, WINDOW), 25_000_usize.div_ceil(4000 + OVERHEAD) * 4000);
}

#[test]
fn so_sndbuf_fixes_it() {
    let (mut script, id, theirs, ours) = open(|_| {});
    let options = SocketOptions { send_buffer: Some(9000), ..SocketOptions::default() };
    script.stack().set_options(id, &options).unwrap();
    assert_eq!(bulk(&mut script, id, theirs, ours, WINDOW), 8000);
    script.stack().set_options(id, &SocketOptions::default()).unwrap();
    assert!(fill(&mut script, id) > 8000, "tuned again");
}

#[test]
fn room_is_told_once_a_third_is_free() {
    let (mut script, id, theirs, ours) = open(|tcp| tcp.tcp_wmem = 10_000.into());
    assert_eq!(fill(&mut script, id), 8000);
    script.run();
    assert_eq!(script.stack().next_event(), None);
    script.say(&ack(theirs, ours.wrapping_add(1000)));
    script.run();
    assert_eq!(script.stack().next_event(), None, "7000 and 2 x 1280 of 10,000");
    assert!(script.stack().readiness(id).unwrap().is_writable(), "but who asks can write");
    assert!(!script.stack().poll(id).unwrap().is_writable(), "epoll does not tell of so little");
    script.say(&ack(theirs, ours.wrapping_add(4000)));
    script.run();
    assert_eq!(script.stack().next_event(), Some(Event::Writable(id)), "4000 and 1280 leave a third");
}

#[test]
fn a_chunk_goes_in_whole_where_another_frame_may_begin() {
    let (mut script, id, ..) = open(|tcp| tcp.tcp_wmem = 9000.into());
    assert_eq!(script.stack().write(id, &[7; 3999]), Ok(3999));
    let pool = script.stack().pool().clone();
    let mut packet = pool.take().expect("a buffer");
    let n = packet.extend_from_slice(&[8; 1400]);
    assert_eq!(n, 1400);
    let chunk = packet.freeze();
    let again = chunk.clone();
    script
        .stack()
        .write_chunk(id, chunk)
        .expect("all of it goes in, though the frame has room for a byte only");
    assert_eq!(fill(&mut script, id), 2601, "the rest of the second frame");
    let refused = script.stack().write_chunk(id, again).unwrap_err();
    assert_eq!((refused.error, refused.chunk.len()), (Error::WouldBlock, 1400));
}

#[test]
fn a_chunk_is_not_cut_for_the_rest_of_the_last_frame() {
    let (mut script, id, ..) = open(|tcp| tcp.tcp_wmem = 9000.into());
    assert_eq!(script.stack().write(id, &[7; 7000]), Ok(7000));
    let pool = script.stack().pool().clone();
    let mut packet = pool.take().expect("a buffer");
    assert_eq!(packet.extend_from_slice(&[8; 1400]), 1400);
    let refused = script.stack().write_chunk(id, packet.freeze()).unwrap_err();
    assert_eq!(refused.error, Error::WouldBlock);
    script.stack().write_chunk(id, refused.chunk.slice(0..1000)).expect("what fits goes in");
}

#[test]
fn a_write_that_is_not_taken_whole_asks_for_room() {
    let (mut script, id, theirs, ours) = open(|tcp| tcp.tcp_wmem = 10_000.into());
    assert_eq!(script.stack().write(id, &[7; 20_000]), Ok(8000));
    script.run();
    assert_eq!(script.stack().next_event(), None);
    script.say(&ack(theirs, ours.wrapping_add(8000)));
    script.run();
    assert_eq!(
        script.stack().next_event(),
        Some(Event::Writable(id)),
        "without a write that would have blocked"
    );
    assert!(script.stack().poll(id).unwrap().is_writable());
    assert_eq!(script.stack().next_event(), None, "told once");
}

#[test]
fn who_asks_for_room_is_told_when_there_is() {
    let (mut script, id, theirs, ours) = open(|tcp| tcp.tcp_wmem = 10_000.into());
    assert_eq!(script.stack().write(id, &[7; 8000]), Ok(8000));
    script.run();
    assert!(!script.stack().poll(id).unwrap().is_writable());
    script.say(&ack(theirs, ours.wrapping_add(8000)));
    script.run();
    assert_eq!(script.stack().next_event(), Some(Event::Writable(id)));
}

#[test]
fn data_and_the_end_of_data_are_told_again_though_nothing_was_read() {
    let (mut script, id, theirs, ours) = open(|_| {});
    for n in 0..3 {
        let data = Spoken { data: b"x", ..ack(theirs + n, ours) };
        script.say(&data);
        assert_eq!(script.stack().next_event(), Some(Event::Readable(id)));
        assert_eq!(script.stack().next_event(), None);
    }
    script.say(&Spoken { flags: "F", ..ack(theirs + 3, ours) });
    // Who waits for room hears of it too: all that Linux's sk_state_change wakes.
    assert_eq!(script.stack().next_event(), Some(Event::Readable(id)));
    assert_eq!(script.stack().next_event(), Some(Event::Writable(id)));
    assert_eq!(script.stack().next_event(), None);
}
