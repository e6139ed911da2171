//! Connections beside those that are measured.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cli::{Bed, CompareArgs, LoadEngine, Workload};
use crate::error::bad_input;

/// For one of them to be made, and looked at in the end: more than it takes.
const EACH: Duration = Duration::from_millis(1);

/// How many there are, the same for all the rows of a comparison.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Beside {
    /// Connections that are made first and stay idle.
    #[serde(default)]
    pub idle: usize,
    /// Connections whose client reads slowly.
    #[serde(default)]
    pub slow: usize,
}

impl Beside {
    /// What `args` ask for.
    ///
    /// # Errors
    /// Something can't have any beside it.
    pub fn of(args: &CompareArgs, bed: Bed, workloads: &[Workload], is_named: bool) -> anyhow::Result<Self> {
        let beside = Self { idle: args.idle, slow: args.slow };
        let (name, count, which) = if args.slow > 0 {
            ("--slow", args.slow, &[Workload::Echo][..])
        } else if args.idle > 0 {
            ("--idle", args.idle, &[Workload::Echo, Workload::Http, Workload::Json][..])
        } else {
            return Ok(beside);
        };
        let wrong = if bed == Bed::Memory && args.slow > 0 {
            "in memory nobody reads slowly: take another --bed".to_owned()
        } else if bed == Bed::Memory && !is_named {
            "in memory only with --bed memory: smoltcp looks at all of them for each frame".to_owned()
        } else if args.client == LoadEngine::Wrk {
            "wrk has none: leave --client out".to_owned()
        } else if let Some(other) = workloads.iter().find(|workload| !which.contains(workload)) {
            let names: Vec<_> = which.iter().map(ToString::to_string).collect();
            format!("{other} has none beside it: give --workloads {}", names.join(" or "))
        } else {
            return Ok(beside);
        };
        Err(bad_input(format!("{name} {count}: {wrong}")))
    }

    /// Whether there are any.
    pub fn is_some(self) -> bool {
        self != Self::default()
    }

    /// How much longer a measurement may take with them.
    pub fn patience(self) -> Duration {
        EACH * u32::try_from(self.idle + self.slow).unwrap_or(u32::MAX)
    }

    /// The client's flags.
    pub fn flags(self) -> impl Iterator<Item = String> {
        let counts = [("--idle", self.idle), ("--slow", self.slow)];
        counts.into_iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{name}={count}"))
    }
}

/// As it follows what is asked; nothing without any.
impl fmt::Display for Beside {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.idle, self.slow) {
            (0, 0) => Ok(()),
            (idle, 0) => write!(formatter, " beside {idle} idle connections"),
            (0, slow) => write!(formatter, " beside {slow} slow readers"),
            (idle, slow) => write!(formatter, " beside {idle} idle connections and {slow} slow readers"),
        }
    }
}
