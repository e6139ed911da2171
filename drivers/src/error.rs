//! Why a driver was not taken.

use std::fmt;
use std::io;

use thiserror::Error;

use crate::DriverKind;

/// A driver that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Which.
    pub driver: DriverKind,
    /// Why not.
    pub reason: String,
    /// What would mend it, as a command where there is one; `None` when the reason says it already.
    pub remedy: Option<String>,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.driver, self.reason)?;
        match &self.remedy {
            Some(remedy) => write!(f, ": {remedy}"),
            None => Ok(()),
        }
    }
}

/// Why no device was opened. One line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OpenError {
    /// A value of the configuration can't be, so no other driver was tried in its place.
    #[error("{0}")]
    Config(Skipped),
    /// None of the drivers can be had.
    #[error("no driver can be had: {}", list(.0))]
    NoDriver(Vec<Skipped>),
}

fn list(skipped: &[Skipped]) -> String {
    skipped.iter().map(Skipped::to_string).collect::<Vec<_>>().join("; ")
}

impl From<OpenError> for io::Error {
    fn from(error: OpenError) -> io::Error {
        let kind = match &error {
            OpenError::Config(_) => io::ErrorKind::InvalidInput,
            OpenError::NoDriver(_) => io::ErrorKind::Unsupported,
        };
        io::Error::new(kind, error)
    }
}
