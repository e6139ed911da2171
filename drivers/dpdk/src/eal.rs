//! The environment abstraction layer: started once in a process, and never stopped.

use std::ffi::CString;
use std::path::Path;
use std::sync::Mutex;

use crate::config::Memory;
use crate::{DpdkConfig, DpdkError, ffi, precheck};

/// What EAL was started for; `None` while it was not, or when it refused.
static RUNNING: Mutex<Option<DpdkConfig>> = Mutex::new(None);

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
        Memory::HugePages(_) => add("--in-memory"), // pages without files: a killed process leaves none behind
        Memory::Ordinary(_) => {
            add("--no-huge");
            add("--no-shconf");
        }
    }
    if config.name().starts_with("net_virtio_user") {
        add("--single-file-segments"); // vhost-user passes few files on: "Too many memory regions" else
    }
    add("-m");
    add(&config.mebibytes().to_string());
    all.extend(config.eal.iter().cloned());
    all
}

/// Starts EAL, or finds it running with what this device needs. The calling thread keeps its affinity.
pub fn start(config: &DpdkConfig) -> Result<(), DpdkError> {
    let wanted = arguments(config);
    let mut running = RUNNING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(running) = &*running {
        // Devices come and go while it runs.
        return if suffices(running, config) {
            Ok(())
        } else {
            Err(DpdkError::Running { running: arguments(running).join(" ") })
        };
    }
    precheck::memory(config, Path::new("/sys"))?;
    // Nothing in a String from a checked configuration is a zero byte.
    let strings: Vec<CString> = wanted.iter().filter_map(|text| CString::new(text.as_str()).ok()).collect();
    ffi::eal_init(strings).map_err(|reason| DpdkError::Eal { reason, arguments: wanted.join(" ") })?;
    tracing::info!(version = ffi::version(), arguments = wanted.join(" "), "started EAL");
    *running = Some(config.clone());
    Ok(())
}

/// Whether EAL, started for one device, is right for another.
fn suffices(running: &DpdkConfig, config: &DpdkConfig) -> bool {
    let memory = match (&running.memory, &config.memory) {
        (Memory::HugePages(_), Memory::HugePages(wanted))
        | (Memory::Ordinary(_), Memory::Ordinary(wanted)) => {
            wanted.is_none_or(|mib| mib == running.mebibytes())
        }
        _ => false,
    };
    let has_pci = config.is_virtual() || !running.is_virtual();
    memory && has_pci && running.eal == config.eal
}

/// A device's name with what the kernel knows of it: which driver has it, where it is a PCI address.
pub fn describe(name: &str) -> String {
    let device = Path::new("/sys/bus/pci/devices").join(name);
    if !device.exists() {
        return name.to_owned();
    }
    let driver = std::fs::read_link(device.join("driver")).ok();
    match driver.as_deref().and_then(Path::file_name) {
        Some(driver) => format!("{name}, bound to {}", driver.to_string_lossy()),
        None => format!("{name}, bound to no driver"),
    }
}

#[cfg(test)]
mod tests;
