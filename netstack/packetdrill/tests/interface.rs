//! The C interface, called as packetdrill calls it, but without packetdrill.

mod common;

use common::{LOCAL, Library, PEER, PORT, Segment, errno};
use std::path::{Path, PathBuf};
use std::ptr;
use std::thread;

#[test]
fn a_server_reads_answers_and_closes() {
    let library = Library::open("");
    let (fd, seq) = library.accepted();
    library.send(Segment { seq: 1001, ack: Some(seq), payload: b"question", ..Segment::default() });
    assert_eq!(library.receive().unwrap().tcp.acknowledgment_number, 1009);
    assert_eq!(library.read(fd, 100).unwrap(), b"question");
    assert_eq!(library.write(fd, b"answer"), 6);
    let answer = library.receive().unwrap();
    assert_eq!((answer.tcp.sequence_number, answer.payload.as_slice()), (seq, &b"answer"[..]));
    library.send(Segment { seq: 1009, ack: Some(seq + 6), flags: "F", ..Segment::default() });
    assert_eq!(library.receive().unwrap().tcp.acknowledgment_number, 1010);
    assert_eq!(library.read(fd, 100).unwrap(), b"");
    assert_eq!(library.close(fd), 0);
    assert!(library.receive().unwrap().tcp.fin);
    (library.0.free)(library.0.userdata);
}

#[test]
fn errors_are_linuxs() {
    let library = Library::open("");
    let fd = library.socket();
    assert_eq!(library.read(fd, 1), Err(libc::ENOTCONN));
    assert_eq!((library.write(fd, b"x"), errno()), (-1, libc::EPIPE));
    assert_eq!((library.bind(fd, PEER, 1), errno()), (-1, libc::EADDRNOTAVAIL));
    assert_eq!((library.accept(fd), errno()), (-1, libc::EINVAL));
    assert_eq!(library.read(9999, 1), Err(libc::EBADF));
    let (open, _) = library.accepted();
    library.set_nonblocking(open);
    assert_eq!(library.read(open, 1), Err(libc::EAGAIN));
    let null = (library.0.read)(library.0.userdata, open, ptr::null_mut(), 1);
    assert_eq!((null, errno()), (-1, libc::EFAULT));
    (library.0.free)(library.0.userdata);
}

#[test]
fn time_passes_only_as_it_is_asked_for() {
    let library = Library::open("");
    let start = library.now();
    assert_eq!(library.now(), start + 1);
    library.sleep(5_000_000);
    assert_eq!(library.now(), start + 5_000_002);
}

#[test]
fn a_silent_peer_gets_the_syn_again_until_the_stack_gives_up() {
    let library = Library::open("sysctl.net.ipv4.tcp_syn_retries=2");
    let fd = library.socket();
    library.set_nonblocking(fd);
    assert_eq!((library.connect(fd, PEER, 80), errno()), (-1, libc::EINPROGRESS));
    let times: Vec<i64> = std::iter::from_fn(|| library.receive()).map(|sent| sent.micros).collect();
    let gaps: Vec<i64> = times.windows(2).map(|pair| (pair[1] - pair[0] + 5_000) / 1_000_000).collect();
    assert_eq!(gaps, [1, 2], "of 2 retries");
    assert_eq!((library.connect(fd, PEER, 80), errno()), (-1, libc::ETIMEDOUT));
    (library.0.free)(library.0.userdata);
}

#[test]
fn a_blocked_read_wakes_at_the_time_of_its_packet() {
    let library = Library::open("");
    let (fd, seq) = library.accepted();
    let (userdata, read, gettimeofday) =
        (library.0.userdata.expose_provenance(), library.0.read, library.0.gettimeofday);
    let (tell, told) = std::sync::mpsc::channel();
    let reader = thread::spawn(move || {
        let userdata = ptr::with_exposed_provenance_mut(userdata);
        tell.send(thread_id()).unwrap();
        let mut buf = [0; 100];
        let n = read(userdata, fd, buf.as_mut_ptr().cast(), buf.len());
        let mut time = libc::timeval { tv_sec: 0, tv_usec: 0 };
        gettimeofday(userdata, &mut time, ptr::null_mut());
        (buf[..n as usize].to_vec(), time.tv_sec * 1_000_000 + time.tv_usec)
    });
    let id = told.recv().unwrap();
    while !is_asleep(&id) {
        thread::yield_now();
    }
    library.sleep(1_000_000);
    let sent_at = library.now();
    library.send(Segment { seq: 1001, ack: Some(seq), payload: b"late", ..Segment::default() });
    // Time must not run ahead of the reader.
    library.sleep(3_000_000);
    let (bytes, read_at) = reader.join().unwrap();
    assert_eq!(bytes, b"late");
    assert!(read_at - sent_at <= 2, "{} us", read_at - sent_at);
    (library.0.free)(library.0.userdata);
}

#[test]
fn tcp_info_has_linuxs_layout() {
    let library = Library::open("");
    let (fd, seq) = library.accepted();
    assert_eq!(library.write(fd, &[7; 5000]), 5000);
    let mut info = [0_u8; 280];
    let mut len = 280;
    let get = |info: &mut [u8; 280], len: &mut u32| {
        (library.0.getsockopt)(
            library.0.userdata,
            fd,
            libc::SOL_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            len,
        )
    };
    assert_eq!(get(&mut info, &mut len), 0);
    assert_eq!(len, 280);
    let word = |at: usize| u32::from_ne_bytes(info[at..at + 4].try_into().unwrap());
    assert_eq!(info[0], 1, "tcpi_state: TCP_ESTABLISHED");
    assert_eq!(word(16), 536, "tcpi_snd_mss: the peer gave none");
    assert_eq!(word(24), 10, "tcpi_unacked in segments");
    assert_eq!(word(80), 10, "tcpi_snd_cwnd in segments");
    // A caller with an old struct gets its beginning.
    let mut short = 8;
    assert_eq!(get(&mut info, &mut short), 0);
    assert_eq!(short, 8);
    assert_eq!(library.close(fd), 0);
    library.send(Segment { seq: 1001, ack: Some(seq), ..Segment::default() });
}

