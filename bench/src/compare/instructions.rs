//! Instructions of a request, counted by valgrind: the same in each run, on a machine however noisy.

use std::time::Duration;

use super::plan::{Cell, Plan};
use super::progress::Progress;
use super::rounds::Series;
use crate::cli::Bed;
use crate::profile::{Echo, callgrind};
use crate::sys::Stop;

/// The cells in which they are counted: where valgrind would need minutes they tell nothing more.
const CONNECTIONS: usize = 16;

/// Bytes of the largest question that is counted: from a frame on, what is counted is mostly the copying of its bytes.
const LARGEST: usize = 1024;

/// About as long as one count takes.
pub const EACH: Duration = Duration::from_secs(8);

/// Whether they are counted in this cell: both ends must be one process.
pub fn fits(cell: &Cell) -> bool {
    cell.bed == Bed::Memory
        && cell.connections == CONNECTIONS
        && cell.size <= LARGEST
        && !cell.beside.is_some()
}

/// Counts them for each engine in each cell that fits. Why those of some couldn't be counted.
pub fn count(
    plan: &Plan,
    all: &mut [Series],
    progress: &Progress,
    stop: &Stop,
) -> anyhow::Result<Vec<String>> {
    let mut left_out = Vec::new();
    if plan.counted_cells().next().is_none() {
        return Ok(left_out);
    }
    progress.stage("counting instructions", plan.counting_instructions());
    for series in all.iter_mut().filter(|series| fits(&series.cell)) {
        progress.measure(format_args!("{}, {}", series.cell, series.engine));
        let Cell { connections, size, .. } = series.cell;
        let result = callgrind::count(&Echo { engine: series.engine, connections, size }, stop);
        anyhow::ensure!(!stop.requested(), "stopped by a signal; all is cleaned up");
        progress.done(EACH);
        match result {
            Ok(counts) => {
                series.instructions = Some(counts.total());
                series.allocations = Some(counts.allocations);
            }
            Err(error) => {
                left_out.push(format!("instructions of {}, {}: {error:#}", series.engine, series.cell));
            }
        }
    }
    Ok(left_out)
}
