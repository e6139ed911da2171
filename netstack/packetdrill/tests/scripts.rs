//! Scripts of our own through packetdrill, where there is one: the environment variable PACKETDRILL names the program.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The shared object, built with this test and beside it.
fn library() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let beside = test.with_file_name("libcorelane_packetdrill.so");
    assert!(beside.exists(), "{} was not built", beside.display());
    beside
}

/// Runs a script, or says that it can't.
fn run(name: &str) {
    let Some(packetdrill) = std::env::var_os("PACKETDRILL") else {
        println!("SKIPPED: no packetdrill: set PACKETDRILL to the program");
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts").join(name);
    let mut so_filename = std::ffi::OsString::from("--so_filename=");
    so_filename.push(library());
    let output = Command::new(packetdrill)
        .env("LD_PRELOAD", library()) // for TCP_INFO in blocks of code
        .arg(so_filename)
        .args(["--so_flags=local=192.168.0.1/16,gw=192.168.0.1", "--ip_version=ipv4"])
        .args(["--local_ip=192.168.0.1", "--gateway_ip=192.168.0.1", "--netmask_ip=255.255.0.0"])
        .args(["--remote_ip=192.0.2.1", "--send_omit_free"])
        .arg(script)
        .output()
        .unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_server_answers() {
    run("server.pkt");
}

#[test]
fn a_blocking_connect_sleeps_through_a_lost_syn() {
    run("blocking_connect.pkt");
}
