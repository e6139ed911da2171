//! Writes down what this binary is built with: a report without it can't be compared with another.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RUSTC");
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = said(Command::new(rustc).arg("--version")).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=CORELANE_RUSTC={version}");
    let level = std::env::var("OPT_LEVEL").unwrap_or_else(|_| "unknown".to_owned());
    println!("cargo::rustc-env=CORELANE_OPT_LEVEL={level}");
    write_commit();
    if std::env::var_os("CARGO_FEATURE_DPDK").is_some() {
        let version = said(Command::new("pkg-config").args(["--modversion", "libdpdk"]));
        println!("cargo::rustc-env=CORELANE_DPDK={}", version.unwrap_or_else(|| "unknown".to_owned()));
    }
}

/// The commit of the checkout that this is built from, with `-dirty` when files differ from it; nothing outside of one.
fn write_commit() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let git = |args: &[&str]| {
        // The index may belong to somebody else, who is at work.
        said(Command::new("git").arg("-C").arg(&root).args(args).env("GIT_OPTIONAL_LOCKS", "0"))
    };
    // A copy of the source inside of another repository has none of its own.
    let top = git(&["rev-parse", "--show-toplevel"]).and_then(|top| Path::new(&top).canonicalize().ok());
    if top.is_none() || top != root.canonicalize().ok() {
        return;
    }
    if let Some(commit) = git(&["describe", "--always", "--dirty"]) {
        println!("cargo::rustc-env=CORELANE_COMMIT={commit}");
    }
    // What is built decides: the sources of the crates in this binary, and each commit.
    for folder in ["bench/src", "drivers", "netstack/src", "runtime/src", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", root.join(folder).display());
    }
    for name in ["HEAD", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", name]).map(|path| root.join(path));
        if let Some(path) = path.filter(|path| path.exists()) {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
}

/// The first line that a command says; `None` when it fails.
fn said(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().next().map(|line| line.trim().to_owned())
}
