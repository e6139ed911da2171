//! What must be said at a row.

use crate::compare::row::Row;

/// Why a row's figures are not to be taken as they are; empty: nothing is known against them.
pub fn of(row: &Row) -> Vec<String> {
    let mut warnings = Vec::new();
    if row.byte_errors > 0 {
        warnings.push(format!("{} wrong bytes in the answers", row.byte_errors));
    }
    if row.connection_errors > 0 {
        let first = row.first_connection_error.as_deref().unwrap_or("unknown");
        warnings.push(format!(
            "{} connections could not be made or broke, the first: {first}",
            row.connection_errors
        ));
    }
    if row.starved_connections > 0 {
        warnings.push(format!(
            "{} connections, over all rounds, had no answer in the measured time",
            row.starved_connections
        ));
    }
    let refused = row.headroom.refused.iter().map(|reason| format!("in no ratio: {reason}"));
    warnings.extend(refused);
    warnings.extend(row.headroom.warnings.iter().cloned());
    warnings
}
