use corelane_nic::{Chunk, Pool, PoolConfig};

use super::*;

fn receiver(limit: usize, scale: u8) -> Receiver {
    let mut rcv = Receiver::new(limit, scale);
    rcv.open(SeqNumber(999), Instant::ZERO);
    rcv.mss = 1000;
    rcv.advertise();
    rcv
}

/// Table 6 of RFC 9293 3.10.7.4.
#[test]
fn acceptability() {
    let rcv = receiver(10_000, 0);
    assert_eq!(rcv.wnd(), 10_000);
    for (seq, len, ok) in [
        (1000, 0, true),
        (10_999, 0, true),
        (11_000, 0, false),
        (999, 0, false),
        (999, 1, false),
        (999, 2, true),
        (10_999, 5, true),
        (11_000, 1, false),
        (0, 1000, false),
        (0, 1001, true),
        (500, 20_000, true),
    ] {
        assert_eq!(rcv.acceptable(SeqNumber(seq), len), ok, "{seq} {len}");
    }
    let mut shut = receiver(10_000, 0);
    shut.nxt += 10_000;
    assert!(shut.acceptable(SeqNumber(11_000), 0) && !shut.acceptable(SeqNumber(11_000), 1));
}

#[test]
fn the_edge_never_moves_left_and_small_steps_are_not_told() {
    let pool = Pool::heap(PoolConfig { slots: 1, slot_size: 16_384, headroom: 0, reserve: 0 });
    let mut rcv = receiver(10_000, 0);
    let edge = rcv.edge;
    rcv.queue.push(Chunk::copy_from(&pool, &[0; 9_500]).unwrap());
    rcv.nxt += 9_500;
    assert_eq!((rcv.advertise(), rcv.edge), (500, edge));
    rcv.queue.read(&mut [0; 999], false);
    assert_eq!((rcv.advertise(), rcv.update_due()), (500, false), "below a segment: silly");
    rcv.queue.read(&mut [0; 1], false);
    assert!(rcv.update_due());
    assert_eq!((rcv.advertise(), rcv.edge), (1500, edge + 1000));
}

#[test]
fn rounding_by_the_scale_never_shrinks_the_window() {
    let mut rcv = receiver(1 << 20, Receiver::scale_for(1 << 20));
    assert_eq!(rcv.scale, 5);
    let pool = Pool::heap(PoolConfig { slots: 64, slot_size: 64, headroom: 0, reserve: 0 });
    for n in 1..40 {
        let edge = rcv.edge;
        rcv.queue.push(Chunk::copy_from(&pool, &[0; 64][..n]).unwrap());
        rcv.nxt += n as u32;
        rcv.advertise();
        assert!(rcv.edge.at_or_after(edge));
    }
}

#[test]
fn scale_fits_the_buffer() {
    assert_eq!([65_535, 65_536, 6 << 20, 1 << 30].map(Receiver::scale_for), [0, 1, 7, 14]);
}

#[test]
fn a_clamp_and_low_memory_bound_the_window_but_take_nothing_back() {
    let mut rcv = receiver(1 << 16, 0);
    let edge = rcv.edge;
    rcv.clamp_window(20_000);
    assert_eq!((rcv.advertise(), rcv.edge), (65_535, edge));
    rcv.nxt += 60_000;
    assert_eq!((rcv.advertise(), rcv.edge), (20_000, edge + 14_465));
    rcv.pressed = 4096;
    rcv.nxt += 19_000;
    assert_eq!(rcv.advertise(), 4096);
    rcv.pressed = u32::MAX;
    assert!(rcv.update_due());
    assert_eq!(rcv.advertise(), 20_000);
}

#[test]
fn what_the_window_field_can_t_say_is_no_update() {
    let rcv = receiver(1 << 20, 0);
    assert!(!rcv.update_due() && rcv.wnd() == 65_535);
}
