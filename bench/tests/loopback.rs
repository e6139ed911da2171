//! Each kernel engine serves the client over loopback, in processes of their own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// A read that takes so long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

fn bench() -> Command {
    Command::new(env!("CARGO_BIN_EXE_corelane-bench"))
}

/// A server, killed when the test is over or fails.
struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(engine: &str, workload: &str) -> Self {
        Self::start_with(engine, workload, &[])
    }

    fn start_with(engine: &str, workload: &str, more: &[&str]) -> Self {
        let mut process = bench()
            .args(["serve", "--engine", engine, "--workload", workload, "--addr", "127.0.0.1:0"])
            .args(more)
            .arg("--control") // it then ends when its stdin is closed
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        let stdout = process.stdout.as_mut().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let address = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line}"));
        Self { address: address.to_owned(), process }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream
    }

    /// Ends it by closing its stdin: exit code 0, connections open or not.
    fn end(mut self) {
        drop(self.process.stdin.take());
        let status = self.process.wait().expect("its end");
        assert!(status.success(), "{status}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _gone = self.process.wait();
    }
}

fn load(address: &str, workload: &str, more: &[&str]) -> Output {
    bench()
        .args(["load", "--addr", address, "--workload", workload, "--connections", "4"])
        .args(["--json", "-"])
        .args(more)
        .output()
        .expect("the client starts")
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&output.stderr));
    })
}

fn has_io_uring() -> bool {
    std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled").is_ok_and(|value| value.trim() == "0")
}

/// Both as a server needs it: it says so itself when it doesn't start.
fn can_busy_poll() -> bool {
    let mut serve = bench();
    serve.args(["serve", "--engine", "epoll-tuned", "--addr", "127.0.0.1:0", "--control"]);
    serve.stdin(Stdio::null()).output().is_ok_and(|output| output.status.success())
}

#[test]
fn every_engine_answers_every_workload_without_an_error() {
    let engines = [
        "bio",
        "bio-pool",
        "epoll",
        "epoll-level",
        "epoll-spin",
        "epoll-tuned",
        "io_uring",
        "mio",
        "tokio",
        "tokio-multi",
    ];
    for engine in engines.into_iter().chain(["corelane-kernel"]) {
        if engine == "epoll-tuned" && !can_busy_poll() {
            eprintln!("SKIPPED epoll-tuned: it needs root and Linux 6.9");
            continue;
        }
        if engine == "io_uring" && !has_io_uring() {
            eprintln!("SKIPPED io_uring: kernel.io_uring_disabled is not 0");
            continue;
        }
        for workload in ["echo", "crr", "http", "http-close"] {
            let server = Server::start(engine, workload);
            let output = load(&server.address, workload, &["--requests", "400"]);
            let report = report(&output);
            assert!(output.status.success(), "{engine}, {workload}: {report}");
            assert_eq!(report["requests"], 400, "{engine}, {workload}");
            assert_eq!(report["byte_errors"], 0, "{engine}, {workload}");
            assert_eq!(report["connection_errors"], 0, "{engine}, {workload}");
            // Beside the other tests some may not get their turn before the last request; not all, though.
            assert!(report["starved_connections"].as_u64() < Some(4), "{engine}, {workload}: {report}");
            let latency = |name: &str| report["latency_us"][name].as_f64().expect("a number");
            assert!(latency("p50") > 0.0);
            assert!(latency("p50") <= latency("p99_9") && latency("p99_9") <= latency("max"));
            server.end();
        }
    }
}

