//! A TAP device with the kernel's sockets on the other side. Needs root.

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use corelane_nic::{Checksum, Chunk, Nic, Queue, QueueId, TxBurst, TxOffload};
use corelane_tap::{TapConfig, TapNic, TapOffloads};
use support::{
    Host, KERNEL, OURS, SLOTS, TCP, UDP, in_namespace, ip_header, ip_ok, ip_packet, leave_checksum,
    pseudo_sum, sum,
};

const PLAIN: TapOffloads = TapOffloads::NONE;

/// All offloads, the short header without any, and no header.
fn variants() -> [TapConfig; 3] {
    let all = TapConfig::new("cltap%d");
    let short = TapConfig { vnet_header: 10, rx_offloads: PLAIN, tx_offloads: PLAIN, ..all.clone() };
    [all, short.clone(), TapConfig { vnet_header: 0, ..short }]
}

#[test]
fn answers_ping() {
    in_namespace("answers_ping", || {
        for config in variants() {
            let mut host = Host::new(&config);
            for size in ["0", "56", "1472"] {
                let mut ping = Command::new("ping")
                    .args(["-c", "3", "-i", "0.01", "-W", "5", "-s", size, "10.77.0.2"])
                    .stdout(Stdio::null())
                    .spawn()
                    .unwrap();
                assert!(host.serve(&mut ping).success(), "ping of {size} bytes, {config:?}");
            }
        }
    });
}

fn udp_body(to: u16, payload: &[u8]) -> Vec<u8> {
    let len = 8 + payload.len() as u16;
    let mut body = [7u16.to_be_bytes(), to.to_be_bytes(), len.to_be_bytes(), [0, 0]].concat();
    body.extend_from_slice(payload);
    body
}

/// A datagram each way; the one with a wrong checksum shows that the kernel looks.
fn datagrams(config: &TapConfig) {
    let mut host = Host::new(config);
    let socket = UdpSocket::bind((std::net::Ipv4Addr::from(KERNEL), 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let port = socket.local_addr().unwrap().port();
    let sent: Vec<u8> = (0..1472).map(|i| i as u8).collect();
    socket.send_to(&sent, SocketAddr::from((OURS, 7))).unwrap();
    let got = host.wait_for(UDP);
    assert_eq!((&got.body()[8..], got.buffers), (&sent[..], 1));
    let total = u32::from(sum(got.body())) + u32::from(pseudo_sum(UDP, got.body().len()));
    let verifies = (total & 0xffff) + (total >> 16) == 0xffff;
    if config.rx_offloads.checksum {
        assert_eq!((got.checksum, verifies), (Checksum::Partial, false));
    } else {
        assert_eq!((got.checksum, verifies), (Checksum::Unknown, true));
    }

    let mut wrong = udp_body(port, b"wrong");
    wrong[6..8].copy_from_slice(&[1, 2]);
    host.send(&ip_packet(UDP, &wrong), Vec::new(), TxOffload::default());
    let mut right = udp_body(port, b"right");
    let pseudo = pseudo_sum(UDP, right.len());
    right[6..8].copy_from_slice(&pseudo.to_be_bytes());
    let mut offload = leave_checksum(6, 0);
    if !config.tx_offloads.checksum {
        right[6..8].fill(0);
        let total = u32::from(sum(&right)) + u32::from(pseudo);
        let sum = !(((total & 0xffff) + (total >> 16)) as u16);
        right[6..8].copy_from_slice(&sum.to_be_bytes());
        offload = TxOffload::default();
    }
    host.send(&ip_packet(UDP, &right), Vec::new(), offload);
    let mut buffer = [0; 64];
    let n = socket.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..n], b"right");
    assert_eq!(host.queue.stats().tx_dropped, 0);
    // All buffers are back but those that wait for the next frame.
    let waiting = if config.rx_offloads.tso { 33 } else { 1 };
    host.poll();
    assert_eq!(host.queue.pool().available() + waiting, SLOTS);
}

#[test]
fn carries_datagrams_with_and_without_offloads() {
    in_namespace("carries_datagrams_with_and_without_offloads", || variants().iter().for_each(datagrams));
}

#[test]
fn a_tun_device_carries_bare_ip() {
    in_namespace("a_tun_device_carries_bare_ip", || {
        for config in variants() {
            datagrams(&TapConfig { tun: true, name: "cltun%d".to_string(), ..config });
        }
    });
}

