//! corelane on the in-memory link: client and server in one process, no kernel in between.

use super::measure::Measurement;
use super::plan::{Cell, Plan};

/// Whether this build has the bed; if not, why.
pub fn available() -> Result<(), &'static str> {
    Err("this build has no in-memory bench yet")
}

/// Measures one cell once.
///
/// # Errors
/// In this build always: the bed isn't there.
pub fn measure(_plan: &Plan, cell: &Cell) -> anyhow::Result<Measurement> {
    available().map_err(|reason| anyhow::anyhow!("{cell} on the in-memory link: {reason}"))?;
    anyhow::bail!("{cell}: not measured")
}
