use corelane_nic::{Pool, PoolConfig};

use super::*;

fn packet(headroom: u32, bytes: &[u8]) -> Packet {
    let pool = Pool::heap(PoolConfig { slots: 1, slot_size: 256, headroom, reserve: 0 });
    let mut packet = pool.take().expect("a buffer");
    packet.extend_from_slice(bytes);
    packet
}

#[test]
fn what_was_put_in_is_taken_off() {
    let plain: Vec<u8> = (0..60).collect();
    let mut frame = packet(4, &plain);
    assert!(insert(&mut frame, 0xe123));
    assert_eq!(frame[..12], plain[..12]);
    assert_eq!(frame[12..16], [0x81, 0x00, 0xe1, 0x23]);
    assert_eq!(frame[16..], plain[12..]);
    assert_eq!(strip(&mut frame), Some(0x123), "without the priority");
    assert_eq!(frame[..], plain[..]);
    assert_eq!(strip(&mut frame), None);
    assert_eq!(frame[..], plain[..]);
}

#[test]
fn a_frame_without_room_or_header_is_left_as_it_is() {
    let mut frame = packet(3, &[1; 60]);
    assert!(!insert(&mut frame, 5));
    assert_eq!(frame[..], [1; 60]);
    let mut short = packet(8, &[1; 11]);
    assert!(!insert(&mut short, 5));
    for len in [0, 12, 13, 14, 15] {
        let mut bytes = [0x81; 15];
        bytes[13] = 0;
        assert_eq!(strip(&mut packet(0, &bytes[..len])), None, "{len}");
    }
}
