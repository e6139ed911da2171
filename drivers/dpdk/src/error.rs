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
    /// There are too few huge pages.
    #[error("{needed} MiB of huge pages are needed, {free} are free ({sum})")]
    HugePages {
        /// MiB.
        needed: u32,
        /// MiB.
        free: u32,
        /// What they are for.
        sum: String,
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
    /// There is no such queue, or it was opened before.
    #[error("queue {queue}: the device was opened with {queues}, from 0, each for once")]
    Queue {
        /// Which.
        queue: u16,
        /// How many there are.
        queues: u16,
    },
    /// Packet memory did not suffice.
    #[error(
        "{slots} buffers of {room} bytes, with what DPDK keeps beside each {} MiB, can't be had: {reason}",
        bytes.div_ceil(1 << 20)
    )]
    PacketMemory {
        /// How many buffers were asked for.
        slots: usize,
        /// Bytes of each.
        room: u16,
        /// How much that is.
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
            DpdkError::HugePages { needed, .. } => format!(
                "make more as root, `scripts/host.sh --hugepages {0}` or `echo {0} > \
                 /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages`, use fewer slots or queues, or, for virtual \
                 devices, ordinary memory (`dpdk_huge_pages = false`)",
                needed.div_ceil(2)
            ),
            DpdkError::Running { .. } => {
                "open all devices of a process with the same memory and EAL arguments".into()
            }
            DpdkError::NoDevice(name) => format!(
                "`scripts/host.sh` shows the cards, and `scripts/host.sh --bind {}` gives one to DPDK; a driver that DPDK has not \
                 loaded is named by the EAL argument `-d` with its librte_net_*.so; a virtual device's name starts with net_",
                name.split(',').next().unwrap_or_default()
            ),
            DpdkError::Virtual { device, .. } => {
                let name = device.split(',').next().unwrap_or_default();
                let driver = name.trim_end_matches(|digit: char| digit.is_ascii_digit());
                format!(
                    "install its driver (`apt-get install librte-{}*`), and look at its arguments",
                    driver.replace('_', "-")
                )
            }
            DpdkError::Queue { .. } => {
                "open each queue once; a device of which a queue was closed is opened anew".into()
            }
            DpdkError::PacketMemory { .. } => {
                "use fewer slots, or give EAL more memory (`dpdk_memory`), of which \
                 huge pages must be there: see HugePages_Free in /proc/meminfo"
                    .into()
            }
            DpdkError::Call { .. } => {
                "see what the device can do with `dpdk-testpmd`, or use another driver".into()
            }
        }
    }

    fn kind(&self) -> io::ErrorKind {
        match self {
            DpdkError::Config { .. } | DpdkError::Running { .. } | DpdkError::Queue { .. } => {
                io::ErrorKind::InvalidInput
            }
            DpdkError::NoDevice(_) => io::ErrorKind::NotFound,
            DpdkError::PacketMemory { .. } | DpdkError::HugePages { .. } => io::ErrorKind::OutOfMemory,
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
