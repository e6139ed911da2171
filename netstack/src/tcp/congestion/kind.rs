//! Which congestion control a connection uses (TCP_CONGESTION).

use core::fmt;
use core::str::FromStr;

use crate::error::Error;

/// A congestion control (TCP_CONGESTION, `net.ipv4.tcp_congestion_control`), by Linux's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CongestionControl {
    /// `reno`: RFC 5681.
    Reno,
    /// `cubic`: RFC 9438 with HyStart++ (RFC 9406).
    #[default]
    Cubic,
    /// `dctcp`: RFC 8257. For paths whose switches mark early, in data centres; elsewhere it takes more than its share.
    Dctcp,
    /// `bbr`: version 1, a model of the path's bandwidth and round-trip time in the place of losses. It paces.
    Bbr,
}

impl CongestionControl {
    /// All of them.
    pub const ALL: [CongestionControl; 4] = [Self::Reno, Self::Cubic, Self::Dctcp, Self::Bbr];

    /// The name in Linux.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reno => "reno",
            Self::Cubic => "cubic",
            Self::Dctcp => "dctcp",
            Self::Bbr => "bbr",
        }
    }
}

impl fmt::Display for CongestionControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for CongestionControl {
    type Err = Error;

    /// Takes Linux's name.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidInput`] for any other name.
    fn from_str(name: &str) -> Result<CongestionControl, Error> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or(Error::InvalidInput)
    }
}

#[cfg(test)]
mod tests;
