//! Every row with all its figures, and with what must be said of it.

use super::engine::look;
use super::number::{percent, short, time};
use super::text::Text;
use super::throughput::{core, with_range};
use super::warnings;
use crate::cli::Bed;
use crate::compare::measure::Measurement;
use crate::compare::report::Comparison;
use crate::compare::row::{Row, spread};
use crate::compare::sweep::Offered;
use crate::load::report::Latency;

const HEADER: [&str; 18] = [
    "engine",
    "requests a second",
    "Gbit/s",
    "× epoll",
    "p50",
    "p99",
    "p99.9",
    "slowest",
    "server busy",
    "server's core",
    "client busy",
    "CPU µs a request",
    "switches a request",
    "system calls a request",
    "instructions a request",
    "allocations a request",
    "server's bytes a connection",
    "bed",
];

/// The section.
pub fn section(report: &Comparison) -> String {
    // As in the terminal's table: in memory smoltcp is the peer.
    let peer = |name: &&str| match *name {
        "× epoll" => format!("× {}", report.settings.peer()),
        other => other.to_owned(),
    };
    let columns = HEADER.iter().map(|name| format!("<th scope=\"col\">{}</th>", peer(name)));
    let columns: String = columns.collect();
    let interval = |row: &Row| row.ratio_to_epoll.or(row.ratio_to_smoltcp)?.interval;
    let confidence =
        report.rows.iter().filter_map(interval).map(|interval| interval.confidence).fold(1.0, f64::min);
    let sure = (confidence * 1000.0).round() / 10.0;
    let mut html = format!(
        "<section id=\"rows\"><h2>All the figures</h2>\n<p>Medians of the rounds, and in parentheses the lowest and the highest \
         round. The ratio is that of requests or bytes, in an open loop of p99.9: the median of the ratios of single rounds, in \
         which both were measured within minutes, so that a machine that is slower for an hour is not in it; in parentheses an \
         interval between two of these that holds the median of all possible rounds with {sure} % confidence, if they are \
         independent (order statistics; below 6 rounds no interval reaches 95 %, and it is the whole range). Slowest is that of \
         all rounds; busy is of an engine that polls the turns that found work.</p>\n<div class=\"scroll\" role=\"region\" \
         tabindex=\"0\" aria-label=\"All the figures\"><table class=\"all\"><thead><tr>{columns}</tr></thead><tbody>\n"
    );
    let several = report.settings.all_beds().len() > 1;
    let mut cell = None;
    for row in &report.rows {
        let plural = if row.connections == 1 { "" } else { "s" };
        let load = |offered: Offered| format!(", open loop at {} of the knee", percent(offered.of_knee));
        let load = row.offered.map_or_else(String::new, load);
        let place = if several && row.bed == Bed::Memory { ", in memory" } else { "" };
        let own = format!("{}, {} connection{plural}{place}{load}", row.question(), row.connections);
        if cell.as_ref() != Some(&own) {
            let columns = HEADER.len();
            html.push_str(&format!(
                "<tr class=\"cell\"><th scope=\"colgroup\" colspan=\"{columns}\"><span>{}</span></th></tr>\n",
                Text(&own)
            ));
            cell = Some(own);
        }
        html.push_str(&line(row));
        let warnings = warnings::of(row).join("; ");
        if !warnings.is_empty() {
            let (columns, warnings) = (HEADER.len(), Text(warnings));
            html.push_str(&format!(
                "<tr class=\"warning\"><td colspan=\"{columns}\"><span>{warnings}</span></td></tr>\n"
            ));
        }
    }
    html.push_str("</tbody></table></div></section>\n");
    html
}

fn line(row: &Row) -> String {
    let bulk = row.workload.is_bulk();
    let latency = |figure: fn(&Latency) -> f64| {
        let each = |round: &Measurement| figure(&round.report.latency_us);
        let spread = spread(row.measurements.iter().map(each).collect());
        spread.filter(|_| !bulk).map_or_else(|| "-".to_owned(), |spread| with_range(&spread, time))
    };
    let ratio = row.ratio_to_epoll.or(row.ratio_to_smoltcp);
    let gbit = with_range(&row.gbit_per_second, |gbit| format!("{gbit:.2}"));
    let cells = [
        if bulk { "-".to_owned() } else { with_range(&row.requests_per_second, short) },
        if bulk { gbit } else { "-".to_owned() },
        match (ratio, row.least_ratio_to_epoll) {
            (Some(ratio), _) => {
                let interval = ratio.interval.filter(|_| !row.is_peer());
                let interval =
                    interval.map_or_else(String::new, |it| format!(" ({:.2} to {:.2})", it.low, it.high));
                format!("{:.2}{interval}", ratio.that_counts(row))
            }
            (None, Some(least)) => format!("≥ {least:.2}"),
            (None, None) => "-".to_owned(),
        },
        latency(|latency| latency.p50),
        latency(|latency| latency.p99),
        latency(|latency| latency.p99_9),
        if bulk { "-".to_owned() } else { time(row.latency_us.max) },
        percent(row.headroom.server_busy),
        core(row),
        row.headroom.client_busy.map_or_else(|| "-".to_owned(), percent),
        format!("{:.2}", row.cpu.us_per_request),
        format!("{:.3}", row.context_switches_per_request),
        row.costs.system_calls.map_or_else(|| "-".to_owned(), |calls| format!("{calls:.2}")),
        row.costs.instructions.map_or_else(|| "-".to_owned(), |count| format!("{count:.0}")),
        row.costs.allocations.map_or_else(|| "-".to_owned(), |count| format!("{count:.3}")),
        row.costs.connection_bytes.map_or_else(|| "-".to_owned(), |bytes| format!("{bytes:.0}")),
        row.bed.to_string(),
    ];
    let (engine, class) = (row.engine, look(row.engine).class);
    let cells: String = cells.iter().map(|cell| format!("<td>{}</td>", Text(cell))).collect();
    format!("<tr class=\"e-{class}\"><th scope=\"row\"><i class=\"dot\"></i>{engine}</th>{cells}</tr>\n")
}
