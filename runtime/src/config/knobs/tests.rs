use super::*;
use crate::config::Config;

const PAGE: &str = include_str!("../../../../netstack/KNOBS.md");

/// The rows of a section: knob, default, range.
fn rows(section: &str) -> Vec<[&'static str; 3]> {
    let heading = format!("## `[{section}]`");
    let lines = PAGE.lines().skip_while(|line| **line != heading).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('#')).filter(|line| line.starts_with("| `"));
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split(" | ").collect();
            [cells[0].trim_start_matches("| ").trim_matches('`'), cells[1], cells[2]]
        })
        .collect()
}

/// Each key has its row with the range in force, each row with a range is a key, and what a row names as the default is it.
fn check(section: &str, ranges: &[(&'static str, String)], debug: impl Fn(&Config) -> String) {
    let rows = rows(section);
    assert!(!rows.is_empty());
    for (name, range) in ranges {
        let row = rows.iter().find(|row| row[0] == *name);
        let row = row.unwrap_or_else(|| panic!("netstack/KNOBS.md has no row for {section}.{name}"));
        assert_eq!(row[2], range, "the range of {name}");
    }
    let untouched = debug(&Config::default());
    for [name, default, range] in rows {
        if range == "—" {
            continue;
        }
        assert!(ranges.iter().any(|(key, _)| *key == name), "{section}.{name} is no key");
        let text = format!("[{section}]\n{name} = {default}\n");
        let config = Config::parse(&text, "KNOBS.md").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(debug(&config), untouched, "the default of {name}");
    }
}

#[test]
fn the_page_tells_keys_ranges_and_defaults() {
    let tcp = |config: &Config| format!("{:?}", config.check().unwrap().stack.tcp);
    check("tcp", &TcpKnobs::ranges(), tcp);
    let ip = |config: &Config| format!("{:?}", config.check().unwrap().stack.ip);
    check("ip", &IpKnobs::ranges(), ip);
}

#[test]
fn a_congestion_control_is_named_as_in_linux() {
    let config = Config::parse("[tcp]\ntcp_congestion_control = \"reno\"", "x").unwrap();
    assert_eq!(config.check().unwrap().stack.tcp.tcp_congestion_control.name(), "reno");
    let error = Config::parse("[tcp]\ntcp_congestion_control = \"vegas\"", "x").unwrap_err().to_string();
    assert!(error.contains("\"vegas\", expected one of \"reno\", \"cubic\""), "{error}");
}
