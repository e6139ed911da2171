use crate::{Packet, Pool, PoolConfig};

fn pool() -> Pool {
    Pool::heap(PoolConfig { slots: 8, slot_size: 128, headroom: 32, reserve: 0 })
}

fn packet(pool: &Pool, bytes: &[u8]) -> Packet {
    let mut packet = pool.take().unwrap();
    packet.extend_from_slice(bytes);
    packet
}

#[test]
fn grows_into_both_rooms_and_no_further() {
    let pool = pool();
    let mut p = packet(&pool, b"payload");
    p.push_front(4).unwrap().copy_from_slice(b"head");
    p.push_back(4).unwrap().copy_from_slice(b"tail");
    assert_eq!(&p[..], b"headpayloadtail");
    assert_eq!((p.headroom(), p.tailroom()), (28, 128 - 28 - 15));
    assert!(p.push_front(29).is_none());
    assert!(p.push_back(p.tailroom() + 1).is_none());
    assert_eq!(p.extend_from_slice(&[7; 200]), 128 - 28 - 15);
    assert_eq!(p.tailroom(), 0);
}

#[test]
fn trims_and_truncates_within_bounds() {
    let pool = pool();
    let mut p = packet(&pool, b"0123456789");
    p.trim_front(3);
    p.truncate(4);
    assert_eq!(&p[..], b"3456");
    p.truncate(100);
    p.trim_front(100);
    assert!(p.is_empty());
    p.clear();
    assert_eq!(p.headroom(), 32);
    assert!(p.set_headroom(128) && !p.set_headroom(129));
}

#[test]
fn frozen_data_can_be_written_again_only_by_its_last_holder() {
    let pool = pool();
    let chunk = packet(&pool, b"abc").freeze();
    let twin = chunk.clone();
    let chunk = chunk.try_into_packet().unwrap_err();
    drop(twin);
    let mut p = chunk.try_into_packet().unwrap();
    p[0] = b'X';
    assert_eq!(&p[..], b"Xbc");
}

#[test]
fn a_chain_goes_home_as_a_whole() {
    let pool = pool();
    let mut head = packet(&pool, b"a");
    for byte in [b"b", b"c", b"d"] {
        head.append(packet(&pool, byte));
    }
    assert_eq!(pool.available(), 4);
    assert_eq!(head.chain().collect::<Vec<_>>(), [b"a", b"b", b"c", b"d"]);
    let rest = head.split_next().unwrap();
    assert!(!head.is_chained() && rest.is_chained());
    drop(head);
    assert_eq!(pool.available(), 5);
    drop(rest);
    assert_eq!(pool.available(), 8);
}

#[test]
fn freezing_or_lending_a_chain_leaks_nothing() {
    let pool = pool();
    let mut head = packet(&pool, b"a");
    head.append(packet(&pool, b"b"));
    drop(head.freeze());
    assert_eq!(pool.available(), 8);
    let mut head = packet(&pool, b"a");
    head.append(packet(&pool, b"b"));
    head.clear();
    assert_eq!(pool.available(), 7);
}
