//! Plays every script of `scripts/`, and checks that each line of COVERAGE.md has some.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use corelane_testkit::packet_script::play;

/// The sections of a TCP, and what is still to come.
const SECTIONS: [&str; 7] = ["opening", "data", "loss", "closing", "staying", "hostile", "pending"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts")
}

/// The scripts of a section: their names without the ending, and their text.
fn scripts(section: &str) -> Vec<(String, String)> {
    let Ok(entries) = fs::read_dir(root().join(section)) else { return Vec::new() };
    let mut scripts = Vec::new();
    for entry in entries {
        let path = entry.expect("a file of scripts/").path();
        assert_eq!(path.extension().and_then(|e| e.to_str()), Some("pkt"), "{}", path.display());
        let name = path.file_stem().expect("it has a name").to_string_lossy().into_owned();
        scripts.push((name, fs::read_to_string(&path).expect("a script that can be read")));
    }
    scripts.sort();
    scripts
}

fn play_section(section: &str) {
    let scripts = scripts(section);
    assert!(!scripts.is_empty(), "no script in {section}");
    let mut failures = Vec::new();
    for (name, text) in &scripts {
        assert!(text.starts_with("// "), "{section}/{name}.pkt: its first line says what it shows");
        if let Err(failure) = play(text) {
            failures.push(format!("{section}/{name}.pkt, {failure}\n"));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn opening() {
    play_section("opening");
}

#[test]
fn data() {
    play_section("data");
}

#[test]
fn loss() {
    play_section("loss");
}

#[test]
fn closing() {
    play_section("closing");
}

#[test]
fn staying() {
    play_section("staying");
}

#[test]
fn hostile() {
    play_section("hostile");
}

/// Scripts of what the stack can't do yet: each fails, or it has to move to its section.
#[test]
fn pending() {
    let mut passed = Vec::new();
    for (name, text) in scripts("pending") {
        match play(&text) {
            Ok(()) => passed.push(name),
            Err(failure) => {
                println!(
                    "pending/{name}.pkt fails as expected: {}",
                    failure.to_string().replace('\n', " | ")
                );
            }
        }
    }
    assert!(passed.is_empty(), "these pass, move them out of pending: {passed:?}");
}

/// A row of COVERAGE.md.
struct Row {
    what: String,
    scripts: Vec<String>,
    counters: Vec<String>,
}

fn coverage() -> Vec<Row> {
    let text = fs::read_to_string(root().join("COVERAGE.md")).expect("COVERAGE.md");
    let rows = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| what"));
    let items =
        |cell: &str| cell.split(',').map(str::trim).filter(|i| !i.is_empty()).map(String::from).collect();
    let cells =
        |line: &str| line.trim_matches('|').split('|').map(|c| c.trim().to_string()).collect::<Vec<_>>();
    rows.map(|line| match &cells(line)[..] {
        [what, scripts, counters] => {
            Row { what: what.clone(), scripts: items(scripts), counters: items(counters) }
        }
        other => panic!("three columns expected: {other:?}"),
    })
    .collect()
}

#[test]
fn each_row_of_the_coverage_has_scripts_that_read_its_counters() {
    let rows = coverage();
    assert!(rows.len() >= 40, "a row for each feature of TCP, not {}", rows.len());
    for row in &rows {
        assert!(!row.scripts.is_empty(), "no script for: {}", row.what);
        let mut texts = String::new();
        for script in &row.scripts {
            let path = root().join(script).with_extension("pkt");
            texts += &fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        }
        for counter in &row.counters {
            assert!(texts.contains(counter), "no script of '{}' reads {counter}", row.what);
        }
    }
}

#[test]
fn each_script_is_named_in_the_coverage() {
    let named: BTreeSet<String> = coverage().into_iter().flat_map(|row| row.scripts).collect();
    let missing: Vec<String> = SECTIONS
        .iter()
        .flat_map(|section| scripts(section).into_iter().map(move |(name, _)| format!("{section}/{name}")))
        .filter(|script| !named.contains(script))
        .collect();
    assert!(missing.is_empty(), "name these in COVERAGE.md: {missing:?}");
}
