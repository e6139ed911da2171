//! The rounds: in each, every cell once, and in that every engine, in an order that rotates.
//!
//! A cell's rounds lie as far apart as the run is long: what moves its figures changes from minute to minute, and their spread should
//! tell of it.

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
    let of_cell = |cell: &'_ Cell| {
        let series = |engine: &Engine| Series::new(bed::of(cell.bed, *engine), *engine, cell);
        cell.engines.iter().map(series).collect::<Vec<_>>()
    };
    let mut groups: Vec<(String, Vec<Series>)> =
        plan.groups().map(|group| (plan.name_of(group), group.iter().flat_map(of_cell).collect())).collect();
    for round in 0..plan.rounds {
        progress.stage(format_args!("round {} of {}", round + 1, plan.rounds), plan.round());
        for (name, series) in &mut groups {
            progress.part(&*name);
            // No engine always follows the same one, or always comes first.
            let first = usize::try_from(round)? % series.len();
            series.rotate_left(first);
            for one in &mut *series {
                progress.measure(format_args!("{}, {name}", one.engine));
                measure_once(plan, beds, one, round, stop)?;
                progress.done(plan.time_of(&one.cell, one.engine));
            }
            series.rotate_right(first);
        }
    }
    Ok(groups.into_iter().flat_map(|(_, series)| series).collect())
}

fn measure_once(
    plan: &Plan,
    beds: &Beds,
    series: &mut Series,
    round: u32,
    stop: &Stop,
) -> anyhow::Result<()> {
    let place = beds.place(series.engine, &series.cell);
    if series.commands.is_none() {
        series.commands = Some(commands(plan, &series.cell, series.engine, &place));
    }
    let result = measure(plan, series, &place, stop);
    anyhow::ensure!(!stop.requested(), "stopped by a signal; all is cleaned up");
    match result {
        Ok(measurement) => series.measurements.push(Measurement { round: Some(round), ..measurement }),
        Err(error) => series.failures.push(format!("{error:#}")),
    }
    Ok(())
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