#[cfg(feature = "axum")]
#[test]
fn axum_answers_our_client_and_wrk_on_tokio_and_on_corelane() {
    let wrk = Command::new("wrk").stderr(Stdio::null()).stdout(Stdio::null()).status().is_ok();
    if !wrk {
        eprintln!("SKIPPED wrk: it is missing");
    }
    for engine in ["tokio", "corelane-kernel"] {
        let server = Server::start(engine, "json");
        let output = load(&server.address, "json", &["--requests", "400"]);
        let ours = report(&output);
        assert!(output.status.success(), "{engine}: {ours}");
        assert_eq!((&ours["requests"], &ours["byte_errors"]), (&400.into(), &0.into()), "{engine}");
        if wrk {
            let output = load(&server.address, "json", &["--engine", "wrk", "--duration", "1"]);
            let theirs = report(&output);
            assert!(output.status.success(), "{engine}: {theirs}");
            assert!(theirs["requests"].as_u64() > Some(0), "{engine}: {theirs}");
            let latency = |name: &str| theirs["latency_us"][name].as_f64().expect("a number");
            assert!(latency("p50") > 0.0 && latency("p50") <= latency("max"), "{engine}: {theirs}");
        }
        server.end();
    }
    // An item that isn't there: the other workload's page has another body.
    let server = Server::start("epoll", "http");
    let output = load(&server.address, "json", &["--requests", "4"]);
    assert_eq!(output.status.code(), Some(1), "{}", report(&output));
    let output = load(&server.address, "json", &["--engine", "wrk", "--duration", "1"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("the first answer"), "{output:?}");
    server.end();
}

#[test]
fn every_engine_carries_bulk_streams_both_ways_without_an_error() {
    for engine in ["bio", "epoll", "epoll-spin", "tokio", "tokio-multi", "corelane-kernel"] {
        for workload in ["bulk", "bulk-up"] {
            let server = Server::start(engine, workload);
            // Every stream goes through its period a hundred times.
            let output = load(&server.address, workload, &["--requests", "60"]);
            let report = report(&output);
            assert!(output.status.success(), "{engine}, {workload}: {report}");
            assert!(report["requests"].as_u64() >= Some(60), "{engine}, {workload}: {report}");
            assert_eq!(report["byte_errors"], 0, "{engine}, {workload}");
            assert_eq!(report["connection_errors"], 0, "{engine}, {workload}");
            assert!(report["gbit_per_second"].as_f64() > Some(0.0), "{engine}, {workload}: {report}");
            assert_eq!(report["latency_us"]["max"], 0.0, "a stream has no latency");
            server.end();
        }
    }
}

#[test]
fn a_stream_with_a_gap_is_seen_by_both_ends() {
    // Up: the server of one workload gets the bytes of none.
    let server = Server::start("epoll", "bulk-up");
    let mut stream = server.connect();
    stream.write_all(&[7; 1000]).expect("sent");
    stream.shutdown(std::net::Shutdown::Write).expect("half closed");
    let mut verdict = Vec::new();
    stream.read_to_end(&mut verdict).expect("a verdict, then the end");
    let numbers: Vec<u64> =
        verdict.chunks(8).map(|number| u64::from_be_bytes(number.try_into().expect("8 bytes"))).collect();
    assert_eq!((numbers.len(), numbers[0]), (2, 1000));
    assert!((900..=1000).contains(&numbers[1]), "{numbers:?}");

    // Down: an echo server's zero bytes are not the stream.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address").to_string();
    let sender = thread::spawn(move || {
        let mut clients: Vec<_> = (0..4).map(|_| listener.accept().expect("a client").0).collect();
        while clients.iter_mut().all(|client| client.write_all(&[0; 65_536]).is_ok()) {}
    });
    let output = load(&address, "bulk", &["--requests", "5"]);
    let report = report(&output);
    assert_eq!(output.status.code(), Some(1), "{report}");
    assert!(report["byte_errors"].as_u64() > Some(4_900_000), "{report}");
    sender.join().expect("no panic");
}

#[test]
fn a_crr_server_closes_after_its_answer_and_not_before() {
    for engine in
        ["bio", "bio-pool", "epoll", "epoll-level", "mio", "tokio", "tokio-multi", "corelane-kernel"]
    {
        let server = Server::start(engine, "crr");
        let mut stream = server.connect();
        let request: Vec<u8> = (0..64).collect();
        stream.write_all(&request[..40]).expect("sent");
        let mut first = [0; 40];
        stream.read_exact(&mut first).expect("the first part, and no end");
        stream.write_all(&request[40..]).expect("sent");
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).expect("the rest, then the end");
        assert_eq!([&first[..], &rest].concat(), request, "{engine}");
    }
}

#[test]
fn connections_take_turns_when_few_requests_may_be_in_flight() {
    let server = Server::start("epoll", "echo");
    let report = report(&load(&server.address, "echo", &["--in-flight", "3", "--requests", "4"]));
    assert_eq!((&report["requests"], &report["starved_connections"]), (&4.into(), &0.into()), "{report}");
    server.end();
}

#[test]
fn every_engine_answers_requests_that_come_together() {
    for engine in ["bio", "bio-pool", "epoll", "epoll-level", "mio", "tokio", "corelane-kernel"] {
        for workload in ["echo", "http"] {
            let server = Server::start(engine, workload);
            let output = load(&server.address, workload, &["--pipeline", "16", "--requests", "640"]);
            let report = report(&output);
            assert!(output.status.success(), "{engine}, {workload}: {report}");
            assert_eq!(
                (&report["byte_errors"], &report["connection_errors"]),
                (&0.into(), &0.into()),
                "{engine}"
            );
            // Whole batches.
            let requests = report["requests"].as_u64().expect("a number");
            assert!((640..656).contains(&requests) && requests.is_multiple_of(16), "{engine}: {report}");
            server.end();
        }
    }
}

