//! Reading a report.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::compare::report::{Comparison, FORMAT};
use crate::compare::row;
use crate::error::bad_input;

/// What every version of the format has.
#[derive(Deserialize)]
struct Version {
    format: Option<u32>,
}

/// Reads what `compare --json` wrote.
///
/// # Errors
/// [`crate::error::BadInput`] when the file isn't there or isn't such a report.
pub fn read(path: &Path) -> anyhow::Result<Comparison> {
    let name = path.display();
    let text = fs::read_to_string(path).map_err(|error| {
        bad_input(format!("{name}: cannot read it ({error}): give a file of compare --json"))
    })?;
    parse(&text).map_err(|reason| bad_input(format!("{name}: {reason}")))
}

fn parse(text: &str) -> Result<Comparison, String> {
    let version: Version = serde_json::from_str(text)
        .map_err(|error| format!("not a report ({error}): give a file of compare --json"))?;
    match version.format {
        Some(FORMAT) => {}
        Some(other) => {
            return Err(format!(
                "its format is {other}, and this corelane-bench reads {FORMAT}: take the other's own"
            ));
        }
        None => {
            return Err(
                "it has no format number: give a file of compare --json, and of this version".to_owned()
            );
        }
    }
    let mut report: Comparison = serde_json::from_str(text)
        .map_err(|error| format!("a report of format {FORMAT} that is broken: {error}"))?;
    row::compare(&mut report.rows); // older files have ratios of medians, without an interval
    Ok(report)
}

#[cfg(test)]
mod tests;
