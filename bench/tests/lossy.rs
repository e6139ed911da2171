//! The forwarder between the kernel and corelane, in network namespaces: as root, or skipped.

use std::path::Path;
use std::process::{Command, Output};

/// Why it can't be done here.
fn obstacle() -> Option<&'static str> {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    if !is_root {
        return Some("network namespaces need root");
    }
    if Command::new("ethtool").arg("--version").output().is_err() {
        return Some("ethtool is missing");
    }
    (!Path::new("/dev/net/tun").exists()).then_some("/dev/net/tun is missing: modprobe tun")
}

fn bench(args: &[&str]) -> Option<(Output, String)> {
    if let Some(obstacle) = obstacle() {
        eprintln!("SKIPPED: {obstacle}");
        return None;
    }
    let output = Command::new(env!("CARGO_BIN_EXE_corelane-bench")).args(args).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if said.contains("CAP_SYS_ADMIN") {
        eprintln!("SKIPPED: {said}");
        return None;
    }
    Some((output, said))
}

#[test]
fn transfers_across_a_bad_network_arrive_whole_in_both_directions() {
    let network = ["--loss", "1", "--rtt", "2", "--disorder", "on", "--congestion", "reno"];
    let size = ["--mib", "1", "--seconds", "20", "--rounds", "1", "--least", "0"];
    let Some((output, said)) = bench(&[&["lossy"], &network[..], &size].concat()) else { return };
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{table}");
    assert_eq!(said.matches("Eof").count(), 4, "two engines, two directions: {said}");
    for words in ["from corelane", "to corelane", "0 not intact"] {
        assert!(table.contains(words), "{table}");
    }
    // The seed loses some of 700 segments in each.
    assert!(!said.contains(", 0 segments sent again"), "{said}");
}

#[test]
fn a_transfer_that_takes_too_long_is_cut_and_its_goodput_known() {
    let network = ["--loss", "0", "--rtt", "100", "--disorder", "off", "--congestion", "reno"];
    let size = ["--mib", "64", "--seconds", "0.7", "--rounds", "1", "--least", "0"];
    let Some((output, said)) = bench(&[&["lossy"], &network[..], &size].concat()) else { return };
    assert!(output.status.success(), "{said}");
    assert_eq!(said.matches("Cut in 0.70 s").count(), 4, "{said}");
    assert!(!said.contains(": 0.00 Mbit/s"), "{said}");
}

#[test]
fn conversations_end_alike() {
    let Some((output, said)) = bench(&["differ", "--conversations", "16", "--congestion", "reno"]) else {
        return;
    };
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{told}");
    assert!(told.ends_with("16 conversations, 0 differ\n"), "{told}");
    for ending in ["Eof", "Closed", "ConnectionReset", "BrokenPipe"] {
        assert!(told.contains(ending), "{ending} isn't in {told}");
    }
}
