use std::io::{self, Write};
use std::time::Duration;

use corelane_nic::{Checksum, ChecksumOffload, Chunk, Medium, Queue, RxBurst, RxFrame, TxBurst, TxOffload};

use crate::pcap::tests::parse;
use crate::{Faults, Link, LinkConfig, LinkQueue, SharedBuffer, Side, WhenFull};

const MS: Duration = Duration::from_millis(1);

fn with(faults: Faults) -> LinkConfig {
    LinkConfig { a_to_b: faults, seed: 42, ring: 100_000, slots: 20_000, ..LinkConfig::default() }
}

/// A frame of 64 bytes with its number in front.
fn send(queue: &mut LinkQueue, number: u32) {
    let mut packet = queue.pool().take().unwrap();
    packet.extend_from_slice(&number.to_be_bytes());
    packet.extend_from_slice(&[0x5a; 60]);
    let mut burst = TxBurst::with_capacity(1);
    burst.push(packet, TxOffload::default());
    queue.transmit(&mut burst);
    assert!(burst.is_empty());
}

fn receive(queue: &mut LinkQueue) -> Vec<RxFrame> {
    let mut burst = RxBurst::with_capacity(100_000);
    queue.receive(&mut burst);
    std::iter::from_fn(|| burst.pop()).collect()
}

fn numbers(queue: &mut LinkQueue) -> Vec<u32> {
    let number = |f: &RxFrame| u32::from_be_bytes(f.packet[..4].try_into().unwrap());
    receive(queue).iter().map(number).collect()
}

/// Sends `count` frames from A, a millisecond apart, and gives what B got.
fn run(config: &LinkConfig, count: u32) -> (Link, Vec<u32>, LinkQueue, LinkQueue) {
    let (link, mut a, mut b) = Link::new(config).unwrap();
    for number in 0..count {
        link.advance_to(MS * number);
        send(&mut a, number);
    }
    link.advance_to(MS * count + Duration::from_secs(10));
    let got = numbers(&mut b);
    (link, got, a, b)
}

#[test]
fn a_fault_free_frame_moves_over_without_a_copy() {
    let (link, mut a, mut b) = Link::new(&LinkConfig::default()).unwrap();
    send(&mut a, 7);
    assert_eq!(link.next_arrival(), Some(Duration::ZERO));
    let frames = receive(&mut b);
    assert!(a.pool().owns(&frames[0].packet), "the packet keeps its home");
    assert_eq!((frames[0].packet.len(), frames[0].checksum), (64, Checksum::Unknown));
    assert_eq!(a.pool().available() + 1, b.pool().available());
    drop(frames);
    assert_eq!(a.pool().available(), b.pool().available());
    assert_eq!((a.stats().tx_frames, b.stats().rx_frames, b.stats().rx_bytes), (1, 1, 64));
    assert_eq!(a.stats().tx_copied_bytes, 0);
    assert_eq!(link.next_arrival(), None);
}

#[test]
fn payload_chunks_arrive_in_one_buffer_and_are_counted() {
    let (_link, mut a, mut b) = Link::new(&LinkConfig { tx_chunks: 4, ..LinkConfig::default() }).unwrap();
    assert_eq!(a.info().offloads.tx_chunks, 4);
    let mut burst = TxBurst::with_capacity(4);
    let mut headers = b"head".to_vec();
    for _ in 0..2 {
        let mut packet = a.pool().take().unwrap();
        packet.extend_from_slice(&headers);
        burst.push(packet, TxOffload::default());
        burst.attach(Chunk::copy_from(a.pool(), b"pay").unwrap());
        burst.attach(Chunk::copy_from(a.pool(), b"load").unwrap());
        headers = vec![1; 1800]; // the second is longer than the MTU
    }
    a.transmit(&mut burst);
    let frames = receive(&mut b);
    assert_eq!(frames.len(), 1);
    assert_eq!(&frames[0].packet[..], b"headpayload");
    assert_eq!((a.stats().tx_copied_bytes, a.stats().tx_dropped), (7, 1));
    drop(frames);
    assert_eq!(a.pool().available(), LinkConfig::default().slots as usize);
}

