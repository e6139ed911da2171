//! The results, as they are shown.

use std::fmt::Write;

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};

use super::plan;
use super::report::Comparison;
use super::row::{Ratio, Row};
use crate::cli::Bed;

const HEADER: [&str; 17] = [
    "bed",
    "workload",
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
    "core busy (softirq)",
    "client busy",
    "CPU us/req",
    "switches/req",
    "byte errors",
];

/// Where `x epoll` stands; the in-memory bed has `x smoltcp` instead.
const RATIO: usize = 6;

/// Columns that are words, and so aligned to the left.
const WORDS: [usize; 3] = [0, 1, 3];

/// The table, then what failed, what was left out, and the notes.
pub fn render(comparison: &Comparison) -> String {
    let mut table = Table::new();
    let mut header = HEADER;
    if comparison.settings.bed == Bed::Memory {
        header[RATIO] = "x smoltcp";
    }
    table.load_style(ASCII_MARKDOWN).set_header(header);
    for row in &comparison.rows {
        table.add_row(cells(row));
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        if !WORDS.contains(&index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut text = format!("{table}\n");
    for line in footer(comparison) {
        // Writing to a String can't fail.
        let _infallible = writeln!(text, "{line}");
    }
    text
}

/// A stream has no requests, and small answers no bandwidth: a cell without meaning has a dash.
fn cells(row: &Row) -> Vec<String> {
    let bulk = row.workload.is_bulk();
    let (rate, gbit) = (&row.requests_per_second, &row.gbit_per_second);
    let only = |when: bool, text: String| if when { text } else { "-".to_owned() };
    let latency = |microseconds: f64| only(!bulk, format!("{microseconds:.1}"));
    let figure = |ratio: Ratio| if bulk { ratio.gbit_per_second } else { ratio.requests_per_second };
    let ratio =
        |ratio: Option<Ratio>| ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{:.2}", figure(ratio)));
    vec![
        row.bed.to_string(),
        row.name(),
        row.connections.to_string(),
        row.engine.to_string(),
        only(!bulk, format!("{:.0} ({:.0}..{:.0})", rate.median, rate.min, rate.max)),
        only(bulk, format!("{:.2} ({:.2}..{:.2})", gbit.median, gbit.min, gbit.max)),
        ratio(row.ratio_to_epoll.or(row.ratio_to_smoltcp)),
        ratio(row.ratio_to_tokio),
        ratio(row.ratio_to_corelane_kernel),
        latency(row.latency_us.p50),
        latency(row.latency_us.p99),
        latency(row.latency_us.p99_9),
        format!("{:.0} % ({:.0} %)", row.cpu.busy * 100.0, row.cpu.softirq * 100.0),
        row.client_busy.map_or_else(|| "-".to_owned(), |busy| format!("{:.0} %", busy * 100.0)),
        format!("{:.2}", row.cpu.us_per_request),
        format!("{:.3}", row.context_switches_per_request),
        row.byte_errors.to_string(),
    ]
}

fn footer(comparison: &Comparison) -> Vec<String> {
    let mut lines = Vec::new();
    for row in &comparison.rows {
        let name = format!("{}, {}, {} connections", row.engine, row.name(), row.connections);
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
        lines.push(format!(
            "FAILED: {}, {}, {} connections: {} of {} rounds: {}",
            failure.engine,
            plan::name(failure.workload, failure.mtu),
            failure.connections,
            failure.rounds,
            comparison.settings.rounds,
            failure.reason
        ));
    }
    let left_out = comparison.settings.left_out.iter();
    lines.extend(left_out.map(|reason| format!("left out: {reason}")));
    lines.extend(comparison.settings.notes.iter().map(|note| format!("note: {note}")));
    let machine = &comparison.machine;
    lines.push(format!(
        "machine: Linux {}, {}, {} cores, {} MiB, {}",
        machine.kernel, machine.cpu, machine.cores, machine.memory_mib, machine.rustc
    ));
    lines
}
