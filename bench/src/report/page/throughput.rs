//! How much each engine does, by the number of connections.

use super::bars::{Bar, Bars, Piece, class_of};
use super::chart::{Axis, Chart, Line, Point, legend};
use super::engine::look;
use super::group::{Group, drawn};
use super::number::{percent, short, tick};
use super::scale::Scale;
use super::text::Text;
use super::warnings;
use crate::cli::Engine;
use crate::compare::row::{Row, Spread};

/// The section.
pub fn section(groups: &[Group<'_>]) -> String {
    let mut html = String::from(
        "<section id=\"throughput\"><h2>Throughput by connections</h2>\n\
         <p>The median of the rounds, the lowest and the highest. A hollow point has a warning at its row.</p>\n",
    );
    let mut engines: Vec<Engine> = Vec::new();
    for engine in groups.iter().flat_map(Group::engines) {
        if !engines.contains(&engine) {
            engines.push(engine);
        }
    }
    html.push_str(&legend(&engines));
    html.push_str("<div class=\"charts\">\n");
    for (index, group) in groups.iter().enumerate() {
        let id = format!("throughput-{index}");
        let drawing = if group.connections().len() > 1 { chart(group, id) } else { bars(group, id) };
        html.push_str(&format!("<div>{drawing}{}</div>\n", table(group)));
    }
    html.push_str("</div></section>\n");
    html
}

/// What counts in the group: requests, or gigabits.
fn rate(row: &Row) -> &Spread {
    if row.workload.is_bulk() { &row.gbit_per_second } else { &row.requests_per_second }
}

fn unit(group: &Group<'_>) -> &'static str {
    if group.is_bulk() { "Gbit a second" } else { "requests a second" }
}

fn chart(group: &Group<'_>, id: String) -> String {
    let ends = group.rows.iter().flat_map(|row| {
        let rate = rate(row);
        [rate.median, rate.min, rate.max]
    });
    let scale = Scale::linear_or_log(ends.collect::<Vec<_>>().into_iter());
    let connections = group.connections();
    let line = |engine: Engine| {
        let rows = connections.iter().filter_map(|connections| group.row(engine, *connections));
        Line { engine, points: rows.map(point).collect() }
    };
    let even = if scale.is_log() { ", log axis" } else { "" };
    let ticks = scale.ticks().into_iter().map(|value| (value, tick(value))).collect();
    let values = connections.iter().map(|connections| *connections as f64); // 60,000 at most
    Chart {
        id,
        title: group.name.clone(),
        x: Axis {
            label: "connections".to_owned(),
            scale: Scale::log_exact(values.clone()),
            ticks: values.map(|value| (value, value.to_string())).collect(),
        },
        y: Axis { label: format!("{}{even}", unit(group)), scale, ticks },
        lines: drawn(&group.engines()).into_iter().map(line).collect(),
    }
    .render()
}

fn point(row: &Row) -> Point {
    let rate = rate(row);
    Point {
        x: row.connections as f64, // 60,000 at most
        y: rate.median,
        range: Some((rate.min, rate.max)),
        says: Some(format!("{} at {}: {}", row.engine, row.connections, with_range(rate, short))),
        doubtful: !warnings::of(row).is_empty(),
    }
}

/// A median with the lowest and the highest round.
pub fn with_range(spread: &Spread, number: impl Fn(f64) -> String) -> String {
    format!("{} ({} to {})", number(spread.median), number(spread.min), number(spread.max))
}

fn bars(group: &Group<'_>, id: String) -> String {
    let scale = Scale::linear(group.rows.iter().map(|row| rate(row).max));
    let bar = |row: &&Row| {
        let rate = rate(row);
        Bar {
            name: row.engine.to_string(),
            minor: false,
            pieces: vec![Piece {
                class: class_of(row.engine),
                value: rate.median,
                says: with_range(rate, short),
            }],
            range: Some((rate.min, rate.max)),
            says: short(rate.median),
        }
    };
    let connections = group.connections().first().copied().unwrap_or(0);
    Bars {
        id,
        title: group.on_name(connections),
        label: unit(group).to_owned(),
        ticks: scale.ticks().into_iter().map(|value| (value, tick(value))).collect(),
        scale,
        bars: group.rows.iter().map(bar).collect(),
    }
    .render()
}

/// A line for each engine, a column for each number of connections.
fn table(group: &Group<'_>) -> String {
    let connections = group.connections();
    let columns: String =
        connections.iter().map(|connections| format!("<th scope=\"col\">{connections}</th>")).collect();
    let mut html = format!(
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{name}\"><table><caption>{unit}, and \
         the ratio to {peer}</caption><thead><tr><th scope=\"col\">connections</th>{columns}</tr></thead><tbody>\n",
        name = Text(&group.name),
        unit = unit(group),
        peer = peer(group),
    );
    for engine in group.engines() {
        let class = look(engine).class;
        html.push_str(&format!(
            "<tr class=\"e-{class}\"><th scope=\"row\"><i class=\"dot\"></i>{engine}</th>"
        ));
        for connections in &connections {
            html.push_str("<td>");
            if let Some(row) = group.row(engine, *connections) {
                html.push_str(&short(rate(row).median));
                if let Some(ratio) = ratio(row) {
                    html.push_str(&format!("<small>{ratio:.2} ×</small>"));
                }
                if !warnings::of(row).is_empty() {
                    html.push_str("<small><a class=\"warn\" href=\"#rows\">warning</a></small>");
                }
            }
            html.push_str("</td>");
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div>\n");
    html
}

/// Who the ratios are to.
fn peer(group: &Group<'_>) -> Engine {
    let smoltcp = group.rows.iter().any(|row| row.ratio_to_smoltcp.is_some());
    if smoltcp { Engine::Smoltcp } else { Engine::Epoll }
}

fn ratio(row: &Row) -> Option<f64> {
    let ratio = row.ratio_to_epoll.or(row.ratio_to_smoltcp)?;
    Some(if row.workload.is_bulk() { ratio.gbit_per_second } else { ratio.requests_per_second })
}

/// What a core did, in words.
pub fn core(row: &Row) -> String {
    let cpu = row.cpu;
    format!(
        "{} (user {}, system {}, softirq {})",
        percent(cpu.busy),
        percent(cpu.user),
        percent(cpu.system),
        percent(cpu.softirq)
    )
}
