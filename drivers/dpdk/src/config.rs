//! What a user says of a DPDK device.

use crate::DpdkError;

/// Where packet memory comes from. It is EAL's, so the first device that a process opens decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Memory {
    /// Huge pages, as hardware needs them: so many MiB.
    HugePages(u32),
    /// Ordinary pages, so many MiB: for virtual devices within this process, without any set-up.
    Ordinary(u32),
}

/// A DPDK device; [`DpdkConfig::new`] has the defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DpdkConfig {
    /// A virtual device with its arguments, as in `net_tap0,iface=dtap0`, or the name of a port that EAL has found.
    pub device: String,
    /// Where packet memory comes from. Default: 256 MiB of huge pages.
    pub memory: Memory,
    /// The largest IP packet in bytes. Default: what the device has.
    pub mtu: Option<u16>,
    /// Entries of the receive ring; the device may round. Default 1024.
    pub rx_descriptors: u16,
    /// Entries of the transmit ring; the device may round. Default 1024.
    pub tx_descriptors: u16,
    /// Further arguments for EAL.
    pub eal: Vec<String>,
}

impl DpdkConfig {
    /// The defaults for `device`.
    pub fn new(device: impl Into<String>) -> DpdkConfig {
        DpdkConfig {
            device: device.into(),
            memory: Memory::HugePages(256),
            mtu: None,
            rx_descriptors: 1024,
            tx_descriptors: 1024,
            eal: Vec::new(),
        }
    }

    /// The device's name, without its arguments.
    pub fn name(&self) -> &str {
        self.device.split(',').next().unwrap_or_default()
    }

    /// The arguments of a virtual device.
    pub(crate) fn arguments(&self) -> &str {
        self.device.split_once(',').map_or("", |(_, arguments)| arguments)
    }

    /// Whether EAL makes the device, and does not find it.
    pub(crate) fn is_virtual(&self) -> bool {
        self.device.starts_with("net_")
    }

    /// Checks what can be checked without DPDK.
    ///
    /// # Errors
    /// [`DpdkError::Config`] names the value.
    pub fn validate(&self) -> Result<(), DpdkError> {
        let wrong = |what: String, remedy: &str| Err(DpdkError::Config { what, remedy: remedy.into() });
        if self.name().is_empty() || self.device.contains('\0') {
            return wrong(
                format!("the device {:?}", self.device),
                "give a PCI address such as 0000:03:00.0, or a virtual device such as net_tap0",
            );
        }
        if let Some(bad) = self.eal.iter().find(|argument| argument.contains('\0')) {
            return wrong(format!("the EAL argument {bad:?}"), "leave the zero byte out");
        }
        for (name, entries) in [("receive", self.rx_descriptors), ("transmit", self.tx_descriptors)] {
            if !(32..=32_768).contains(&entries) {
                return wrong(format!("{entries} descriptors in the {name} ring"), "use 32 to 32768");
            }
        }
        let (Memory::HugePages(mib) | Memory::Ordinary(mib)) = self.memory;
        if !(16..=1 << 20).contains(&mib) {
            return wrong(format!("{mib} MiB of packet memory"), "use 16 MiB to 1 TiB");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
