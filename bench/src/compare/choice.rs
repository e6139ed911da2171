//! Which beds are measured, and what on each of them where the user doesn't say.

use std::path::Path;

use super::memory;
use crate::cli::{Bed, CompareArgs, Engine, Workload};
use crate::error::bad_input;
use crate::sys;

/// All of them, in the order in which they are measured. What an earlier one has measured a later one leaves out: the kernel's
/// engines of vhost and TAP run on veth, corelane of loopback in memory.
const ALL: [Bed; 5] = [Bed::Veth, Bed::Vhost, Bed::Tap, Bed::Memory, Bed::Loopback];

/// The beds of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// In the order of [`ALL`], each once.
    pub beds: Vec<Bed>,
    /// Whether the user or the program's own default named them: what can't be had is then an error. Else it is left out.
    pub named: bool,
    /// A run in full: many beds, and so a choice of cells and short rounds on each.
    pub full: bool,
}

impl Choice {
    /// What `args` ask for, and what this process may have of it.
    pub fn new(args: &CompareArgs, left_out: &mut Vec<String>) -> anyhow::Result<Self> {
        if !args.bed.is_empty() {
            let beds: Vec<_> = ALL.into_iter().filter(|bed| args.bed.contains(bed)).collect();
            if let Some((bed, reason)) = beds.iter().find_map(|bed| Some((bed, barred(*bed)?))) {
                return Err(bad_input(format!("--bed {bed}: {reason}")));
            }
            let full = beds.len() > 1 && !args.quick;
            return Ok(Self { beds, named: true, full });
        }
        if args.quick {
            if sys::is_root() {
                return Ok(Self { beds: vec![Bed::Veth], named: true, full: false });
            }
            left_out.push("two namespaces joined by a veth: they need root; run it with sudo".to_owned());
            return Ok(Self { beds: vec![Bed::Loopback], named: true, full: false });
        }
        let mut beds = ALL.to_vec();
        beds.retain(|bed| match barred(*bed).or_else(|| missing(*bed)) {
            Some(reason) => {
                left_out.push(format!("bed {bed}: {reason}"));
                false
            }
            None => true,
        });
        Ok(Self { beds, named: false, full: true })
    }
}

/// Why this process may not have the bed.
fn barred(bed: Bed) -> Option<&'static str> {
    let kernel = matches!(bed, Bed::Veth | Bed::Tap | Bed::Vhost);
    (kernel && !sys::is_root())
        .then_some("network namespaces need root: run it with sudo, or take --bed loopback")
}

/// What the bed is nothing without.
fn missing(bed: Bed) -> Option<&'static str> {
    match bed {
        Bed::Vhost if !cfg!(feature = "dpdk") => Some(NO_DPDK),
        Bed::Tap if !Path::new("/dev/net/tun").exists() => Some("/dev/net/tun is missing: modprobe tun"),
        _ => None,
    }
}

/// Why there is no vhost.
pub const NO_DPDK: &str =
    "this build is without DPDK: build it with `cargo build --release -p corelane-bench --features dpdk`";

/// The engines of a bed.
pub fn engines(bed: Bed, quick: bool, full: bool) -> Vec<Engine> {
    use Engine::{
        Bio, BioPool, Corelane, CorelaneKernel, Epoll, EpollLevel, EpollSpin, EpollTuned, IoUring, Mio,
        Tokio, TokioMulti,
    };
    let mut list = match bed {
        Bed::Memory => return memory::ENGINES.to_vec(),
        Bed::Vhost | Bed::Tap if full => return vec![Epoll, Corelane],
        Bed::Vhost => vec![Epoll, EpollSpin, Corelane],
        // corelane in memory has a bed of its own in a run in full.
        Bed::Loopback if full => vec![Bio, Epoll, EpollSpin, IoUring, Tokio, CorelaneKernel],
        _ => vec![Bio, Epoll, EpollSpin, IoUring, Tokio, CorelaneKernel, Corelane],
    };
    if !quick && matches!(bed, Bed::Veth | Bed::Vhost) {
        list.push(EpollTuned);
    }
    if full && bed == Bed::Veth {
        list.extend([BioPool, EpollLevel, Mio, TokioMulti]);
    }
    list
}

/// The workloads of a bed.
pub fn workloads(bed: Bed, full: bool) -> &'static [Workload] {
    use Workload::{Bulk, Crr, Echo, Http};
    match bed {
        Bed::Memory => &memory::WORKLOADS,
        Bed::Vhost => &[Echo, Crr, Bulk],
        Bed::Veth if full => &[Echo, Http, Crr, Bulk],
        Bed::Tap if full => &[Echo, Bulk],
        // Beside veth it is there to show what the pair costs.
        Bed::Loopback if full && sys::is_root() => &[Echo],
        _ => &[Echo, Http],
    }
}

/// The numbers of connections of a workload on a bed.
pub fn connections(bed: Bed, workload: Workload, full: bool) -> &'static [usize] {
    match (bed, workload) {
        (Bed::Memory, Workload::Echo) if full => &[16, 1000, 10_000],
        (Bed::Memory, Workload::Echo) => &[1, 16, 128, 1000, 10_000],
        (Bed::Vhost, Workload::Echo) => &[1, 128, 1000],
        (Bed::Tap, Workload::Echo) if full => &[128],
        (Bed::Loopback, Workload::Echo) if full && sys::is_root() => &[128],
        (_, Workload::Echo) => &[1, 16, 128, 1000],
        (_, Workload::Http) if full => &[128],
        (_, Workload::Http) => &[1, 128],
        (_, Workload::Json) => &[1, 16, 128],
        (_, Workload::Crr | Workload::HttpClose) => &[16],
        (_, Workload::Bulk | Workload::BulkUp) => &[1],
    }
}

#[cfg(test)]
mod tests;
