//! The open loop, as it is shown: the knees, then the rounds at parts of them.

use std::fmt::Write;

use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;

use super::knee::Knee;
use super::report::Comparison;
use super::row::Row;
use super::sweep::Offered;
use super::table;

const HEADER: [&str; 15] = [
    "bed",
    "workload",
    "bytes",
    "conns",
    "engine",
    "of knee",
    "offered req/s",
    "answered req/s",
    "p50 us",
    "p99 us",
    "p99.9 us",
    "p99.9 x epoll",
    "client late p99 us",
    "server busy",
    "client busy",
];

/// Empty without an open loop.
pub fn render(comparison: &Comparison) -> String {
    let mut text = String::new();
    for knee in &comparison.knees {
        // Writing to a String can't fail.
        let _infallible = writeln!(text, "{}", line(knee));
    }
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(HEADER);
    for row in &comparison.rows {
        if let Some(offered) = row.offered {
            table.add_row(cells(row, offered));
        }
    }
    text + &table::finish(table)
}

fn line(knee: &Knee) -> String {
    let Knee { bed, engine, workload, connections, size, .. } = knee;
    let name = format!("knee: {engine}, {bed}, {workload} of {size} B, {connections} connections");
    let at_least = if knee.refused.is_some() || knee.limit.is_none() { "at least " } else { "" };
    let rate = match knee.rate {
        Some(rate) => format!(
            "{at_least}{rate:.0} req/s, {:.0} % of the closed loop's",
            rate / knee.closed_loop.max(1.0) * 100.0
        ),
        None => "none, no rate held".to_owned(),
    };
    let limit = knee.limit.as_deref().unwrap_or("no rate that was tried failed");
    let refused = knee
        .refused
        .as_ref()
        .map_or_else(String::new, |reason| format!("; REFUSED as the server's: {reason}"));
    let failures = knee.failures.first().map_or_else(String::new, |first| format!("; FAILED at {first}"));
    format!("{name}: {rate}: {limit}{refused}{failures}")
}

fn cells(row: &Row, offered: Offered) -> Vec<String> {
    let late = row.measurements.iter().filter_map(|round| Some(round.report.open_loop.as_ref()?.late_us.p99));
    let late = super::row::spread(late.collect()).map_or(0.0, |spread| spread.median);
    let figures = vec![
        format!("{:.0} %", offered.of_knee * 100.0),
        format!("{:.0}", offered.rate),
        format!("{:.0}", row.requests_per_second.median),
        format!("{:.1}", row.latency_us.p50),
        format!("{:.1}", row.latency_us.p99),
        format!("{:.1}", row.latency_us.p99_9),
        table::ratio(row, row.ratio_to_epoll),
        format!("{late:.1}"),
        table::busy(Some(row.headroom.server_busy)),
        table::busy(row.headroom.client_busy),
    ];
    table::place(row).into_iter().chain(figures).collect()
}
