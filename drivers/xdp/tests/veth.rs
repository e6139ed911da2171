//! AF_XDP on a veth, with the kernel of another namespace as the peer. Needs root.

mod support;

use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use corelane_nic::QueueStats;
use corelane_xdp::{Filter, XdpConfig, XdpMode};
use support::responder::{Report, Responder, SLOTS};
use support::{Bed, HOST, INTERFACE, OURS};

fn config() -> XdpConfig {
    XdpConfig::new(INTERFACE, Filter::addresses([OURS]))
}

fn client(to: Ipv4Addr, port: u16) -> UdpSocket {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a port");
    socket.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    socket.connect((to, port)).expect("a route");
    socket
}

/// Sends a datagram of each length from the peer, and expects each back as it was.
fn echoes(bed: &Bed, to: Ipv4Addr, port: u16, lengths: impl IntoIterator<Item = usize>) {
    let lengths: Vec<_> = lengths.into_iter().collect();
    Bed::within(&bed.peer, move || {
        let socket = client(to, port);
        let mut answer = [0; 2048];
        for len in lengths {
            let sent: Vec<u8> = (0..len).map(|i| (i * 7 + len) as u8).collect();
            socket.send(&sent).expect("sent");
            let got = socket.recv(&mut answer).unwrap_or_else(|error| panic!("{len} bytes to {to}: {error}"));
            assert!(answer[..got] == sent, "{len} bytes to {to} came back changed");
        }
    });
}

/// A kernel echo server in the host's namespace for `count` datagrams.
fn kernel_echo(bed: &Bed, port: u16, count: usize) -> std::thread::JoinHandle<()> {
    let (ready, bound) = std::sync::mpsc::channel();
    let thread = Bed::spawn(&bed.host, move || {
        let socket = UdpSocket::bind((HOST, port)).expect("the port is free");
        socket.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        ready.send(()).expect("the test waits");
        let mut buffer = [0; 2048];
        for _ in 0..count {
            let (len, from) = socket.recv_from(&mut buffer).expect("a datagram");
            socket.send_to(&buffer[..len], from).expect("sent");
        }
    });
    bound.recv().expect("bound");
    thread
}

fn total(report: &Report, count: impl Fn(&QueueStats) -> u64) -> u64 {
    report.stats.iter().map(count).sum()
}

fn assert_all_home(report: &Report) {
    for (&[before, after, closed], stats) in report.available.iter().zip(&report.stats) {
        assert_eq!(after + stats.held as usize, SLOTS, "the stats tell where each buffer is: {report:?}");
        // The fill ring is topped up in batches of 16.
        assert!((before..before + 16).contains(&after), "buffers are missing: {report:?}");
        assert_eq!(closed, SLOTS, "closing brings every buffer home");
    }
}

#[test]
fn every_length_comes_back_and_the_host_keeps_its_traffic() {
    let bed = bed_or_skip!(1);
    let kernel = kernel_echo(&bed, 9000, 20);
    let responder = Responder::start(&bed, config()).expect("it opens");
    echoes(&bed, OURS, 7, 0..=1472);
    echoes(&bed, HOST, 9000, (0..20).map(|i| i * 70));
    kernel.join().expect("the kernel's own echo");
    bed.on_peer(&format!("ping -q -c 3 -i 0.01 -W 5 {HOST}")).expect("the host answers");
    for size in [0, 56, 1472] {
        bed.on_peer(&format!("ping -q -c 3 -i 0.01 -W 5 -s {size} {OURS}")).expect("we answer");
    }
    let report = responder.stop();
    println!("{report:?}");
    assert_eq!(report.mode, XdpMode::Copy, "veth has no zero-copy, but native XDP");
    assert_eq!(report.refused, 1);
    // 1473 datagrams, 9 pings and at least one ARP request; none of the host's own frames.
    let frames = total(&report, |s| s.rx_frames);
    assert!((1483..1490).contains(&frames), "{report:?}");
    assert_eq!((total(&report, |s| s.rx_dropped), total(&report, |s| s.tx_dropped)), (0, 0));
    assert_eq!(total(&report, |s| s.tx_frames), frames);
    assert_all_home(&report);
    assert!(!bed.has_xdp(), "the program is gone with the device");
}

#[test]
fn skb_mode_works_on_request() {
    let bed = bed_or_skip!(1);
    for (mode, chunk_size) in [(XdpMode::Skb, 4096), (XdpMode::Copy, 4096)] {
        let responder = Responder::start(&bed, XdpConfig { mode, chunk_size, ..config() }).expect("it opens");
        assert!(bed.has_xdp());
        echoes(&bed, OURS, 7, [0, 1, 600, 1472]);
        let report = responder.stop();
        assert_eq!((report.mode, report.refused), (mode, 0));
        assert_all_home(&report);
    }
}

#[test]
fn what_native_mode_refuses_goes_on_in_skb_mode() {
    let bed = bed_or_skip!(1);
    // A veth takes native XDP only where a frame fits into a page.
    bed.on_peer(&format!("ip link set {INTERFACE} mtu 9000")).expect("as root");
    bed.on_host(&format!("ip link set {INTERFACE} mtu 9000")).expect("as root");
    let responder = Responder::start(&bed, config()).expect("it opens");
    echoes(&bed, OURS, 7, 0..=1700);
    let too_long = Bed::within(&bed.peer, || {
        let socket = client(OURS, 7);
        socket.send(&[0; 3000]).expect("sent");
        socket.send(b"short").expect("sent");
        let mut buffer = [0; 4000];
        let got = socket.recv(&mut buffer).expect("the short one comes back");
        buffer[..got] != *b"short"
    });
    assert!(!too_long, "what does not fit into a chunk is dropped");
    let report = responder.stop();
    assert_eq!((report.mode, report.refused), (XdpMode::Skb, 2), "{report:?}");
    assert_eq!(total(&report, |s| s.rx_dropped), 1);
    assert_all_home(&report);
}

