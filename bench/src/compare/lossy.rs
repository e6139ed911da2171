//! Transfers across lossy links: corelane and the kernel, beside the kernel and the kernel, as `corelane-bench lossy` has them.

use std::time::Duration;

use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;
use serde::{Deserialize, Serialize};

use super::plan::Plan;
use super::progress::Progress;
use super::row::{Spread, spread};
use super::table;
use crate::lossy::{self, CommonArgs, Direction, Disorder, LossyArgs, Network, Series, Transfer};
use crate::sys::Stop;

/// Per cent of the segments in each direction.
const LOSS: [f64; 4] = [0.0, 0.1, 1.0, 5.0];

/// Round-trip time: of a city.
const RTT: Duration = Duration::from_millis(10);

/// The bottleneck's rate, in Mbit/s.
const RATE: u32 = 100;

/// Of a transfer.
const MIB: u64 = 8;

/// When it is cut.
const LIMIT: Duration = Duration::from_secs(5);

/// Transfers side by side: they wait most of the time.
const JOBS: u32 = 2;

/// Rounds at most; `corelane-bench lossy` is for more.
const ROUNDS: u32 = 3;

/// About as long as a round takes.
const ROUND: Duration = Duration::from_secs(25);

/// What came of them.
#[derive(Serialize, Deserialize, Debug, Clone, Default)]
pub struct Links {
    /// MiB of a transfer.
    pub mib: u64,
    /// When it is cut, in seconds.
    pub seconds: f64,
    /// Of both ends.
    pub congestion: String,
    /// Each network, in both directions.
    pub links: Vec<Link>,
    /// Why there are fewer rounds than asked for.
    pub failures: Vec<String>,
}

/// One network in one direction.
#[derive(Serialize, Deserialize, Debug, Clone)]
pub struct Link {
    /// The network.
    pub network: Network,
    /// Who sends.
    pub direction: Direction,
    /// Mbit/s that the kernel received of the kernel.
    pub kernel_mbit: Spread,
    /// The same with corelane at one end.
    pub corelane_mbit: Spread,
    /// corelane's median beside the kernel's.
    pub ratio: f64,
    /// Whether all bytes of all rounds were right, and no connection broke.
    pub intact: bool,
}

/// About how long the stage takes.
pub fn estimate(plan: &Plan) -> Duration {
    if plan.lossy { ROUND * rounds(plan) } else { Duration::ZERO }
}

fn rounds(plan: &Plan) -> u32 {
    plan.rounds.min(ROUNDS)
}

/// Carries them out; `None` when they weren't asked for.
pub fn run(plan: &Plan, progress: &Progress, stop: &Stop) -> anyhow::Result<Option<Links>> {
    if !plan.lossy {
        return Ok(None);
    }
    progress.stage("lossy links", estimate(plan));
    let args = args(plan);
    let mut series = Series::all(&Network::all(&args));
    let all: Vec<usize> = (0..series.len()).collect();
    let mut failures = Vec::new();
    for round in 0..args.rounds {
        progress.part(format_args!("round {} of {}", round + 1, args.rounds));
        progress.measure(format_args!("round {}", round + 1));
        let result = lossy::measure(&args, &mut series, &all, round..round + 1, &|_| {}, stop);
        anyhow::ensure!(!stop.requested(), "stopped by a signal; all is cleaned up");
        progress.done(ROUND);
        if let Err(error) = result {
            failures.push(format!("{error:#}"));
        }
    }
    Ok(Some(Links {
        mib: MIB,
        seconds: LIMIT.as_secs_f64(),
        congestion: args.common.congestion,
        links: series.iter().filter_map(Link::of).collect(),
        failures,
    }))
}

fn args(plan: &Plan) -> LossyArgs {
    LossyArgs {
        common: CommonArgs {
            seed: plan.seed,
            congestion: plan.congestion.clone().unwrap_or_else(|| "cubic".to_owned()),
            jobs: JOBS,
        },
        mib: MIB,
        seconds: LIMIT,
        rounds: rounds(plan),
        more: 0,
        loss: LOSS.to_vec(),
        rtt: vec![RTT],
        disorder: vec![Disorder::Off],
        rate: RATE,
        least: 0.0,
        pcap: None,
        json: None,
        markdown: None,
    }
}

impl Link {
    /// `None` when no round succeeded.
    fn of(series: &Series) -> Option<Self> {
        let goodput =
            |transfers: &[Transfer]| spread(transfers.iter().map(|transfer| transfer.goodput).collect());
        let (kernel_mbit, corelane_mbit) = (goodput(&series.kernel)?, goodput(&series.corelane)?);
        Some(Self {
            network: series.network,
            direction: series.direction,
            ratio: corelane_mbit.median / kernel_mbit.median.max(f64::MIN_POSITIVE),
            kernel_mbit,
            corelane_mbit,
            intact: series.is_intact(),
        })
    }

    /// The network and the way, in words.
    pub fn name(&self) -> String {
        let way = match self.direction {
            Direction::Out => "from corelane",
            Direction::In => "to corelane",
        };
        format!("{}, {way}", self.network)
    }
}

impl Links {
    /// Whether all were carried out, and every byte was right.
    pub fn is_clean(&self) -> bool {
        self.failures.is_empty() && self.links.iter().all(|link| link.intact)
    }

    /// What is wrong, in words.
    pub fn troubles(&self) -> Vec<String> {
        let broken = self.links.iter().filter(|link| !link.intact);
        let broken =
            broken.map(|link| format!("lossy link, {}: a byte was wrong or a connection broke", link.name()));
        broken
            .chain(self.failures.iter().map(|reason| format!("lossy links: a round failed: {reason}")))
            .collect()
    }
}

const HEADER: [&str; 5] =
    ["lossy link", "direction", "kernel Mbit/s (min..max)", "corelane Mbit/s (min..max)", "x kernel"];

/// The medians; empty without any.
pub fn render(links: Option<&Links>) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(HEADER);
    for link in links.iter().flat_map(|links| &links.links) {
        let mbit = |spread: &Spread| format!("{:.2} ({:.2}..{:.2})", spread.median, spread.min, spread.max);
        let name = link.name();
        let (network, way) = name.rsplit_once(", ").unwrap_or((&name, ""));
        table.add_row(vec![
            network.to_owned(),
            way.to_owned(),
            mbit(&link.kernel_mbit),
            mbit(&link.corelane_mbit),
            format!("{:.2}", link.ratio),
        ]);
    }
    table::finish(table)
}

#[cfg(test)]
mod tests;