#[test]
fn a_jumbo_frame_fits_without_tso() {
    in_namespace("a_jumbo_frame_fits_without_tso", || {
        let config = TapConfig { mtu: Some(9000), ..variants()[1].clone() };
        let mut host = Host::new(&config);
        let socket = UdpSocket::bind((std::net::Ipv4Addr::from(KERNEL), 0)).unwrap();
        let sent: Vec<u8> = (0..8972u32).map(|i| (i / 7) as u8).collect();
        socket.send_to(&sent, SocketAddr::from((OURS, 7))).unwrap();
        let got = host.wait_for(UDP);
        assert_eq!((&got.body()[8..], got.buffers), (&sent[..], 5));
    });
}

/// The TCP header of the test's server, its checksum left to the kernel.
fn tcp_header(
    to: u16,
    sequence: u32,
    acknowledged: u32,
    flags: u8,
    options: &[u8],
    payload: usize,
) -> Vec<u8> {
    let mut header = [80u16.to_be_bytes(), to.to_be_bytes()].concat();
    header.extend_from_slice(&sequence.to_be_bytes());
    header.extend_from_slice(&acknowledged.to_be_bytes());
    header.extend_from_slice(&[((5 + options.len() / 4) as u8) << 4, flags, 0xff, 0xff, 0, 0, 0, 0]);
    header.extend_from_slice(options);
    let pseudo = pseudo_sum(TCP, header.len() + payload);
    header[16..18].copy_from_slice(&pseudo.to_be_bytes());
    header
}

const SYN: u8 = 2;
const ACK: u8 = 16;
const ISN: u32 = 1000;

/// Takes `len` bytes of TCP from the kernel and gives them with the sequence number behind them, and how many of the
/// frames were large ones.
fn take_bytes(host: &mut Host, client: u16, mut next: u32, len: usize) -> (Vec<u8>, u32, usize) {
    let (mut bytes, mut large) = (Vec::new(), 0);
    while bytes.len() < len {
        let got = host.wait_for(TCP);
        let tcp = got.body();
        let data = &tcp[usize::from(tcp[12] >> 4) * 4..];
        if tcp[4..8] != next.to_be_bytes() || data.is_empty() {
            continue; // the ACK of our SYN, or sent again before our ACK came
        }
        assert_eq!(got.checksum, Checksum::Partial);
        if data.len() > 1460 {
            assert!(got.buffers > 1 || got.ip.len() < 1900);
            large += 1;
        }
        bytes.extend_from_slice(data);
        next = next.wrapping_add(data.len() as u32);
        let ack = ip_packet(TCP, &tcp_header(client, ISN + 1, next, ACK, &[], 0));
        host.send(&ack, Vec::new(), leave_checksum(16, 0));
    }
    (bytes, next, large)
}

#[test]
fn tcp_travels_in_large_frames_both_ways() {
    in_namespace("tcp_travels_in_large_frames_both_ways", || {
        let mut host = Host::new(&TapConfig::new("cltap%d"));
        let pattern = |len: usize, step: usize| (0..len).map(|i| (i * step / 251) as u8).collect::<Vec<u8>>();
        let (upload, download) = (pattern(300_000, 3), pattern(50_000, 5));
        let (sent, expected) = (upload.clone(), download.clone());
        let client = thread::spawn(move || {
            let mut stream = TcpStream::connect(SocketAddr::from((OURS, 80))).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            stream.write_all(&sent).unwrap();
            let mut got = vec![0; expected.len()];
            stream.read_exact(&mut got).unwrap();
            assert!(got == expected, "what the kernel got is not what was sent");
        });
        let syn = host.wait_for(TCP);
        assert_eq!(syn.body()[13] & (SYN | ACK), SYN);
        let port = u16::from_be_bytes(syn.body()[0..2].try_into().unwrap());
        let next = u32::from_be_bytes(syn.body()[4..8].try_into().unwrap()).wrapping_add(1);
        let mss = [2, 4, 0x05, 0xb4]; // 1460
        let answer = ip_packet(TCP, &tcp_header(port, ISN, next, SYN | ACK, &mss, 0));
        host.send(&answer, Vec::new(), leave_checksum(16, 0));
        let (bytes, next, large) = take_bytes(&mut host, port, next, upload.len());
        assert!(bytes == upload, "what the kernel sent is not what arrived");
        assert!(large > 0, "no frame was larger than a segment");

        let chunks: Vec<Chunk> =
            download.chunks(1500).map(|part| Chunk::copy_from(host.queue.pool(), part).unwrap()).collect();
        let mut frame = ip_header(TCP, 20 + download.len()).to_vec();
        frame.extend_from_slice(&tcp_header(port, ISN + 1, next, ACK, &[], download.len()));
        let before = host.queue.stats();
        host.send(&frame, chunks, leave_checksum(16, 1460));
        let after = host.queue.stats();
        assert_eq!((after.tx_frames - before.tx_frames, after.system_calls - before.system_calls), (1, 1));
        client.join().unwrap();
        assert_eq!(after.tx_dropped, 0);
    });
}

