//! Rows that are shown together: those that may be compared with each other.

use crate::cli::{Bed, Engine};
use crate::compare::report::Comparison;
use crate::compare::row::Row;

/// The rows of one question, on all numbers of connections.
pub struct Group<'a> {
    /// The question, in words.
    pub name: String,
    /// In the order of the report.
    pub rows: Vec<&'a Row>,
}

impl<'a> Group<'a> {
    /// All the groups of a report's closed loop. What ran in memory, without a kernel, is never beside what ran with one.
    pub fn all(report: &'a Comparison) -> Vec<Self> {
        let mut groups: Vec<Self> = Vec::new();
        let mixed = report.rows.iter().any(|row| row.bed != Bed::Memory);
        for row in report.rows.iter().filter(|row| row.offered.is_none()) {
            let in_memory = if mixed && row.bed == Bed::Memory { ", in memory" } else { "" };
            let name = format!("{}{in_memory}", row.question());
            match groups.iter_mut().find(|group| group.name == name) {
                Some(group) => group.rows.push(row),
                None => groups.push(Self { name, rows: vec![row] }),
            }
        }
        groups
    }

    /// The numbers of connections, rising.
    pub fn connections(&self) -> Vec<usize> {
        let mut all: Vec<_> = self.rows.iter().map(|row| row.connections).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The engines, each once.
    pub fn engines(&self) -> Vec<Engine> {
        let mut all: Vec<Engine> = Vec::new();
        for row in &self.rows {
            if !all.contains(&row.engine) {
                all.push(row.engine);
            }
        }
        all
    }

    /// The rows on so many connections.
    pub fn on(&self, connections: usize) -> Vec<&'a Row> {
        self.rows.iter().copied().filter(|row| row.connections == connections).collect()
    }

    /// What an engine did on so many connections.
    pub fn row(&self, engine: Engine, connections: usize) -> Option<&'a Row> {
        self.rows.iter().copied().find(|row| row.engine == engine && row.connections == connections)
    }

    /// Whether it is a stream without requests.
    pub fn is_bulk(&self) -> bool {
        self.rows.iter().any(|row| row.workload.is_bulk())
    }

    /// The group on so many connections, in words.
    pub fn on_name(&self, connections: usize) -> String {
        let plural = if connections == 1 { "" } else { "s" };
        format!("{}, {connections} connection{plural}", self.name)
    }
}

/// The engines of a report, each once, corelane last: what is drawn last lies above the others.
pub fn drawn(engines: &[Engine]) -> Vec<Engine> {
    let (last, mut first): (Vec<_>, Vec<_>) = engines.iter().partition(|engine| **engine == Engine::Corelane);
    first.extend(last);
    first
}
