//! What a check found.

use std::fmt;
use std::time::Duration;

/// What went wrong, and when in virtual time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Since the start.
    pub at: Duration,
    /// What was found.
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {:?}: {}", self.at, self.what)
    }
}

impl std::error::Error for Failure {}
