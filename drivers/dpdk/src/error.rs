//! Why a DPDK device could not be opened, and what would mend it.

use std::io;

use thiserror::Error;

/// Why DPDK could not be had. `Display` says what is wrong, [`DpdkError::remedy`] what to do about it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DpdkError {
    /// A value of the configuration can't be.
    #[error("{what}")]
    Config {
        /// Which value, and why it can't be.
        what: String,
        /// A value that can.
        remedy: String,
    },
    /// EAL did not start. It can't be tried again in the same process.
    #[error("EAL did not start ({reason})")]
    Eal {
        /// What EAL said.
        reason: String,
        /// What it was told.
        arguments: String,
    },
    /// EAL runs already, with other arguments.
    #[error("EAL runs in this process already, started with {running:?}")]
    Running {
        /// What it was started with.
        running: String,
    },
    /// There is no such device, or no driver for it was loaded.
    #[error("no device {0:?}: DPDK has no such port, or has not loaded the driver for it")]
    NoDevice(String),
    /// The device can't be made.
    #[error("the virtual device {device:?}: {reason}")]
    Virtual {
        /// The device with its arguments.
        device: String,
        /// What DPDK said.
        reason: String,
    },
    /// Only one queue can be opened.
    #[error("queue {0}: this driver opens queue 0 only, once")]
    Queue(u16),
    /// Packet memory did not suffice.
    #[error("{bytes} bytes of packet memory can't be had: {reason}")]
    PacketMemory {
        /// How much was asked for.
        bytes: usize,
        /// What DPDK said.
        reason: String,
    },
    /// A call failed.
    #[error("{call} on {device}: {reason}")]
    Call {
        /// What was tried.
        call: &'static str,
        /// The device.
        device: String,
        /// What DPDK said.
        reason: String,
    },
}

impl DpdkError {
    /// What would mend it, as a command where there is one.
    pub fn remedy(&self) -> String {
        match self {
            DpdkError::Config { remedy, .. } => remedy.clone(),
            DpdkError::Eal { arguments, .. } => format!(
                "EAL's own lines above say more; it was started with `{arguments}`: huge pages are made by \
                 `echo 512 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages` as root, or, for virtual devices, use ordinary memory (`dpdk_huge_pages = false`)"
            ),
            DpdkError::Running { .. } => {
                "open all devices of a process with the same memory and EAL arguments".into()
            }
            DpdkError::NoDevice(name) => format!(
                "see what is bound with `dpdk-devbind.py --status`, or load the driver by the EAL argument `-d` with its \
                 librte_net_*.so (in {name} a virtual device's name starts with net_)"
            ),
            DpdkError::Virtual { device, .. } => {
                let name = device.split(',').next().unwrap_or_default();
                let driver = name.trim_end_matches(|digit: char| digit.is_ascii_digit());
                format!(
                    "install its driver (`apt-get install librte-{}*`), and look at its arguments",
                    driver.replace('_', "-")
                )
            }
            DpdkError::Queue(_) => "open queue 0; a device that was closed is opened anew".into(),
            DpdkError::PacketMemory { .. } => "use fewer slots, or give EAL more memory".into(),
            DpdkError::Call { .. } => {
                "see what the device can do with `dpdk-testpmd`, or use another driver".into()
            }
        }
    }

    fn kind(&self) -> io::ErrorKind {
        match self {
            DpdkError::Config { .. } | DpdkError::Running { .. } | DpdkError::Queue(_) => {
                io::ErrorKind::InvalidInput
            }
            DpdkError::NoDevice(_) => io::ErrorKind::NotFound,
            DpdkError::PacketMemory { .. } => io::ErrorKind::OutOfMemory,
            DpdkError::Eal { .. } | DpdkError::Virtual { .. } | DpdkError::Call { .. } => {
                io::ErrorKind::Other
            }
        }
    }
}

impl From<DpdkError> for io::Error {
    fn from(error: DpdkError) -> io::Error {
        io::Error::new(error.kind(), format!("DPDK: {error}: {}", error.remedy()))
    }
}