#[test]
fn a_full_ring_pushes_back_or_drops() {
    for when_full in [WhenFull::Wait, WhenFull::Drop] {
        for delay in [Duration::ZERO, MS] {
            let a_to_b = Faults { delay, ..Faults::default() };
            let config = LinkConfig { ring: 3, when_full, a_to_b, ..LinkConfig::default() };
            let (link, mut a, mut b) = Link::new(&config).unwrap();
            let mut burst = TxBurst::with_capacity(5);
            for _ in 0..5 {
                let mut packet = a.pool().take().unwrap();
                packet.extend_from_slice(&[0; 64]);
                burst.push(packet, TxOffload::default());
            }
            a.transmit(&mut burst);
            link.advance_to(MS);
            assert_eq!(receive(&mut b).len(), 3);
            let dropped = if when_full == WhenFull::Drop { 2 } else { 0 };
            assert_eq!(burst.len(), 2 - dropped);
            assert_eq!(link.stats(Side::A).ring_full, dropped as u64);
            assert_eq!(b.stats().rx_dropped, dropped as u64);
            a.transmit(&mut burst);
            assert!(burst.is_empty());
        }
    }
}

#[test]
fn delay_and_bandwidth_set_the_arrival() {
    // 64 bytes at 64 kB/s: a millisecond each.
    let faults = Faults { delay: 5 * MS, bytes_per_second: Some(64_000), ..Faults::default() };
    let (link, mut a, mut b) = Link::new(&with(faults)).unwrap();
    send(&mut a, 0);
    send(&mut a, 1);
    assert_eq!(link.next_arrival(), Some(6 * MS));
    link.advance_to(6 * MS - Duration::from_nanos(1));
    assert!(numbers(&mut b).is_empty());
    link.advance_to(6 * MS);
    assert_eq!(numbers(&mut b), [0]);
    assert_eq!(link.next_arrival(), Some(7 * MS));
    link.advance_to(Duration::ZERO);
    assert_eq!(link.now(), 6 * MS, "time never runs back");
}

#[test]
fn jitter_keeps_the_order_and_stays_within_its_bound() {
    let (link, mut a, mut b) =
        Link::new(&with(Faults { delay: MS, jitter: 10 * MS, ..Faults::default() })).unwrap();
    let mut arrivals = Vec::new();
    for number in 0..200 {
        link.advance_to(100 * MS * number);
        send(&mut a, number);
        let arrival = link.next_arrival().unwrap();
        arrivals.push(arrival - link.now());
        link.advance_to(arrival);
        assert_eq!(numbers(&mut b), [number]);
    }
    assert!(arrivals.iter().all(|d| (MS..11 * MS).contains(d)));
    assert!(arrivals.iter().min() < Some(&(2 * MS)) && arrivals.iter().max() > Some(&(10 * MS)));
    let (_, got, ..) = run(&with(Faults { jitter: 50 * MS, ..Faults::default() }), 500);
    assert_eq!(got, (0..500).collect::<Vec<_>>());
}

#[test]
fn loss_loses_about_as_many_as_asked() {
    let (link, got, ..) = run(&with(Faults { loss: 0.2, ..Faults::default() }), 5000);
    let stats = link.stats(Side::A);
    assert_eq!(stats.lost + got.len() as u64, 5000);
    assert!((900..1100).contains(&stats.lost), "{stats:?}");
    let (link, got, ..) = run(&with(Faults { loss: 1.0, ..Faults::default() }), 50);
    assert_eq!((got.len(), link.stats(Side::A).lost), (0, 50));
    assert_eq!(link.stats(Side::B).sent, 0);
}

#[test]
fn a_held_up_frame_is_overtaken() {
    let faults = Faults { reorder: 0.1, reorder_delay: Duration::from_micros(2500), ..Faults::default() };
    let (link, mut got, ..) = run(&with(faults), 1000);
    let overtaken = got.windows(2).filter(|w| w[0] > w[1]).count() as u64;
    let stats = link.stats(Side::A);
    assert!((70..130).contains(&stats.reordered), "{stats:?}");
    assert!(overtaken > 0 && overtaken <= stats.reordered);
    got.sort_unstable();
    assert_eq!(got, (0..1000).collect::<Vec<_>>());
}

