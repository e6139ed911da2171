//! A port of DPDK's net_ring, which receives what it sends: on ordinary memory, so that no root is needed.
#![cfg(feature = "dpdk")]

use std::collections::VecDeque;

use corelane_dpdk::{DpdkConfig, DpdkError, DpdkNic, Memory};
use corelane_nic::{
    Chunk, Medium, Nic, Packet, Pool, PoolConfig, Queue, QueueId, RxBurst, TxBurst, TxOffload,
};

const SLOTS: usize = 1024;

fn config(device: &str) -> DpdkConfig {
    DpdkConfig { memory: Memory::Ordinary(Some(128)), copy_below: 512, ..DpdkConfig::new(device) }
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
fn a_quarter_of_the_buffers_is_free_until_many_are_held() {
    const MANY: usize = 8192;
    let mut nic = DpdkNic::open(&config("net_ring30")).expect("it opens");
    let mut queue = Nic::open_queue(&mut nic, QueueId(0), MANY).expect("the queue opens");
    let pool = queue.pool().clone();
    let (mut burst, mut held) = (TxBurst::with_capacity(64), Vec::new());
    // What the stack's memory asks for before it copies payload out of the device's buffers.
    while pool.available() > MANY / 4 + pool.config().reserve as usize {
        for _ in 0..32 {
            burst.push(frame(&*queue, 100), TxOffload::default());
        }
        queue.transmit(&mut burst);
        held.extend(receive_all(&mut *queue));
        assert!(held.len() < MANY, "the device must keep what its rings take");
    }
    assert!(held.len() > MANY / 4, "{} held", held.len());
    assert!(queue.stats().held >= 2048, "{} left to the device", queue.stats().held);
}

#[test]
fn a_device_with_nothing_left_gets_buffers_back_before_there_is_a_stock() {
    const MANY: usize = 8192;
    let mut nic = DpdkNic::open(&config("net_ring31")).expect("it opens");
    let mut queue = Nic::open_queue(&mut nic, QueueId(0), MANY).expect("the queue opens");
    let pool = queue.pool().clone();
    let (mut burst, mut held) = (TxBurst::with_capacity(64), Vec::new());
    while pool.available() > pool.config().reserve as usize + 32 {
        for _ in 0..32 {
            burst.push(frame(&*queue, 100), TxOffload::default());
        }
        queue.transmit(&mut burst);
        held.extend(receive_all(&mut *queue));
    }
    assert!(queue.stats().held < 256, "{} left to the device", queue.stats().held);
    // As the stack copies out what waits: far from a quarter of the buffers is free, and nothing comes to make it more.
    held.truncate(held.len() - 2000);
    for _ in 0..64 {
        receive_all(&mut *queue);
    }
    assert!(queue.stats().held > 500, "{} for the device to receive into", queue.stats().held);
    assert!(pool.available() > pool.config().reserve as usize, "and some for what is to be said");
}

/// Sends one chunk twice, each time behind headers of its own, and returns the bytes that came back.
fn send_twice(queue: &mut dyn Queue, payload: usize) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut burst = TxBurst::with_capacity(8);
    let mut packet = frame(queue, 100 + payload);
    let whole = packet.to_vec();
    packet.trim_front(100);
    let chunk: Chunk = packet.freeze();
    for _ in 0..2 {
        let mut headers = queue.pool().take().expect("a buffer");
        headers.extend_from_slice(&whole[..100]);
        burst.push(headers, TxOffload::default());
        burst.attach(chunk.clone());
    }
    queue.transmit(&mut burst);
    assert!(burst.is_empty());
    drop(chunk);
    let got = receive_all(queue);
    (whole, got.iter().map(|packet| packet.chain().flatten().copied().collect()).collect())
}