#[test]
fn without_need_wakeup_it_works_too() {
    let bed = bed_or_skip!(1);
    let responder = Responder::start(&bed, XdpConfig { need_wakeup: false, ..config() }).expect("it opens");
    echoes(&bed, OURS, 7, 0..100);
    assert_all_home(&responder.stop());
}

/// Longer than a test waits: with this, only our polls and interrupts bring frames.
const FOR_EVER: Duration = Duration::from_secs(2);

/// Sets what busy polling asks for.
fn defer_interrupts(bed: &Bed, timeout: Duration) {
    for (name, value) in [("napi_defer_hard_irqs", 2), ("gro_flush_timeout", timeout.as_nanos())] {
        let write = format!("echo {value} > /sys/class/net/{INTERFACE}/{name}");
        let written = std::process::Command::new("ip")
            .args(["netns", "exec", &bed.host, "sh", "-c", &write])
            .status()
            .expect("ip is there");
        assert!(written.success(), "{write}");
    }
}

#[test]
fn busy_polling_brings_every_frame_and_wakes_a_sleeper() {
    let bed = bed_or_skip!(1);
    defer_interrupts(&bed, FOR_EVER);
    let responder = Responder::start(&bed, XdpConfig { busy_poll: true, ..config() }).expect("it opens");
    echoes(&bed, OURS, 7, 0..=1472);
    // Each ping finds the responder asleep; without an interrupt it would come too late for some.
    bed.on_peer(&format!("ping -q -c 20 -i 0.05 -W 1 {OURS}")).expect("we answer");
    let report = responder.stop();
    println!("{report:?}");
    let frames = total(&report, |s| s.rx_frames);
    assert!((1494..1510).contains(&frames), "{report:?}");
    assert_eq!((total(&report, |s| s.rx_dropped), total(&report, |s| s.tx_dropped)), (0, 0));
    assert!(total(&report, |s| s.system_calls) > frames, "a poll a turn: {report:?}");
    assert_all_home(&report);
}

#[test]
fn busy_polling_of_two_queues_learns_each() {
    let bed = bed_or_skip!(2);
    defer_interrupts(&bed, FOR_EVER);
    let config = XdpConfig { queues: 2, busy_poll: true, ..config() };
    let responder = Responder::start(&bed, config).expect("it opens");
    for _ in 0..64 {
        echoes(&bed, OURS, 7, [10]); // a source port of its own each
    }
    let report = responder.stop();
    assert!(report.stats.iter().all(|s| s.rx_frames > 0 && s.tx_frames == s.rx_frames), "{report:?}");
    assert_all_home(&report);
}

#[test]
fn without_a_napi_to_poll_frames_come_by_interrupts() {
    let bed = bed_or_skip!(1);
    defer_interrupts(&bed, FOR_EVER);
    let config = XdpConfig { mode: XdpMode::Skb, busy_poll: true, ..config() };
    let responder = Responder::start(&bed, config).expect("it opens");
    echoes(&bed, OURS, 7, 0..100);
    assert_all_home(&responder.stop());
}

#[test]
fn a_firewall_that_swallows_the_first_frames_swallows_no_more() {
    let bed = bed_or_skip!(1);
    if let Err(why) = bed.on_host("nft add table ip f") {
        return println!("SKIPPED: nft (`apt-get install nftables`): {why}");
    }
    bed.on_host("nft add chain ip f in { type filter hook input priority 0 ; policy drop ; }")
        .expect("a chain");
    defer_interrupts(&bed, Duration::from_millis(10));
    let responder = Responder::start(&bed, XdpConfig { busy_poll: true, ..config() }).expect("it opens");
    echoes(&bed, OURS, 7, 0..10); // the kernel asks for our address again
    let report = responder.stop();
    assert_eq!(total(&report, |s| s.rx_frames), 11, "{report:?}");
    assert_all_home(&report);
}

#[test]
fn ports_of_an_address_that_the_kernel_has() {
    let bed = bed_or_skip!(1);
    let kernel = kernel_echo(&bed, 9000, 10);
    let filter = Filter::ports([7]);
    let responder = Responder::start(&bed, XdpConfig { filter, ..config() }).expect("it opens");
    echoes(&bed, HOST, 7, 0..10);
    echoes(&bed, HOST, 9000, 0..10);
    kernel.join().expect("the kernel's own echo");
    assert_eq!(total(&responder.stop(), |s| s.rx_frames), 10, "ARP and port 9000 went to the kernel");
}

#[test]
fn two_queues_share_the_flows() {
    let bed = bed_or_skip!(2);
    let responder = Responder::start(&bed, XdpConfig { queues: 2, ..config() }).expect("it opens");
    for _ in 0..64 {
        echoes(&bed, OURS, 7, [10]); // a source port of its own each
    }
    let report = responder.stop();
    println!("{report:?}");
    assert!(report.stats.iter().all(|s| s.rx_frames > 0 && s.tx_frames == s.rx_frames), "{report:?}");
    assert!(total(&report, |s| s.rx_frames) >= 64);
    assert_all_home(&report);
}

#[test]
fn closing_and_opening_again_at_once() {
    let bed = bed_or_skip!(1);
    for round in 0..5 {
        let responder =
            Responder::start(&bed, config()).unwrap_or_else(|error| panic!("round {round}: {error}"));
        echoes(&bed, OURS, 7, [round * 100]);
        responder.stop();
        assert!(!bed.has_xdp());
    }
}
