//! Two reports, row by row.

use std::fmt;

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};

use super::bootstrap::{self, LEAST, Ratio};
use crate::compare::interval::{CONFIDENCE, Interval};
use crate::compare::measure::Measurement;
use crate::compare::report::Comparison;
use crate::compare::row::{self, Row};

/// What the interval of a row's ratio says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The interval is above 1.
    Faster,
    /// 1 is in the interval: no difference was shown.
    Same,
    /// The interval is below 1.
    Slower,
    /// There is none.
    TooFewRounds,
}

/// A row that both have.
#[derive(Debug)]
struct Pair {
    name: String,
    /// The medians.
    medians: [f64; 2],
    rounds: [usize; 2],
    /// Whether the verdict is that of p99.
    open_loop: bool,
    /// Of requests or of Gbit a second.
    rate: Option<Ratio>,
    p50: Option<Ratio>,
    p99: Option<Ratio>,
    verdict: Verdict,
    /// The row's ratio to its peer in both reports; `None` where one has none, or of the peer itself.
    ratios: Option<[Figure; 2]>,
    /// Whether it is a closed loop of epoll or smoltcp: how its rate moved tells of the machine.
    is_peer: bool,
}

/// A ratio to a peer, as a report prints it.
#[derive(Debug, Clone, Copy)]
struct Figure {
    ratio: f64,
    interval: Interval,
}

/// What two reports have in common, and what not.
#[derive(Debug)]
pub struct Diff {
    pairs: Vec<Pair>,
    only_first: Vec<String>,
    only_second: Vec<String>,
    /// What differs beside the figures.
    conditions: Vec<String>,
}

impl Diff {
    /// The rows of `first` in their order, then those that only `second` has.
    pub fn new(first: &Comparison, second: &Comparison, seed: u64) -> Self {
        let (mut pairs, mut only_first) = (Vec::new(), Vec::new());
        for row in &first.rows {
            match second.rows.iter().find(|other| other.key() == row.key()) {
                Some(other) => pairs.push(Pair::new(row, other, seed)),
                None => only_first.push(row.long_name()),
            }
        }
        let is_new = |row: &&Row| !first.rows.iter().any(|other| other.key() == row.key());
        Self {
            pairs,
            only_first,
            only_second: second.rows.iter().filter(is_new).map(Row::long_name).collect(),
            conditions: conditions(first, second),
        }
    }

    /// Whether a row's verdict is slower, and its ratio so many per cent below 1; that of p99 so many above.
    pub fn is_slower_by(&self, percent: f64) -> bool {
        let slower = |pair: &Pair| {
            let beyond = if pair.open_loop {
                pair.p99.is_some_and(|p99| p99.ratio >= 1.0 + percent / 100.0)
            } else {
                pair.rate.is_some_and(|rate| rate.ratio <= 1.0 - percent / 100.0)
            };
            pair.verdict == Verdict::Slower && beyond
        };
        self.pairs.iter().any(slower)
    }
}

impl Pair {
    fn new(first: &Row, second: &Row, seed: u64) -> Self {
        let bulk = first.workload.is_bulk();
        let rate = |round: &Measurement| {
            if bulk { round.report.gbit_per_second } else { round.report.requests_per_second }
        };
        let ratio = |figure: &dyn Fn(&Measurement) -> f64| {
            let each = |row: &Row| row.measurements.iter().map(figure).collect::<Vec<_>>();
            bootstrap::ratio(&each(first), &each(second), seed)
        };
        let spreads =
            [first, second].map(|row| if bulk { &row.gbit_per_second } else { &row.requests_per_second });
        let (rate, p99) = (ratio(&rate), ratio(&|round| round.report.latency_us.p99));
        Self {
            name: first.long_name(),
            medians: spreads.map(|spread| spread.median),
            rounds: [first.measurements.len(), second.measurements.len()],
            open_loop: first.offered.is_some(),
            rate,
            p50: ratio(&|round| round.report.latency_us.p50),
            p99,
            // In an open loop the rate is given: how long requests took is what differs.
            verdict: if first.offered.is_some() { verdict(p99).opposite() } else { verdict(rate) },
            ratios: Figure::of(first).zip(Figure::of(second)).map(|(first, second)| [first, second]),
            is_peer: first.is_peer() && first.offered.is_none(),
        }
    }

    fn cells(&self) -> Vec<String> {
        let digits = if self.medians[0] < 1000.0 { 2 } else { 0 };
        let [first, second] = self.medians.map(|median| format!("{median:.digits$}"));
        vec![
            self.name.clone(),
            first,
            second,
            self.rate.map_or_else(|| "-".to_owned(), |ratio| ratio.to_string()),
            self.p50.map_or_else(|| "-".to_owned(), |ratio| ratio.to_string()),
            self.p99.map_or_else(|| "-".to_owned(), |ratio| ratio.to_string()),
            format!("{}, {}", self.rounds[0], self.rounds[1]),
            self.verdict.to_string(),
        ]
    }
}

impl Figure {
    fn of(row: &Row) -> Option<Self> {
        let ratio = row.ratio_to_epoll.or(row.ratio_to_smoltcp).filter(|_| !row.is_peer())?;
        Some(Self { ratio: ratio.that_counts(row), interval: ratio.interval? })
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.interval.low <= other.interval.high && other.interval.low <= self.interval.high
    }
}

