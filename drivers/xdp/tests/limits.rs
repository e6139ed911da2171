//! What is beyond a ring, a frame, a queue or a process: AF_XDP on a veth, with a kernel as the peer. Needs root.

mod support;

use std::io::{BufRead, BufReader, ErrorKind};
use std::net::{Ipv4Addr, UdpSocket};
use std::process::{Command, Stdio};
use std::time::Duration;

use corelane_nic::{
    Checksum, ChecksumOffload, Chunk, MacAddress, Medium, Nic, Packet, Pool, PoolConfig, Queue, QueueId,
    RxBurst, TxBurst, TxOffload,
};
use corelane_xdp::{Filter, XdpConfig, XdpError, XdpMode, XdpNic};
use support::{Bed, INTERFACE, OURS, PEER};

fn config() -> XdpConfig {
    XdpConfig::new(INTERFACE, Filter::addresses([OURS]))
}

/// Opens the device and its queue 0 in the thread's namespace.
fn open(config: &XdpConfig, slots: usize) -> (XdpNic, Box<dyn Queue>) {
    let mut nic = XdpNic::open(config).expect("it opens");
    let queue = Nic::open_queue(&mut nic, QueueId(0), slots).expect("the queue opens");
    (nic, queue)
}

fn refusal(config: &XdpConfig) -> XdpError {
    XdpNic::open(config).err().expect("must be refused")
}

/// Ethernet, IPv4 and UDP headers (without a UDP checksum) for `payload` bytes from us to the peer.
fn headers(nic: &XdpNic, to: MacAddress, port: u16, payload: usize) -> Vec<u8> {
    let Medium::Ethernet(from) = nic.info().medium else { panic!("not Ethernet") };
    let length = (28 + payload) as u16;
    let mut ip = vec![0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0];
    ip[2..4].copy_from_slice(&length.to_be_bytes());
    for address in [OURS, PEER] {
        ip.extend(address.octets());
    }
    let sum: u32 = ip.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    let mut frame = [&to.0[..], &from.0, &[8, 0], &ip].concat();
    for field in [7, port, length - 20, 0] {
        frame.extend(field.to_be_bytes());
    }
    frame
}

fn packet(pool: &Pool, bytes: &[u8]) -> Packet {
    let mut packet = pool.take().expect("a buffer");
    assert_eq!(packet.extend_from_slice(bytes), bytes.len());
    packet
}

/// A socket of the peer, and its port.
fn receiver(bed: &Bed) -> (UdpSocket, u16) {
    let socket = Bed::within(&bed.peer, || {
        let socket = UdpSocket::bind((PEER, 0)).expect("a port");
        rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, 8 << 20).expect("as root");
        socket.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        socket
    });
    let port = socket.local_addr().expect("bound").port();
    (socket, port)
}

#[test]
fn a_burst_larger_than_the_rings_arrives_whole_and_in_order() {
    const FRAMES: u32 = 3000;
    let bed = bed_or_skip!(1);
    let (socket, port) = receiver(&bed);
    let mac = bed.peer_mac();
    let stats = Bed::within(&bed.host, move || {
        let small = XdpConfig { rx_ring: 64, tx_ring: 64, fill_ring: 64, completion_ring: 64, ..config() };
        let (nic, mut queue) = open(&small, 4096);
        let pool = queue.pool().clone();
        let before = pool.available();
        let mut burst = TxBurst::with_capacity(FRAMES as usize);
        let headers = headers(&nic, mac, port, 4);
        for number in 0..FRAMES {
            burst.push(packet(&pool, &[&headers[..], &number.to_be_bytes()].concat()), TxOffload::default());
        }
        while !burst.is_empty() {
            let waiting = burst.len();
            queue.transmit(&mut burst);
            assert!(waiting - burst.len() <= 64, "the ring takes no more than it has");
        }
        while pool.available() < before {
            queue.transmit(&mut burst);
        }
        assert_eq!(pool.available(), before);
        queue.stats()
    });
    assert_eq!((stats.tx_frames, stats.tx_dropped), (FRAMES.into(), 0));
    let mut buffer = [0; 16];
    for number in 0..FRAMES {
        let got = socket.recv(&mut buffer).expect("it arrives");
        assert_eq!(buffer[..got], number.to_be_bytes());
    }
}

