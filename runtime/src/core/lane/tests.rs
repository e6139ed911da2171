use corelane_nic::{ChecksumOffload, Chunk, PoolConfig};
use loom::sync::Arc;
use loom::thread;

use super::*;
use crate::core::letterbox::Letterbox;
use crate::core::parts::tests::{Counter, Loom, model};

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
    let lane: Lane = Lane::new(2);
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
    let lane: Lane = Lane::new(1);
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
    let lane: Lane = Lane::new(4);
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

/// A worker's end of two lanes.
struct End {
    from: Arc<Lane<Loom>>,
    to: Arc<Lane<Loom>>,
    own: Arc<Letterbox<(), Loom>>,
    other: Arc<Letterbox<(), Loom>>,
}

/// Two workers, joined by a lane each way that holds a single parcel.
fn ends() -> [End; 2] {
    let lanes = [(); 2].map(|()| Arc::new(Lane::new(1)));
    let boxes = [(); 2].map(|()| Arc::new(Letterbox::new(Counter::default())));
    [(0, 1), (1, 0)].map(|(own, other)| End {
        from: lanes[own].clone(),
        to: lanes[other].clone(),
        own: boxes[own].clone(),
        other: boxes[other].clone(),
    })
}

impl End {
    /// Sends a frame, unless there is no room.
    fn send(&self, n: u8) -> bool {
        let is_in = put(&self.to, n);
        if is_in {
            self.other.nudge();
        }
        is_in
    }

    /// Takes the next frame, and sleeps until there is one.
    fn receive(&self) -> u8 {
        loop {
            self.own.clear_pending();
            if let Some(n) = take(&self.from) {
                return n;
            }
            self.own.sleep();
        }
    }
}

fn put(lane: &Lane<Loom>, n: u8) -> bool {
    lane.put(|parcel| parcel.bytes = vec![n])
}

fn take(lane: &Lane<Loom>) -> Option<u8> {
    lane.take(|parcel| parcel.bytes[0])
}

/// Fills the lane, and empties it.
fn assert_holds(lane: &Lane<Loom>, len: u8) {
    assert!((0..len).all(|n| put(lane, n)), "no parcel is lost");
    assert!(!put(lane, len), "none is there twice");
    assert!((0..len).all(|n| take(lane) == Some(n)) && lane.is_empty());
}

#[test]
fn loom_no_parcel_is_lost_and_none_is_there_twice() {
    model(3, || {
        let lane = Arc::new(Lane::new(2));
        let senders = [10, 20].map(|n| {
            let lane = lane.clone();
            // What finds no room is dropped, as between a device and a worker that is late.
            thread::spawn(move || [n, n + 1].map(|n| put(&lane, n).then_some(n)))
        });
        let mut taken: Vec<u8> = (0..2).filter_map(|_| take(&lane)).collect();
        let sent = senders.map(|sender| sender.join().unwrap());
        taken.extend(std::iter::from_fn(|| take(&lane)));
        let of = |sender: u8| taken.iter().copied().filter(move |n| n / 10 == sender);
        assert!(of(1).eq(sent[0].into_iter().flatten()), "{taken:?}, not {sent:?}");
        assert!(of(2).eq(sent[1].into_iter().flatten()), "{taken:?}, not {sent:?}");
        assert_holds(&lane, 2);
    });
}

#[test]
fn loom_a_parcel_that_is_back_makes_room_for_who_tries_again() {
    model(3, || {
        let [near, far] = ends();
        let lane = near.to.clone();
        let thread = thread::spawn(move || {
            for n in 1..=3 {
                while !near.send(n) {
                    thread::yield_now(); // a turn: who has something to send does not sleep
                }
            }
        });
        (1..=3).for_each(|n| assert_eq!(far.receive(), n));
        thread.join().unwrap();
        assert_holds(&lane, 1);
    });
}

#[test]
fn loom_an_answer_wakes_who_waits_and_its_parcel_is_back_by_then() {
    model(3, || {
        let [near, far] = ends();
        let thread = thread::spawn(move || {
            for _ in 0..2 {
                let n = far.receive();
                assert!(far.send(n), "the other end has taken the last answer");
            }
        });
        for n in 1..=2 {
            assert!(near.send(n), "who answers has given the parcel back");
            assert_eq!(near.receive(), n);
        }
        thread.join().unwrap();
        assert_holds(&near.to, 1);
        assert_holds(&near.from, 1);
    });
}