#[test]
fn an_open_loop_keeps_its_rate_whatever_the_connections() {
    for (engine, workload) in [("epoll", "echo"), ("tokio", "http")] {
        let server = Server::start(engine, workload);
        let flags = ["--rate", "500", "--arrivals", "uniform", "--seed", "3", "--duration", "1"];
        let output = load(&server.address, workload, &flags);
        let report = report(&output);
        assert!(output.status.success(), "{engine}: {report}");
        let open_loop = &report["open_loop"];
        // Half a second of them at least, however late this machine gives the client its turn.
        let due = open_loop["due"].as_u64().expect("a number");
        assert!((499..=1000).contains(&due), "{report}");
        assert_eq!((&open_loop["seed"], &open_loop["arrivals"]), (&3.into(), &"uniform".into()));
        assert_eq!(open_loop["unanswered"], 0, "{report}");
        assert!(report["client_busy"].as_f64().is_some_and(|busy| busy > 0.0 && busy < 1.0), "{report}");
        server.end();
    }
}

#[test]
fn a_stall_of_the_server_is_in_the_latencies_of_all_that_were_due() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address").to_string();
    // Echoes, but its 100th answer comes 300 ms late, and nothing else is answered meanwhile.
    let server = thread::spawn(move || {
        let mut stream = listener.accept().expect("a client").0;
        let mut request = [0; 64];
        for number in 1.. {
            if stream.read_exact(&mut request).is_err() {
                break;
            }
            if number == 100 {
                thread::sleep(Duration::from_millis(300)); // the stall that is measured
            }
            if stream.write_all(&request).is_err() {
                break;
            }
        }
    });
    let flags = ["--connections", "1", "--rate", "1000", "--arrivals", "uniform", "--duration", "1"];
    let output =
        bench().args(["load", "--addr", &address, "--json", "-"]).args(flags).output().expect("starts");
    let report = report(&output);
    assert!(output.status.success(), "{report}");
    let latency = |name: &str| report["latency_us"][name].as_f64().expect("a number");
    // A third of the requests was due in the stall: a closed loop would have one slow answer among 900, and a small p99.
    assert!(latency("p99") > 250_000.0, "{report}");
    assert!(report["open_loop"]["waited"].as_u64() > Some(250), "{report}");
    server.join().expect("no panic");
}

#[test]
fn large_requests_come_back_whole() {
    for engine in
        ["bio", "bio-pool", "epoll", "epoll-level", "mio", "tokio", "tokio-multi", "corelane-kernel"]
    {
        let server = Server::start(engine, "echo");
        // More than the buffers of both sockets: writes are cut short on both sides.
        let output = load(&server.address, "echo", &["--requests", "12", "--size", "12000000"]);
        let report = report(&output);
        assert!(output.status.success(), "{engine}: {report}");
        assert_eq!((&report["requests"], &report["byte_errors"]), (&12.into(), &0.into()));
    }
}

#[test]
fn a_wrong_byte_is_counted_and_gives_exit_code_1() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address").to_string();
    // Echoes 64 bytes a request and flips one bit of each; ends when the client has closed.
    let server = thread::spawn(move || {
        let clients: Vec<_> = (0..4)
            .map(|_| {
                let (mut stream, _) = listener.accept().expect("a client");
                thread::spawn(move || {
                    let mut request = [0; 64];
                    while stream.read_exact(&mut request).is_ok() {
                        request[17] ^= 4;
                        if stream.write_all(&request).is_err() {
                            break;
                        }
                    }
                })
            })
            .collect();
        clients.into_iter().for_each(|client| client.join().expect("no panic"));
    });
    let output = load(&address, "echo", &["--requests", "100"]);
    let report = report(&output);
    assert_eq!(output.status.code(), Some(1), "{report}");
    assert_eq!(report["requests"], 100);
    // Answers that came in the same wait as the last one are checked too.
    let errors = report["byte_errors"].as_u64().expect("a number");
    assert!((100..=104).contains(&errors), "{report}");
    server.join().expect("no panic");
}

#[test]
fn a_server_that_goes_away_is_counted() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address").to_string();
    // Serves three of the four connections once, and closes the fourth.
    let server = thread::spawn(move || {
        let accept = || listener.accept().expect("a client").0;
        let (mut kept, closed) = ([accept(), accept(), accept()], accept());
        drop(closed);
        let mut request = [0; 64];
        for stream in &mut kept {
            while stream.read_exact(&mut request).is_ok() && stream.write_all(&request).is_ok() {}
        }
    });
    let output = load(&address, "echo", &["--requests", "50"]);
    let report = report(&output);
    assert_eq!(output.status.code(), Some(1), "{report}");
    assert_eq!(report["connection_errors"], 1, "{report}");
    assert!(report["first_connection_error"].is_string(), "{report}");
    server.join().expect("no panic");
}

