//! What a measured process asks of the kernel: a core, a session, to end with its parent.

use std::fs;

use anyhow::Context;

use crate::error::bad_input;
use crate::sys;

/// The cores that this process may run on.
pub fn cores() -> Vec<usize> {
    let ids = core_affinity::get_core_ids().unwrap_or_default();
    ids.into_iter().map(|core| core.id).collect()
}

/// Memory of this process that is in use, in bytes (VmRSS).
pub fn resident_bytes() -> anyhow::Result<u64> {
    let status = fs::read_to_string("/proc/self/status").context("reading /proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kilobytes.map(|kilobytes| kilobytes * 1024).context("/proc/self/status has no VmRSS")
}

/// Checks that this process may run on core `cpu`; `flag` is named in the error.
pub fn check_core(flag: &str, cpu: usize) -> anyhow::Result<()> {
    let cores = cores();
    if cores.contains(&cpu) {
        return Ok(());
    }
    Err(bad_input(format!(
        "{flag} {cpu}: this process may run on the cores {cores:?} only: give one of these"
    )))
}

/// Pins the calling thread, and the threads that it will start, to one core.
pub fn pin(cpu: Option<usize>) -> anyhow::Result<()> {
    let Some(cpu) = cpu else { return Ok(()) };
    check_core("--cpu", cpu)?;
    if core_affinity::set_for_current(core_affinity::CoreId { id: cpu }) {
        Ok(())
    } else {
        Err(bad_input(format!("--cpu {cpu}: the kernel refused to pin this process to it")))
    }
}

/// Joins `compare`, which started this process: ends with it, and gets a session of its own.
///
/// The kernel groups processes by session (SCHED_AUTOGROUP) and gives each group a fair share:
/// in the session of a shell with a build in it, a server would only get half of its core.
pub fn join_parent(parent: Option<u32>) -> anyhow::Result<()> {
    let Some(parent) = parent else { return Ok(()) };
    sys::die_with_parent(parent).context("following the parent process")?;
    sys::new_session().context("starting a session")?;
    // Without CAP_SYS_NICE these two are refused: the figures are then noisier, not wrong.
    let _best_effort = fs::write("/proc/self/autogroup", "-20");
    let _best_effort = sys::set_nice(-20);
    Ok(())
}
