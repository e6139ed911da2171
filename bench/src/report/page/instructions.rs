//! Instructions of a request, where they were counted.

use super::bars::{Bar, Bars, Piece, class_of};
use super::group::Group;
use super::number::tick;
use super::scale::Scale;
use crate::compare::row::Row;

/// The section; empty when nothing was counted.
pub fn section(groups: &[Group<'_>]) -> String {
    let charts: String = groups
        .iter()
        .enumerate()
        .flat_map(|(index, group)| {
            let of =
                move |connections| chart(group, connections, format!("instructions-{index}-{connections}"));
            group.connections().into_iter().map(of)
        })
        .collect();
    if charts.is_empty() {
        return charts;
    }
    format!(
        "<section id=\"instructions\"><h2>Instructions a request</h2>\n<p>Of both ends together, counted by valgrind: the \
         difference of a run with many requests and one with few. Noise can't move them, but they aren't time: a \
         miss in the caches counts as one.</p>\n<div class=\"charts\">\n{charts}</div></section>\n"
    )
}

/// Empty when nothing was counted on so many connections.
fn chart(group: &Group<'_>, connections: usize, id: String) -> String {
    let counted = |row: &Row| Some((row.engine, row.costs.instructions?));
    let all: Vec<_> = group.on(connections).into_iter().filter_map(counted).collect();
    if all.is_empty() {
        return String::new();
    }
    let scale = Scale::linear(all.iter().map(|(_, count)| *count));
    let bars = all.into_iter().map(|(engine, count)| Bar {
        name: engine.to_string(),
        minor: false,
        pieces: vec![Piece {
            class: class_of(engine),
            value: count,
            says: format!("{count:.0} instructions"),
        }],
        range: None,
        says: format!("{count:.0}"),
    });
    Bars {
        id,
        title: group.on_name(connections),
        label: "instructions a request, both ends".to_owned(),
        ticks: scale.ticks().into_iter().map(|value| (value, tick(value))).collect(),
        bars: bars.collect(),
        scale,
    }
    .render()
}

#[cfg(test)]
mod tests;
