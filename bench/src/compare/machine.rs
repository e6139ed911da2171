//! The machine that the figures were measured on: without it they mean nothing.

use std::fs;
use std::path::Path;
use std::thread;

use serde::{Deserialize, Serialize};

use super::bed::LinkSettings;

/// Words of the kernel's command line that move figures. The others, such as the name of a disk, are nobody's business.
#[rustfmt::skip] // adding one adds a word
const TUNING: &[&str] = &[
    "isolcpus", "nohz_full", "rcu_nocbs", "irqaffinity", "mitigations", "nosmt", "idle", "intel_pstate", "amd_pstate",
    "intel_idle.max_cstate", "processor.max_cstate", "hugepages", "hugepagesz", "default_hugepagesz", "iommu",
    "intel_iommu", "amd_iommu", "transparent_hugepage", "preempt",
];

/// What decides the figures, apart from the code. A text is `unknown` where the machine doesn't tell.
#[derive(Serialize, Deserialize, Debug, Clone)]
pub struct Machine {
    /// Its release.
    pub kernel: String,
    /// The model's name.
    pub cpu: String,
    /// That this process may use.
    pub cores: usize,
    /// Whether it is a virtual machine: /proc/cpuinfo has the flag `hypervisor`.
    pub virtual_machine: bool,
    /// Of the server's core (scaling_governor of cpufreq).
    pub governor: String,
    /// What is done against the weaknesses of this processor that are open to programs, as
    /// /sys/devices/system/cpu/vulnerabilities has it, without those that it doesn't have: `NAME: WHAT`.
    pub mitigations: Vec<String>,
    /// What of the kernel's command line moves figures: [`TUNING`].
    pub kernel_command_line: Vec<String>,
    /// As /sys/kernel/mm/transparent_hugepage/enabled has it: the chosen one in brackets.
    pub transparent_huge_pages: String,
    /// MiB.
    pub memory_mib: u64,
    /// The compiler of this binary.
    pub rustc: String,
    /// Whether the compiler optimised this binary.
    pub optimised: bool,
    /// Of this program.
    pub version: String,
    /// Of its source, as `git describe --always --dirty` has it; `None` when it wasn't built in a git checkout.
    #[serde(default)]
    pub commit: Option<String>,
    /// Of the library that this program was built with; `None` without DPDK.
    pub dpdk: Option<String>,
    /// The veth pairs, when there are any.
    pub veth: Vec<LinkSettings>,
}

impl Machine {
    /// This machine, with the server on core `cpu`.
    pub fn read(cpu: usize, links: &[LinkSettings]) -> Self {
        let info = text("/proc/cpuinfo");
        let memory = field(&text("/proc/meminfo"), "MemTotal");
        let kib = memory.and_then(|memory| memory.strip_suffix(" kB")?.parse::<u64>().ok());
        let flags = field(&info, "flags").unwrap_or_default();
        let governor = format!("/sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor");
        Self {
            kernel: known(&text("/proc/sys/kernel/osrelease")),
            cpu: known(&field(&info, "model name").unwrap_or_default()),
            cores: thread::available_parallelism().map_or(1, usize::from),
            virtual_machine: flags.split(' ').any(|flag| flag == "hypervisor"),
            governor: known(&text(governor)),
            mitigations: mitigations(Path::new("/sys/devices/system/cpu/vulnerabilities")),
            kernel_command_line: tuning(&text("/proc/cmdline")),
            transparent_huge_pages: known(&text("/sys/kernel/mm/transparent_hugepage/enabled")),
            memory_mib: kib.unwrap_or(0) / 1024,
            rustc: env!("CORELANE_RUSTC").to_owned(),
            optimised: env!("CORELANE_OPT_LEVEL") != "0",
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: option_env!("CORELANE_COMMIT").map(str::to_owned),
            dpdk: option_env!("CORELANE_DPDK").map(str::to_owned),
            veth: links.to_vec(),
        }
    }

    /// The version with its commit.
    pub fn full_version(&self) -> String {
        let commit = self.commit.as_deref().map(|commit| format!("commit {commit}"));
        let commit = commit.unwrap_or_else(|| "not built in a git checkout".to_owned());
        format!("{} ({commit})", self.version)
    }
}

fn text(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn known(text: &str) -> String {
    if text.trim().is_empty() { "unknown".to_owned() } else { text.trim().to_owned() }
}

/// The words of a command line that are in [`TUNING`].
fn tuning(line: &str) -> Vec<String> {
    let key = |word: &str| word.split('=').next().is_some_and(|key| TUNING.contains(&key));
    line.split_whitespace().filter(|word| key(word)).map(str::to_owned).collect()
}

/// What the files in `folder` say, in the order of their names.
fn mitigations(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut all: Vec<_> = files
        .filter_map(|file| {
            let (name, said) = (file.file_name(), text(file.path()));
            let said = said.trim();
            (!said.is_empty() && said != "Not affected")
                .then(|| format!("{}: {said}", name.to_string_lossy()))
        })
        .collect();
    all.sort();
    all
}

/// The value behind `name` and a colon.
fn field(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == name).then(|| value.trim().to_owned())
    })
}

#[cfg(test)]
mod tests;