#[test]
fn short_payload_is_copied_behind_its_headers_and_long_payload_stays_where_it_is() {
    let mut queue = open("net_ring1");
    let pool = queue.pool().clone();
    let mut copied = 0;
    for (payload, is_copied) in [(1, true), (512, true), (513, false), (1400, false)] {
        let (whole, got) = send_twice(&mut *queue, payload);
        assert_eq!(got.len(), 2);
        assert!(got.iter().all(|bytes| *bytes == whole), "{payload}: sent twice, from one chunk");
        copied += if is_copied { 2 * payload as u64 } else { 0 };
        assert_eq!(queue.stats().tx_copied_bytes, copied, "{payload}");
    }
    // The ring hands over the very mbufs, whose payload is not in buffers of the queue that receives.
    assert_eq!(queue.stats().rx_copied_bytes, 2 * (513 + 1400));
    queue.transmit(&mut TxBurst::with_capacity(1)); // collects what the device is done with
    assert_eq!(pool.available() as u64 + queue.stats().held, SLOTS as u64);
    drop(queue);
    assert_eq!(pool.available(), SLOTS, "no chunk is kept for a frame that was sent");
}

#[test]
fn what_is_on_its_way_keeps_its_chunk() {
    let mut queue = open("net_ring8");
    let pool = queue.pool().clone();
    let mut burst = TxBurst::with_capacity(8);
    let mut headers = queue.pool().take().expect("a buffer");
    headers.extend_from_slice(&[0; 60]);
    burst.push(headers, TxOffload::default());
    burst.attach(frame(&*queue, 1000).freeze());
    queue.transmit(&mut burst);
    // The last clone is gone, and the frame is in the ring: its buffer must not be used again.
    let free: Vec<Packet> = std::iter::from_fn(|| pool.take_reserved()).collect();
    assert!(free.iter().all(|packet| packet.headroom() == 128), "{}", free.len());
    for mut packet in free {
        let room = packet.tailroom();
        packet.push_back(room).expect("room").fill(0xee);
    }
    let got = receive_all(&mut *queue);
    let bytes: Vec<u8> = got[0].chain().flatten().copied().collect();
    assert!(is_intact(&bytes[60..]), "{:?}", &bytes[60..80]);
}

#[test]
fn chunks_of_another_pool_are_copied() {
    let mut queue = open("net_ring9");
    let foreign = Pool::heap(PoolConfig { slots: 4, slot_size: 1 << 16, headroom: 128, reserve: 0 });
    let mut burst = TxBurst::with_capacity(8);
    let mut headers = foreign.take().expect("a buffer");
    headers.extend_from_slice(&[7; 54]);
    let payload: Vec<u8> = (0..1400_u32).map(|i| (i % 251) as u8).collect();
    let chunk = Chunk::copy_from(&foreign, &payload).expect("a buffer");
    burst.push(headers, TxOffload::default());
    burst.attach(chunk);
    queue.transmit(&mut burst);
    assert_eq!(foreign.available(), 4, "nothing of it is kept");
    let got = receive_all(&mut *queue);
    let bytes: Vec<u8> = got[0].chain().flatten().copied().collect();
    assert_eq!((&bytes[..54], &bytes[54..]), (&[7; 54][..], &payload[..]));
    assert_eq!(queue.stats().tx_copied_bytes, 1454);
}

#[test]
fn each_queue_has_its_memory_and_closing_one_stops_all() {
    let config = DpdkConfig { queues: 2, ..config("net_ring10") };
    let mut nic = DpdkNic::open(&config).expect("it opens");
    assert_eq!(nic.info().queues, 2);
    let mut first = Nic::open_queue(&mut nic, QueueId(0), SLOTS).expect("the first");
    let mut burst = TxBurst::with_capacity(8);
    burst.push(frame(&*first, 60), TxOffload::default());
    first.transmit(&mut burst);
    assert_eq!(burst.len(), 1, "it waits until all queues are open");
    let mut second = Nic::open_queue(&mut nic, QueueId(1), SLOTS).expect("the second");
    drop(nic);
    first.transmit(&mut burst);
    burst.push(frame(&*second, 70), TxOffload::default());
    second.transmit(&mut burst);
    for (queue, len) in [(&mut first, 60), (&mut second, 70)] {
        let got = receive_all(&mut **queue);
        assert_eq!(got.iter().map(|packet| packet.len()).collect::<Vec<_>>(), [len]);
        assert!(queue.pool().owns(&got[0]) && is_intact(&got[0]));
    }
    let pools = [first.pool().clone(), second.pool().clone()];
    burst.push(frame(&*second, 70), TxOffload::default());
    second.transmit(&mut burst); // on its way when the port closes
    drop(first);
    burst.push(frame(&*second, 80), TxOffload::default());
    second.transmit(&mut burst);
    assert_eq!((burst.len(), receive_all(&mut *second).len()), (1, 0), "the port is closed");
    drop((burst, second));
    assert_eq!(pools.map(|pool| pool.available()), [SLOTS, SLOTS]);
}

