//! The drivers' names.

use std::fmt;
use std::str::FromStr;

/// A backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DriverKind {
    /// A poll-mode driver of DPDK.
    Dpdk,
    /// AF_XDP on a network interface.
    Xdp,
    /// A TAP interface: the kernel of this machine is on the other side.
    Tap,
    /// A link in memory: the other side is in this process.
    Sim,
}

impl DriverKind {
    /// All of them, the fastest first.
    pub const ALL: [DriverKind; 4] = [DriverKind::Dpdk, DriverKind::Xdp, DriverKind::Tap, DriverKind::Sim];

    /// The name in flags, files and [`NicInfo`](corelane_nic::NicInfo).
    pub fn name(self) -> &'static str {
        match self {
            DriverKind::Dpdk => "dpdk",
            DriverKind::Xdp => "xdp",
            DriverKind::Tap => "tap",
            DriverKind::Sim => "sim",
        }
    }
}

impl fmt::Display for DriverKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which drivers to try.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Driver {
    /// All, the fastest first.
    #[default]
    Auto,
    /// These, in this order.
    Named(Vec<DriverKind>),
}

impl Driver {
    /// The drivers to try, in order.
    pub fn candidates(&self) -> &[DriverKind] {
        match self {
            Driver::Auto => &DriverKind::ALL,
            Driver::Named(kinds) => kinds,
        }
    }
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Driver::Auto => f.write_str("auto"),
            Driver::Named(kinds) => {
                f.write_str(&kinds.iter().map(|k| k.name()).collect::<Vec<_>>().join(","))
            }
        }
    }
}

/// A name that no driver or mode has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no {what} is named {name:?}: use {known}")]
pub struct ParseError {
    pub(crate) what: &'static str,
    pub(crate) name: String,
    pub(crate) known: &'static str,
}

impl FromStr for DriverKind {
    type Err = ParseError;

    fn from_str(name: &str) -> Result<DriverKind, ParseError> {
        let known = "dpdk, xdp, tap or sim";
        let found = DriverKind::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| ParseError { what: "driver", name: name.into(), known })
    }
}

/// `auto`, or names joined by commas: `xdp,tap`.
impl FromStr for Driver {
    type Err = ParseError;

    fn from_str(names: &str) -> Result<Driver, ParseError> {
        if names == "auto" {
            return Ok(Driver::Auto);
        }
        let kinds: Result<_, ParseError> = names.split(',').map(|name| name.trim().parse()).collect();
        kinds.map(Driver::Named).map_err(|error| ParseError { known: "auto, dpdk, xdp, tap or sim", ..error })
    }
}

#[cfg(test)]
mod tests;
