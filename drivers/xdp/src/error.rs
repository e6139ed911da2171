//! Why a device could not be opened, and what would mend it.

use std::io;

use thiserror::Error;

/// Why AF_XDP could not be had. `Display` says what is wrong, [`XdpError::remedy`] what to do about it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum XdpError {
    /// A value of the configuration can't be.
    #[error("{what}")]
    Config {
        /// Which value, and why it can't be.
        what: String,
        /// A value that can.
        remedy: String,
    },
    /// There is no interface of this name in the network namespace of the calling thread.
    #[error("no network interface named {0:?}")]
    NoInterface(String),
    /// The interface exists, but is not up.
    #[error("interface {0} is down")]
    InterfaceDown(String),
    /// The interface carries no Ethernet frames.
    #[error("interface {0} is not an Ethernet device")]
    NotEthernet(String),
    /// More queues were asked for than the device has.
    #[error("interface {interface} has {has} receive and transmit queue pair(s), {wanted} are asked for")]
    TooManyQueues {
        /// The interface.
        interface: String,
        /// How many were asked for.
        wanted: u16,
        /// How many the device has now.
        has: u16,
    },
    /// The process lacks these capabilities.
    #[error("missing {}", .0.join(", "))]
    MissingCapability(Vec<&'static str>),
    /// The packet memory exceeds what the process may lock.
    #[error("{bytes} bytes of packet memory exceed the memory that this process may lock ({limit} bytes)")]
    LockedMemory {
        /// How much was asked for.
        bytes: usize,
        /// RLIMIT_MEMLOCK, in bytes.
        limit: u64,
    },
    /// The kernel was built without what is named.
    #[error("this kernel has no {0}")]
    Kernel(&'static str),
    /// Another program of the kind has the interface or the queue.
    #[error("{what} is in use by another program")]
    Busy {
        /// The interface's XDP hook, or a queue.
        what: String,
        /// How to find and end it.
        remedy: String,
    },
    /// The queue is open already in this process.
    #[error("queue {queue} of {interface} is open already")]
    QueueOpen {
        /// The interface.
        interface: String,
        /// The queue.
        queue: u16,
    },
    /// The kernel refused for a reason of its own.
    #[error("{call} on {interface}: {source}")]
    System {
        /// What was tried.
        call: String,
        /// The interface.
        interface: String,
        /// What the kernel said.
        source: io::Error,
    },
}

impl XdpError {
    /// What would mend it, as a command where there is one.
    pub fn remedy(&self) -> String {
        match self {
            XdpError::Config { remedy, .. } | XdpError::Busy { remedy, .. } => remedy.clone(),
            XdpError::NoInterface(_) => "list the interfaces with `ip link`".into(),
            XdpError::InterfaceDown(name) => format!("run `ip link set {name} up`"),
            XdpError::NotEthernet(_) => "name an Ethernet interface, or use the TAP driver".into(),
            XdpError::TooManyQueues { interface, wanted, has } => format!(
                "ask for {has} queue(s), or run `ethtool -L {interface} combined {wanted}` \
                 (for veth: `ethtool -L {interface} rx {wanted} tx {wanted}`)"
            ),
            XdpError::MissingCapability(names) => {
                let names = names.join(",").to_lowercase();
                format!("run as root, or run `setcap {names}+ep PROGRAM` on the program's file")
            }
            XdpError::LockedMemory { bytes, .. } => format!(
                "run `ulimit -l {}` in the shell that starts the program (`ulimit -l unlimited`, or LimitMEMLOCK= of \
                 its systemd unit), give it CAP_IPC_LOCK, or use fewer slots",
                bytes.div_ceil(1024)
            ),
            XdpError::Kernel(_) => {
                "use a kernel of 5.11 or later built with CONFIG_XDP_SOCKETS=y and CONFIG_BPF_SYSCALL=y"
                    .into()
            }
            XdpError::QueueOpen { .. } => "open each queue once, on the thread that polls it".into(),
            XdpError::System { .. } => "use the TAP driver if this device cannot do AF_XDP".into(),
        }
    }

    /// The system error `source` of `call`, with the well-known ones given their own names.
    pub(crate) fn system(call: impl Into<String>, interface: &str, source: io::Error) -> XdpError {
        match source.raw_os_error() {
            Some(libc::EPERM) => XdpError::MissingCapability(vec!["CAP_NET_RAW", "CAP_NET_ADMIN", "CAP_BPF"]),
            Some(libc::EAFNOSUPPORT) => XdpError::Kernel("AF_XDP sockets (CONFIG_XDP_SOCKETS)"),
            Some(libc::ENOSYS) => XdpError::Kernel("bpf system call (CONFIG_BPF_SYSCALL)"),
            _ => XdpError::System { call: call.into(), interface: interface.into(), source },
        }
    }

    fn kind(&self) -> io::ErrorKind {
        match self {
            XdpError::Config { .. } | XdpError::NotEthernet(_) | XdpError::TooManyQueues { .. } => {
                io::ErrorKind::InvalidInput
            }
            XdpError::NoInterface(_) => io::ErrorKind::NotFound,
            XdpError::InterfaceDown(_) => io::ErrorKind::NetworkDown,
            XdpError::MissingCapability(_) => io::ErrorKind::PermissionDenied,
            XdpError::LockedMemory { .. } => io::ErrorKind::OutOfMemory,
            XdpError::Kernel(_) => io::ErrorKind::Unsupported,
            XdpError::Busy { .. } => io::ErrorKind::ResourceBusy,
            XdpError::QueueOpen { .. } => io::ErrorKind::AlreadyExists,
            XdpError::System { source, .. } => source.kind(),
        }
    }
}

impl From<XdpError> for io::Error {
    fn from(error: XdpError) -> io::Error {
        io::Error::new(error.kind(), format!("AF_XDP: {error}: {}", error.remedy()))
    }
}
