//! The stage of the open loop: for each engine the search for its knee, then rounds at parts of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::bed::{self, Beds};
use super::choice::Choice;
use super::knee::{self, Knee, Point};
use super::measure::{self, Extra, Measurement};
use super::plan::{Cell, Plan};
use super::progress::Progress;
use super::rounds::Series;
use super::row::spread;
use crate::cli::{Bed, CompareArgs, Engine, LoadEngine, Workload};
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

/// What is measured in an open loop too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenLoop {
    /// Nothing.
    None,
    /// Of a run in full: the echo on so many connections as the docs compare, by the engines that they do.
    Few,
    /// All that has requests, on so many connections; without a number, on [`LEAST_CONNECTIONS`] and more.
    All(Vec<usize>),
}

/// The cells of [`OpenLoop::Few`].
const FEW: usize = 128;

impl OpenLoop {
    /// What `args` ask for.
    pub fn new(args: &CompareArgs, choice: &Choice) -> Self {
        match args.open_loop {
            true => Self::All(args.open_connections.clone()),
            false if choice.full => Self::Few,
            false => Self::None,
        }
    }

    fn has(&self, cell: &Cell, engine: Engine) -> bool {
        match self {
            Self::None => false,
            Self::Few => {
                let engines = [Engine::Epoll, Engine::EpollTuned, Engine::Corelane];
                let is_one = cell.workload == Workload::Echo && cell.connections == FEW;
                is_one && matches!(cell.bed, Bed::Veth | Bed::Vhost) && engines.contains(&engine)
            }
            Self::All(connections) if connections.is_empty() => cell.connections >= LEAST_CONNECTIONS,
            Self::All(connections) => connections.contains(&cell.connections),
        }
    }
}

/// The engines of a cell that are measured in an open loop too; none where it has no requests that can be due.
pub fn engines(plan: &Plan, cell: &Cell) -> Vec<Engine> {
    let requests = matches!(cell.workload, Workload::Echo | Workload::Http | Workload::Json);
    // A connection of an open loop has one request in flight.
    if !requests || cell.pipeline > 1 || plan.client == LoadEngine::Wrk {
        return Vec::new();
    }
    let fits =
        |engine: &Engine| plan.open_loop.has(cell, *engine) && bed::of(cell.bed, *engine) != Bed::Memory;
    cell.engines.iter().copied().filter(fits).collect()
}

/// Sweeps all the groups that fit; `closed` has what the engines did in the closed loop.
pub fn run(
    plan: &Plan,
    beds: &Beds,
    closed: &[Series],
    progress: &Progress,
    stop: &Stop,
) -> anyhow::Result<Sweep> {
    let mut sweep = Sweep::default();
    for group in plan.open_groups() {
        let open = group.iter().filter(|cell| !engines(plan, cell).is_empty());
        progress.stage(format_args!("{}, open loop", plan.name_of(open)), plan.open_loop_of(group));
        let fits = |series: &&Series| {
            group.contains(&series.cell) && engines(plan, &series.cell).contains(&series.engine)
        };
        let mut knees = Vec::new();
        for series in closed.iter().filter(fits) {
            let rates = series.measurements.iter().map(|round| round.report.requests_per_second);
            let Some(rate) = spread(rates.collect()) else { continue };
            knees.push((series, find(plan, beds, series, rate.median, progress, stop)?));
        }
        for of_knee in LEVELS {
            progress.note(format_args!("at {:.0} % of the knee", of_knee * 100.0));
            sweep.series.append(&mut rounds(plan, beds, (&knees, of_knee), progress, stop)?);
        }
        sweep.knees.extend(knees.into_iter().map(|(_, knee)| knee));
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
        progress.done(if number <= u64::from(SEARCH) { plan.time_of(cell, engine) } else { Duration::ZERO });
        anyhow::ensure!(!stop.requested(), "stopped by a signal; all is cleaned up");
        Ok(match result {
            Ok(measurement) => Point::of(&measurement, bound).ok_or_else(|| "a closed loop".to_owned()),
            Err(error) => Err(format!("{error:#}")),
        })
    })?;
    let knee = found.rate.map_or_else(|| "none".to_owned(), |rate| format!("{rate:.0} req/s"));
    progress.note(format_args!("knee of {engine}, {}: {knee}", series.bed));
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
    (knees, of_knee): (&[(&Series, Knee)], f64),
    progress: &Progress,
    stop: &Stop,
) -> anyhow::Result<Vec<Series>> {
    let with_rate = |(closed, knee): &(&Series, Knee)| {
        let offered = Offered { rate: knee.rate? * of_knee, of_knee };
        Some(Series { offered: Some(offered), ..Series::new(closed.bed, closed.engine, &closed.cell) })
    };
    let mut all: Vec<Series> = knees.iter().filter_map(with_rate).collect();
    for round in 0..plan.rounds {
        progress.part(format_args!("round {} of {}", round + 1, plan.rounds));
        let first = usize::try_from(round)? % all.len().max(1);
        all.rotate_left(first);
        for one in &mut all {
            let cell = &one.cell;
            let place = beds.place(one.engine, cell);
            let rate = one.offered.map(|offered| offered.rate);
            let extra = Extra { rate, seed: plan.seed + u64::from(round), ..Extra::default() };
            one.commands.get_or_insert_with(|| measure::commands(plan, cell, one.engine, &place, &extra));
            let level = of_knee * 100.0;
            progress.measure(format_args!("{level:.0} % of the knee, round {}, {}", round + 1, one.engine));
            let result = measure::measure(plan, cell, one.engine, &place, &extra, stop);
            progress.done(plan.time_of(cell, one.engine));
            anyhow::ensure!(!stop.requested(), "stopped by a signal; all is cleaned up");
            match result {
                Ok(measurement) => one.measurements.push(Measurement { round: Some(round), ..measurement }),
                Err(error) => one.failures.push(format!("{error:#}")),
            }
        }
        all.rotate_right(first);
    }
    Ok(all)
}

#[cfg(test)]
mod tests;
