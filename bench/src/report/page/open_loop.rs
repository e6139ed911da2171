//! The open loop: latency by the load that is offered, the knees, and the rounds at parts of them.

use super::chart::{Axis, Chart, Line, Point, legend};
use super::engine::look;
use super::group::{Part, drawn};
use super::number::{percent, short, tick, time, time_tick};
use super::scale::Scale;
use super::text::Text;
use super::throughput::with_range;
use super::warnings;
use crate::cli::Engine;
use crate::compare::knee::Knee;
use crate::compare::measure::Measurement;
use crate::compare::report::Comparison;
use crate::compare::row::{self, Row, spread};
use crate::load::report::Latency;

/// A figure of a distribution.
type Figure = fn(&Latency) -> f64;

/// The percentiles that have a chart.
const CHARTS: [(&str, Figure); 2] = [("p99", |latency| latency.p99), ("p99.9", |latency| latency.p99_9)];

/// The section; empty without an open loop.
pub fn section(report: &Comparison) -> String {
    let Some(first) = report.knees.first() else { return String::new() };
    let mut engines: Vec<Engine> = Vec::new();
    for knee in &report.knees {
        if !engines.contains(&knee.engine) {
            engines.push(knee.engine);
        }
    }
    let bound = time(first.p99_bound_us);
    let mut html = format!(
        "<section id=\"load\"><h2>Latency by load</h2>\n<p>Requests are due at times that no answer changes, and latency \
         counts from when a request was due: what a slow answer keeps others from is seen. The knee is the highest rate \
         tried of which 98 % was answered with p99 within {bound}; a hollow point is a rate that was too much.</p>\n{}",
        legend(&engines)
    );
    for (index, cell) in cells(report).iter().enumerate() {
        html.push_str(&format!("<h3>{}</h3>\n<div class=\"charts\">\n", Text(&cell.name)));
        for (name, figure) in CHARTS {
            html.push_str(&chart(cell, name, figure, format!("load-{index}-{}", name.replace('.', "-"))));
        }
        html.push_str(&format!("</div>\n{}{}", knees(cell), levels(cell)));
    }
    html.push_str("</section>\n");
    html
}

/// The engines that were asked the same, on as many connections.
struct Cell<'a> {
    name: String,
    knees: Vec<&'a Knee>,
    rows: Vec<&'a Row>,
}

fn cells(report: &Comparison) -> Vec<Cell<'_>> {
    let mut cells: Vec<Cell<'_>> = Vec::new();
    for part in Part::all(report) {
        let before = cells.len();
        for knee in report.knees.iter().filter(|knee| part.has(knee.bed, knee.engine)) {
            let Knee { workload, size, connections, .. } = *knee;
            let name = format!("{workload} of {size} B, {connections} connections{}", part.words());
            if let Some(cell) = cells[before..].iter_mut().find(|cell| cell.name == name) {
                cell.knees.push(knee);
                continue;
            }
            let of_cell = |row: &&Row| {
                let is_same = (row.workload, row.size, row.connections) == (workload, size, connections);
                row.offered.is_some() && is_same && part.has(row.bed, row.engine)
            };
            cells.push(Cell { name, knees: vec![knee], rows: report.rows.iter().filter(of_cell).collect() });
        }
        // Peers alone are shown with their own bed.
        let mut index = 0;
        cells.retain(|cell| {
            index += 1;
            index <= before || cell.knees.iter().any(|knee| part.is_own(knee.bed))
        });
    }
    cells
}

fn chart(cell: &Cell<'_>, name: &str, figure: Figure, id: String) -> String {
    let line = |engine: Engine| {
        let knee = cell.knees.iter().find(|knee| knee.engine == engine)?;
        Some(Line { engine, points: points(knee, name, figure) })
    };
    let engines: Vec<_> = cell.knees.iter().map(|knee| knee.engine).collect();
    let lines: Vec<_> = drawn(&engines).into_iter().filter_map(line).collect();
    let all = || lines.iter().flat_map(|line| &line.points);
    let (x, y) = (Scale::linear(all().map(|point| point.x)), Scale::log(all().map(|point| point.y)));
    Chart {
        id,
        title: format!("{name} by load"),
        x: Axis {
            label: "requests a second offered".to_owned(),
            ticks: x.ticks().into_iter().map(|value| (value, tick(value))).collect(),
            scale: x,
        },
        y: Axis {
            label: format!("{name}, log axis"),
            ticks: y.ticks().into_iter().map(|value| (value, time_tick(value))).collect(),
            scale: y,
        },
        lines,
    }
    .render()
}