#[test]
fn chunks_and_foreign_buffers_are_copied_and_counted() {
    let bed = bed_or_skip!(1);
    let (socket, port) = receiver(&bed);
    let mac = bed.peer_mac();
    let stats = Bed::within(&bed.host, move || {
        let (nic, mut queue) = open(&config(), 256);
        let heap = Pool::heap(PoolConfig { slots: 8, slot_size: 2048, headroom: 0, reserve: 0 });
        let headers = headers(&nic, mac, port, 10);
        let mut burst = TxBurst::with_capacity(4);
        burst.push(packet(queue.pool(), &headers), TxOffload::default());
        burst.attach(Chunk::copy_from(&heap, b"01234").expect("a buffer"));
        burst.attach(Chunk::copy_from(queue.pool(), b"56789").expect("a buffer"));
        burst.push(packet(&heap, &headers), TxOffload::default());
        burst.attach(Chunk::copy_from(&heap, b"abcdefghij").expect("a buffer"));
        queue.transmit(&mut burst);
        assert_eq!((burst.len(), heap.available()), (0, 8));
        let pool = queue.pool().clone();
        let stats = queue.stats();
        drop(queue);
        assert_eq!(pool.available(), 256);
        stats
    });
    assert_eq!(stats.tx_copied_bytes, 10 + (42 + 10), "the payload of the first, the whole second");
    let mut buffer = [0; 64];
    for expected in [b"0123456789", b"abcdefghij"] {
        let got = socket.recv(&mut buffer).expect("it arrives");
        assert_eq!(&buffer[..got], expected);
    }
}

#[test]
fn frames_that_cannot_be_sent_are_dropped_and_counted() {
    let bed = bed_or_skip!(1);
    let (socket, port) = receiver(&bed);
    let mac = bed.peer_mac();
    Bed::within(&bed.host, move || {
        let (nic, mut queue) = open(&config(), 256);
        let mut burst = TxBurst::with_capacity(8);
        let mut push = |bytes: &[u8], offload| burst.push(packet(queue.pool(), bytes), offload);
        push(&[0; 1515], TxOffload::default());
        push(&[0; 13], TxOffload::default());
        push(&[], TxOffload::default());
        let good = [headers(&nic, mac, port, 4), b"good".to_vec()].concat();
        push(&good, TxOffload { checksum: Some(ChecksumOffload { start: 34, offset: 6 }), tso_mss: 0 });
        push(&good, TxOffload { checksum: None, tso_mss: 1460 });
        push(&good, TxOffload::default());
        queue.transmit(&mut burst);
        let stats = queue.stats();
        assert_eq!((burst.len(), stats.tx_dropped, stats.tx_frames), (0, 5, 1));
    });
    let mut buffer = [0; 64];
    let got = socket.recv(&mut buffer).expect("the good one arrives");
    assert_eq!(&buffer[..got], b"good");
}

#[test]
fn without_buffers_frames_are_dropped_counted_and_come_again_later() {
    let bed = bed_or_skip!(1);
    let peer = Bed::within(&bed.peer, || UdpSocket::bind((PEER, 0)).expect("a port"));
    let mac = Bed::within(&bed.host, || match XdpNic::open(&config()).expect("it opens").info().medium {
        Medium::Ethernet(mac) => mac,
        Medium::Ip => panic!("not Ethernet"),
    });
    bed.on_peer(&format!("ip neigh add {OURS} lladdr {mac} dev {INTERFACE}")).expect("a static neighbour");
    let send = move |count| {
        for _ in 0..count {
            peer.send_to(b"hello", (OURS, 7)).expect("sent");
        }
    };
    Bed::within(&bed.host, move || {
        let (_nic, mut queue) = open(&config(), 128);
        let mut burst = RxBurst::with_capacity(1000);
        send(400);
        let mut kept = Vec::new();
        // The veth hands over in softirq on the sender's side, so all that will come has come.
        for _ in 0..100 {
            queue.receive(&mut burst);
            kept.extend(std::iter::from_fn(|| burst.pop()));
        }
        assert!(
            kept.iter().all(|frame| frame.checksum == Checksum::UnknownOrPartial && frame.packet.ends_with(b"hello"))
        );
        let pool = queue.pool();
        assert!((64..=128 - 8).contains(&kept.len()), "{} frames in 128 buffers, 8 in reserve", kept.len());
        assert!(pool.take_reserved().is_some(), "the reserve is untouched");
        let stats = queue.stats();
        assert_eq!(stats.rx_frames + stats.rx_dropped, 400, "{stats:?}");
        kept.clear();
        queue.receive(&mut burst);
        send(10);
        while burst.len() < 10 {
            queue.receive(&mut burst);
        }
    });
}

