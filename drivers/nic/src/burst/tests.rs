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
