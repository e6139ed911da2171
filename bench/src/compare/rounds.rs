//! The rounds: in each, every engine of a cell once, in an order that rotates.

use std::time::Duration;

use super::bed::{self, Beds, Place};
use super::measure::{self, Commands, Extra, Measurement};
use super::memory;
use super::plan::{Cell, Plan};
use super::progress::Progress;
use super::sweep::Offered;
use crate::cli::{Bed, Engine};
use crate::sys::Stop;

/// All the measurements of one engine in one cell.
#[derive(Debug, Clone)]
pub struct Series {
    /// Where.
    pub bed: Bed,
    /// Who.
    pub engine: Engine,
    /// What.
    pub cell: Cell,
    /// With which processes; `None` until the first round.
    pub commands: Option<Commands>,
    /// One a round, without those that failed.
    pub measurements: Vec<Measurement>,
    /// Why rounds failed.
    pub failures: Vec<String>,
    /// In an open loop: the load; `None`: closed loop.
    pub offered: Option<Offered>,
    /// The measurement in which the system calls were counted; none of the others.
    pub counted: Option<Measurement>,
    /// Of a request, both ends; `None` where they weren't counted.
    pub instructions: Option<f64>,
    /// The same of calls of the allocator.
    pub allocations: Option<f64>,
}

impl Series {
    /// Nothing is measured yet.
    pub fn new(bed: Bed, engine: Engine, cell: &Cell) -> Self {
        Self {
            bed,
            engine,
            cell: cell.clone(),
            commands: None,
            measurements: Vec::new(),
            failures: Vec::new(),
            offered: None,
            counted: None,
            instructions: None,
            allocations: None,
        }
    }
}

/// Measures all the cells. A failed measurement is kept with its reason; a stop ends it all.
pub fn run(plan: &Plan, beds: &Beds, progress: &Progress, stop: &Stop) -> anyhow::Result<Vec<Series>> {
    let mut all = Vec::new();
    for group in plan.groups() {
        let round: Duration = group.iter().map(|cell| plan.round_of(cell)).sum();
        progress.stage(plan.name_of(group), round * plan.rounds);
        let of_cell = |cell: &'_ Cell| {
            let series = |engine: &Engine| Series::new(bed::of(cell.bed, *engine), *engine, cell);
            cell.engines.iter().map(series).collect::<Vec<_>>()
        };
        let mut series: Vec<_> = group.iter().flat_map(of_cell).collect();
        for round in 0..plan.rounds {
            progress.round(round, plan.rounds);
            // No engine always follows the same one, or always comes first.
            let first = usize::try_from(round)? % series.len();
            series.rotate_left(first);
            for one in &mut series {
                progress.measure(format_args!("round {}, {}", round + 1, one.engine));
                let place = beds.place(one.engine, &one.cell);
                if one.commands.is_none() {
                    one.commands = Some(commands(plan, &one.cell, one.engine, &place));
                }
                let result = measure(plan, one, &place, stop);
                anyhow::ensure!(!stop.requested(), "stopped by a signal; all is cleaned up");
                match result {
                    Ok(measurement) => one.measurements.push(measurement),
                    Err(error) => one.failures.push(format!("{error:#}")),
                }
                progress.done(plan.time_of(&one.cell, one.engine));
            }
            series.rotate_right(first);
        }
        all.append(&mut series);
    }
    Ok(all)
}

fn commands(plan: &Plan, cell: &Cell, engine: Engine, place: &Place) -> Commands {
    if place.bed == Bed::Memory {
        memory::commands(plan, cell, engine)
    } else {
        measure::commands(plan, cell, engine, place, &Extra::default())
    }
}

fn measure(plan: &Plan, series: &Series, place: &Place, stop: &Stop) -> anyhow::Result<Measurement> {
    if place.bed == Bed::Memory {
        memory::measure(plan, &series.cell, series.engine, stop)
    } else {
        measure::measure(plan, &series.cell, series.engine, place, &Extra::default(), stop)
    }
}