#[test]
fn http_is_answered_request_by_request_and_closed_when_asked() {
    for engine in
        ["bio", "bio-pool", "epoll", "epoll-level", "mio", "tokio", "tokio-multi", "corelane-kernel"]
    {
        let server = Server::start(engine, "http");
        let mut stream = server.connect();
        let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let last = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        stream.write_all(format!("{get}{get}{last}").as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answers, then the end");
        assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 3, "{engine}: {answer}");
        assert_eq!(answer.matches("Hello, world 1\n").count(), 3, "{engine}: {answer}");
        assert_eq!(answer.matches("Connection: close").count(), 1, "{engine}: {answer}");

        let mut stream = server.connect();
        stream.write_all(b"NONSENSE\r\n\r\n").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("a refusal, then the end");
        assert!(answer.starts_with("HTTP/1.1 400 "), "{engine}: {answer}");
    }
}

#[test]
fn a_pool_serves_more_connections_than_it_has_threads() {
    let server = Server::start_with("bio-pool", "echo", &["--pool", "2"]);
    // Connections that say nothing hold no thread.
    let mut idle: Vec<_> = (0..5).map(|_| server.connect()).collect();
    for stream in &mut idle {
        stream.write_all(b"once").expect("sent");
        stream.read_exact(&mut [0; 4]).expect("an echo");
    }
    let report = report(&load(&server.address, "echo", &["--requests", "400"]));
    assert_eq!((&report["requests"], &report["byte_errors"]), (&400.into(), &0.into()), "{report}");
    // One that sends and doesn't read holds a thread, and not the other one.
    let mut greedy = server.connect();
    greedy.set_write_timeout(Some(Duration::from_millis(300))).expect("a timeout");
    while greedy.write(&[0; 65_536]).is_ok() {}
    let report = self::report(&load(&server.address, "echo", &["--requests", "400"]));
    assert_eq!((&report["requests"], &report["byte_errors"]), (&400.into(), &0.into()), "{report}");
    server.end();
}

#[test]
fn idle_connections_stay_beside_the_others_and_answer_at_the_end() {
    for (engine, workload) in
        [("epoll", "echo"), ("bio-pool", "echo"), ("tokio", "http"), ("corelane-kernel", "echo")]
    {
        let server = Server::start(engine, workload);
        // More than are asked again.
        let output = load(&server.address, workload, &["--idle", "1500", "--requests", "400"]);
        let report = report(&output);
        assert!(output.status.success(), "{engine}: {report}");
        let counts = (&report["requests"], &report["byte_errors"], &report["connection_errors"]);
        assert_eq!(counts, (&400.into(), &0.into(), &0.into()), "{engine}");
        let beside = &report["beside"];
        assert_eq!((&beside["idle"], &beside["asked_again"]), (&1500.into(), &750.into()), "{engine}");
        server.end();
    }
    let server = Server::start("epoll", "echo");
    let flags = ["--idle", "20", "--from", "127.3.3.0/30", "--requests", "4"];
    let report = report(&load(&server.address, "echo", &flags));
    assert_eq!((&report["connection_errors"], &report["beside"]["asked_again"]), (&0.into(), &20.into()));
    server.end();
}

#[test]
fn idle_connections_that_the_server_closes_or_leaves_without_an_answer_are_counted() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address").to_string();
    // Of the three idle ones, which come first, it closes one, says something unasked on another, and answers the third wrongly.
    let server = thread::spawn(move || {
        let accept = || listener.accept().expect("a client").0;
        let (closed, mut talkative, mut wrong) = (accept(), accept(), accept());
        drop(closed);
        talkative.write_all(b"x").expect("sent");
        let active: Vec<_> = (0..4)
            .map(|_| {
                let mut client = accept();
                let mut request = [0; 64];
                thread::spawn(move || {
                    while client.read_exact(&mut request).is_ok() && client.write_all(&request).is_ok() {}
                })
            })
            .collect();
        let mut request = [0; 64];
        wrong.read_exact(&mut request).expect("asked at the end");
        request[3] ^= 1;
        wrong.write_all(&request).expect("sent");
        active.into_iter().for_each(|client| client.join().expect("no panic"));
    });
    let output = load(&address, "echo", &["--idle", "3", "--requests", "8"]);
    let report = report(&output);
    assert_eq!(output.status.code(), Some(1), "{report}");
    assert_eq!((&report["connection_errors"], &report["byte_errors"]), (&2.into(), &1.into()), "{report}");
    assert_eq!(report["beside"]["asked_again"], 1, "{report}");
    server.join().expect("no panic");
}

