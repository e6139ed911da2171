//! Wrong input ends with exit code 2 and one line that names it and the way out.

use std::net::TcpListener;
use std::process::{Command, Output};

fn bench(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_corelane-bench")).args(args).output().expect("the binary starts")
}

/// One line on stderr with all the words, nothing on stdout, exit code 2.
#[track_caller]
fn refused(args: &[&str], words: &[&str]) {
    let output = bench(args);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
    assert_eq!(said.lines().count(), 1, "{args:?}: {said}");
    assert!(output.stdout.is_empty(), "{args:?}");
    for word in words {
        assert!(said.contains(word), "{args:?}: {word:?} isn't in {said}");
    }
}

#[test]
fn wrong_addresses() {
    refused(&["load", "--addr", "nowhere"], &["nowhere", "--addr", "--help"]);
    refused(&["load", "--addr", "127.0.0.1"], &["127.0.0.1", "--addr"]);
    refused(&["serve", "--engine", "epoll", "--addr", "127.0.0.1:99999"], &["99999"]);
    // TEST-NET-1 of RFC 5737: no host has it.
    refused(&["serve", "--engine", "bio", "--addr", "192.0.2.1:80"], &["192.0.2.1:80", "this host"]);
}

#[test]
fn a_port_that_is_taken_and_one_that_nobody_serves() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address").to_string();
    for engine in ["bio", "epoll", "tokio", "corelane-kernel"] {
        refused(&["serve", "--engine", engine, "--addr", &address], &[&address, "free port"]);
    }
    // Not the port from above: a process that starts just now may still hold it.
    let nobody = "127.77.77.77:9";
    refused(&["load", "--addr", nobody], &[nobody, "start the server first"]);
}