#[test]
fn what_a_downed_interface_refuses_is_counted() {
    in_namespace("what_a_downed_interface_refuses_is_counted", || {
        let mut nic = TapNic::open(&TapConfig { up: false, ..TapConfig::new("cltap0") }).unwrap();
        let mut queue = nic.open_queue(QueueId(0), SLOTS).unwrap();
        let send = |queue: &mut dyn Queue| {
            let mut tx = TxBurst::with_capacity(1);
            let mut packet = queue.pool().take().unwrap();
            packet.extend_from_slice(&[0xff; 60]);
            tx.push(packet, TxOffload::default());
            queue.transmit(&mut tx);
            assert!(tx.is_empty());
            (queue.stats().tx_frames, queue.stats().tx_dropped)
        };
        assert_eq!(send(&mut *queue), (0, 1));
        ip_ok(&["link", "set", "cltap0", "up"]);
        assert_eq!(send(&mut *queue), (1, 1));
        // A frame with nothing in it, and one that asks for a checksum where there is no byte.
        let mut tx = TxBurst::with_capacity(2);
        tx.push(queue.pool().take().unwrap(), TxOffload::default());
        let mut packet = queue.pool().take().unwrap();
        packet.extend_from_slice(&[0xff; 60]);
        tx.push(packet, leave_checksum(500, 0));
        queue.transmit(&mut tx);
        assert!(tx.is_empty());
        assert_eq!(queue.stats().tx_dropped, 3);
        // Deleted under our hands: nothing to sleep on, and no end of the world.
        ip_ok(&["link", "del", "cltap0"]);
        assert_eq!(send(&mut *queue).1, 4);
        queue.receive(&mut corelane_nic::RxBurst::with_capacity(4));
        assert!(queue.interrupt().is_none());
    });
}

#[test]
fn what_cannot_be_opened_says_why() {
    in_namespace("what_cannot_be_opened_says_why", || {
        let config = TapConfig { mtu: Some(1400), ..TapConfig::new("cltap0") };
        let mut nic = TapNic::open(&config).unwrap();
        assert_eq!(nic.info().mtu, 1400);
        let again = TapNic::open(&config).unwrap_err();
        assert_eq!(again.kind(), ErrorKind::ResourceBusy);
        assert!(
            again.to_string().contains("cltap0") && again.to_string().contains("another process"),
            "{again}"
        );
        let other_kind = TapNic::open(&TapConfig { name: "lo".to_string(), ..config }).unwrap_err();
        assert!(
            other_kind.to_string().contains("lo:") && other_kind.to_string().contains("no tap"),
            "{other_kind}"
        );
        assert_eq!(nic.open_queue(QueueId(1), SLOTS).err().unwrap().kind(), ErrorKind::InvalidInput);
        let few = nic.open_queue(QueueId(0), 8).err().unwrap();
        assert!(few.to_string().contains("66 or more"), "{few}");
        let _queue = nic.open_queue(QueueId(0), SLOTS).unwrap();
        assert_eq!(nic.open_queue(QueueId(0), SLOTS).err().unwrap().kind(), ErrorKind::ResourceBusy);
    });
}

#[test]
fn several_queues_share_an_interface() {
    in_namespace("several_queues_share_an_interface", || {
        let mut nic = TapNic::open(&TapConfig { queues: 2, ..TapConfig::new("cltap%d") }).unwrap();
        assert_eq!((nic.info().name.as_str(), nic.info().queues), ("cltap0", 2));
        ip_ok(&["addr", "add", "10.77.0.1/24", "dev", "cltap0"]);
        let mut queues: Vec<_> = (0..2).map(|i| nic.open_queue(QueueId(i), SLOTS).unwrap()).collect();
        // The kernel spreads flows; whatever queue it takes for the ARP request, one of them must get it.
        let socket = UdpSocket::bind("10.77.0.1:0").unwrap();
        socket.send_to(b"hello", "10.77.0.2:7").unwrap();
        let mut rx = corelane_nic::RxBurst::with_capacity(64);
        let is_arp = |frame: &corelane_nic::RxFrame| frame.packet[12..14] == [8, 6];
        let start = std::time::Instant::now();
        loop {
            queues.iter_mut().for_each(|queue| queue.receive(&mut rx));
            if std::iter::from_fn(|| rx.pop()).any(|frame| is_arp(&frame)) {
                break;
            }
            assert!(start.elapsed() < Duration::from_secs(10), "no ARP request on either queue");
            thread::yield_now();
        }
        assert!(queues[1].interrupt().is_some());
    });
}
