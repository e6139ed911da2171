//! The send buffer: `tcp_wmem` and its tuning, SO_SNDBUF, and when the application is told of room.

use corelane_netstack::{Config, Error, Event, SocketId, SocketOptions, TcpConfig};
use corelane_testkit::{Script, Spoken};

const WINDOW: u16 = 65_535;

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
    let (mut script, id, ..) = open(|_| {});
    assert_eq!(fill(&mut script, id), 20_000, "2 x 10 segments of 1000, more than the 16 KiB of tcp_wmem");
    let (mut script, id, ..) = open(|tcp| tcp.tcp_wmem = [4096, 30_000, 1 << 20].into());
    assert_eq!(fill(&mut script, id), 30_000, "tcp_wmem's default where that is more");
    let (mut script, id, ..) = open(|tcp| tcp.tcp_wmem = 6000.into());
    assert_eq!(fill(&mut script, id), 6000, "but never more than its max");
}

/// Acknowledges for `rounds` all that is out, and keeps the buffer full.
fn bulk(script: &mut Script, id: SocketId, theirs: u32, mut ours: u32, rounds: u32) -> usize {
    let mut most = 0;
    for _ in 0..rounds {
        fill(script, id);
        script.run();
        // From one acknowledgment to the next the buffer holds what it may.
        let sockets: Vec<_> = script.stack().sockets().collect();
        most = most.max(sockets[0].send_queue);
        ours = ours.wrapping_add(script.heard().iter().map(|heard| heard.data.len() as u32).sum());
        script.say(&ack(theirs, ours));
    }
    most
}

#[test]
fn it_grows_with_the_congestion_window_up_to_its_max() {
    let (mut script, id, theirs, ours) = open(|_| {});
    let most = bulk(&mut script, id, theirs, ours, 8);
    let cwnd = script.stack().info(id).unwrap().snd_cwnd as usize;
    assert!(cwnd > 20_000 && most > 30_000 && most <= 2 * cwnd, "{most} bytes at a window of {cwnd}");
    let (mut script, id, theirs, ours) = open(|tcp| tcp.tcp_wmem = [4096, 16_384, 25_000].into());
    assert_eq!(bulk(&mut script, id, theirs, ours, 8), 25_000);
}

#[test]
fn so_sndbuf_fixes_it() {
    let (mut script, id, theirs, ours) = open(|_| {});
    let options = SocketOptions { send_buffer: Some(3000), ..SocketOptions::default() };
    script.stack().set_options(id, &options).unwrap();
    assert_eq!(bulk(&mut script, id, theirs, ours, 8), 3000);
    script.stack().set_options(id, &SocketOptions::default()).unwrap();
    assert!(fill(&mut script, id) > 3000, "tuned again");
}

#[test]
fn room_is_told_once_a_third_is_free() {
    let (mut script, id, theirs, ours) = open(|tcp| tcp.tcp_wmem = 9000.into());
    fill(&mut script, id);
    script.run();
    assert_eq!(script.stack().next_event(), None);
    script.say(&ack(theirs, ours.wrapping_add(2000)));
    assert_eq!(script.stack().next_event(), None, "2000 of 9000");
    assert!(script.stack().readiness(id).unwrap().writable, "but who asks can write");
    script.say(&ack(theirs, ours.wrapping_add(3000)));
    assert_eq!(script.stack().next_event(), Some(Event::Writable(id)));
}

#[test]
fn a_chunk_goes_in_whole_where_a_byte_would() {
    let (mut script, id, ..) = open(|tcp| tcp.tcp_wmem = 9000.into());
    script.write(id, &[7; 8999]);
    let pool = script.stack().pool().clone();
    let mut packet = pool.take().expect("a buffer");
    let n = packet.extend_from_slice(&[8; 1400]);
    assert_eq!(n, 1400);
    let chunk = packet.freeze();
    let again = chunk.clone();
    script.stack().write_chunk(id, chunk).expect("room for a byte is room for all of it");
    let refused = script.stack().write_chunk(id, again).unwrap_err();
    assert_eq!((refused.error, refused.chunk.len()), (Error::WouldBlock, 1400));
}
