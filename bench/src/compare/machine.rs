//! The machine that the figures were measured on: without it they mean nothing.

use std::fs;
use std::thread;

use serde::Serialize;

use super::bed::LinkSettings;

/// What decides the figures, apart from the code.
#[derive(Serialize, Debug, Clone)]
pub struct Machine {
    /// Its release.
    pub kernel: String,
    /// The model's name.
    pub cpu: String,
    /// That this process may use.
    pub cores: usize,
    /// MiB.
    pub memory_mib: u64,
    /// The compiler of this binary.
    pub rustc: &'static str,
    /// Of this program.
    pub version: &'static str,
    /// The veth pairs, when there are any.
    pub veth: Vec<LinkSettings>,
}

impl Machine {
    /// This machine.
    pub fn read(links: &[LinkSettings]) -> Self {
        let text = |path| fs::read_to_string(path).unwrap_or_default();
        let unknown = || "unknown".to_owned();
        let kernel = text("/proc/sys/kernel/osrelease").trim().to_owned();
        let memory = field(&text("/proc/meminfo"), "MemTotal");
        let kib = memory.and_then(|memory| memory.strip_suffix(" kB")?.parse::<u64>().ok());
        Self {
            kernel,
            cpu: field(&text("/proc/cpuinfo"), "model name").unwrap_or_else(unknown),
            cores: thread::available_parallelism().map_or(1, usize::from),
            memory_mib: kib.unwrap_or(0) / 1024,
            rustc: env!("CORELANE_RUSTC"),
            version: env!("CARGO_PKG_VERSION"),
            veth: links.to_vec(),
        }
    }
}

/// The value behind `name` and a colon.
fn field(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == name).then(|| value.trim().to_owned())
    })
}
