//! What a server tells of itself while it runs (`serve --control`).

use std::sync::OnceLock;

use anyhow::Context;
use corelane::Handle;
use serde::{Deserialize, Serialize};

use crate::meter::MeterReader;
use crate::sys;
use crate::sys::perf::SystemCalls;

/// What `serve --control` answers to a line on stdin: counts since the start.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, Default)]
pub struct Counters {
    /// Of all the threads, voluntary or not.
    pub context_switches: u64,
    /// Of these, the waits: those that weren't another's turn.
    pub voluntary_switches: u64,
    /// Nanoseconds in which the loop of an engine that polls had work; `None` of one that sleeps: the kernel knows it then.
    pub busy_ns: Option<u64>,
    /// `None` where they aren't counted.
    pub system_calls: Option<u64>,
    /// Payload bytes that corelane's stack and driver have copied; `None` on the kernel's network.
    pub copied_bytes: Option<u64>,
}

/// Where the engine leaves what it has to tell.
#[derive(Default)]
pub struct Gauges {
    meter: OnceLock<MeterReader>,
    stack: OnceLock<Handle>,
    system_calls: Option<SystemCalls>,
}

impl Gauges {
    /// Counts the system calls too, when `event` is given; to be called before other threads start.
    pub fn new(event: Option<u64>) -> anyhow::Result<Self> {
        let system_calls = event.map(SystemCalls::count).transpose();
        Ok(Self { system_calls: system_calls.context("counting system calls")?, ..Self::default() })
    }

    /// The loop of the engine.
    pub fn set_meter(&self, meter: MeterReader) {
        let _only_one = self.meter.set(meter);
    }

    /// corelane's own stack.
    pub fn set_stack(&self, handle: Handle) {
        let _only_one = self.stack.set(handle);
    }

    /// All of it, now.
    pub fn read(&self) -> anyhow::Result<Counters> {
        let switches = sys::context_switches()?;
        let nanoseconds = |meter: &MeterReader| meter.busy().as_nanos() as u64; // 584 years of them
        Ok(Counters {
            context_switches: switches.voluntary + switches.involuntary,
            voluntary_switches: switches.voluntary,
            busy_ns: self.meter.get().map(nanoseconds),
            system_calls: self.system_calls.as_ref().map(SystemCalls::read).transpose()?,
            copied_bytes: self.stack.get().map(copied_bytes).transpose()?,
        })
    }
}

fn copied_bytes(handle: &Handle) -> anyhow::Result<u64> {
    // This thread has no worker of its own to wait on.
    let runtime =
        tokio::runtime::Builder::new_current_thread().build().context("waiting for corelane's counts")?;
    let snapshots = runtime.block_on(handle.stats());
    let bytes = snapshots.iter().map(|snapshot| {
        let (stack, queue) = (&snapshot.stack, &snapshot.queue);
        stack.tx_copied_bytes + stack.rx_copied_bytes + queue.tx_copied_bytes + queue.rx_copied_bytes
    });
    Ok(bytes.sum())
}
