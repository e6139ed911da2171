//! What the cores did.

use super::bars::{Bar, Bars, Piece};
use super::group::Group;
use super::number::percent;
use super::scale::Scale;
use crate::compare::cpu::CpuShare;
use crate::compare::row::{self, Row};

/// Classes and names of the parts of a busy core.
const PARTS: [(&str, &str); 4] =
    [("user", "user"), ("system", "system"), ("softirq", "softirq"), ("irq", "interrupts")];

/// The section.
pub fn section(groups: &[Group<'_>]) -> String {
    let mut html = String::from(
        "<section id=\"cpu\"><h2>What the cores did</h2>\n\
         <p>Parts of the measured time, medians of the rounds; on the right the microseconds that the server's core was \
         busy for each request. An engine that polls is always busy. Softirq is the kernel's receive path, whoever it \
         works for: over veth it runs on the sender's core.</p>\n<ul class=\"legend\">",
    );
    for (class, name) in PARTS {
        html.push_str(&format!("<li><i class=\"box {class}\"></i>{name}</li>"));
    }
    html.push_str("</ul>\n<div class=\"charts\">\n");
    for (index, group) in groups.iter().enumerate() {
        for connections in group.connections() {
            let bars = group.on(connections).into_iter().flat_map(|row| {
                let server = server(row);
                std::iter::once(server).chain(client(row))
            });
            let scale = Scale::linear([1.0].into_iter());
            let chart = Bars {
                id: format!("cpu-{index}-{connections}"),
                title: group.on_name(connections),
                label: "part of the measured time".to_owned(),
                ticks: [0.0, 0.5, 1.0].into_iter().map(|part| (part, percent(part))).collect(),
                scale,
                bars: bars.collect(),
            };
            html.push_str(&chart.render());
        }
    }
    html.push_str("</div></section>\n");
    html
}

fn server(row: &Row) -> Bar {
    let cpu = row.cpu;
    let unit = if row.workload.is_bulk() { "MB" } else { "req" };
    Bar {
        name: row.engine.to_string(),
        minor: false,
        pieces: pieces([cpu.user, cpu.system, cpu.softirq], cpu.busy),
        range: None,
        says: format!("{} µs/{unit}", round(cpu.us_per_request)),
    }
}

fn round(us: f64) -> String {
    if us < 99.5 { format!("{us:.1}") } else { format!("{us:.0}") }
}

/// `None` when the client has no core of its own.
fn client(row: &Row) -> Option<Bar> {
    let median = |part: fn(&CpuShare) -> f64| {
        let mut each: Vec<_> =
            row.measurements.iter().filter_map(|round| round.client_cpu.as_ref().map(part)).collect();
        each.sort_by(f64::total_cmp);
        row::median(&each)
    };
    let busy = median(|cpu| cpu.busy)?;
    let parts = [median(|cpu| cpu.user)?, median(|cpu| cpu.system)?, median(|cpu| cpu.softirq)?];
    Some(Bar {
        name: "its client".to_owned(),
        minor: true,
        pieces: pieces(parts, busy),
        range: None,
        says: percent(busy),
    })
}

/// The parts, and what is left of `busy`.
fn pieces(parts: [f64; 3], busy: f64) -> Vec<Piece> {
    let left = (busy - parts.iter().sum::<f64>()).max(0.0);
    let all = parts.into_iter().chain([left]);
    PARTS
        .into_iter()
        .zip(all)
        .map(|((class, name), value)| Piece {
            class: class.to_owned(),
            value,
            says: format!("{name} {}", percent(value)),
        })
        .collect()
}
