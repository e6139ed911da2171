//! What must be said at a row.

use crate::compare::row::Row;

/// A client whose core is so busy may be what limits the server.
const CLIENT_FULL: f64 = 0.95;

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
    if row.client_busy.is_some_and(|busy| busy >= CLIENT_FULL) && row.cpu.busy < CLIENT_FULL {
        warnings
            .push("the client's core was full and the server's was not: the server may do more".to_owned());
    }
    warnings
}
