//! The results, as they are shown.

use std::fmt::Write;

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};

use super::lossy::Links;
use super::ratio::Ratio;
use super::report::Comparison;
use super::row::Row;

const HEADER: [&str; 18] = [
    "bed",
    "workload",
    "bytes",
    "conns",
    "engine",
    "req/s (min..max)",
    "Gbit/s (min..max)",
    "x epoll",
    "x tokio",
    "x corelane-kernel",
    "p50 us",
    "p99 us",
    "p99.9 us",
    "server busy (softirq)",
    "client busy",
    "CPU us/req",
    "switches/req",
    "byte errors",
];

/// Where `x epoll` stands; the in-memory bed has `x smoltcp` instead.
const RATIO: usize = 7;

/// Columns that are words, and so aligned to the left.
const WORDS: [usize; 3] = [0, 1, 4];

/// The rows of the closed loop.
pub fn render(comparison: &Comparison) -> String {
    let mut table = Table::new();
    let mut header = HEADER.map(str::to_owned);
    header[RATIO] = format!("x {} (interval)", comparison.settings.peer());
    table.load_style(ASCII_MARKDOWN).set_header(header);
    let closed = comparison.rows.iter().filter(|row| row.offered.is_none());
    closed.for_each(|row| {
        table.add_row(cells(row));
    });
    finish(table)
}

/// As text, with the figures at the right; the first columns are words. Empty without rows.
pub fn finish(mut table: Table) -> String {
    if table.row_iter().next().is_none() {
        return String::new();
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        if !WORDS.contains(&index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    format!("{table}\n")
}

/// Where a row belongs: bed, workload, size, connections and engine, the first columns of every table.
pub fn place(row: &Row) -> [String; 5] {
    let size = if row.workload.is_bulk() { "-".to_owned() } else { row.size.to_string() };
    [row.bed.to_string(), row.name(), size, row.connections.to_string(), row.engine.to_string()]
}

/// A part of the time.
pub fn busy(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.0} %", share * 100.0))
}

/// The figure that counts beside a peer's, with its interval.
pub fn ratio(row: &Row, ratio: Option<Ratio>) -> String {
    let interval = ratio.and_then(|ratio| ratio.interval).filter(|_| !row.is_peer());
    let interval = interval.map_or_else(String::new, |it| format!(" ({:.2}..{:.2})", it.low, it.high));
    short_ratio(row, ratio) + &interval
}

fn short_ratio(row: &Row, ratio: Option<Ratio>) -> String {
    match ratio {
        Some(ratio) => format!("{:.2}", ratio.that_counts(row)),
        None if row.headroom.refused.is_some() => "refused".to_owned(),
        None => "-".to_owned(),
    }
}

/// A stream has no requests, and small answers no bandwidth: a cell without meaning has a dash.
fn cells(row: &Row) -> Vec<String> {
    let bulk = row.workload.is_bulk();
    let (rate, gbit) = (&row.requests_per_second, &row.gbit_per_second);
    let only = |when: bool, text: String| if when { text } else { "-".to_owned() };
    let latency = |microseconds: f64| only(!bulk, format!("{microseconds:.1}"));
    let figures = vec![
        only(!bulk, format!("{:.0} ({:.0}..{:.0})", rate.median, rate.min, rate.max)),
        only(bulk, format!("{:.2} ({:.2}..{:.2})", gbit.median, gbit.min, gbit.max)),
        row.least_ratio_to_epoll.map_or_else(
            || ratio(row, row.ratio_to_epoll.or(row.ratio_to_smoltcp)),
            |least| format!(">= {least:.2}"),
        ),
        short_ratio(row, row.ratio_to_tokio),
        short_ratio(row, row.ratio_to_corelane_kernel),
        latency(row.latency_us.p50),
        latency(row.latency_us.p99),
        latency(row.latency_us.p99_9),
        format!("{} ({})", busy(Some(row.headroom.server_busy)), busy(Some(row.cpu.softirq))),
        busy(row.headroom.client_busy),
        format!("{:.2}", row.cpu.us_per_request),
        format!("{:.3}", row.context_switches_per_request),
        row.byte_errors.to_string(),
    ];
    place(row).into_iter().chain(figures).collect()
}

/// What a reader must know of the rows, what failed, what was left out, and the notes.
pub fn footer(comparison: &Comparison) -> String {
    let mut text = String::new();
    for line in lines(comparison) {
        // Writing to a String can't fail.
        let _infallible = writeln!(text, "{line}");
    }
    text
}

fn lines(comparison: &Comparison) -> Vec<String> {
    let mut lines = Vec::new();
    for row in &comparison.rows {
        let name = row.long_name();
        lines.extend(row.headroom.refused.iter().map(|reason| format!("refused: {name}: {reason}")));
        lines.extend(row.headroom.warnings.iter().map(|warning| format!("doubtful: {name}: {warning}")));
        if row.connection_errors > 0 {
            let first = row.first_connection_error.as_deref().unwrap_or("unknown");
            lines.push(format!("CONNECTION ERRORS: {name}: {}, the first: {first}", row.connection_errors));
        }
        if row.starved_connections > 0 {
            lines.push(format!(
                "starved: {name}: {} connections had no answer in the measured time",
                row.starved_connections
            ));
        }
    }
    for failure in &comparison.failures {
        lines.push(format!("FAILED: {}", failure.words(comparison.settings.rounds)));
    }
    lines.extend(
        comparison.lossy.iter().flat_map(Links::troubles).map(|trouble| format!("FAILED: {trouble}")),
    );
    let left_out = comparison.settings.left_out.iter();
    lines.extend(left_out.map(|reason| format!("left out: {reason}")));
    lines.extend(comparison.settings.notes.iter().map(|note| format!("note: {note}")));
    let machine = &comparison.machine;
    lines.push(format!(
        "machine: Linux {}, {}, {} cores, {} MiB, {}, corelane {}",
        machine.kernel,
        machine.cpu,
        machine.cores,
        machine.memory_mib,
        machine.rustc,
        machine.full_version()
    ));
    lines
}