#[test]
fn slow_readers_lose_no_byte_and_leave_the_others_their_answers() {
    for engine in ["bio", "bio-pool", "epoll", "epoll-level", "mio", "tokio", "corelane-kernel"] {
        let server = Server::start(engine, "echo");
        let output = load(&server.address, "echo", &["--slow", "6", "--duration", "0.5"]);
        let report = report(&output);
        assert!(output.status.success(), "{engine}: {report}");
        let counts = (&report["byte_errors"], &report["connection_errors"], &report["starved_connections"]);
        assert_eq!(counts, (&0.into(), &0.into(), &0.into()), "{engine}: {report}");
        // More than half a second of slow reads gives: the rest was read at the end.
        assert!(report["beside"]["slow_bytes"].as_u64() > Some(6 * 200_000), "{engine}: {report}");
        server.end();
    }
}

#[test]
fn http_answers_of_any_size_come_whole_on_connections_that_stay_and_that_close() {
    let engines = [
        "bio",
        "bio-pool",
        "epoll",
        "epoll-level",
        "io_uring",
        "mio",
        "tokio",
        "tokio-multi",
        "corelane-kernel",
    ];
    for engine in engines {
        if engine == "io_uring" && !has_io_uring() {
            eprintln!("SKIPPED io_uring: kernel.io_uring_disabled is not 0");
            continue;
        }
        for workload in ["http", "http-close"] {
            for size in ["1", "1024", "65536", "1048576"] {
                let server = Server::start_with(engine, workload, &["--size", size]);
                let output = load(&server.address, workload, &["--size", size, "--requests", "20"]);
                let report = report(&output);
                assert!(output.status.success(), "{engine}, {workload}, {size}: {report}");
                let counts = (&report["requests"], &report["byte_errors"], &report["connection_errors"]);
                assert_eq!(counts, (&20.into(), &0.into(), &0.into()), "{engine}, {workload}, {size}");
                server.end();
            }
        }
    }
}

#[test]
fn an_http_answer_of_another_size_is_wrong() {
    let server = Server::start_with("epoll", "http", &["--size", "65"]);
    let output = load(&server.address, "http", &["--size", "64", "--requests", "4"]);
    assert_eq!(output.status.code(), Some(1), "{}", report(&output));
    assert!(report(&output)["byte_errors"].as_u64() > Some(0));
    server.end();
}

#[test]
fn wrk_asks_on_connections_that_close() {
    if Command::new("wrk").stderr(Stdio::null()).stdout(Stdio::null()).status().is_err() {
        eprintln!("SKIPPED: wrk is missing");
        return;
    }
    let server = Server::start_with("epoll", "http-close", &["--size", "1024"]);
    let output =
        load(&server.address, "http-close", &["--size", "1024", "--engine", "wrk", "--duration", "1"]);
    let report = report(&output);
    assert!(output.status.success(), "{report}");
    assert!(report["requests"].as_u64() > Some(0), "{report}");
    server.end();
}

#[test]
fn a_client_that_half_closes_gets_its_bytes_back() {
    for engine in
        ["bio", "bio-pool", "epoll", "epoll-level", "mio", "tokio", "tokio-multi", "corelane-kernel"]
    {
        let server = Server::start(engine, "echo");
        let mut stream = server.connect();
        stream.write_all(b"the last words").expect("sent");
        stream.shutdown(std::net::Shutdown::Write).expect("half closed");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer, then the end");
        assert_eq!(answer, "the last words", "{engine}");
    }
}

#[test]
fn sigterm_ends_a_server_with_open_connections() {
    for engine in
        ["bio", "bio-pool", "epoll", "epoll-level", "mio", "tokio", "tokio-multi", "corelane-kernel"]
    {
        let mut server = Server::start(engine, "echo");
        let mut stream = server.connect();
        stream.write_all(b"x").expect("sent");
        stream.read_exact(&mut [0]).expect("an answer");
        let pid = server.process.id().to_string();
        let killed = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &pid]).status();
        assert!(killed.expect("sh").success());
        let status = server.process.wait().expect("its end");
        assert_eq!(status.code(), Some(0), "{engine}: {status}");
    }
}

#[test]
fn corelane_without_what_it_needs_says_so_in_one_line() {
    let output = bench()
        .args(["serve", "--engine", "corelane", "--addr", "192.0.2.1:7"])
        .output()
        .expect("the binary starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}
