//! A port of DPDK's net_ring, which receives what it sends: on ordinary memory, so that no root is needed.
#![cfg(feature = "dpdk")]

use std::collections::VecDeque;

use corelane_dpdk::{DpdkConfig, DpdkError, DpdkNic, Memory};
use corelane_nic::{Chunk, Medium, Nic, Packet, Queue, QueueId, RxBurst, TxBurst, TxOffload};

const SLOTS: usize = 1024;

fn config(device: &str) -> DpdkConfig {
    DpdkConfig { memory: Memory::Ordinary(128), ..DpdkConfig::new(device) }
}

fn open(device: &str) -> Box<dyn Queue> {
    let mut nic = DpdkNic::open(&config(device)).expect("it opens");
    assert!(matches!(nic.info().medium, Medium::Ethernet(_)));
    Nic::open_queue(&mut nic, QueueId(0), SLOTS).expect("the queue opens")
}

/// A frame of this length, each different.
fn frame(queue: &dyn Queue, len: usize) -> Packet {
    let mut packet = queue.pool().take().expect("a buffer");
    let bytes: Vec<u8> = (0..len).map(|i| (i * 7 + len) as u8).collect();
    assert_eq!(packet.extend_from_slice(&bytes), len);
    packet
}

fn is_intact(bytes: &[u8]) -> bool {
    bytes.iter().enumerate().all(|(i, byte)| *byte == (i * 7 + bytes.len()) as u8)
}

fn receive_all(queue: &mut dyn Queue) -> Vec<Packet> {
    let mut got = Vec::new();
    let mut burst = RxBurst::with_capacity(64);
    loop {
        queue.receive(&mut burst);
        if burst.is_empty() {
            return got;
        }
        got.extend(std::iter::from_fn(|| burst.pop()).map(|frame| frame.packet));
    }
}

#[test]
fn frames_of_every_length_come_back_without_a_copy() {
    let mut queue = open("net_ring0");
    let pool = queue.pool().clone();
    let mut burst = TxBurst::with_capacity(64);
    for lengths in (14..=1514).collect::<Vec<_>>().chunks(32) {
        for len in lengths {
            burst.push(frame(&*queue, *len), TxOffload::default());
        }
        queue.transmit(&mut burst);
        assert!(burst.is_empty());
        let got = receive_all(&mut *queue);
        assert_eq!(got.iter().map(|packet| packet.len()).collect::<Vec<_>>(), lengths);
        assert!(got.iter().all(|packet| is_intact(packet)), "{lengths:?}");
        assert!(got.iter().all(|packet| pool.owns(packet)), "a buffer of our own pool, in place");
    }
    let stats = queue.stats();
    assert_eq!((stats.rx_frames, stats.tx_frames, stats.tx_copied_bytes), (1501, 1501, 0));
    assert_eq!((stats.rx_dropped, stats.tx_dropped), (0, 0));
    assert_eq!(pool.available() as u64 + stats.held, SLOTS as u64, "the stats tell where each buffer is");
    drop(queue);
    assert_eq!(pool.available(), SLOTS, "closing brings every buffer home");
}

#[test]
fn chunks_are_put_behind_their_headers() {
    let mut queue = open("net_ring1");
    let mut burst = TxBurst::with_capacity(8);
    let mut payload = frame(&*queue, 1000);
    let whole = payload.to_vec();
    payload.trim_front(100);
    let chunk: Chunk = payload.freeze();
    for _ in 0..2 {
        let mut headers = queue.pool().take().expect("a buffer");
        headers.extend_from_slice(&whole[..100]);
        burst.push(headers, TxOffload::default());
        burst.attach(chunk.clone());
    }
    queue.transmit(&mut burst);
    let got = receive_all(&mut *queue);
    assert_eq!(got.len(), 2);
    assert!(got.iter().all(|packet| **packet == *whole), "sent twice, from one chunk");
    assert_eq!(queue.stats().tx_copied_bytes, 1800);
}