impl Verdict {
    /// Of a figure of which less is better.
    fn opposite(self) -> Self {
        match self {
            Self::Faster => Self::Slower,
            Self::Slower => Self::Faster,
            other => other,
        }
    }
}

fn verdict(ratio: Option<Ratio>) -> Verdict {
    match ratio.and_then(|ratio| ratio.interval) {
        None => Verdict::TooFewRounds,
        Some((low, _)) if low > 1.0 => Verdict::Faster,
        Some((_, high)) if high < 1.0 => Verdict::Slower,
        Some(_) => Verdict::Same,
    }
}

impl Diff {
    /// How many rows differ, and how many would by chance.
    fn write_sums(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |verdict| self.pairs.iter().filter(|pair| pair.verdict == verdict).count();
        let (same, faster, slower) = (count(Verdict::Same), count(Verdict::Faster), count(Verdict::Slower));
        let judged = same + faster + slower;
        if judged > 0 {
            let by_chance = (judged as f64 * (1.0 - CONFIDENCE)).ceil(); // a report has some hundred rows
            writeln!(
                formatter,
                "rows: {judged} judged: {same} the same, {faster} faster, {slower} slower; if nothing differed, some {by_chance} \
                 would be called faster or slower by chance"
            )?;
        }
        let mut peers: Vec<f64> =
            self.pairs.iter().filter(|pair| pair.is_peer).filter_map(|pair| Some(pair.rate?.ratio)).collect();
        peers.sort_by(f64::total_cmp);
        if let Some(moved) = row::median(&peers) {
            writeln!(
                formatter,
                "machine: epoll and smoltcp, with whom the others are compared, did {moved:.2} x as much in B as in A (median of {} \
                 rows)",
                peers.len()
            )?;
        }
        let both: Vec<_> = self.pairs.iter().filter_map(|pair| Some((pair, pair.ratios?))).collect();
        let apart: Vec<_> = both.iter().filter(|(_, [first, second])| !first.overlaps(second)).collect();
        for (pair, [first, second]) in &apart {
            writeln!(formatter, "ratios apart: {}: {first} in A, {second} in B", pair.name)?;
        }
        writeln!(
            formatter,
            "ratios to epoll and smoltcp: the intervals that A and B print overlap in {} of {}",
            both.len() - apart.len(),
            both.len()
        )
    }
}

/// What must be the same for a ratio to tell of the code alone.
fn conditions(first: &Comparison, second: &Comparison) -> Vec<String> {
    let of = |report: &Comparison| {
        let (machine, settings) = (&report.machine, &report.settings);
        [
            ("processor", machine.cpu.clone()),
            ("cores", machine.cores.to_string()),
            ("kernel", machine.kernel.clone()),
            ("governor", machine.governor.clone()),
            ("mitigations", machine.mitigations.join("; ")),
            ("compiler", machine.rustc.clone()),
            ("optimised", machine.optimised.to_string()),
            ("version", machine.full_version()),
            ("beds", settings.bed_names()),
            ("DPDK", machine.dpdk.clone().unwrap_or_else(|| "none".to_owned())),
            ("seconds of a round", settings.seconds.to_string()),
            ("seconds of warm-up", settings.warmup.to_string()),
            ("client", settings.client.clone()),
            ("congestion control", settings.congestion.clone().unwrap_or_else(|| "the system's".to_owned())),
        ]
    };
    let differs = of(first).into_iter().zip(of(second)).filter(|(first, second)| first != second);
    differs.map(|((name, first), (_, second))| format!("{name}: {first} -> {second}")).collect()
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Faster => "faster",
            Self::Same => "same",
            Self::Slower => "slower",
            Self::TooFewRounds => "too few rounds",
        })
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:.2} ({:.2}..{:.2})", self.ratio, self.interval.low, self.interval.high)
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:.3}", self.ratio)?;
        match self.interval {
            Some((low, high)) => write!(formatter, " ({low:.3}..{high:.3})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        let header = ["row", "A", "B", "B / A (95 %)", "p50 (95 %)", "p99 (95 %)", "rounds", "verdict"];
        table.load_style(ASCII_MARKDOWN).set_header(header);
        for pair in &self.pairs {
            table.add_row(pair.cells());
        }
        for column in table.column_iter_mut().skip(1).take(6) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        writeln!(formatter, "{table}")?;
        for (which, rows) in [("A", &self.only_first), ("B", &self.only_second)] {
            for row in rows {
                writeln!(formatter, "only in {which}: {row}")?;
            }
        }
        for condition in &self.conditions {
            writeln!(formatter, "not the same: {condition}")?;
        }
        self.write_sums(formatter)?;
        if self.pairs.iter().any(|pair| pair.verdict == Verdict::TooFewRounds) {
            writeln!(
                formatter,
                "note: with less than {LEAST} rounds in A or B an interval would say nothing"
            )?;
        }
        writeln!(
            formatter,
            "note: A and B are medians of req/s, of Gbit/s for bulk and bulk-up; see --help for the method"
        )
    }
}

#[cfg(test)]
mod tests;
