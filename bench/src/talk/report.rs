//! What an end finds out.

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};

/// How a connection ended for an end of it.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The peer has ended its direction.
    Eof,
    /// This end closed.
    Closed,
    /// This end reset it when its time was over.
    Cut,
    /// Nothing came, and writing went on, for longer than a reset needs.
    Silent,
    /// An error: the name of its kind.
    Error(String),
}

impl Ending {
    /// The first error of a connection.
    pub fn of(error: &io::Error) -> Self {
        Self::Error(format!("{:?}", error.kind()))
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(kind) => formatter.pad(kind),
            other => formatter.pad(&format!("{other:?}")),
        }
    }
}

/// The report of an end.
#[derive(Serialize, Deserialize, Debug, Clone)]
pub struct Talk {
    /// Bytes received.
    pub received: u64,
    /// Of them those that were wrong.
    pub wrong: u64,
    /// From the open connection to the last byte received; for a sender, to the end.
    pub seconds: f64,
    /// How it ended.
    pub ending: Ending,
    /// What this host has counted meanwhile of TCP, by its names in `nstat`; without those that stand still.
    pub counted: Counters,
}

impl Talk {
    /// Segments that this host sent again.
    pub fn retransmitted(&self) -> u64 {
        self.count("TcpRetransSegs")
    }

    /// RTOs of this host.
    pub fn timeouts(&self) -> u64 {
        self.count("TcpExtTCPTimeouts")
    }

    fn count(&self, name: &str) -> u64 {
        self.counted.get(name).copied().unwrap_or(0)
    }
}

/// The counters of a host, by their names in `nstat`.
pub type Counters = BTreeMap<String, u64>;
