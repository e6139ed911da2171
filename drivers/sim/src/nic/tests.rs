use std::io::ErrorKind;
use std::thread;

use corelane_nic::{Checksum, ChecksumOffload, Chunk, Nic, Queue, QueueId, Rss, RxBurst, TxBurst, TxOffload};

use crate::{Faults, LinkConfig, SimNic, WhenFull, cross_thread_pair};

const QUEUE: QueueId = QueueId(0);

fn open(nic: &mut SimNic) -> Box<dyn Queue> {
    nic.open_queue(QUEUE, 64).unwrap()
}

fn burst(queue: &dyn Queue, frames: u8) -> TxBurst {
    let mut burst = TxBurst::with_capacity(frames.into());
    for number in 0..frames {
        let mut packet = queue.pool().take().unwrap();
        packet.extend_from_slice(&[number; 60]);
        burst.push(packet, TxOffload::default());
    }
    burst
}

#[test]
fn queues_open_once_and_only_where_they_are() {
    let (mut a, _b) = cross_thread_pair(&LinkConfig::default()).unwrap();
    assert_eq!(a.open_queue(QueueId(1), 64).err().unwrap().kind(), ErrorKind::InvalidInput);
    assert_eq!(a.open_queue(QUEUE, 0).err().unwrap().kind(), ErrorKind::InvalidInput);
    let queue = open(&mut a);
    assert_eq!(a.open_queue(QUEUE, 64).err().unwrap().kind(), ErrorKind::ResourceBusy);
    drop(queue);
    let faulty = LinkConfig { a_to_b: Faults { loss: 0.1, ..Faults::default() }, ..LinkConfig::default() };
    assert_eq!(cross_thread_pair(&faulty).unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn frames_cross_with_chunks_and_checksum_state() {
    let (mut a, mut b) = cross_thread_pair(&LinkConfig { tx_chunks: 2, ..LinkConfig::default() }).unwrap();
    let (mut a, mut b) = (open(&mut a), open(&mut b));
    let mut tx = burst(&*a, 1);
    tx.attach(Chunk::copy_from(a.pool(), b"pay").unwrap());
    tx.attach(Chunk::copy_from(a.pool(), b"load").unwrap());
    let mut partial = a.pool().take().unwrap();
    partial.extend_from_slice(b"partial");
    let checksum = Some(ChecksumOffload { start: 1, offset: 2 });
    tx.push(partial, TxOffload { checksum, tso_mss: 0 });
    tx.push(a.pool().take().unwrap(), TxOffload::default());
    tx.attach(Chunk::copy_from(a.pool(), &[1; 1515]).unwrap()); // longer than the MTU
    a.transmit(&mut tx);
    assert!(tx.is_empty());
    assert_eq!(a.pool().available(), 64);
    let mut rx = RxBurst::with_capacity(4);
    b.receive(&mut rx);
    let first = rx.pop().unwrap();
    assert_eq!((&first.packet[..60], &first.packet[60..]), (&[0; 60][..], &b"payload"[..]));
    assert!(b.pool().owns(&first.packet));
    let second = rx.pop().unwrap();
    assert_eq!((&second.packet[..], second.checksum), (&b"partial"[..], Checksum::Partial));
    assert!(rx.is_empty());
    assert_eq!((a.stats().tx_frames, a.stats().tx_dropped, b.stats().rx_bytes), (2, 1, 74));
}

#[test]
fn a_full_ring_pushes_back_or_drops_and_a_closed_one_drops() {
    for (when_full, left) in [(WhenFull::Wait, 2), (WhenFull::Drop, 0)] {
        let config = LinkConfig { ring: 3, when_full, ..LinkConfig::default() };
        let (mut a, mut b) = cross_thread_pair(&config).unwrap();
        let (mut a, mut b) = (open(&mut a), open(&mut b));
        let mut tx = burst(&*a, 5);
        a.transmit(&mut tx);
        assert_eq!(tx.len(), left);
        assert_eq!(a.stats().tx_dropped as usize, 2 - left);
        let mut rx = RxBurst::with_capacity(4);
        b.receive(&mut rx);
        a.transmit(&mut tx);
        assert!(tx.is_empty());
        drop(b);
        let mut tx = burst(&*a, 5);
        a.transmit(&mut tx);
        assert!(tx.is_empty(), "nobody will ever receive");
    }
}

#[test]
fn an_end_never_opened_counts_as_closed() {
    let (mut a, b) = cross_thread_pair(&LinkConfig { ring: 1, ..LinkConfig::default() }).unwrap();
    let mut a = open(&mut a);
    drop(b);
    let mut tx = burst(&*a, 3);
    a.transmit(&mut tx);
    assert!(tx.is_empty());
    assert_eq!(a.stats().tx_dropped, 3);
}

#[test]
fn an_empty_pool_leaves_frames_in_the_ring() {
    let (mut a, mut b) = cross_thread_pair(&LinkConfig { reserve: 4, ..LinkConfig::default() }).unwrap();
    let (mut a, mut b) = (open(&mut a), b.open_queue(QUEUE, 8).unwrap());
    let mut tx = burst(&*a, 20);
    a.transmit(&mut tx);
    let mut rx = RxBurst::with_capacity(32);
    b.receive(&mut rx);
    assert_eq!((rx.len(), b.pool().available()), (6, 2), "half of the reserve stays for the stack");
    let mut got = Vec::new();
    for _ in 0..4 {
        while let Some(frame) = rx.pop() {
            got.push(frame.packet[0]);
        }
        b.receive(&mut rx);
    }
    assert_eq!(got, (0..20).collect::<Vec<_>>());
    assert_eq!(b.pool().available(), 8);
}

/// Sleeps on the interrupt when nothing is there, as the runtime does.
fn wait(queue: &mut dyn Queue, rx: &mut RxBurst) {
    use std::io::Read;
    loop {
        queue.receive(rx);
        if !rx.is_empty() {
            return;
        }
        let fd = queue.interrupt().unwrap().try_clone_to_owned().unwrap();
        queue.receive(rx);
        if !rx.is_empty() {
            return;
        }
        let mut socket = std::os::unix::net::UnixStream::from(fd);
        socket.set_nonblocking(false).unwrap();
        socket.read_exact(&mut [0]).unwrap();
        socket.set_nonblocking(true).unwrap();
    }
}

#[test]
fn two_threads_that_sleep_when_idle_lose_no_wake_up() {
    const ROUNDS: u32 = 20_000;
    let (mut a, mut b) = cross_thread_pair(&LinkConfig { ring: 4, ..LinkConfig::default() }).unwrap();
    let server = thread::spawn(move || {
        let mut queue = open(&mut b);
        let (mut rx, mut tx) = (RxBurst::with_capacity(32), TxBurst::with_capacity(32));
        for _ in 0..ROUNDS {
            wait(&mut *queue, &mut rx);
            let frame = rx.pop().unwrap();
            tx.push(frame.packet, TxOffload::default());
            queue.transmit(&mut tx);
        }
        assert_eq!(queue.pool().available(), 64);
    });
    let mut queue = open(&mut a);
    let (mut rx, mut tx) = (RxBurst::with_capacity(32), TxBurst::with_capacity(32));
    for round in 0..ROUNDS {
        let mut packet = queue.pool().take().unwrap();
        packet.extend_from_slice(&round.to_be_bytes());
        tx.push(packet, TxOffload::default());
        queue.transmit(&mut tx);
        wait(&mut *queue, &mut rx);
        assert_eq!(rx.pop().unwrap().packet[..], round.to_be_bytes());
    }
    server.join().unwrap();
    assert_eq!(queue.pool().available(), 64);
}

#[test]
fn who_sleeps_on_a_full_ring_is_woken_when_it_drains() {
    let (mut a, mut b) = cross_thread_pair(&LinkConfig { ring: 1, ..LinkConfig::default() }).unwrap();
    let (mut a, mut b) = (open(&mut a), open(&mut b));
    let mut tx = burst(&*a, 2);
    a.transmit(&mut tx);
    assert_eq!(tx.len(), 1);
    let fd = a.interrupt().unwrap().try_clone_to_owned().unwrap();
    let mut rx = RxBurst::with_capacity(4);
    b.receive(&mut rx);
    let mut bell = std::os::unix::net::UnixStream::from(fd);
    std::io::Read::read_exact(&mut bell, &mut [0]).unwrap();
    a.transmit(&mut tx);
    assert!(tx.is_empty());
}

/// A TCP segment from 10.0.0.1 to 10.0.0.2, as far as RSS looks.
fn segment(queue: &dyn Queue, source_port: u16) -> corelane_nic::Packet {
    let mut packet = queue.pool().take().unwrap();
    packet.extend_from_slice(&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00]);
    packet.extend_from_slice(&[0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    packet.extend_from_slice(&source_port.to_be_bytes());
    packet.extend_from_slice(&[0; 18]);
    packet
}

#[test]
fn rss_leads_flows_to_their_queues_and_all_else_to_the_first() {
    let rss = Rss { key: (1..=40).collect(), table: vec![1, 0] };
    let told = Rss { table: vec![0, 0], ..rss.clone() };
    let config = LinkConfig {
        queues: 2,
        rss: Some(rss.clone()),
        rss_told: Some(told.clone()),
        ..LinkConfig::default()
    };
    let (mut a, mut b) = cross_thread_pair(&config).unwrap();
    assert_eq!(b.info().rss, Some(told));
    let mut from = a.open_queue(QueueId(1), 64).unwrap();
    let mut to = [0, 1].map(|id| b.open_queue(QueueId(id), 64).unwrap());
    let mut tx = TxBurst::with_capacity(32);
    let mut expected = [vec![], vec![0x5555]];
    for port in 1000..1020u16 {
        tx.push(segment(&*from, port), TxOffload::default());
        let flow = [&[10, 0, 0, 1, 10, 0, 0, 2][..], &port.to_be_bytes(), &[0, 0]].concat();
        expected[usize::from(rss.queue(rss.hash(&flow)))].push(port);
    }
    let mut other = from.pool().take().unwrap();
    other.extend_from_slice(&[0x55; 60]);
    tx.push(other, TxOffload::default());
    expected[1].rotate_left(1); // it was sent last
    from.transmit(&mut tx);
    let got = to.each_mut().map(|queue| {
        let mut rx = RxBurst::with_capacity(32);
        queue.receive(&mut rx);
        std::iter::from_fn(|| rx.pop())
            .map(|frame| u16::from_be_bytes([frame.packet[34], frame.packet[35]]))
            .collect::<Vec<_>>()
    });
    assert_eq!(got, expected);
    assert!(!got[0].is_empty() && got[1].len() > 1);
    let wrong = LinkConfig { queues: 1, ..config };
    assert_eq!(cross_thread_pair(&wrong).unwrap_err().kind(), ErrorKind::InvalidInput);
}
