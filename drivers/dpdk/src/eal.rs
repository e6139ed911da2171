//! The environment abstraction layer: started once in a process, and never stopped.

use std::ffi::CString;
use std::sync::Mutex;

use crate::config::Memory;
use crate::{DpdkConfig, DpdkError, ffi};

/// What EAL was started with; `None` while it was not, or when it refused.
static RUNNING: Mutex<Option<Vec<String>>> = Mutex::new(None);

/// EAL's arguments for a device.
///
/// Nothing is shared with other DPDK processes: no configuration, no file of huge pages, no telemetry socket. PCI
/// devices are looked for only when one is asked for.
pub fn arguments(config: &DpdkConfig) -> Vec<String> {
    // The prefix names a folder of EAL's, which stays; no file of ours is in it, so that all our processes share it.
    let mut all = vec!["corelane".to_owned(), "--file-prefix=corelane".to_owned()];
    let mut add = |argument: &str| all.push(argument.to_owned());
    add("--no-telemetry");
    add("--log-level=*:warning");
    if config.is_virtual() {
        add("--no-pci");
    } else {
        add("--allow");
        add(config.name());
    }
    match config.memory {
        Memory::HugePages(mib) => {
            add("--in-memory"); // pages without files: a killed process leaves none behind
            add("-m");
            add(&mib.to_string());
        }
        Memory::Ordinary(mib) => {
            add("--no-huge");
            add("--no-shconf");
            add("-m");
            add(&mib.to_string());
        }
    }
    all.extend(config.eal.iter().cloned());
    all
}

/// Starts EAL, or finds it running with the same memory and further arguments. The calling thread keeps its affinity.
pub fn start(config: &DpdkConfig) -> Result<(), DpdkError> {
    let wanted = arguments(config);
    let mut running = RUNNING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(running) = &*running {
        // Virtual devices come and go while it runs.
        return if *running == wanted {
            Ok(())
        } else {
            Err(DpdkError::Running { running: running.join(" ") })
        };
    }
    // Nothing in a String from a checked configuration is a zero byte.
    let strings: Vec<CString> = wanted.iter().filter_map(|text| CString::new(text.as_str()).ok()).collect();
    ffi::eal_init(strings).map_err(|reason| DpdkError::Eal { reason, arguments: wanted.join(" ") })?;
    tracing::info!(version = ffi::version(), arguments = wanted.join(" "), "started EAL");
    *running = Some(wanted);
    Ok(())
}

#[cfg(test)]
mod tests;
