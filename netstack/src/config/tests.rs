extern crate std;
use std::collections::BTreeSet;
use std::vec::Vec;

use crate::Stats;

const PAGE: &str = include_str!("../../KNOBS.md");

/// The public fields of a struct, from its source.
fn fields(source: &'static str, name: &str) -> BTreeSet<&'static str> {
    let (_, body) = source.split_once(&std::format!("pub struct {name} {{")).expect("it is there");
    let (body, _) = body.split_once("\n}").expect("it ends");
    let lines = body.lines().filter_map(|line| line.trim().strip_prefix("pub "));
    lines.filter_map(|line| line.split_once(':').map(|(field, _)| field)).collect()
}

/// The cells of each row of a section.
fn rows(section: &str) -> Vec<Vec<&'static str>> {
    let (_, rest) = PAGE.split_once(&std::format!("## `[{section}]`")).expect("the section is there");
    let rest = rest.split_once("\n## ").map_or(rest, |(rows, _)| rows);
    let rows = rest.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches(|c| c == '|' || c == ' ').split(" | ").collect()).collect()
}

#[test]
fn the_page_of_knobs_has_a_row_for_each_field_and_no_other() {
    let tcp = fields(include_str!("tcp.rs"), "TcpConfig");
    let ip = fields(include_str!("../config.rs"), "IpConfig");
    assert!(tcp.contains("tcp_mem") && ip.contains("default_ttl"));
    let counters: BTreeSet<&str> = Stats::default().iter().map(|(name, _)| name).collect();
    for (section, fields) in [("tcp", tcp), ("ip", ip)] {
        let rows = rows(section);
        let named: BTreeSet<&str> = rows.iter().map(|row| row[0].trim_matches('`')).collect();
        assert_eq!(named, fields, "netstack/KNOBS.md, [{section}]");
        assert_eq!(named.len(), rows.len(), "a knob is there twice");
        for row in rows {
            let [_, _, _, meaning, source, counter] = row[..] else { panic!("six cells: {row:?}") };
            assert!(!meaning.is_empty() && !source.is_empty());
            let counter = counter.trim_matches('`');
            assert!(counter == "—" || counters.contains(counter), "{counter} of {}", row[0]);
        }
    }
}
