//! What the kernel's refusals mean, and the way out.

use std::io;

use crate::TapConfig;

/// Why /dev/net/tun did not open.
pub(crate) fn open_failed(error: &io::Error) -> io::Error {
    let why = match error.kind() {
        io::ErrorKind::NotFound => {
            "it does not exist: `mkdir -p /dev/net && mknod /dev/net/tun c 10 200`, \
             or give the container `--device /dev/net/tun`"
        }
        io::ErrorKind::PermissionDenied => {
            "no permission: run as root, `chmod 666 /dev/net/tun`, or allow the device in the container"
        }
        _ if error.raw_os_error() == Some(libc::ENODEV) => "the kernel has no tun driver: `modprobe tun`",
        _ => "see the error",
    };
    io::Error::new(error.kind(), format!("cannot open /dev/net/tun: {why} ({error})"))
}

/// Why an interface was neither made nor attached to.
pub(crate) fn attach_failed(error: &io::Error, config: &TapConfig) -> io::Error {
    let name = &config.name;
    let mode = if config.tun { "tun" } else { "tap" };
    let queues = if config.queues > 1 { " multi_queue" } else { "" };
    let why = match error.raw_os_error() {
        Some(libc::EPERM) => format!(
            "CAP_NET_ADMIN is missing: run as root, `setcap cap_net_admin+ep PROGRAM`, or let root make the \
             interface for you: `ip tuntap add dev {name} mode {mode} user USER{queues} vnet_hdr`"
        ),
        Some(libc::EBUSY) => "another process has it open: end that one or choose another name".to_string(),
        Some(libc::EINVAL) => format!(
            "an interface of that name is there that is no {mode} device{}: choose another name, or \
             `ip link del {name}`",
            if config.queues > 1 { " with multi_queue" } else { " with a single queue" }
        ),
        Some(libc::E2BIG) => "it has no free queue left".to_string(),
        _ => "see the error".to_string(),
    };
    io::Error::new(error.kind(), format!("cannot attach to {mode} interface {name}: {why} ({error})"))
}

/// Why a setting of an interface was refused.
pub(crate) fn setting_failed(error: &io::Error, what: &str, name: &str, command: &str) -> io::Error {
    let why = match error.raw_os_error() {
        Some(libc::EPERM) => format!("CAP_NET_ADMIN is missing: run as root, or let root do `{command}`"),
        _ => format!("try `{command}`"),
    };
    io::Error::new(error.kind(), format!("cannot {what} of interface {name}: {why} ({error})"))
}

#[cfg(test)]
mod tests;
