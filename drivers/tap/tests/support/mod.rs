//! A namespace to work in, and just enough of a host to talk to the kernel in it.

use std::collections::VecDeque;
use std::env;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use corelane_nic::{
    Checksum, ChecksumOffload, Chunk, MacAddress, Medium, Nic, Queue, QueueId, RxBurst, TxBurst, TxOffload,
};
use corelane_tap::{TapConfig, TapNic};

pub const KERNEL: [u8; 4] = [10, 77, 0, 1];
pub const OURS: [u8; 4] = [10, 77, 0, 2];
pub const SLOTS: usize = 512;
pub const TCP: u8 = 6;
pub const UDP: u8 = 17;

/// Longer than anything here takes; a test that hangs fails by it.
const PATIENCE: Duration = Duration::from_secs(20);

/// A network namespace that goes with its owner.
struct Namespace(String);

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = ip(&["netns", "del", &self.0]);
    }
}

fn ip(arguments: &[&str]) -> std::io::Result<Output> {
    Command::new("ip").args(arguments).output()
}

pub fn ip_ok(arguments: &[&str]) {
    let output = ip(arguments).unwrap();
    assert!(output.status.success(), "ip {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Runs `body` in a network namespace of its own, by starting this test once more in there.
pub fn in_namespace(test: &str, body: fn()) {
    const INSIDE: &str = "CORELANE_TAP_TEST_INSIDE";
    if env::var_os(INSIDE).is_some() {
        return body();
    }
    if !Path::new("/dev/net/tun").exists() {
        println!("SKIPPED: there is no /dev/net/tun");
        return;
    }
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("cltap{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    match ip(&["netns", "add", &name]) {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            let why = String::from_utf8_lossy(&output.stderr).trim().to_string();
            println!("SKIPPED: no network namespace can be made (root is needed): {why}");
            return;
        }
        Err(error) => {
            println!("SKIPPED: `ip` of iproute2 cannot be run: {error}");
            return;
        }
    }
    let namespace = Namespace(name);
    let status = Command::new("ip")
        .args(["netns", "exec", &namespace.0])
        .arg(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(INSIDE, "1")
        .status()
        .unwrap();
    assert!(status.success(), "{test} failed inside the namespace");
}

/// A received IP packet, in one piece.
pub struct Received {
    pub ip: Vec<u8>,
    pub checksum: Checksum,
    pub buffers: usize,
}

impl Received {
    pub fn protocol(&self) -> u8 {
        self.ip[9]
    }

    /// What follows the IP header.
    pub fn body(&self) -> &[u8] {
        &self.ip[usize::from(self.ip[0] & 15) * 4..]
    }
}

/// A host made by hand: answers ARP and ICMP echo, gives out the rest.
pub struct Host {
    pub queue: Box<dyn Queue>,
    medium: Medium,
    kernel_mac: MacAddress,
    rx: RxBurst,
    /// What has arrived and was not waited for yet.
    inbox: VecDeque<Received>,
}

impl Host {
    /// Opens the device and gives the kernel's end its address.
    pub fn new(config: &TapConfig) -> Host {
        let mut nic = TapNic::open(config).unwrap();
        let address = format!("{}.{}.{}.{}/24", KERNEL[0], KERNEL[1], KERNEL[2], KERNEL[3]);
        ip_ok(&["addr", "add", &address, "dev", &nic.info().name]);
        let queue = nic.open_queue(QueueId(0), SLOTS).unwrap();
        let medium = nic.info().medium;
        Host {
            queue,
            medium,
            kernel_mac: MacAddress::BROADCAST,
            rx: RxBurst::with_capacity(64),
            inbox: VecDeque::new(),
        }
    }

    fn link_header(&self) -> usize {
        if self.medium == Medium::Ip { 0 } else { 14 }
    }

    /// Sends an IP packet; chunks go behind it. The checksum of the body is left to the kernel where `offload` says so
    /// (its start counts from the IP header).
    pub fn send(&mut self, ip: &[u8], chunks: Vec<Chunk>, mut offload: TxOffload) {
        let mut packet = self.queue.pool().take().unwrap();
        if let Medium::Ethernet(ours) = self.medium {
            packet.extend_from_slice(&self.kernel_mac.0);
            packet.extend_from_slice(&ours.0);
            packet.extend_from_slice(&[8, 0]);
        }
        packet.extend_from_slice(ip);
        if let Some(checksum) = &mut offload.checksum {
            checksum.start += self.link_header() as u16;
        }
        let mut tx = TxBurst::with_capacity(1);
        tx.push(packet, offload);
        for chunk in chunks {
            tx.attach(chunk);
        }
        self.queue.transmit(&mut tx);
        assert!(tx.is_empty());
    }

    fn answer_arp(&mut self, arp: &[u8]) {
        let Medium::Ethernet(ours) = self.medium else { return };
        if arp.len() < 28 || arp[7] != 1 || arp[24..28] != OURS {
            return;
        }
        self.kernel_mac = MacAddress(arp[8..14].try_into().unwrap());
        assert_ne!(self.kernel_mac, ours, "both ends have one address");
        let mut packet = self.queue.pool().take().unwrap();
        let (kernel, ours) = (self.kernel_mac.0, ours.0);
        for part in [&kernel[..], &ours, &[8, 6, 0, 1, 8, 0, 6, 4, 0, 2], &ours, &OURS, &kernel, &KERNEL] {
            packet.extend_from_slice(part);
        }
        let mut tx = TxBurst::with_capacity(1);
        tx.push(packet, TxOffload::default());
        self.queue.transmit(&mut tx);
    }

    /// Takes what has arrived by now into the inbox; ARP and pings are answered.
    pub fn poll(&mut self) {
        self.queue.receive(&mut self.rx);
        while let Some(frame) = self.rx.pop() {
            let (mut bytes, mut buffers, mut next) = (Vec::new(), 0, Some(frame.packet));
            while let Some(mut packet) = next {
                bytes.extend_from_slice(&packet);
                buffers += 1;
                next = packet.split_next();
            }
            let header = self.link_header();
            if header > 0 && bytes[12..14] == [8, 6] {
                self.answer_arp(&bytes[header..]);
                continue;
            }
            let ip = bytes.split_off(header);
            if ip[0] >> 4 != 4 || ip[16..20] != OURS {
                continue; // the kernel's IPv6 and multicast
            }
            if ip[9] == 1 && ip[20] == 8 {
                let mut body = ip[20..].to_vec();
                body[0] = 0;
                body[2..4].fill(0);
                let sum = !sum(&body);
                body[2..4].copy_from_slice(&sum.to_be_bytes());
                self.send(&ip_packet(1, &body), Vec::new(), TxOffload::default());
                continue;
            }
            self.inbox.push_back(Received { ip, checksum: frame.checksum, buffers });
        }
    }

    /// The oldest packet of `protocol`; those before it are dropped.
    pub fn wait_for(&mut self, protocol: u8) -> Received {
        let start = Instant::now();
        loop {
            self.poll();
            while let Some(packet) = self.inbox.pop_front() {
                if packet.protocol() == protocol {
                    return packet;
                }
            }
            assert!(start.elapsed() < PATIENCE, "no packet of protocol {protocol} came");
            thread::yield_now();
        }
    }

    /// Answers until the program ends.
    pub fn serve(&mut self, child: &mut Child) -> ExitStatus {
        let start = Instant::now();
        loop {
            self.poll();
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            if start.elapsed() > PATIENCE {
                child.kill().unwrap();
            }
            thread::yield_now();
        }
    }
}

/// An IPv4 packet from us to the kernel.
pub fn ip_packet(protocol: u8, body: &[u8]) -> Vec<u8> {
    ip_header(protocol, body.len()).into_iter().chain(body.iter().copied()).collect()
}

pub fn ip_header(protocol: u8, body_len: usize) -> [u8; 20] {
    let [len_high, len_low] = (20 + body_len as u16).to_be_bytes();
    let mut header = [0x45, 0, len_high, len_low, 0, 0, 0x40, 0, 64, protocol, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    header[12..16].copy_from_slice(&OURS);
    header[16..20].copy_from_slice(&KERNEL);
    let sum = !sum(&header);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    header
}

/// The internet checksum's sum (RFC 1071), folded and not inverted.
pub fn sum(bytes: &[u8]) -> u16 {
    let mut total: u32 =
        bytes.chunks(2).map(|p| u32::from(p[0]) << 8 | p.get(1).map_or(0, |&b| u32::from(b))).sum();
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    total as u16
}

/// The sum of the pseudo header of a packet between the kernel and us (it is the same both ways).
pub fn pseudo_sum(protocol: u8, body_len: usize) -> u16 {
    let mut pseudo = [KERNEL, OURS].concat();
    pseudo.extend_from_slice(&[0, protocol]);
    pseudo.extend_from_slice(&(body_len as u16).to_be_bytes());
    sum(&pseudo)
}

/// Leaves the checksum of a body behind a 20-byte IP header to the kernel.
pub fn leave_checksum(offset: u16, tso_mss: u16) -> TxOffload {
    TxOffload { checksum: Some(ChecksumOffload { start: 20, offset }), tso_mss }
}