/// A point for each rate; one that was tried several times has the median.
fn points(knee: &Knee, name: &str, figure: Figure) -> Vec<Point> {
    let mut rates: Vec<_> = knee.points.iter().map(|point| point.offered).collect();
    rates.sort_by(f64::total_cmp);
    rates.dedup();
    let at = |rate: f64| {
        let tries: Vec<_> = knee.points.iter().filter(|point| point.offered == rate).collect();
        let mut each: Vec<_> = tries.iter().map(|point| figure(&point.latency_us)).collect();
        each.sort_by(f64::total_cmp);
        let y = row::median(&each)?;
        let held = tries.iter().filter(|point| point.holds()).count();
        let says = format!("{} at {} a second: {name} {}", knee.engine, short(rate), time(y));
        Some(Point { x: rate, y, range: None, says: Some(says), doubtful: 2 * held <= tries.len() })
    };
    rates.into_iter().filter_map(at).collect()
}

fn knees(cell: &Cell<'_>) -> String {
    let mut html =
        head(&cell.name, "The knees", &["engine", "closed loop", "knee", "of the closed loop", "limit"]);
    for knee in &cell.knees {
        let at_least = if knee.refused.is_some() || knee.limit.is_none() { "at least " } else { "" };
        let rate = knee.rate.map_or_else(|| "none".to_owned(), |rate| format!("{at_least}{}", short(rate)));
        let part = knee.rate.map_or_else(|| "-".to_owned(), |rate| percent(rate / knee.closed_loop.max(1.0)));
        let limit = [knee.refused.as_deref(), knee.limit.as_deref()].into_iter().flatten();
        let limit = limit.chain(knee.failures.first().map(String::as_str)).collect::<Vec<_>>().join("; ");
        let limit = if limit.is_empty() { "no rate that was tried was too much".to_owned() } else { limit };
        html.push_str(&format!(
            "{}<td>{}</td><td>{rate}</td><td>{part}</td><td class=\"words\">{}</td></tr>\n",
            name_of(knee.engine),
            short(knee.closed_loop),
            Text(limit)
        ));
    }
    html.push_str("</tbody></table></div>\n");
    html
}

fn levels(cell: &Cell<'_>) -> String {
    let columns = [
        "engine",
        "of its knee",
        "offered",
        "answered",
        "p50",
        "p99",
        "p99.9",
        "p99.9 × epoll",
        "client late, p99",
    ];
    let mut html = head(
        &cell.name,
        "Rounds at parts of each engine's own knee, medians with the lowest and the highest round",
        &columns,
    );
    for row in &cell.rows {
        let Some(offered) = row.offered else { continue };
        let over_rounds = |figure: fn(&Measurement) -> f64| {
            let spread = spread(row.measurements.iter().map(figure).collect());
            spread.map_or_else(|| "-".to_owned(), |spread| with_range(&spread, time))
        };
        let late = over_rounds(|round| round.report.open_loop.as_ref().map_or(0.0, |open| open.late_us.p99));
        let ratio = row.ratio_to_epoll.map_or_else(|| "-".to_owned(), |ratio| format!("{:.2}", ratio.p99_9));
        let warning = if warnings::of(row).is_empty() {
            ""
        } else {
            "<small><a class=\"warn\" href=\"#rows\">warning</a></small>"
        };
        html.push_str(&format!(
            "{}<td>{}{warning}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{ratio}</td><td>{late}</td></tr>\n",
            name_of(row.engine),
            percent(offered.of_knee),
            short(offered.rate),
            short(row.requests_per_second.median),
            over_rounds(|round| round.report.latency_us.p50),
            over_rounds(|round| round.report.latency_us.p99),
            over_rounds(|round| round.report.latency_us.p99_9),
        ));
    }
    html.push_str("</tbody></table></div>\n");
    html
}

fn head(cell: &str, caption: &str, columns: &[&str]) -> String {
    let class = |column: &&str| if *column == "limit" { " class=\"words\"" } else { "" };
    let columns = columns.iter().map(|column| format!("<th scope=\"col\"{}>{column}</th>", class(column)));
    let columns: String = columns.collect();
    format!(
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{}, {caption}\"><table><caption>{caption}\
         </caption><thead><tr>{columns}</tr></thead><tbody>\n",
        Text(cell)
    )
}

/// The start of an engine's line in a table.
fn name_of(engine: Engine) -> String {
    let class = look(engine).class;
    format!("<tr class=\"e-{class}\"><th scope=\"row\"><i class=\"dot\"></i>{engine}</th>")
}

#[cfg(test)]
mod tests;
