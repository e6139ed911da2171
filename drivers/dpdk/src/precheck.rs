//! What can be said of a device and of memory before DPDK is asked, whose own errors name neither.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use crate::config::Memory;
use crate::{DpdkConfig, DpdkError};

/// Looks at what the device's arguments name: an interface that must be there and up, a socket of vhost-user.
pub fn device(config: &DpdkConfig, sys: &Path) -> Result<(), DpdkError> {
    let argument = |key: &str| {
        let mut pairs = config.arguments().split(',').filter_map(|pair| pair.split_once('='));
        pairs.find(|(name, _)| *name == key).map(|(_, value)| value)
    };
    let wrong = |what: String, remedy: String| Err(DpdkError::Config { what, remedy });
    let name = config.name();
    if name.starts_with("net_af_packet") || name.starts_with("net_af_xdp") {
        let Some(interface) = argument("iface") else {
            return wrong(
                format!("{name} without an interface"),
                format!("name one, as in {name},iface=eth0"),
            );
        };
        let folder = sys.join("class/net").join(interface);
        if !folder.exists() {
            return wrong(
                format!("{name}: no interface {interface:?}"),
                "name one that `ip link` shows".into(),
            );
        }
        let flags = fs::read_to_string(folder.join("flags")).unwrap_or_default();
        let flags = u32::from_str_radix(flags.trim().trim_start_matches("0x"), 16).unwrap_or(IFF_UP);
        if flags & IFF_UP == 0 {
            return wrong(
                format!("{name}: the interface {interface} is down"),
                format!("set it up: `ip link set {interface} up`"),
            );
        }
    }
    if let (true, Some(path), None) =
        (name.starts_with("net_virtio_user"), argument("path"), argument("server"))
    {
        let is_there = fs::metadata(path)
            .is_ok_and(|file| file.file_type().is_socket() || file.file_type().is_char_device());
        if !is_there {
            return wrong(
                format!("{name}: no vhost-user socket at {path}"),
                "start the other end first, or wait for it with the argument server=1".into(),
            );
        }
    }
    Ok(())
}

/// netdevice(7)
const IFF_UP: u32 = 1;

/// Whether there are huge pages enough for what the queues take.
pub fn memory(config: &DpdkConfig, sys: &Path) -> Result<(), DpdkError> {
    let Memory::HugePages(said) = config.memory else { return Ok(()) };
    let (needed, free) = (config.mebibytes(), free_mebibytes(sys));
    if needed <= free {
        return Ok(());
    }
    let sum = match said {
        Some(_) => "as `dpdk_memory` says".to_owned(),
        None => format!(
            "{} queues of {} buffers of {} bytes, and some MiB for rings",
            config.queues,
            config.slots,
            config.buffer_bytes()
        ),
    };
    Err(DpdkError::HugePages { needed, free, sum })
}

/// MiB of huge pages that nobody has, of all sizes.
fn free_mebibytes(sys: &Path) -> u32 {
    let Ok(sizes) = fs::read_dir(sys.join("kernel/mm/hugepages")) else { return 0 };
    let of_size = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        let kibibytes: u64 = name.strip_prefix("hugepages-")?.strip_suffix("kB")?.parse().ok()?;
        let free: u64 = fs::read_to_string(entry.path().join("free_hugepages")).ok()?.trim().parse().ok()?;
        Some(free * kibibytes / 1024)
    };
    u32::try_from(sizes.flatten().filter_map(of_size).sum::<u64>()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
