//! Writes down what this binary is built with: a report without it can't be compared with another.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RUSTC");
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = said(Command::new(rustc).arg("--version")).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=CORELANE_RUSTC={version}");
    let level = std::env::var("OPT_LEVEL").unwrap_or_else(|_| "unknown".to_owned());
    println!("cargo::rustc-env=CORELANE_OPT_LEVEL={level}");
    if std::env::var_os("CARGO_FEATURE_DPDK").is_some() {
        let version = said(Command::new("pkg-config").args(["--modversion", "libdpdk"]));
        println!("cargo::rustc-env=CORELANE_DPDK={}", version.unwrap_or_else(|| "unknown".to_owned()));
    }
}

/// The first line that a command says; `None` when it fails.
fn said(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().next().map(|line| line.trim().to_owned())
}
