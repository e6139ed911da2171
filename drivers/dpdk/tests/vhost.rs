//! Both ends of a vhost-user pair in one process, on ordinary memory: what the device does must be what software does.
#![cfg(feature = "dpdk")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use corelane_dpdk::{DpdkConfig, DpdkNic, DpdkOffloads, Memory};
use corelane_nic::{
    Checksum, ChecksumOffload, Chunk, Nic, Pool, PoolConfig, Queue, QueueId, RxBurst, RxFrame, TxBurst,
    TxOffload,
};

const TCP: ChecksumOffload = ChecksumOffload { start: 34, offset: 16 };

/// The two ends, and the folder of their socket. The guest goes first: the host's end waits for what it is about to be told.
struct Pair {
    guest: Box<dyn Queue>,
    host: Box<dyn Queue>,
    folder: PathBuf,
}

impl Pair {
    /// `number` tells the devices of several tests apart.
    fn open(number: u32, offloads: DpdkOffloads, vlan: Option<u16>) -> Pair {
        let folder = std::env::temp_dir().join(format!("corelane-vhost-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let socket = folder.join("s");
        let open = |device: String, vlan| {
            let memory = Memory::Ordinary(Some(256));
            // So that payload goes along where it is.
            let config = DpdkConfig { memory, offloads, vlan, copy_below: 256, ..DpdkConfig::new(device) };
            let mut nic = DpdkNic::open(&config).expect("it opens");
            Nic::open_queue(&mut nic, QueueId(0), 2048).expect("the queue opens")
        };
        let host = open(format!("net_vhost{number},iface={},queues=1", socket.display()), None);
        let guest = format!("net_virtio_user{number},path={},queues=1,packed_vq=1", socket.display());
        let guest = open(guest, vlan);
        let pair = Pair { guest, host, folder };
        let deadline = Instant::now() + Duration::from_secs(10);
        while !pair.host.link().is_some_and(|link| link.is_up) {
            assert!(Instant::now() < deadline, "the link does not come up");
            std::thread::yield_now();
        }
        pair
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        let _best_effort = std::fs::remove_dir_all(&self.folder);
    }
}

/// Sends headers with payload behind them, or in a chunk of its own, and returns what arrives.
fn pass(
    from: &mut dyn Queue,
    to: &mut dyn Queue,
    frame: &[u8],
    chunked: bool,
    offload: TxOffload,
) -> RxFrame {
    let mut burst = TxBurst::with_capacity(1);
    let mut headers = from.pool().take().expect("a buffer");
    let split = if chunked { 54 } else { frame.len() };
    headers.extend_from_slice(&frame[..split]);
    burst.push(headers, offload);
    if chunked {
        burst.attach(Chunk::copy_from(from.pool(), &frame[split..]).expect("a buffer"));
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut got = RxBurst::with_capacity(8);
    while got.is_empty() {
        assert!(Instant::now() < deadline, "nothing arrives");
        from.transmit(&mut burst);
        to.receive(&mut got);
    }
    assert_eq!(got.len(), 1);
    got.pop().expect("a frame")
}

#[test]
fn payload_of_another_pool_is_read_where_it_is_by_vhost_and_copied_for_others() {
    let mut pair = Pair::open(6, DpdkOffloads::ALL, None);
    let slot_size = 1000;
    let elsewhere = Pool::heap(PoolConfig { slots: 1, slot_size, headroom: 0, reserve: 0 });
    let frame = segment(1000);
    let send = |from: &mut dyn Queue, to: &mut dyn Queue| {
        let mut burst = TxBurst::with_capacity(1);
        let mut headers = from.pool().take().expect("a buffer");
        headers.extend_from_slice(&frame[..54]);
        burst.push(headers, TxOffload::default());
        burst.attach(Chunk::copy_from(&elsewhere, &frame[54..]).expect("its one buffer"));
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut got = RxBurst::with_capacity(8);
        // Until the chunk's buffer is free again, too.
        while got.is_empty() || elsewhere.available() == 0 {
            assert!(Instant::now() < deadline, "nothing arrives, or the chunk is kept");
            from.transmit(&mut burst);
            to.receive(&mut got);
        }
        assert_eq!(got.pop().map(|got| bytes(&got)), Some(frame.clone()));
        from.stats().tx_copied_bytes
    };
    for _ in 0..3 {
        assert_eq!(send(&mut *pair.host, &mut *pair.guest), 0);
    }
    assert_eq!(send(&mut *pair.guest, &mut *pair.host), 1000, "the guest's end takes what it was told of");
}

fn bytes(frame: &RxFrame) -> Vec<u8> {
    frame.packet.chain().flatten().copied().collect()
}

/// The sum of 16-bit words, folded (RFC 1071).
fn sum(words: &[u8]) -> u16 {
    let add =
        |sum: u32, pair: &[u8]| sum + u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]));
    let mut sum = words.chunks(2).fold(0, add);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// The sum of the pseudo header of a TCP segment over IPv4.
fn pseudo(frame: &[u8]) -> u16 {
    let mut header = frame[26..34].to_vec();
    header.extend([0, 6]);
    header.extend(((frame.len() - 34) as u16).to_be_bytes());
    sum(&header)
}

/// Fills in the checksum of a frame that has the pseudo header's sum.
fn complete(frame: &mut [u8]) {
    let checksum = !sum(&frame[34..]);
    frame[50..52].copy_from_slice(&checksum.to_be_bytes());
}

/// An Ethernet frame with IPv4 and a TCP segment, whose checksum is the pseudo header's sum.
fn segment(payload: usize) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    let total = (40 + payload) as u16;
    frame.extend([0x45, 0]);
    frame.extend(total.to_be_bytes());
    frame.extend([0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    let checksum = !sum(&frame[14..34]);
    frame[24..26].copy_from_slice(&checksum.to_be_bytes());
    frame.extend([0x12, 0x34, 0, 80, 1, 2, 3, 4, 5, 6, 7, 8, 0x50, 0x18, 0x20, 0, 0, 0, 0, 0]);
    frame.extend((0..payload).map(|i| (i * 13 + payload) as u8));
    let partial = pseudo(&frame);
    frame[50..52].copy_from_slice(&partial.to_be_bytes());
    frame
}

#[test]
fn offloaded_checksums_are_those_of_software() {
    let mut pair = Pair::open(0, DpdkOffloads::ALL, None);
    for payload in [0, 1, 2, 63, 64, 511, 1000, 1459, 1460] {
        let partial = segment(payload);
        let mut whole = partial.clone();
        complete(&mut whole);
        for (to_guest, chunked) in [(true, false), (true, true), (false, false), (false, true)] {
            if chunked && payload == 0 {
                continue;
            }
            let (from, to) = if to_guest {
                (&mut *pair.host, &mut *pair.guest)
            } else {
                (&mut *pair.guest, &mut *pair.host)
            };
            let software = pass(from, to, &whole, chunked, TxOffload::default());
            assert_eq!(bytes(&software), whole, "{payload}");
            let offload = TxOffload { checksum: Some(TCP), tso_mss: 0 };
            let offloaded = pass(from, to, &partial, chunked, offload);
            let mut got = bytes(&offloaded);
            match offloaded.checksum {
                // It never left this machine: the sum is still to be completed.
                Checksum::Partial => complete(&mut got),
                Checksum::Good | Checksum::Unknown => {}
                other => panic!("{other:?} of a frame that is right"),
            }
            assert_eq!(got, whole, "{payload}, to the guest: {to_guest}, chunked: {chunked}");
        }
    }
    assert_eq!((pair.host.stats().tx_dropped, pair.guest.stats().tx_dropped), (0, 0));
    assert_eq!((pair.host.stats().rx_copied_bytes, pair.guest.stats().rx_copied_bytes), (0, 0));
}

#[test]
fn vlan_tags_of_the_device_are_those_of_software() {
    let tagged = |number, vlan| {
        let offloads = DpdkOffloads { vlan, ..DpdkOffloads::ALL };
        let mut pair = Pair::open(number, offloads, Some(0x123));
        let mut frame = segment(300);
        complete(&mut frame);
        let got = pass(&mut *pair.guest, &mut *pair.host, &frame, false, TxOffload::default());
        let got = bytes(&got);
        // And back, as it came.
        let back = pass(&mut *pair.host, &mut *pair.guest, &got, false, TxOffload::default());
        assert_eq!(bytes(&back), frame, "by the device: {vlan}");
        got
    };
    let (device, software) = (tagged(1, true), tagged(2, false));
    assert_eq!(software[12..16], [0x81, 0, 0x01, 0x23]);
    assert_eq!(device, software);
}

#[test]
fn without_offloads_nothing_is_asked_of_the_device() {
    let mut pair = Pair::open(3, DpdkOffloads::NONE, None);
    let mut frame = segment(1460);
    complete(&mut frame);
    let got = pass(&mut *pair.guest, &mut *pair.host, &frame, true, TxOffload::default());
    assert_eq!(bytes(&got), frame);
    assert_eq!(pair.guest.stats().tx_copied_bytes, 1460, "into one buffer");
    let mut burst = TxBurst::with_capacity(1);
    let mut headers = pair.guest.pool().take().expect("a buffer");
    headers.extend_from_slice(&segment(100));
    burst.push(headers, TxOffload { checksum: Some(TCP), tso_mss: 0 });
    pair.guest.transmit(&mut burst);
    assert_eq!((burst.len(), pair.guest.stats().tx_dropped), (0, 1), "a wrong checksum is not sent");
}

/// vhost's end takes nothing while it has no guest, such as after one that was killed.
#[test]
fn nothing_waits_for_a_link_that_is_down() {
    const FRAMES: usize = 100; // more than the driver takes at a time
    let folder = std::env::temp_dir().join(format!("corelane-vhost-{}-4", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let memory = Memory::Ordinary(Some(256));
    let device = format!("net_vhost4,iface={},queues=1", folder.join("s").display());
    let config = DpdkConfig { memory, copy_below: 512, ..DpdkConfig::new(device) };
    let mut nic = DpdkNic::open(&config).expect("it opens");
    let mut host = Nic::open_queue(&mut nic, QueueId(0), 2048).expect("the queue opens");
    let mut burst = TxBurst::with_capacity(FRAMES);
    for _ in 0..FRAMES {
        let mut headers = host.pool().take().expect("a buffer");
        headers.extend_from_slice(&segment(0));
        burst.push(headers, TxOffload::default());
        burst.attach(Chunk::copy_from(host.pool(), &[7; 1400]).expect("a buffer"));
    }
    let in_use = |host: &dyn Queue| {
        let (pool, held) = (host.pool(), host.stats().held);
        u64::from(pool.config().slots) - pool.available() as u64 - held
    };
    let mut turns = 0;
    while turns < 1000 && (!burst.is_empty() || in_use(&*host) > 0) {
        host.transmit(&mut burst);
        turns += 1;
    }
    let _best_effort = std::fs::remove_dir_all(&folder);
    assert_eq!((burst.len(), in_use(&*host)), (0, 0), "frames wait");
    assert_eq!(host.stats().tx_dropped, FRAMES as u64);
}

/// What the host's end answers while the guest starts wakes EAL's thread of interrupts, which may come to it only now.
#[test]
fn a_pair_can_be_closed_as_soon_as_it_is_open() {
    for _ in 0..4 {
        drop(Pair::open(5, DpdkOffloads::ALL, None));
    }
}