#[test]
fn a_duplicate_is_equal_and_comes_from_the_receivers_pool() {
    let (link, mut got, _a, b) = run(&with(Faults { duplicate: 0.3, ..Faults::default() }), 1000);
    let stats = link.stats(Side::A);
    assert_eq!(got.len() as u64, 1000 + stats.duplicated);
    assert!((250..350).contains(&stats.duplicated), "{stats:?}");
    got.dedup();
    assert_eq!(got, (0..1000).collect::<Vec<_>>());
    assert_eq!(b.pool().available(), 20_000);
    // Without a buffer for the copy the frame still arrives once.
    let config = LinkConfig { slots: 4, ..with(Faults { duplicate: 1.0, ..Faults::default() }) };
    let (link, mut a, mut b) = Link::new(&config).unwrap();
    let held: Vec<_> = std::iter::from_fn(|| b.pool().take_reserved()).collect();
    send(&mut a, 0);
    assert_eq!(numbers(&mut b), [0]);
    assert_eq!(link.stats(Side::A).not_duplicated, 1);
    drop(held);
}

#[test]
fn corruption_changes_bits_and_no_lengths() {
    let config = with(Faults { corrupt: 0.5, ..Faults::default() });
    let (link, mut a, mut b) = Link::new(&config).unwrap();
    (0..1000).for_each(|_| send(&mut a, 0));
    let mut sound = [0x5a; 64];
    sound[..4].fill(0);
    let frames = receive(&mut b);
    assert!(frames.iter().all(|f| f.packet.len() == 64));
    let damaged = frames.iter().filter(|f| f.packet[..] != sound[..]).count() as u64;
    assert_eq!(damaged, link.stats(Side::A).corrupted);
    assert!((430..570).contains(&damaged));
}

#[test]
fn a_corrupted_frame_is_never_partial() {
    let config = LinkConfig { checksum_offload: true, ..with(Faults { corrupt: 0.5, ..Faults::default() }) };
    let (link, mut a, mut b) = Link::new(&config).unwrap();
    assert!(a.info().offloads.tx_checksum && b.info().offloads.rx_checksum);
    let checksum = Some(ChecksumOffload { start: 34, offset: 16 });
    for _ in 0..100 {
        let mut packet = a.pool().take().unwrap();
        packet.extend_from_slice(&[1; 64]);
        let mut burst = TxBurst::with_capacity(1);
        burst.push(packet, TxOffload { checksum, tso_mss: 0 });
        a.transmit(&mut burst);
    }
    let frames = receive(&mut b);
    let partial = |f: &&RxFrame| f.checksum == Checksum::Partial;
    assert_eq!(frames.iter().filter(partial).count() as u64, 100 - link.stats(Side::A).corrupted);
    assert!(frames.iter().filter(partial).all(|f| f.packet[..] == [1; 64]));
}

#[test]
fn mtu_changes_and_blackouts_begin_and_end_at_their_times() {
    let faults = Faults {
        mtu_changes: vec![(10 * MS, 49), (20 * MS, 50)], // the frames hold IP packets of 50 bytes
        blackouts: vec![30 * MS..40 * MS],
        ..Faults::default()
    };
    let (link, got, ..) = run(&with(faults), 50);
    let expected: Vec<u32> = (0..10).chain(20..30).chain(40..50).collect();
    assert_eq!(got, expected);
    assert_eq!((link.stats(Side::A).too_big, link.stats(Side::A).blacked_out), (10, 10));
}

#[test]
fn faults_can_change_while_frames_fly() {
    let (link, mut a, mut b) = Link::new(&with(Faults { delay: 10 * MS, ..Faults::default() })).unwrap();
    send(&mut a, 0);
    link.set_faults(Side::A, Faults::default()).unwrap();
    send(&mut a, 1);
    assert!(link.set_faults(Side::A, Faults { loss: 1.5, ..Faults::default() }).is_err());
    link.advance_to(20 * MS);
    assert_eq!(numbers(&mut b), [0, 1], "order holds across the change");
    send(&mut a, 2);
    assert_eq!(numbers(&mut b), [2]);
}

