use corelane_nic::{Chunk, Pool, PoolConfig};

use super::*;
use crate::config::BufferSizes;

fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * 1_000_000)
}

fn receiver() -> Receiver {
    let mut rcv = Receiver::new(131_072, 7);
    rcv.open(SeqNumber(999), at(0));
    rcv.mss = 1000;
    rcv.space.start(10_000, rcv.nxt, at(0));
    rcv.advertise();
    rcv
}

#[test]
fn timestamps_are_smoothed_and_windows_give_the_least() {
    let mut rcv = receiver();
    rcv.time_window(at(0));
    rcv.measure_rtt(100, 140);
    assert_eq!(rcv.space.rtt_micros(), 40_000);
    rcv.measure_rtt(100, 170);
    assert_eq!(rcv.space.rtt_micros(), 40_000, "the same echo: the peer has paused since");
    rcv.measure_rtt(101, 181);
    assert_eq!(rcv.space.rtt_micros(), 45_000, "7/8 of 40 and 1/8 of 80");
    rcv.measure_rtt(102, 112);
    assert_eq!(rcv.space.rtt_micros(), 10_000, "less counts at once, as in Linux");
    rcv.measure_rtt(2_000_000_000, 5);
    assert_eq!(rcv.space.rtt_micros(), 10_000, "an echo from the future");
    // The window offered at 0 ms is filled at 5 ms, the next one takes 50 ms.
    rcv.nxt = rcv.edge;
    rcv.time_window(at(5));
    assert_eq!(rcv.space.rtt_micros(), 5000);
    rcv.advertise();
    rcv.time_window(at(10));
    rcv.nxt = rcv.edge;
    rcv.time_window(at(55));
    assert_eq!(rcv.space.rtt_micros(), 5000);
}

/// `bytes` arrive and are read in a round trip of 10 ms each.
fn read_in_round_trips(rcv: &mut Receiver, config: &TcpConfig, bytes: &[u32]) -> alloc::vec::Vec<u32> {
    rcv.measure_rtt(1, 11);
    let mut now = 0;
    let step = |bytes: &u32| {
        now += 10;
        rcv.nxt += *bytes;
        rcv.adjust_space(at(now - 5), config);
        rcv.adjust_space(at(now), config);
        rcv.limit
    };
    bytes.iter().map(step).collect()
}

#[test]
fn the_buffer_grows_with_what_is_read_in_a_round_trip() {
    let config = TcpConfig::default();
    // Twice 100,000 and 16 segments, and twice nine times as much, since the rate was tenfold.
    let limits = read_in_round_trips(&mut receiver(), &config, &[5000, 10_000, 100_000, 100_000, 120_000]);
    assert_eq!(limits, [131_072, 131_072, 216_000 * 19, 216_000 * 19, 216_000 * 19]);
    let limits = read_in_round_trips(&mut receiver(), &config, &[20_000, 40_000, 80_000, 4_000_000]);
    assert_eq!(limits[..3], [168_000, 288_000, 528_000], "a sender in slow start");
    assert_eq!(limits[3], 6 << 20, "tcp_rmem.max");
}

#[test]
fn unread_bytes_don_t_count() {
    let pool = Pool::heap(PoolConfig { slots: 1, slot_size: 1 << 17, headroom: 0, reserve: 0 });
    let mut rcv = receiver();
    rcv.queue.push(Chunk::copy_from(&pool, &[0; 100_000]).unwrap());
    assert_eq!(read_in_round_trips(&mut rcv, &TcpConfig::default(), &[100_000]), [131_072]);
}

#[test]
fn a_fixed_buffer_is_not_tuned() {
    let bytes = [20_000, 40_000, 80_000];
    let mut rcv = receiver();
    rcv.fix_buffer(50_000);
    assert_eq!(read_in_round_trips(&mut rcv, &TcpConfig::default(), &bytes), [50_000; 3]);
    let config = TcpConfig { tcp_moderate_rcvbuf: false, ..TcpConfig::default() };
    assert_eq!(read_in_round_trips(&mut receiver(), &config, &bytes), [131_072; 3]);
    let sizes = BufferSizes::from(131_072);
    let config = TcpConfig { tcp_rmem: sizes, ..TcpConfig::default() };
    assert_eq!(read_in_round_trips(&mut receiver(), &config, &bytes), [131_072; 3]);
    rcv.fix_buffer(1);
    rcv.clamp_window(0);
    assert_eq!((rcv.limit, rcv.clamp), (2304, 1152), "SOCK_MIN_RCVBUF, and half of it");
}