#[test]
fn what_the_device_has_no_room_for_waits_and_what_is_kept_outlives_the_queue() {
    let mut queue = open("net_ring2");
    let pool = queue.pool().clone();
    let mut burst = TxBurst::with_capacity(64);
    let mut kept = VecDeque::new();
    let mut sent = 0_u32;
    // Until the buffers that may be in use are all kept: the rest of them fill the device's ring.
    while kept.len() < SLOTS / 2 {
        let Some(mut packet) = queue.pool().take() else { break };
        packet.extend_from_slice(&[0; 14]);
        packet.extend_from_slice(&sent.to_be_bytes());
        sent += 1;
        burst.push(packet, TxOffload::default());
        queue.transmit(&mut burst);
        kept.extend(receive_all(&mut *queue));
    }
    assert!(kept.len() >= SLOTS / 2, "{} of {sent}", kept.len());
    let numbers: Vec<u32> = kept.iter().map(|p| u32::from_be_bytes([p[14], p[15], p[16], p[17]])).collect();
    assert!(numbers.iter().copied().eq(0..kept.len() as u32), "in order, none twice, none lost");
    drop(queue);
    assert_eq!(pool.available() + kept.len(), SLOTS);
    assert_eq!(kept[3][14..18], [0, 0, 0, 3], "the memory is still there");
    kept.clear();
    assert_eq!(pool.available(), SLOTS);
}

#[test]
fn frames_that_cannot_be_sent_are_dropped_and_counted() {
    let mut queue = open("net_ring3");
    let mut burst = TxBurst::with_capacity(8);
    for len in [13, 1515] {
        burst.push(frame(&*queue, len), TxOffload::default());
    }
    burst.push(frame(&*queue, 60), TxOffload { checksum: None, tso_mss: 1000 });
    burst.push(frame(&*queue, 60), TxOffload::default());
    queue.transmit(&mut burst);
    assert_eq!(receive_all(&mut *queue).len(), 1);
    assert_eq!((queue.stats().tx_dropped, queue.stats().tx_frames), (3, 1));
}

#[test]
fn a_device_that_was_closed_can_be_opened_again() {
    for round in 0..5 {
        let mut queue = open("net_ring4");
        let mut burst = TxBurst::with_capacity(8);
        burst.push(frame(&*queue, 100 + round), TxOffload::default());
        queue.transmit(&mut burst);
        assert_eq!(receive_all(&mut *queue).len(), 1, "round {round}");
    }
}

#[test]
fn threads_that_come_and_go_leave_eal_as_it_was() {
    // More than EAL has room for at a time.
    for _ in 0..200 {
        let open = || drop(open("net_ring7"));
        std::thread::spawn(open).join().expect("no panic");
    }
}

#[test]
fn each_mistake_is_named_with_the_way_out() {
    let refused = |config: &DpdkConfig| DpdkNic::open(config).err().expect("must be refused");
    let error = refused(&config("net_nosuch0"));
    assert!(matches!(&error, DpdkError::Virtual { device, .. } if device == "net_nosuch0"), "{error}");
    assert!(error.remedy().contains("apt-get install librte-net-nosuch"), "{}", error.remedy());
    let error = refused(&DpdkConfig { mtu: Some(9000), ..config("net_ring5") });
    assert_eq!(error.to_string(), "an MTU of 9000 on net_ring5");
    let error = refused(&DpdkConfig { memory: Memory::Ordinary(64), ..config("net_ring5") });
    assert!(matches!(&error, DpdkError::Running { running } if running.contains("-m 128")), "{error}");

    let mut nic = DpdkNic::open(&config("net_ring6")).expect("it opens");
    let mut error = |id, slots| {
        let error = Nic::open_queue(&mut nic, QueueId(id), slots).err().expect("must be refused");
        error.to_string()
    };
    assert!(error(1, SLOTS).contains("queue 1: this driver opens queue 0 only"), "{}", error(1, SLOTS));
    assert!(error(0, 7).contains("7 slots for a queue: use 256 to"), "{}", error(0, 7));
}