#[test]
fn queues_on_threads_of_their_own_close_at_any_time() {
    for round in 0..20_u64 {
        let config = DpdkConfig { queues: 2, ..config("net_ring11") };
        let mut nic = DpdkNic::open(&config).expect("it opens");
        let second = std::sync::Mutex::new(&mut nic);
        let both_open = std::sync::Barrier::new(2);
        let turns = |id: u16, count: u64| {
            let mut queue = Nic::open_queue(&mut **second.lock().expect("no panic"), QueueId(id), SLOTS)
                .expect("it opens");
            both_open.wait();
            let pool = queue.pool().clone();
            let mut burst = TxBurst::with_capacity(8);
            for _ in 0..count {
                if burst.is_empty() {
                    burst.push(frame(&*queue, 200), TxOffload::default());
                }
                queue.transmit(&mut burst);
                receive_all(&mut *queue);
            }
            drop((burst, queue));
            assert_eq!(pool.available(), SLOTS, "queue {id}");
        };
        std::thread::scope(|scope| {
            scope.spawn(|| turns(0, 50 + round * 40));
            scope.spawn(|| turns(1, 900 - round * 40));
        });
    }
}

#[test]
fn frames_carry_the_vlan_and_others_are_dropped() {
    let mut tagged = {
        let mut nic = DpdkNic::open(&DpdkConfig { vlan: Some(7), ..config("net_ring12") }).expect("it opens");
        Nic::open_queue(&mut nic, QueueId(0), SLOTS).expect("the queue opens")
    };
    let mut burst = TxBurst::with_capacity(8);
    for len in [14, 60, 1514] {
        burst.push(frame(&*tagged, len), TxOffload::default());
    }
    tagged.transmit(&mut burst);
    let got = receive_all(&mut *tagged);
    assert_eq!(got.iter().map(|packet| packet.len()).collect::<Vec<_>>(), [14, 60, 1514]);
    assert!(got.iter().all(|packet| is_intact(packet)));
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
    let error = refused(&DpdkConfig { mtu: Some(9700), ..config("net_ring5") });
    assert_eq!(error.to_string(), "an MTU of 9700 on net_ring5");
    let error = refused(&DpdkConfig { queues: 17, ..config("net_ring5") });
    assert_eq!(error.to_string(), "17 queues of net_ring5");
    assert!(error.remedy().contains("use 1 to 16"), "{}", error.remedy());
    let error = refused(&DpdkConfig { memory: Memory::Ordinary(Some(64)), ..config("net_ring5") });
    assert!(matches!(&error, DpdkError::Running { running } if running.contains("-m 128")), "{error}");

    let mut nic = DpdkNic::open(&config("net_ring6")).expect("it opens");
    let mut error = |id, slots| {
        let error = Nic::open_queue(&mut nic, QueueId(id), slots).err().expect("must be refused");
        error.to_string()
    };
    assert!(error(1, SLOTS).contains("queue 1: the device was opened with 1, from 0"), "{}", error(1, SLOTS));
    assert!(error(0, 7).contains("7 slots for a queue: use 256 to"), "{}", error(0, 7));
}
