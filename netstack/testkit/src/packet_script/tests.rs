use super::*;

/// An accepted connection at 0.1 s.
const OPEN: &str = "\
0   socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0  bind(3, ..., ...) = 0
+0  listen(3, 1) = 0
+0  < S 0:0(0) win 32792 <mss 1000>
+0  > S. 0:0(0) ack 1 <mss 1460>
+.1 < . 1:1(0) ack 1 win 32792
+0  accept(3, ..., ...) = 4
";

/// Plays `lines` on the open connection. Line 8 is their first.
fn play_open(lines: &str) -> Result<(), (usize, String)> {
    play(&format!("{OPEN}{lines}")).map_err(|failure| (failure.line, failure.what))
}

#[track_caller]
fn fails(lines: &str, line: usize, why: &str) {
    let (at, what) = play_open(lines).expect_err("the script fails");
    assert!(at == line && what.contains(why), "line {at}: {what}");
}

#[test]
fn what_holds_passes() {
    let lines = "+0 write(4, ..., 1500) = 1500\n+0 > P. 1:1501(1500) ack 1\n+.1 < . 1:1(0) ack 1001 win 9\n\
                 +0 %{ tcpi_bytes_acked == 1000 && TcpOutRsts < 1 }%\n";
    assert_eq!(play_open(lines), Ok(()));
}

#[test]
fn each_part_of_a_segment_is_compared() {
    let wrong = [
        ("> F. 1:11(10) ack 1", "flags"),
        ("> P. 2:12(10) ack 1", "sequence number"),
        ("> P. 1:12(11) ack 1", "length"),
        ("> P. 1:11(10) ack 2", "ACK number"),
        ("> P. 1:11(10) ack 1 win 1", "window"),
        ("> P. 1:11(10) ack 1 <nop,nop,sackOK>", "options"),
        ("> [ect0] P. 1:11(10) ack 1", "ECN"),
        ("> 8080>5001 P. 1:11(10) ack 1", "another connection"),
    ];
    for (expected, why) in wrong {
        fails(&format!("+0 write(4, ..., 10) = 10\n+0 {expected}\n"), 9, why);
    }
    assert_eq!(play_open("+0 write(4, ..., 10) = 10\n+0 > P. 1:11(10) ack 1 <...>\n"), Ok(()));
}

#[test]
fn time_is_exact_unless_there_is_tolerance() {
    // A round trip of 100 ms: the RTO is 300 ms.
    let measured = "+0 write(4, ..., 10) = 10\n+0 > P. 1:11(10) ack 1\n+.1 < . 1:1(0) ack 11 win 32792\n";
    let resent = |at: &str| {
        let sent = "> P. 11:21(10) ack 1\n";
        format!("{measured}+0 write(4, ..., 10) = 10\n+0 {sent}{at} {sent}")
    };
    assert_eq!(play_open(&resent("+.3")), Ok(()));
    fails(&resent("+.300000001"), 13, "expected at 500.000001ms, sent at 500ms");
    fails(&resent("+.299999999"), 13, "nothing was sent up to 499.999999ms");
    assert_eq!(play_open(&resent("+*")), Ok(()));
    assert_eq!(play_open(&resent("+.2~+.3")), Ok(()));
    fails(&resent("+.2~+.29"), 13, "nothing was sent");
    let tolerant = |at| play(&format!("--tolerance_usecs=1\n{OPEN}{}", resent(at)));
    assert!(tolerant("+.300001").is_ok() && tolerant("+.299999").is_ok() && tolerant("+.300002").is_err());
}

#[test]
fn nothing_is_sent_that_the_script_does_not_say() {
    let write = "+0 write(4, ..., 10) = 10\n";
    fails(
        &format!("{write}+.1 < . 1:1(0) ack 11 win 32792\n"),
        9,
        "not expected: at 100ms 8080>5000 [noecn] P. 1:11(10)",
    );
    fails(write, 8, "after the last event, not expected");
}

#[test]
fn what_is_read_is_compared_with_what_was_sent() {
    let arrives = |marks: &str| format!("+0 < {marks}P. 1:11(10) ack 1 win 32792\n+0 > . 1:1(0) ack 11\n");
    assert_eq!(play_open(&format!("{}+0 read(4, ..., 99) = 10\n", arrives(""))), Ok(()));
    fails(&format!("{}+0 read(4, ..., 99) = 10\n", arrives("[garbled] ")), 10, "byte 0 of what was read");
    fails(
        &format!("{}+0 read(4, ..., 99) = 9\n", arrives("")),
        10,
        "expected Value(9), and it gave Value(10)",
    );
    // A wrong checksum: it never arrives.
    fails(&arrives("[badsum] "), 9, "nothing was sent");
}

#[test]
fn calls_and_assertions_are_compared() {
    fails("+0 read(4, ..., 99) = 1\n", 8, "it blocks");
    fails("+0 read(4, ..., 99) = -1 EAGAIN\n", 8, "it blocks");
    assert_eq!(play_open("+0 fcntl(4, F_SETFL, O_NONBLOCK) = 0\n+0 read(4, ..., 99) = -1 EAGAIN\n"), Ok(()));
    fails("+0 fcntl(4, F_SETFL, O_NONBLOCK) = 0\n+0 read(4, ..., 99) = -1 EPIPE\n", 9, "EAGAIN");
    fails("+0...1 read(4, ..., 99) = 10\n", 8, "still waits");
    let late = "+0...1 read(4, ..., 99) = 10\n+.5 < P. 1:11(10) ack 1 win 32792\n+0 > . 1:1(0) ack 11\n";
    fails(late, 8, "was to end at 1.1s, and ended at 600ms");
    fails("+0 close(9) = 0\n", 8, "EBADF");
    fails("+0 %{ tcpi_snd_mss == 999 }%\n", 8, "tcpi_snd_mss is 1000, and 999 is 999");
    fails("+0 %{ tcpi_snd_mss == 1000 and TcpInSegs == 99 }%\n", 8, "TcpInSegs is 2");
    fails("+0 %{ no_such_thing == 1 }%\n", 8, "unknown name");
}

#[test]
fn a_failure_shows_the_packets_before_it() {
    let (_, what) = play_open("+.5 < R 99:99(0)\n").expect_err("a challenge ACK");
    assert!(what.contains("\n  0.600000000 < R 99:99(0)\n  0.600000000 > [noecn] . 1:1(0) ack 1"), "{what}");
}

#[test]
fn time_does_not_go_back() {
    fails("1 < . 1:1(0) ack 1 win 7\n.9 < . 1:1(0) ack 1 win 7\n", 9, "it is 1s already");
}

#[test]
fn numbers_wrap() {
    let text =
        format!("--peer_isn=4294967290\n{OPEN}+0 < P. 1:101(100) ack 1 win 9000\n+0 > . 1:1(0) ack 101\n");
    assert_eq!(play(&format!("{text}+0 read(4, ..., 100) = 100\n")), Ok(()));
}

#[test]
fn settings_are_named_with_their_line() {
    let failure = play("// none\n--sysctl=no_such=1\n").expect_err("no such setting");
    assert_eq!((failure.line, failure.what.as_str()), (2, "unknown setting 'no_such'"));
    assert!(play("--mtu=much\n").is_err());
    assert!(play("--colour=red\n").is_err());
}
