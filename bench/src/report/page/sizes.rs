//! How many bytes each engine carries, by the size of a request.

use super::chart::{Axis, Chart, Line, Point, legend};
use super::engine::look;
use super::group::{Group, drawn};
use super::scale::Scale;
use super::text::Text;
use super::throughput::with_range;
use super::warnings;
use crate::cli::Engine;
use crate::compare::row::Row;

/// The same question in several sizes, on as many connections.
struct Sweep<'a> {
    name: String,
    rows: Vec<&'a Row>,
}

/// The section; empty when nothing was asked in two sizes.
pub fn section(groups: &[Group<'_>]) -> String {
    let sweeps = sweeps(groups);
    if sweeps.is_empty() {
        return String::new();
    }
    let mut engines: Vec<Engine> = Vec::new();
    for row in sweeps.iter().flat_map(|sweep| &sweep.rows) {
        if !engines.contains(&row.engine) {
            engines.push(row.engine);
        }
    }
    let mut html = format!(
        "<section id=\"sizes\"><h2>Throughput by size</h2>\n<p>Payload of the answers, the median of the rounds, the lowest and \
         the highest. A hollow point has a warning at its row. Both axes are logarithmic: where requests cost the same whatever their \
         size, a line rises as the size does.</p>\n{}<div class=\"charts\">\n",
        legend(&engines)
    );
    for (index, sweep) in sweeps.iter().enumerate() {
        html.push_str(&format!("<div>{}{}</div>\n", sweep.chart(format!("sizes-{index}")), sweep.table()));
    }
    html.push_str("</div></section>\n");
    html
}

/// Whether there is a section.
pub fn exists(groups: &[Group<'_>]) -> bool {
    !sweeps(groups).is_empty()
}

/// Of a stream nothing has a size.
fn sweeps<'a>(groups: &[Group<'a>]) -> Vec<Sweep<'a>> {
    let mut all: Vec<Sweep<'a>> = Vec::new();
    for group in groups.iter().filter(|group| !group.is_bulk()) {
        for row in &group.rows {
            let plural = if row.connections == 1 { "" } else { "s" };
            let name = format!("{}, {} connection{plural}", group.without_size(), row.connections);
            match all.iter_mut().find(|sweep| sweep.name == name) {
                Some(sweep) => sweep.rows.push(row),
                None => all.push(Sweep { name, rows: vec![row] }),
            }
        }
    }
    all.retain(|sweep| sweep.sizes().len() > 1);
    all
}

impl Sweep<'_> {
    fn sizes(&self) -> Vec<usize> {
        let mut sizes: Vec<_> = self.rows.iter().map(|row| row.size).collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }

    fn engines(&self) -> Vec<Engine> {
        let mut engines: Vec<Engine> = Vec::new();
        for row in &self.rows {
            if !engines.contains(&row.engine) {
                engines.push(row.engine);
            }
        }
        engines
    }

    fn row(&self, engine: Engine, size: usize) -> Option<&Row> {
        self.rows.iter().copied().find(|row| row.engine == engine && row.size == size)
    }

    fn chart(&self, id: String) -> String {
        let sizes = self.sizes();
        let ends = self.rows.iter().map(|row| row.gbit_per_second.median);
        let scale = Scale::log(ends);
        let ticks = scale.ticks().into_iter().map(|value| (value, plain(value))).collect();
        let values = || sizes.iter().map(|size| *size as f64); // 16 MiB at most
        let line = |engine: Engine| {
            let rows = sizes.iter().filter_map(|size| self.row(engine, *size));
            Line { engine, points: rows.map(point).collect() }
        };
        Chart {
            id,
            title: self.name.clone(),
            x: Axis {
                label: "bytes, log axis".to_owned(),
                scale: Scale::log_exact(values()),
                ticks: values().map(|value| (value, bytes(value))).collect(),
            },
            y: Axis { label: "Gbit a second, log axis".to_owned(), scale, ticks },
            lines: drawn(&self.engines()).into_iter().map(line).collect(),
        }
        .render()
    }

    /// A line for each engine, a column for each size.
    fn table(&self) -> String {
        let sizes = self.sizes();
        let columns: String = sizes.iter().map(|size| format!("<th scope=\"col\">{size} B</th>")).collect();
        let mut html = format!(
            "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{}\"><table><caption>Gbit a second, and the \
             ratio to epoll</caption><thead><tr><th scope=\"col\">size</th>{columns}</tr></thead><tbody>\n",
            Text(&self.name)
        );
        for engine in self.engines() {
            let class = look(engine).class;
            html.push_str(&format!(
                "<tr class=\"e-{class}\"><th scope=\"row\"><i class=\"dot\"></i>{engine}</th>"
            ));
            for size in &sizes {
                let cell = self.row(engine, *size).map(|row| {
                    let ratio = row.ratio_to_epoll.map(|ratio| ratio.gbit_per_second);
                    let ratio =
                        ratio.map_or_else(String::new, |ratio| format!("<small>{ratio:.2} ×</small>"));
                    format!("{}{ratio}", gbit(row.gbit_per_second.median))
                });
                html.push_str(&format!("<td>{}</td>", cell.unwrap_or_default()));
            }
            html.push_str("</tr>\n");
        }
        html.push_str("</tbody></table></div>\n");
        html
    }
}

fn point(row: &Row) -> Point {
    let rate = &row.gbit_per_second;
    Point {
        x: row.size as f64, // 16 MiB at most
        y: rate.median,
        range: Some((rate.min, rate.max)),
        says: Some(format!("{} at {} B: {}", row.engine, row.size, with_range(rate, gbit))),
        doubtful: !warnings::of(row).is_empty(),
    }
}

/// Three digits, whatever its size.
fn gbit(value: f64) -> String {
    match value {
        value if value >= 10.0 => format!("{value:.1}"),
        value if value >= 1.0 => format!("{value:.2}"),
        value => format!("{value:.4}"),
    }
}

/// Without zeros that tell nothing: a byte at once makes less than a thousandth of a gigabit.
fn plain(value: f64) -> String {
    let text = format!("{value:.5}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A power of two as one writes it.
fn bytes(value: f64) -> String {
    let kibibytes = value / 1024.0;
    if kibibytes >= 1024.0 && kibibytes % 1024.0 == 0.0 {
        format!("{} Mi", kibibytes / 1024.0)
    } else if kibibytes >= 1.0 && kibibytes.fract() == 0.0 {
        format!("{kibibytes} Ki")
    } else {
        value.to_string()
    }
}

#[cfg(test)]
mod tests;
