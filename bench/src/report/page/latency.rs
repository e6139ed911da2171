//! How long requests take: the whole distribution, on an axis that gives each nine the same room.

use super::chart::{Axis, Chart, Line, Point, legend};
use super::engine::look;
use super::group::{Group, drawn};
use super::number::{time, time_tick};
use super::scale::Scale;
use super::text::Text;
use super::warnings;
use crate::cli::Engine;
use crate::compare::row::{self, Row};
use crate::load::percentiles::{LADDER, Percentile};

/// The percentiles that have a column in the tables, and a marker in the charts.
const COLUMNS: [f64; 6] = [50.0, 90.0, 99.0, 99.9, 99.99, 99.999];

/// A distribution over all the rounds of a row: at each percentile that all of them have, their median.
pub fn distribution(row: &Row) -> Vec<Percentile> {
    let at = |percentile: f64| {
        let mut each = Vec::with_capacity(row.measurements.len());
        for round in &row.measurements {
            let points = &round.report.latency_percentiles_us;
            each.push(points.iter().find(|point| point.0 == percentile)?.1);
        }
        each.sort_by(f64::total_cmp);
        Some(Percentile(percentile, row::median(&each)?))
    };
    // The one fastest request would take half of an axis.
    LADDER.into_iter().filter(|percentile| *percentile > 0.0).filter_map(at).collect()
}

/// The section; empty when no row has latencies.
pub fn section(groups: &[Group<'_>]) -> String {
    let mut html = String::new();
    for (index, group) in groups.iter().enumerate() {
        for connections in group.connections() {
            let rows = group.on(connections);
            let id = format!("latency-{index}-{connections}");
            html.push_str(&cell(&rows, group.on_name(connections), id));
        }
    }
    if html.is_empty() {
        return html;
    }
    let mut engines: Vec<Engine> = Vec::new();
    for engine in groups.iter().filter(|group| !group.is_bulk()).flat_map(Group::engines) {
        if !engines.contains(&engine) {
            engines.push(engine);
        }
    }
    format!(
        "<section id=\"latency\"><h2>Latency by percentile</h2>\n\
         <p>So many of 100 requests are at most this slow. Both axes are logarithmic: to the right, each nine has the \
         same room. At each percentile it is the median of the rounds; a line ends where the rounds have too few \
         requests to tell.</p>\n{}<div class=\"charts\">\n{html}</div></section>\n",
        legend(&engines)
    )
}

/// The chart of one number of connections, and its figures.
fn cell(rows: &[&Row], title: String, id: String) -> String {
    let all: Vec<_> =
        rows.iter().map(|row| (*row, distribution(row))).filter(|(_, points)| !points.is_empty()).collect();
    let values = all.iter().flat_map(|(_, points)| points.iter().map(|point| point.1));
    let highest = all.iter().filter_map(|(_, points)| points.last()).map(|point| point.0).fold(0.0, f64::max);
    if highest == 0.0 {
        return String::new();
    }
    let (x, y) = (Scale::percentile(highest), Scale::log(values));
    let engines: Vec<_> = all.iter().map(|(row, _)| row.engine).collect();
    let line = |engine: Engine| {
        let (row, points) = all.iter().find(|(row, _)| row.engine == engine)?;
        let doubtful = !warnings::of(row).is_empty();
        Some(Line { engine, points: points.iter().map(|at| point(engine, *at, doubtful)).collect() })
    };
    let chart = Chart {
        id,
        title,
        x: Axis {
            label: "percentile".to_owned(),
            ticks: x.ticks().into_iter().map(|value| (value, format!("{value}"))).collect(),
            scale: x,
        },
        y: Axis {
            label: "latency, log axis".to_owned(),
            ticks: y.ticks().into_iter().map(|value| (value, time_tick(value))).collect(),
            scale: y,
        },
        lines: drawn(&engines).into_iter().filter_map(line).collect(),
    };
    let figures = table(&all, &chart.title);
    let chart = chart.render();
    format!("<div>{chart}<details><summary>The figures</summary>{figures}</details></div>\n")
}

fn point(engine: Engine, Percentile(percentile, us): Percentile, doubtful: bool) -> Point {
    let says = COLUMNS.contains(&percentile).then(|| format!("{engine}: {percentile} % within {}", time(us)));
    Point { x: percentile, y: us, range: None, says, doubtful }
}

fn table(all: &[(&Row, Vec<Percentile>)], title: &str) -> String {
    let columns: String = COLUMNS.iter().map(|column| format!("<th scope=\"col\">{column} %</th>")).collect();
    let mut html = format!(
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{title}\"><table><thead><tr><th \
         scope=\"col\">engine</th>{columns}<th scope=\"col\">slowest</th></tr></thead><tbody>\n",
        title = Text(title)
    );
    for (row, points) in all {
        let (engine, class) = (row.engine, look(row.engine).class);
        html.push_str(&format!(
            "<tr class=\"e-{class}\"><th scope=\"row\"><i class=\"dot\"></i>{engine}</th>"
        ));
        for column in COLUMNS {
            let us = points.iter().find(|point| point.0 == column).map(|point| time(point.1));
            html.push_str(&format!("<td>{}</td>", us.unwrap_or_else(|| "-".to_owned())));
        }
        html.push_str(&format!("<td>{}</td></tr>\n", time(row.latency_us.max)));
    }
    html.push_str("</tbody></table></div>");
    html
}

#[cfg(test)]
mod tests;