#[test]
fn a_queue_is_opened_once_and_a_device_too() {
    let bed = bed_or_skip!(1);
    Bed::within(&bed.host, || {
        let (mut nic, queue) = open(&config(), 256);
        let error = Nic::open_queue(&mut nic, QueueId(0), 256).err().expect("it is open");
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
        let error = Nic::open_queue(&mut nic, QueueId(1), 256).err().expect("there is none");
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        let error = Nic::open_queue(&mut nic, QueueId(0), 1).err().expect("it is open");
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
        let error = refusal(&config());
        assert!(matches!(error, XdpError::Busy { .. }), "{error}");
        assert!(error.remedy().contains(&format!("ip link set {INTERFACE} xdp off")), "{}", error.remedy());
        drop(queue);
        let error = Nic::open_queue(&mut nic, QueueId(0), 1).err().expect("too few");
        assert!(error.to_string().contains("1 slots for a queue: use 64 to"), "{error}");
        Nic::open_queue(&mut nic, QueueId(0), 256).expect("it is free again");
    });
}

#[test]
fn what_the_device_lacks_is_named() {
    let bed = bed_or_skip!(1);
    Bed::within(&bed.host, || {
        let error = refusal(&XdpConfig { queues: 3, ..config() });
        assert!(
            error.to_string().ends_with("has 1 receive and transmit queue pair(s), 3 are asked for"),
            "{error}"
        );
        assert!(error.remedy().contains(&format!("ethtool -L {INTERFACE}")), "{}", error.remedy());
        let mut nic =
            XdpNic::open(&XdpConfig { mode: XdpMode::ZeroCopy, ..config() }).expect("only binding tells");
        let error = Nic::open_queue(&mut nic, QueueId(0), 256).err().expect("veth can't");
        assert!(error.to_string().contains("binding queue 0 in zero-copy mode"), "{error}");
        drop(nic);
        let error = refusal(&XdpConfig::new("lo", Filter::addresses([Ipv4Addr::new(127, 0, 0, 2)])));
        assert_eq!(error.to_string(), "interface lo is not an Ethernet device");
        support::run(&format!("ip link set {INTERFACE} down")).expect("as root");
        let error = refusal(&config());
        assert_eq!(error.to_string(), format!("interface {INTERFACE} is down"));
        assert_eq!(error.remedy(), format!("run `ip link set {INTERFACE} up`"));
    });
    assert!(!bed.has_xdp(), "a refusal leaves nothing behind");
}

/// Set for the process that the test kills.
const CHILD: &str = "CORELANE_XDP_TEST_CHILD";

#[test]
fn a_killed_process_leaves_the_host_as_it_was() {
    if std::env::var_os(CHILD).is_some() {
        let (_nic, _queue) = open(&config(), 256);
        println!("open");
        std::io::stdin().lines().next();
        return;
    }
    let bed = bed_or_skip!(1);
    let program = std::env::current_exe().expect("this program");
    let mut child = Command::new("ip")
        .args(["netns", "exec", &bed.host])
        .arg(program)
        .args(["--exact", "a_killed_process_leaves_the_host_as_it_was", "--nocapture"])
        .env(CHILD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ip runs the program");
    let output = BufReader::new(child.stdout.take().expect("piped"));
    let opened = output.lines().map_while(Result::ok).any(|line| line.ends_with("open"));
    assert!(opened, "the child opened the device");
    assert!(bed.has_xdp());
    child.kill().expect("SIGKILL");
    child.wait().expect("it is dead");
    assert!(!bed.has_xdp(), "the link died with the process");
    bed.on_peer(&format!("ping -q -c 1 -W 5 {}", support::HOST)).expect("the host answers as before");
}
