use super::*;
use crate::{Pool, PoolConfig};

fn pool() -> Pool {
    Pool::heap(PoolConfig { slots: 8, slot_size: 64, headroom: 0, reserve: 0 })
}

fn packet(pool: &Pool, bytes: &[u8]) -> Packet {
    let mut packet = pool.take().unwrap();
    packet.extend_from_slice(bytes);
    packet
}

#[test]
fn frames_keep_their_order_and_their_chunks() {
    let pool = pool();
    let mut tx = TxBurst::with_capacity(2);
    tx.push(packet(&pool, b"h1"), TxOffload::default());
    tx.attach(packet(&pool, b"aa").freeze());
    tx.attach(packet(&pool, b"b").freeze());
    tx.push(packet(&pool, b"h2"), TxOffload::default());
    assert_eq!((tx.room(), tx.front_len()), (0, 5));
    let (linear, _, copied) = tx.pop_linear().unwrap().unwrap();
    assert_eq!((&linear[..], copied), (&b"h1aab"[..], 3));
    assert_eq!(tx.front_len(), 2);
    assert_eq!(&tx.pop_linear().unwrap().unwrap().0[..], b"h2");
    assert!(tx.pop_linear().is_none());
    drop(linear);
    assert_eq!(pool.available(), 8);
}

#[test]
fn a_frame_that_does_not_fit_one_buffer_is_refused_and_freed() {
    let pool = pool();
    let mut tx = TxBurst::with_capacity(2);
    tx.push(packet(&pool, &[0; 60]), TxOffload::default());
    tx.attach(packet(&pool, &[0; 10]).freeze());
    tx.attach(packet(&pool, &[0; 10]).freeze());
    assert_eq!(tx.pop_linear().unwrap().unwrap_err(), 16);
    assert!(tx.is_empty());
    assert_eq!(pool.available(), 8);
}

#[test]
fn a_chunk_without_a_frame_is_dropped() {
    let pool = pool();
    let mut tx = TxBurst::with_capacity(2);
    tx.attach(packet(&pool, b"x").freeze());
    assert!(tx.pop_chunk().is_none());
    assert_eq!(pool.available(), 8);
}

#[test]
fn a_plain_device_gets_one_packet_of_its_own_pool_a_frame() {
    let config = PoolConfig { slots: 8, slot_size: 256, headroom: 64, reserve: 1 };
    let (own, foreign) = (Pool::heap(config), Pool::heap(config));
    let packet = |pool: &Pool, bytes: &[u8]| {
        let mut packet = pool.take().expect("a buffer");
        packet.extend_from_slice(bytes);
        packet
    };
    let mut burst = TxBurst::with_capacity(8);
    let chunk = packet(&foreign, b"payload").freeze();
    burst.push(packet(&own, b"too short"), TxOffload::default());
    burst.push(packet(&own, b"with an offload"), TxOffload { checksum: None, tso_mss: 1 });
    burst.attach(chunk.clone());
    burst.push(packet(&own, b"in its place"), TxOffload::default());
    burst.push(packet(&own, b"headers, "), TxOffload::default());
    burst.attach(chunk.clone());
    burst.push(packet(&foreign, b"of another pool, "), TxOffload::default());
    burst.attach(chunk);
    let mut stats = QueueStats::default();
    let mut pop = || burst.pop_plain(&own, &(10..=100), &mut stats);
    for expected in [&b"in its place"[..], b"headers, payload", b"of another pool, payload"] {
        let got = pop().expect("a frame");
        assert_eq!((&got[..], own.owns(&got)), (expected, true));
    }
    assert!(pop().is_none());
    assert_eq!((stats.tx_dropped, stats.tx_copied_bytes), (2, 7 + 24));
    drop(burst);
    assert_eq!((own.available(), foreign.available()), (8, 8));
}

#[test]
fn a_foreign_frame_waits_for_a_buffer() {
    let config = PoolConfig { slots: 1, slot_size: 64, headroom: 0, reserve: 0 };
    let (own, foreign) = (Pool::heap(config), Pool::heap(config));
    let mut burst = TxBurst::with_capacity(1);
    burst.push(foreign.take().expect("a buffer"), TxOffload::default());
    let held = own.take();
    let mut stats = QueueStats::default();
    assert!(burst.pop_plain(&own, &(0..=64), &mut stats).is_none());
    assert_eq!((burst.len(), stats.tx_dropped), (1, 0));
    drop(held);
    assert!(burst.pop_plain(&own, &(0..=64), &mut stats).is_some());
}

#[test]
fn a_burst_is_full_with_so_many_bytes_of_chunks_and_has_room_when_they_are_gone() {
    let pool = Pool::heap(PoolConfig { slots: 8, slot_size: 65_536, headroom: 0, reserve: 0 });
    let mut tx = TxBurst::with_capacity(64);
    let long = || packet(&pool, &[7; 65_536]).freeze();
    for left in [63, 0] {
        tx.push(packet(&pool, b"headers"), TxOffload::default());
        tx.attach(long());
        assert_eq!(tx.room(), left);
    }
    let frame = tx.pop().unwrap();
    assert_eq!((frame.chunks, tx.room()), (1, 0), "its chunk is still here");
    assert_eq!(tx.pop_chunk().map(|chunk| chunk.len()), Some(65_536));
    assert_eq!(tx.room(), 63);
    tx.push(packet(&pool, b"headers"), TxOffload::default());
    tx.attach(long());
    assert_eq!(tx.room(), 0);
    tx.discard();
    assert_eq!(tx.room(), 63);
    tx.discard();
    drop(frame);
    assert_eq!((tx.room(), pool.available()), (64, 8));
}
