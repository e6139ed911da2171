//! What a core did, from /proc/stat (proc_stat(5)), in ticks of usually 10 ms.

use std::fs;

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// Ticks of one core since the start of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticks {
    user: u64,
    system: u64,
    irq: u64,
    softirq: u64,
    idle: u64,
    /// The host ran another machine on it.
    steal: u64,
}

/// Parts of one core's time, 0 to 1.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq)]
pub struct CpuShare {
    /// All but idle and stolen time.
    pub busy: f64,
    /// Programs.
    pub user: f64,
    /// System calls and kernel threads.
    pub system: f64,
    /// Soft interrupts: the receive path of the network, whoever it works for.
    pub softirq: f64,
    /// Taken by the host for others.
    pub steal: f64,
}

impl Ticks {
    /// What core `cpu` has done until now.
    pub fn read(cpu: usize) -> anyhow::Result<Self> {
        let stat = fs::read_to_string("/proc/stat").context("reading /proc/stat")?;
        Self::parse(&stat, cpu).with_context(|| format!("/proc/stat has no line of core {cpu}"))
    }

    fn parse(stat: &str, cpu: usize) -> Option<Self> {
        let name = format!("cpu{cpu} ");
        let line = stat.lines().find_map(|line| line.strip_prefix(&name))?;
        let ticks: Vec<u64> = line.split_whitespace().map_while(|word| word.parse().ok()).collect();
        let [user, nice, system, idle, iowait, irq, softirq, steal, ..] = ticks[..] else {
            return None;
        };
        Some(Self { user: user + nice, system, irq, softirq, idle: idle + iowait, steal })
    }

    /// What the core did since `before`.
    pub fn since(self, before: Self) -> CpuShare {
        let user = self.user.saturating_sub(before.user);
        let system = self.system.saturating_sub(before.system);
        let irq = self.irq.saturating_sub(before.irq);
        let softirq = self.softirq.saturating_sub(before.softirq);
        let idle = self.idle.saturating_sub(before.idle);
        let steal = self.steal.saturating_sub(before.steal);
        let busy = user + system + irq + softirq;
        let total = (busy + idle + steal).max(1) as f64; // a year of ticks fits exactly
        let share = |ticks: u64| ticks as f64 / total;
        CpuShare {
            busy: share(busy),
            user: share(user),
            system: share(system),
            softirq: share(softirq),
            steal: share(steal),
        }
    }
}

#[cfg(test)]
mod tests;
