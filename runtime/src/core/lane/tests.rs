use corelane_nic::{ChecksumOffload, Chunk, PoolConfig};

use super::*;

fn pool(slots: u32) -> Pool {
    Pool::heap(PoolConfig { slots, slot_size: 256, headroom: 56, reserve: 0 })
}

fn frame(pool: &Pool, lens: &[usize]) -> RxFrame {
    let mut parts = lens.iter().map(|len| {
        let mut packet = pool.take().unwrap();
        packet.extend_from_slice(&vec![*len as u8; *len]);
        packet
    });
    let mut packet = parts.next().unwrap();
    parts.for_each(|part| packet.append(part));
    RxFrame { packet, checksum: Checksum::Good, hash: Some(7) }
}

fn bytes(packet: &Packet) -> Vec<u8> {
    packet.chain().flatten().copied().collect()
}

#[test]
fn frames_cross_whole_and_in_order() {
    let (left, right) = (pool(8), pool(8));
    let lane = Lane::new(2);
    for lens in [&[60][..], &[200, 200, 150]] {
        assert!(lane.put(|parcel| parcel.set_received(&frame(&left, lens))));
    }
    assert!(!lane.put(|_| panic!("there is no room")));
    assert_eq!(left.available(), 8, "copied: nothing is held over there");
    let take = || lane.take(|parcel| parcel.to_received(&right)).flatten();
    let (short, merged) = (take().unwrap(), take().unwrap());
    assert_eq!((&short.packet[..], short.checksum, short.hash), (&[60; 60][..], Checksum::Good, Some(7)));
    let expected = [vec![200; 400], vec![150; 150]].concat();
    assert_eq!((bytes(&merged.packet), merged.packet.chain().count()), (expected, 3));
    assert!(lane.is_empty() && take().is_none());
    drop((short, merged));
    assert_eq!(right.available(), 8);
}

#[test]
fn a_pool_that_is_empty_loses_the_frame_and_no_buffer() {
    let (left, right) = (pool(8), pool(2));
    let lane = Lane::new(1);
    assert!(lane.put(|parcel| parcel.set_received(&frame(&left, &[200, 200, 150]))));
    assert!(lane.take(|parcel| parcel.to_received(&right)).unwrap().is_none());
    assert_eq!(right.available(), 2);
    assert!(lane.put(|parcel| parcel.set_received(&frame(&left, &[5]))), "the parcel is used again");
    let again = lane.take(|parcel| parcel.to_received(&right)).flatten().unwrap();
    assert_eq!(&again.packet[..], [5; 5]);
}

#[test]
fn what_is_sent_crosses_with_its_payload_and_offload() {
    let (left, right) = (pool(8), pool(8));
    let (mut from, mut to) = (TxBurst::with_capacity(4), TxBurst::with_capacity(4));
    let offload = TxOffload { checksum: Some(ChecksumOffload { start: 34, offset: 16 }), tso_mss: 0 };
    from.push(frame(&left, &[50]).packet, offload);
    from.attach(Chunk::copy_from(&left, b"pay").unwrap());
    from.attach(Chunk::copy_from(&left, b"load").unwrap());
    from.push(frame(&left, &[20]).packet, TxOffload::default());
    let lane = Lane::new(4);
    assert!(lane.put(|parcel| parcel.set_sent(&mut from)) && lane.put(|parcel| parcel.set_sent(&mut from)));
    assert_eq!((from.len(), left.available()), (0, 8));
    while lane.take(|parcel| assert!(parcel.send(right.take().unwrap(), &mut to))).is_some() {}
    let (packet, sent, copied) = to.pop_linear().unwrap().unwrap();
    assert_eq!((&packet[..50], &packet[50..], sent, copied), (&[50; 50][..], &b"payload"[..], offload, 0));
    assert_eq!(&to.pop_linear().unwrap().unwrap().0[..], [20; 20]);
    assert!(lane.put(|parcel| parcel.set_received(&frame(&left, &[200, 200]))));
    assert!(
        !lane.take(|parcel| parcel.send(right.take().unwrap(), &mut to)).unwrap(),
        "longer than a buffer"
    );
}
