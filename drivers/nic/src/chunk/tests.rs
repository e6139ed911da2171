use crate::{Chunk, Pool, PoolConfig};

fn chunk(bytes: &[u8]) -> (Pool, Chunk) {
    let pool = Pool::heap(PoolConfig { slots: 2, slot_size: 64, headroom: 0, reserve: 0 });
    let chunk = Chunk::copy_from(&pool, bytes).unwrap();
    (pool, chunk)
}

#[test]
fn slices_share_and_stay_within() {
    let (pool, c) = chunk(b"0123456789");
    assert_eq!(&c.slice(2..4)[..], b"23");
    assert_eq!(&c.slice(..=2)[..], b"012");
    assert_eq!(&c.slice(9..)[..], b"9");
    assert!(c.slice(10..).is_empty());
    assert_eq!(c.truesize(), 64);
    assert_eq!(pool.available(), 1);
}

#[test]
#[should_panic(expected = "range 3..11 of a chunk of 10 bytes")]
fn a_range_beyond_the_data_panics() {
    let (_pool, c) = chunk(b"0123456789");
    let _ = c.slice(3..11);
}

#[test]
fn too_large_or_too_many_gives_none() {
    let (pool, _c) = chunk(b"x");
    assert!(Chunk::copy_from(&pool, &[0; 65]).is_none());
    let _second = Chunk::copy_from(&pool, b"y").unwrap();
    assert!(Chunk::copy_from(&pool, b"z").is_none());
}

#[test]
#[should_panic(expected = "of a chunk of 10 bytes")]
fn a_range_that_ends_at_the_last_number_panics() {
    let (_pool, c) = chunk(b"0123456789");
    let _ = c.slice(0..=usize::MAX);
}

#[test]
fn a_count_of_holders_never_wraps() {
    let (pool, c) = chunk(b"x");
    let refs = &c.slot.get().refs;
    refs.set(u32::MAX);
    let clone = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(c.clone())));
    assert!(clone.is_err());
    assert_eq!(refs.get(), u32::MAX);
    refs.set(1);
    drop(c);
    assert_eq!(pool.available(), 2);
}