fn storm(seed: u64) -> (Vec<u8>, Vec<u8>) {
    let faults = Faults {
        delay: 3 * MS,
        jitter: 2 * MS,
        loss: 0.1,
        reorder: 0.1,
        reorder_delay: 7 * MS,
        duplicate: 0.1,
        corrupt: 0.1,
        bytes_per_second: Some(1_000_000),
        ..Faults::default()
    };
    let config = LinkConfig { seed, b_to_a: faults.clone(), ..with(faults) };
    let (link, mut a, mut b) = Link::new(&config).unwrap();
    let buffers = [SharedBuffer::default(), SharedBuffer::default()];
    link.capture_at(Side::A, Box::new(buffers[0].clone())).unwrap();
    link.capture_at(Side::B, Box::new(buffers[1].clone())).unwrap();
    for number in 0..1000 {
        link.advance_to(MS / 2 * number);
        send(&mut a, number);
        send(&mut b, number);
        receive(&mut a);
        receive(&mut b);
    }
    link.advance_to(Duration::from_secs(60));
    receive(&mut a);
    receive(&mut b);
    let baseline = config.slots as usize;
    assert_eq!((a.pool().available(), b.pool().available()), (baseline, baseline));
    assert_eq!(link.next_arrival(), None);
    link.end_capture(Side::A).unwrap();
    link.end_capture(Side::B).unwrap();
    let stats = link.stats(Side::A);
    assert_eq!(stats.sent, stats.arrived + stats.lost - stats.duplicated);
    (buffers[0].to_vec(), buffers[1].to_vec())
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_one_does_not() {
    let first = storm(1);
    assert!(first == storm(1), "two runs of one seed differ");
    assert!(first != storm(2), "two seeds give the same");
}

#[test]
fn a_capture_shows_what_its_side_sent_and_got() {
    let config = with(Faults { delay: 5 * MS, ..Faults::default() });
    let (link, mut a, mut b) = Link::new(&config).unwrap();
    let (at_a, at_b) = (SharedBuffer::default(), SharedBuffer::default());
    link.capture_at(Side::A, Box::new(at_a.clone())).unwrap();
    link.capture_at(Side::B, Box::new(at_b.clone())).unwrap();
    send(&mut a, 1);
    link.advance_to(7 * MS);
    send(&mut b, 2);
    let seen = |buffer: &SharedBuffer| {
        let parsed = parse(&buffer.to_vec());
        assert_eq!(parsed.link_type, 1);
        parsed.frames.iter().map(|(time, frame)| (*time, frame[3], frame.len())).collect::<Vec<_>>()
    };
    assert_eq!(seen(&at_a), [(Duration::ZERO, 1, 64), (7 * MS, 2, 64)]);
    assert_eq!(seen(&at_b), [(5 * MS, 1, 64), (7 * MS, 2, 64)]);
    link.end_capture(Side::A).unwrap();
    send(&mut a, 3);
    assert_eq!(seen(&at_a).len(), 2);
    assert_eq!((receive(&mut a).len(), receive(&mut b).len()), (1, 1));
}

struct FullDisk(usize);

impl Write for FullDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_capture_that_fails_stops_and_says_so_while_frames_go_on() {
    let (link, mut a, mut b) = Link::new(&LinkConfig::default()).unwrap();
    link.capture_at(Side::A, Box::new(FullDisk(50))).unwrap();
    send(&mut a, 1);
    assert_eq!(numbers(&mut b), [1]);
    assert_eq!(link.end_capture(Side::A).unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert!(link.end_capture(Side::A).is_ok());
}

#[test]
fn a_wrong_configuration_names_its_field() {
    let wrong = [
        ("loss", with(Faults { loss: f64::NAN, ..Faults::default() })),
        ("corrupt", with(Faults { corrupt: -0.1, ..Faults::default() })),
        ("bytes_per_second", with(Faults { bytes_per_second: Some(0), ..Faults::default() })),
        (
            "mtu_changes",
            with(Faults { mtu_changes: vec![(MS, 500), (Duration::ZERO, 500)], ..Faults::default() }),
        ),
        ("mtu is", LinkConfig { mtu: 67, ..LinkConfig::default() }),
        ("ring", LinkConfig { ring: 0, ..LinkConfig::default() }),
        ("headroom", LinkConfig { headroom: 1 << 20, ..LinkConfig::default() }),
    ];
    for (name, config) in wrong {
        let Err(error) = Link::new(&config) else { panic!("{name} was taken") };
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn a_link_can_carry_bare_ip() {
    let (link, mut a, mut b) = Link::new(&LinkConfig { macs: None, ..LinkConfig::default() }).unwrap();
    assert_eq!(a.info().medium, Medium::Ip);
    let buffer = SharedBuffer::default();
    link.capture_at(Side::B, Box::new(buffer.clone())).unwrap();
    send(&mut a, 9);
    assert_eq!(numbers(&mut b), [9]);
    assert_eq!(parse(&buffer.to_vec()).link_type, 101);
}
