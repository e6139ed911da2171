//! A report as one HTML file: it needs no other file, no network and no script.
//!
//! | file | what |
//! |---|---|
//! | throughput, sizes, latency, open_loop, lossy, cpu, instructions, rows, about | the sections |
//! | warnings | what must be said at a row |
//! | group | which rows are shown together |
//! | chart, bars, scale, engine | drawings in SVG |
//! | text, number | words and numbers |

mod about;
mod bars;
mod chart;
mod cpu;
mod engine;
mod group;
mod instructions;
mod latency;
mod lossy;
mod number;
mod open_loop;
mod rows;
mod scale;
mod sizes;
mod text;
mod throughput;
mod warnings;

use crate::compare::lossy::Links;
use crate::compare::report::Comparison;
use group::Group;
use text::Text;

/// No script, no picture, nothing from elsewhere, whatever stands in the report.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// Where a reader may go.
const PLACES: [(&str, &str); 11] = [
    ("throughput", "Throughput"),
    ("sizes", "Sizes"),
    ("latency", "Latency"),
    ("load", "Load"),
    ("lossy", "Lossy links"),
    ("cpu", "Cores"),
    ("instructions", "Instructions"),
    ("rows", "All figures"),
    ("method", "Method"),
    ("settings", "Settings"),
    ("machine", "Machine"),
];

/// The page of a report.
pub fn render(report: &Comparison) -> String {
    let groups = Group::all(report);
    let body = [
        header(report, &groups),
        trouble(report),
        throughput::section(&groups),
        sizes::section(&groups),
        latency::section(&groups),
        open_loop::section(report),
        lossy::section(report.lossy.as_ref()),
        cpu::section(&groups),
        instructions::section(&groups),
        rows::section(report),
        about::sections(report),
    ]
    .concat();
    let title = Text(title(report));
    let style = include_str!("style.css");
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" \
         content=\"{POLICY}\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta \
         name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n<style>\n{style}</style>\n</head>\n\
         <body>\n{body}</body>\n</html>\n"
    )
}

fn title(report: &Comparison) -> String {
    format!(
        "corelane beside other engines, {}, {}",
        report.settings.bed_names(),
        number::date(report.unix_time)
    )
}

fn header(report: &Comparison, groups: &[Group<'_>]) -> String {
    let (machine, settings) = (&report.machine, &report.settings);
    let latencies = report.rows.iter().any(|row| row.offered.is_none() && !row.workload.is_bulk());
    let exists = |(id, _): &&(&str, &str)| match *id {
        "sizes" => sizes::exists(groups),
        "latency" => latencies,
        "lossy" => report.lossy.is_some(),
        "load" => !report.knees.is_empty(),
        "instructions" => report.rows.iter().any(|row| row.costs.instructions.is_some()),
        _ => true,
    };
    let places = PLACES.iter().filter(exists);
    let places: String = places.map(|(id, name)| format!("<a href=\"#{id}\">{name}</a>")).collect();
    format!(
        "<header><h1>corelane beside other engines</h1>\n<p>Bed {}, {} rounds of {} s, on {}, Linux {}, <time>{}</time>.</p>\n\
         <nav aria-label=\"Sections\">{places}</nav></header>\n",
        Text(settings.bed_names()),
        settings.rounds,
        settings.seconds,
        Text(&machine.cpu),
        Text(&machine.kernel),
        Text(number::date(report.unix_time)),
    )
}

/// What a reader must know before the first figure.
fn trouble(report: &Comparison) -> String {
    let mut items = Vec::new();
    if !report.machine.optimised {
        items.push(
            "This binary was built without optimisation: none of these figures means anything.".to_owned(),
        );
    }
    for failure in &report.failures {
        items.push(failure.words(report.settings.rounds));
    }
    items.extend(report.lossy.iter().flat_map(Links::troubles));
    let doubtful = report.rows.iter().filter(|row| !warnings::of(row).is_empty()).count();
    if doubtful > 0 {
        let of = report.rows.len();
        items.push(format!("Warnings stand at {doubtful} of {of} rows, in the table of all figures."));
    }
    if items.is_empty() {
        return String::new();
    }
    let items: String = items.iter().map(|item| format!("<li>{}</li>", Text(item))).collect();
    format!("<aside class=\"trouble\" aria-label=\"Warnings\"><ul>{items}</ul></aside>\n")
}

#[cfg(test)]
mod tests;
