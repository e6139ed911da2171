#![allow(unsafe_code)] // plays the device that a slot is lent to
use super::*;
use crate::Chunk;

fn pool(slots: u32, reserve: u32) -> Pool {
    Pool::heap(PoolConfig { slots, slot_size: 256, headroom: 64, reserve })
}

#[test]
fn never_gives_more_than_it_has_and_counts_what_it_refuses() {
    let pool = pool(4, 1);
    let taken: Vec<_> = std::iter::from_fn(|| pool.take()).collect();
    assert_eq!((taken.len(), pool.available()), (3, 1));
    let last = pool.take_reserved().unwrap();
    assert!(pool.take_reserved().is_none());
    assert_eq!(pool.stats(), PoolStats { refused: 1, exhausted: 1 });
    drop((taken, last));
    assert_eq!(pool.available(), 4);
}

#[test]
fn gives_the_warmest_buffer_first() {
    let pool = pool(4, 0);
    let (a, b) = (pool.take().unwrap(), pool.take().unwrap());
    let warm = b.as_ptr();
    drop(a);
    drop(b);
    assert_eq!(pool.take().unwrap().as_ptr(), warm);
}

#[test]
fn memory_lives_until_the_last_chunk() {
    let pool = pool(2, 0);
    let mut packet = pool.take().unwrap();
    packet.extend_from_slice(b"still here");
    let chunk = packet.freeze();
    let other = chunk.clone();
    drop(pool);
    drop(chunk);
    assert_eq!(&other[..], b"still here");
}

#[test]
fn handles_are_the_same_pool() {
    let pool = pool(2, 0);
    let twin = pool.clone();
    let packet = twin.take().unwrap();
    assert_eq!(pool.available(), 1);
    assert!(pool.owns(&packet));
    drop(twin);
    drop(packet);
    assert_eq!(pool.available(), 2);
}

#[test]
fn a_loan_comes_home() {
    let pool = pool(2, 0);
    let mut packet = pool.take().unwrap();
    packet.extend_from_slice(b"abcdef");
    let (index, head, len) = pool.lend(packet);
    assert_eq!((head, len, pool.available()), (64, 6, 1));
    // SAFETY: lent just above, and there is no device.
    let back = unsafe { pool.reclaim(index, head + 1, 3) }.unwrap();
    assert_eq!(&back[..], b"bcd");
    drop(back);
    assert_eq!(pool.available(), 2);
}

#[test]
fn a_device_that_names_nonsense_gets_nothing() {
    let pool = pool(2, 0);
    // SAFETY: each is refused before any slot is touched.
    unsafe {
        assert!(pool.reclaim(2, 0, 0).is_none());
        assert!(pool.reclaim(0, 200, 57).is_none());
        assert!(pool.reclaim(0, u32::MAX, u32::MAX).is_none());
    }
}

#[test]
#[should_panic(expected = "another pool")]
fn a_foreign_packet_is_not_lent() {
    let (ours, theirs) = (pool(1, 0), pool(1, 0));
    ours.lend(theirs.take().unwrap());
}

#[test]
fn chunks_of_one_slot_count_as_one_buffer() {
    let pool = pool(1, 0);
    let parts: Vec<Chunk> = {
        let mut whole = Chunk::copy_from(&pool, b"0123456789").unwrap();
        (0..5).map(|_| whole.split_to(2)).collect()
    };
    assert_eq!(pool.available(), 0);
    assert_eq!(parts.iter().map(|p| p.to_bytes()).collect::<Vec<_>>().concat(), b"0123456789");
    drop(parts);
    assert_eq!(pool.available(), 1);
}

#[test]
fn bringing_free_buffers_near_takes_none() {
    let pool = Pool::heap(PoolConfig { slots: 4, slot_size: 256, headroom: 0, reserve: 1 });
    let mut taken = Vec::new();
    for left in (0..=4).rev() {
        for nth in [0, 1, 3, 4, 100] {
            pool.prefetch_free(nth);
        }
        assert_eq!(pool.available(), left);
        taken.extend(pool.take_reserved());
    }
    assert_eq!((taken.len(), pool.stats().exhausted), (4, 1));
}