#[test]
fn what_corelane_needs_is_asked_for_by_its_flag() {
    let serve = ["serve", "--engine", "corelane", "--addr", "10.0.0.3:7"];
    let with = |flags: &[&'static str]| [&serve[..], flags].concat();
    refused(&with(&[]), &["--ip", "10.0.0.3/24"]);
    refused(&with(&["--ip", "10.0.0.3/24"]), &["--driver", "xdp", "tap"]);
    refused(&with(&["--ip", "10.0.0.3/24", "--driver", "sim"]), &["--driver", "compare --bed memory"]);
    refused(&with(&["--ip", "10.0.0.3/24", "--driver", "xdp"]), &["--interface", "ip link"]);
    let nowhere = ["--ip", "10.0.0.3/24", "--driver", "xdp", "--interface", "nowhere0"];
    refused(&with(&nowhere), &["nowhere0", "ip link"]);
}

#[test]
fn wrong_values() {
    let serve = ["serve", "--engine", "epoll", "--addr", "127.0.0.1:0"];
    let with = |flags: &[&'static str]| [&serve[..], flags].concat();
    refused(&with(&["--cpu", "4096"]), &["--cpu 4096", "cores"]);
    refused(&with(&["--interface", "eth0"]), &["--interface", "--engine corelane"]);
    refused(&with(&["--pool", "8"]), &["--pool 8", "--engine bio-pool"]);
    refused(
        &["serve", "--engine", "bio-pool", "--addr", "127.0.0.1:0", "--pool", "0"],
        &["--pool", "from 1 to"],
    );
    refused(&with(&["--ip", "10.0.0.1"]), &["10.0.0.1", "ADDRESS/LENGTH"]);
    refused(&["serve", "--engine", "tokio", "--addr", "127.0.0.1:0", "--spin"], &["--spin", "epoll"]);
    refused(
        &["serve", "--engine", "mio", "--workload", "bulk", "--addr", "127.0.0.1:0"],
        &["--workload bulk", "mio has echo"],
    );
    refused(&["serve", "--engine", "magic", "--addr", "127.0.0.1:0"], &["magic", "bio"]);
    let large = ["--size", "1048577"];
    refused(&[&with(&["--workload", "http"])[..], &large].concat(), &["--size 1048577", "http", "1048576"]);
    refused(&["load", "--addr", "127.0.0.1:1", "--size", "0"], &["--size", "from 1 to"]);
    let load = ["load", "--addr", "127.0.0.1:1"];
    let with = |flags: &[&'static str]| [&load[..], flags].concat();
    refused(&with(&["--in-flight", "0"]), &["--in-flight", "from 1 to"]);
    refused(&with(&["--in-flight", "8", "--workload", "bulk"]), &["--in-flight 8", "bulk", "--connections"]);
    refused(&with(&["--in-flight", "8", "--engine", "corelane"]), &["--in-flight 8", "--engine epoll"]);
    refused(&with(&["--rate", "9"]), &["--rate", "from 10 to 10000000"]);
    refused(&with(&["--rate", "100", "--workload", "bulk"]), &["--rate 100", "bulk", "echo"]);
    refused(&with(&["--rate", "100", "--in-flight", "2"]), &["--rate", "--in-flight"]);
    refused(&with(&["--rate", "100", "--workload", "http-close"]), &["--rate 100", "http-close", "echo"]);
    refused(&with(&["--seed", "1"]), &["--rate"]);
    refused(&with(&["--idle", "1000001"]), &["--idle", "from 0 to 1000000"]);
    refused(&with(&["--idle", "5", "--workload", "crr"]), &["--idle 5", "crr", "echo, http or json"]);
    refused(&with(&["--slow", "5", "--workload", "http"]), &["--slow 5", "http", "echo"]);
    refused(&with(&["--from", "127.0.0.1/8"]), &["--idle <N>"]);
    refused(&with(&["--idle", "5", "--from", "127.0.0.1"]), &["--from", "ADDRESS/LENGTH"]);
    refused(&with(&["--pipeline", "0"]), &["--pipeline", "from 1 to 1000"]);
    refused(&with(&["--pipeline", "2", "--rate", "100"]), &["--pipeline 2", "closed loop"]);
    refused(&with(&["--mtu", "9000"]), &["--mtu", "--engine corelane"]);
    refused(&with(&["--dpdk-eal", "--no-pci"]), &["--dpdk-eal", "--engine corelane"]);
    refused(&with(&["--engine", "corelane"]), &["--ip", "10.0.0.3/24"]);
    refused(&with(&["--engine", "bio"]), &["bio", "possible values: epoll, corelane"]);
    refused(&["compare", "--size", "64,0"], &["--size", "from 1 to 16777216"]);
    refused(&["compare", "--rounds", "0"], &["--rounds", "1..=1000"]);
    refused(&["compare", "--bed", "loopback", "--server-cpu", "1"], &["--server-cpu"]);
    let batches = ["compare", "--bed", "loopback", "--pipeline", "2"];
    refused(&[&batches[..], &["--workloads", "crr"]].concat(), &["--pipeline 2", "echo, http or both"]);
    let list = ["compare", "--bed", "loopback", "--workloads", "echo", "--pipeline", "1,0"];
    refused(&list, &["--pipeline", "from 1 to 1000"]);
    refused(&["compare", "--p99-bound", "2"], &["--open-loop"]);
    refused(&["compare", "--open-loop", "--p99-bound", "0"], &["--p99-bound", "0.001 to 1000"]);
    refused(&["compare", "--engines", "epoll,magic"], &["magic", "--engines"]);
    refused(&["forward", "--a", "nowhere0", "--b", "nowhere1"], &["--a nowhere0", "ip link"]);
    refused(&["forward", "--a", "lo", "--b", "lo", "--loss", "101"], &["--loss", "percentage from 0 to 100"]);
    refused(&["forward", "--a", "lo", "--b", "lo", "--delay", "-1"], &["--delay", "milliseconds from 0"]);
    refused(&["talk", "--connect", "127.0.0.1:1"], &["--send", "--receive", "--conversation"]);
    refused(&["talk", "--send", "1"], &["--listen", "--connect"]);
    refused(
        &["talk", "--send", "1", "--connect", "127.0.0.1:1", "--mtu", "9000"],
        &["--mtu", "--engine corelane"],
    );
    let talk = ["talk", "--engine", "corelane", "--send", "1", "--connect", "10.0.0.2:1", "--driver", "tap"];
    let device = ["--interface", "tap0", "--ip", "10.0.0.3/24", "--congestion", "magic"];
    refused(&[&talk[..], &device].concat(), &["--congestion magic", "reno", "cubic"]);
    refused(&["lossy", "--loss", "1,half"], &["--loss", "half", "percentage"]);
    refused(&["differ", "--conversations", "0"], &["--conversations", "1..=100000"]);
    refused(&["dance"], &["dance", "--help"]);
}

#[test]
fn forged_frames_go_nowhere_else() {
    let attack = |flags: &[&'static str]| [&["attack", "--interface", "nowhere0"], flags].concat();
    let flood = |flags: &[&'static str]| attack(&[&["--kind", "syn-flood"], flags].concat());
    for public in ["8.8.8.8:53", "192.0.2.1:80", "127.0.0.1:7"] {
        refused(&flood(&["--target", public]), &["--target", public, "private network", "192.168.0.0/16"]);
    }
    refused(&flood(&["--target", "10.0.0.3"]), &["--target", "ADDRESS:PORT"]);
    refused(&flood(&["--target", "10.0.0.3:7", "--rate", "100001"]), &["--rate", "1..=100000"]);
    refused(&flood(&["--target", "10.0.0.3:7", "--rate", "0"]), &["--rate", "1..=100000"]);
    refused(&flood(&["--target", "10.0.0.3:7", "--seconds", "61"]), &["--seconds", "from 0.001 to 60"]);
    refused(&flood(&["--target", "10.0.0.3:7", "--linger", "-1"]), &["--linger", "seconds from 0"]);
    refused(&attack(&["--kind", "love", "--target", "10.0.0.3:7"]), &["love", "rst-sweep"]);
    refused(&attack(&["--kind", "gaps"]), &["--target"]);
    // Outside a namespace made by `ip netns`; where tests run inside one, that interface is missing.
    refused(&flood(&["--target", "10.0.0.3:7"]), &["--interface nowhere0", "`ip "]);
}

#[test]
fn a_report_that_cannot_be_written_is_told_before_the_work() {
    let missing = "/nonexistent/report.json";
    let words = [missing, "--json"];
    refused(&["load", "--addr", "127.0.0.1:1", "--json", missing], &words);
    refused(&["lossy", "--json", missing], &words);
    refused(&["lossy", "--markdown", "/nonexistent/table.md"], &["/nonexistent/table.md", "--markdown"]);
}

#[test]
fn help_and_version_are_no_errors() {
    for args in [
        &["--help"][..],
        &["serve", "--help"],
        &["load", "--help"],
        &["compare", "--help"],
        &["memory", "--help"],
        &["forward", "--help"],
        &["talk", "--help"],
        &["lossy", "--help"],
        &["differ", "--help"],
        &["attack", "--help"],
    ] {
        let output = bench(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("Usage: corelane-bench"), "{args:?}: {said}");
        assert!(output.stderr.is_empty(), "{args:?}");
    }
    let version = bench(&["--version"]).stdout;
    let expected = format!("corelane-bench {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8_lossy(&version), expected);
}

#[test]
fn reports_that_are_none() {
    refused(&["report", "html", "/nowhere/a.json"], &["/nowhere/a.json", "compare --json"]);
    let other = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.json");
    refused(&["report", "html", other], &["instructions.json", "no format number"]);
    refused(&["report", "diff", other, other], &["instructions.json", "no format number"]);
    refused(&["report", "diff", "a.json"], &["B.json", "--help"]);
    refused(&["report", "diff", "a.json", "b.json", "--fail-on-slower", "200"], &["200", "from 0 to 100"]);
    let page = ["compare", "--bed", "loopback", "--engines", "epoll", "--json", "/nowhere/a.html"];
    if std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1) {
        refused(&page, &["--json /nowhere/a.html", ".json"]);
    }
}
