//! The stage of the open loop: for each engine the search for its knee, then rounds at parts of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::bed::Beds;
use super::knee::{self, Knee, Point};
use super::measure::{self, Extra};
use super::plan::{Cell, Plan};
use super::progress::Progress;
use super::rounds::Series;
use super::row::spread;
use crate::cli::{Bed, Engine, LoadEngine, Workload};
use crate::sys::Stop;

/// The loads of the rounds, as parts of the knee.
pub const LEVELS: [f64; 2] = [0.5, 0.8];

/// Measurements that a search takes, about: for the estimate.
pub const SEARCH: u32 = 12;

/// Fewer connections than this are a queue in front of a few requests in flight, not a load.
const LEAST_CONNECTIONS: usize = 16;

/// The load of a row that was measured in an open loop.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq)]
pub struct Offered {
    /// Requests a second.
    pub rate: f64,
    /// As a part of the engine's knee.
    pub of_knee: f64,
}

/// What the stage gave.
#[derive(Default)]
pub struct Sweep {
    /// One for each engine in each cell.
    pub knees: Vec<Knee>,
    /// The rounds at parts of them.
    pub series: Vec<Series>,
}

/// Whether a cell has requests that can be due.
pub fn fits(plan: &Plan, cell: &Cell) -> bool {
    let requests = matches!(cell.workload, Workload::Echo | Workload::Http | Workload::Json);
    requests && cell.connections >= LEAST_CONNECTIONS && plan.client != LoadEngine::Wrk
}

/// Sweeps all the cells that fit; `closed` has what the engines did in the closed loop.
pub fn run(
    plan: &Plan,
    beds: &Beds,
    closed: &[Series],
    progress: &Progress,
    stop: &Stop,
) -> anyhow::Result<Sweep> {
    let mut sweep = Sweep::default();
    for cell in plan.open_cells() {
        progress.stage(format_args!("{cell}, open loop"), plan.open_loop_of(cell));
        let of_cell = closed.iter().filter(|series| series.cell == *cell && series.bed != Bed::Memory);
        let mut knees = Vec::new();
        for series in of_cell {
            let rates = series.measurements.iter().map(|round| round.report.requests_per_second);
            let Some(rate) = spread(rates.collect()) else { continue };
            knees.push(find(plan, beds, series, rate.median, progress, stop)?);
        }
        for of_knee in LEVELS {
            progress.note(format_args!("at {:.0} % of the knee", of_knee * 100.0));
            sweep.series.append(&mut rounds(plan, beds, cell, (&knees, of_knee), progress, stop)?);
        }
        sweep.knees.append(&mut knees);
    }
    Ok(sweep)
}

fn find(
    plan: &Plan,
    beds: &Beds,
    series: &Series,
    closed_loop: f64,
    progress: &Progress,
    stop: &Stop,
) -> anyhow::Result<Knee> {
    let (cell, engine, bound) = (&series.cell, series.engine, plan.p99_bound_us);
    let mut number = 0;
    let found = knee::search(closed_loop, |rate| {
        number += 1;
        progress.measure(format_args!("knee of {engine}, {rate:.0} req/s"));
        let extra = Extra { rate: Some(rate), seed: plan.seed + number, ..Extra::default() };
        let result = measure::measure(plan, cell, engine, &beds.place(engine, cell), &extra, stop);
        // Nobody knows how many a search takes.
        progress.done(if number <= u64::from(SEARCH) { plan.time_of(cell) } else { Duration::ZERO });
        anyhow::ensure!(!stop.requested(), "stopped by a signal; all is cleaned up");
        Ok(match result {
            Ok(measurement) => Point::of(&measurement, bound).ok_or_else(|| "a closed loop".to_owned()),
            Err(error) => Err(format!("{error:#}")),
        })
    })?;
    let knee = found.rate.map_or_else(|| "none".to_owned(), |rate| format!("{rate:.0} req/s"));
    progress.note(format_args!("knee of {engine}: {knee}"));
    Ok(Knee {
        bed: series.bed,
        engine,
        workload: cell.workload,
        connections: cell.connections,
        size: cell.size,
        closed_loop,
        p99_bound_us: bound,
        rate: found.rate,
        limit: found.limit(bound),
        refused: found.refused(),
        points: found.points,
        failures: found.failures,
    })
}

/// Measures each engine at the same part of its own knee, in rounds as those of the closed loop.
fn rounds(
    plan: &Plan,
    beds: &Beds,
    cell: &Cell,
    (knees, of_knee): (&[Knee], f64),
    progress: &Progress,
    stop: &Stop,
) -> anyhow::Result<Vec<Series>> {
    let with_rate = |knee: &Knee| Some((knee.engine, knee.rate? * of_knee));
    let mut all: Vec<Series> = knees
        .iter()
        .filter_map(with_rate)
        .map(|(engine, rate)| series(beds, cell, engine, Offered { rate, of_knee }))
        .collect();
    for round in 0..plan.rounds {
        progress.round(round, plan.rounds);
        let first = usize::try_from(round)? % all.len().max(1);
        all.rotate_left(first);
        for one in &mut all {
            let place = beds.place(one.engine, cell);
            let rate = one.offered.map(|offered| offered.rate);
            let extra = Extra { rate, seed: plan.seed + u64::from(round), ..Extra::default() };
            one.commands.get_or_insert_with(|| measure::commands(plan, cell, one.engine, &place, &extra));
            let level = of_knee * 100.0;
            progress.measure(format_args!("{level:.0} % of the knee, round {}, {}", round + 1, one.engine));
            let result = measure::measure(plan, cell, one.engine, &place, &extra, stop);
            progress.done(plan.time_of(cell));
            anyhow::ensure!(!stop.requested(), "stopped by a signal; all is cleaned up");
            match result {
                Ok(measurement) => one.measurements.push(measurement),
                Err(error) => one.failures.push(format!("{error:#}")),
            }
        }
        all.rotate_right(first);
    }
    Ok(all)
}

fn series(beds: &Beds, cell: &Cell, engine: Engine, offered: Offered) -> Series {
    Series { offered: Some(offered), ..Series::new(beds.of(engine), engine, cell) }
}

#[cfg(test)]
mod tests;
