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
        for part in Part::all(report) {
            let before = groups.len();
            for row in report.rows.iter().filter(|row| row.offered.is_none() && part.has_row(row)) {
                let in_memory = if mixed && row.bed == Bed::Memory { ", in memory" } else { "" };
                let name = format!("{}{}{in_memory}", row.question(), part.words());
                match groups[before..].iter_mut().find(|group| group.name == name) {
                    Some(group) => group.rows.push(row),
                    None => groups.push(Self { name, rows: vec![row] }),
                }
            }
            // Peers alone are shown with their own bed.
            for group in &mut groups[before..] {
                let own = group.rows.iter().filter(|row| part.is_own(row.bed)).map(|row| row.connections);
                let own: Vec<_> = own.collect();
                group.rows.retain(|row| own.contains(&row.connections));
            }
            groups.retain(|group| !group.rows.is_empty());
        }
        groups
    }

    /// The question in words, whatever its size.
    pub fn without_size(&self) -> String {
        let size = self.rows.first().map_or(0, |row| row.size);
        self.name.replacen(&format!(" of {size} B"), "", 1)
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

/// The rows of one bed, with their peers of another one: in a report of several beds an engine has a row on each of them.
#[derive(Clone, Copy)]
pub struct Part(Option<Bed>);

impl Part {
    /// One for each bed; one for all the rows where one bed was asked for.
    pub fn all(report: &Comparison) -> Vec<Self> {
        match report.settings.all_beds() {
            beds if beds.len() > 1 => beds.into_iter().map(|bed| Self(Some(bed))).collect(),
            _ => vec![Self(None)],
        }
    }

    /// Whether a row is shown with it.
    pub fn has(self, bed: Bed, engine: Engine) -> bool {
        let kernel = [Engine::Epoll, Engine::EpollSpin, Engine::EpollTuned];
        let is_peer =
            matches!(self.0, Some(Bed::Vhost | Bed::Tap)) && bed == Bed::Veth && kernel.contains(&engine);
        self.is_own(bed) || is_peer
    }

    /// The same of a row with all that it says: one with an MTU is a peer of vhost, wherever it ran.
    pub fn has_row(self, row: &Row) -> bool {
        let other = self.0 == Some(Bed::Veth) && row.mtu.is_some();
        !other && self.has(row.bed, row.engine)
    }

    /// Whether a row's bed is its own.
    pub fn is_own(self, bed: Bed) -> bool {
        self.0.is_none_or(|own| own == bed)
    }

    /// The bed, behind a comma; in memory the name of a group says it.
    pub fn words(self) -> String {
        match self.0 {
            None | Some(Bed::Memory) => String::new(),
            Some(bed) => format!(", {bed}"),
        }
    }
}

/// The engines of a report, each once, corelane last: what is drawn last lies above the others.
pub fn drawn(engines: &[Engine]) -> Vec<Engine> {
    let (last, mut first): (Vec<_>, Vec<_>) = engines.iter().partition(|engine| **engine == Engine::Corelane);
    first.extend(last);
    first
}
