//! Medians and tables.

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use super::args::LossyArgs;
use super::cell::Network;
use super::transfer::{Direction, Transfer};
use crate::talk::report::Ending;

/// The rounds of one network in one direction.
#[derive(Serialize, Debug)]
pub struct Series {
    /// The network.
    pub network: Network,
    /// Who sends.
    pub direction: Direction,
    /// The kernel to itself.
    pub kernel: Vec<Transfer>,
    /// corelane and the kernel.
    pub corelane: Vec<Transfer>,
}

const DIRECTIONS: [Direction; 2] = [Direction::Out, Direction::In];

impl Series {
    /// One for each network and direction, without figures.
    pub fn all(networks: &[Network]) -> Vec<Self> {
        let both = |&network| {
            DIRECTIONS.map(|direction| Self { network, direction, kernel: Vec::new(), corelane: Vec::new() })
        };
        networks.iter().flat_map(both).collect()
    }

    /// corelane's median goodput as a share of the kernel's.
    pub fn ratio(&self) -> f64 {
        median(goodputs(&self.corelane)) / median(goodputs(&self.kernel))
    }

    /// Whether all bytes of all rounds were right, and no connection broke.
    pub fn is_intact(&self) -> bool {
        self.kernel.iter().chain(&self.corelane).all(|transfer| {
            transfer.receiver.wrong == 0 && matches!(transfer.receiver.ending, Ending::Eof | Ending::Cut)
        })
    }
}

/// The whole measurement.
#[derive(Serialize, Debug)]
pub struct Report {
    /// Of both ends.
    pub congestion: String,
    /// MiB of a transfer.
    pub mib: u64,
    /// When a transfer is cut, in seconds.
    pub seconds: f64,
    /// The least ratio.
    pub least: f64,
    /// The first seed; each round has the next.
    pub seed: u64,
    /// The figures.
    pub series: Vec<Series>,
}

impl Report {
    /// Of all the series.
    pub fn new(args: &LossyArgs, series: Vec<Series>) -> Self {
        Self {
            congestion: args.common.congestion.clone(),
            mib: args.mib,
            seconds: args.seconds.as_secs_f64(),
            least: args.least,
            seed: args.common.seed,
            series,
        }
    }

    /// Whether all is intact and fast enough.
    pub fn is_good(&self) -> bool {
        self.series.iter().all(|series| series.is_intact() && series.ratio() >= self.least)
    }

    /// The medians, as a Markdown table.
    pub fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(ASCII_MARKDOWN).set_header(HEAD);
        for series in &self.series {
            table.add_row(self.row(series));
        }
        for column in table.column_iter_mut().skip(3) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let slow = self.series.iter().filter(|series| series.ratio() < self.least).count();
        let broken = self.series.iter().filter(|series| !series.is_intact()).count();
        format!(
            "{table}\n\n{}: {} MiB or {} s, medians of {} or more; {slow} of {} below {}, {broken} not intact\n",
            self.congestion,
            self.mib,
            self.seconds,
            self.series.iter().map(|series| series.kernel.len()).min().unwrap_or(0),
            self.series.len(),
            self.least
        )
    }

    fn row(&self, series: &Series) -> Vec<String> {
        let Series { network, direction, kernel, corelane } = series;
        let ratio = series.ratio();
        let verdict = match (series.is_intact(), ratio >= self.least) {
            (false, _) => "NOT INTACT",
            (true, false) => "slow",
            (true, true) => "",
        };
        let way = match direction {
            Direction::Out => "from corelane",
            Direction::In => "to corelane",
        };
        vec![
            way.to_owned(),
            format!("{} % {} ms", network.loss, network.rtt_ms),
            if network.disorder { "disorder" } else { "" }.to_owned(),
            format!("{:.2}", median(goodputs(kernel))),
            format!("{:.2}", median(goodputs(corelane))),
            format!("{ratio:.2}"),
            sent_again(kernel),
            sent_again(corelane),
            verdict.to_owned(),
        ]
    }
}

const HEAD: [&str; 9] = [
    "way",
    "loss, RTT",
    "",
    "kernel Mbit/s",
    "corelane Mbit/s",
    "ratio",
    "kernel again/RTO",
    "corelane again/RTO",
    "",
];

fn goodputs(transfers: &[Transfer]) -> Vec<f64> {
    transfers.iter().map(|transfer| transfer.goodput).collect()
}

/// Medians of the segments that the sender has sent again, and of its time-outs.
fn sent_again(transfers: &[Transfer]) -> String {
    let senders = || transfers.iter().filter_map(|transfer| transfer.sender.as_ref());
    let again = median(senders().map(|sender| sender.retransmitted() as f64).collect());
    let timeouts = median(senders().map(|sender| sender.timeouts() as f64).collect());
    format!("{again:.0}/{timeouts:.0}")
}

/// The middle one; of an even number the lower one of both. NaN of none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests;