/// Payload lengths, with P for a PSH behind.
fn shapes(library: &Library, count: usize) -> Vec<String> {
    let next = |_| library.receive().expect("a packet");
    let shape = |sent: common::Sent| format!("{}{}", sent.payload.len(), if sent.tcp.psh { "P" } else { "" });
    (0..count).map(next).map(shape).collect()
}

#[test]
fn a_frame_that_a_device_cuts_is_half_of_cwnd_at_most_and_ends_with_psh() {
    let library = Library::open("");
    let (fd, _) = library.accepted();
    // A handshake without delay: a millisecond of its rate is more than a window.
    assert_eq!(library.write(fd, &[7; 536 * 12]), 536 * 12);
    assert_eq!(shapes(&library, 2), ["2680P", "2680P"]);
}

#[test]
fn over_a_long_way_frames_are_two_segments() {
    let library = Library::open("");
    let (fd, _) = library.accepted_after(100_000);
    assert_eq!(library.write(fd, &[7; 536 * 5]), 536 * 5);
    assert_eq!(shapes(&library, 3), ["1072P", "1072P", "536P"]);
}

#[test]
fn what_is_sent_again_has_psh_only_where_a_write_ended() {
    let library = Library::open("");
    let (fd, seq) = library.accepted_after(100_000);
    assert_eq!(library.write(fd, &[7; 536 * 3]), 536 * 3);
    assert_eq!(shapes(&library, 2), ["1072P", "536P"]);
    assert_eq!(shapes(&library, 1), ["536"], "the time-out sends the first segment");
    library.send(Segment { seq: 1001, ack: Some(seq + 536), ..Segment::default() });
    assert_eq!(shapes(&library, 2), ["536", "536P"]);
}

#[test]
fn a_fin_alone_has_no_psh() {
    let library = Library::open("");
    let (fd, _) = library.accepted();
    assert_eq!(library.close(fd), 0);
    let fin = library.receive().unwrap();
    assert!(fin.tcp.fin && !fin.tcp.psh);
}

#[test]
fn room_for_a_short_frame_waits_for_the_ack_that_is_near() {
    let library = Library::open("sysctl.net.ipv4.tcp_min_tso_segs=10");
    let (fd, seq) = library.accepted_after(500);
    assert_eq!(library.write(fd, &[7; 536 * 30]), 536 * 30);
    assert_eq!(shapes(&library, 2), ["2680P", "2680P"]);
    library.sleep(500);
    // cwnd grows to 12 and 2 segments leave: room for four, but the ACK for the other eight is due.
    library.send(Segment { seq: 1001, ack: Some(seq + 2 * 536), ..Segment::default() });
    let first = shapes(&library, 1);
    assert_eq!(
        first,
        ["2144P"],
        "the last frame was sent half a millisecond ago, and a third of cwnd is free"
    );
    library.send(Segment { seq: 1001, ack: Some(seq + 3 * 536), ..Segment::default() });
    library.send(Segment { seq: 1001, ack: Some(seq + 5 * 536), ..Segment::default() });
    assert_eq!(shapes(&library, 1), ["3216P"], "what two ACKs gave went out in one");
}

#[test]
fn epoll_reports_an_edge_once() {
    let library = Library::open("");
    let (fd, seq) = library.accepted();
    let epoll = (library.0.epoll_create)(library.0.userdata, 1);
    let mut event =
        libc::epoll_event { events: (libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLET) as u32, u64: 77 };
    assert_eq!((library.0.epoll_ctl)(library.0.userdata, epoll, libc::EPOLL_CTL_ADD, fd, &mut event), 0);
    let wait = || {
        let mut found = libc::epoll_event { events: 0, u64: 0 };
        let n = (library.0.epoll_wait)(library.0.userdata, epoll, &mut found, 1, 0);
        (n, { found.events }, { found.u64 })
    };
    assert_eq!(wait(), (1, libc::EPOLLOUT as u32, 77));
    assert_eq!(wait().0, 0);
    library.send(Segment { seq: 1001, ack: Some(seq), payload: b"x", ..Segment::default() });
    assert_eq!(wait(), (1, (libc::EPOLLIN | libc::EPOLLOUT) as u32, 77));
    assert_eq!(wait().0, 0);
}

#[test]
fn the_listeners_address_is_taken_once() {
    let library = Library::open("");
    library.accepted();
    let second = library.socket();
    assert_eq!(library.bind(second, LOCAL, PORT), 0);
    assert_eq!((library.listen(second), errno()), (-1, libc::EADDRINUSE));
}

/// This thread's place under /proc.
fn thread_id() -> PathBuf {
    Path::new("/proc").join(std::fs::read_link("/proc/thread-self").unwrap())
}

/// Whether a thread sleeps in the kernel: what packetdrill takes for "blocked".
fn is_asleep(thread: &Path) -> bool {
    let stat = std::fs::read_to_string(thread.join("stat")).unwrap();
    stat.rsplit(") ").next().is_some_and(|state| state.starts_with('S'))
}
