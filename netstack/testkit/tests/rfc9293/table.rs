//! The table is whole, and all that it names is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// How many requirements of each kind RFC 9293 has (appendix B): they are numbered from 1 on.
const KINDS: [(&str, usize); 4] = [("MUST", 69), ("SHLD", 31), ("MAY", 18), ("REC", 1)];

/// Requirements that are not met, each with its reason in the table. This list only shrinks.
const NOT_MET: &[&str] = &["MUST-23", "MUST-30", "MUST-32", "MUST-33", "SHLD-9"];

/// What stands instead of a file and a test.
const NOT_APPLICABLE: &str = "n/a";
const NOT_MET_MARK: &str = "not met";

struct Row {
    id: String,
    what: String,
    file: String,
    test: String,
}

fn netstack() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn rows(text: &str) -> Vec<Row> {
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect()
    };
    let is_row = |line: &&str| KINDS.iter().any(|(kind, _)| line.starts_with(&format!("| {kind}-")));
    text.lines()
        .filter(is_row)
        .map(|line| {
            let [id, _, what, file, test] =
                cells(line).try_into().unwrap_or_else(|_| panic!("five cells expected: {line}"));
            Row { id, what, file, test }
        })
        .collect()
}

/// Whether a file has a test of this name.
fn has_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let head = format!("fn {name}(");
    lines.iter().enumerate().any(|(at, line)| {
        let attributes = lines[..at].iter().rev().take_while(|line| line.starts_with("#["));
        line.starts_with(&head) && attributes.into_iter().any(|line| line.contains("test"))
    })
}

/// What is wrong with a row.
fn complaints(row: &Row) -> Vec<String> {
    let mut found = Vec::new();
    for mark in [NOT_APPLICABLE, NOT_MET_MARK] {
        if let Some(reason) = row.test.strip_prefix(mark) {
            if reason.trim_start_matches(':').trim().is_empty() {
                found.push(format!("{}: {mark}, and no reason why", row.id));
            }
            if mark == NOT_MET_MARK && !NOT_MET.contains(&row.id.as_str()) {
                found.push(format!("{}: not met, and not on the list", row.id));
            }
            return found;
        }
    }
    if row.what.is_empty() || row.file.is_empty() {
        found.push(format!("{}: an empty cell", row.id));
    }
    for file in row.file.split(", ") {
        if !netstack().join(file).is_file() {
            found.push(format!("{}: there is no file {file}", row.id));
        }
    }
    for test in row.test.split(", ") {
        let there = test.split_once("::").is_some_and(|(file, name)| {
            fs::read_to_string(netstack().join(file)).is_ok_and(|text| has_test(&text, name))
        });
        if !there {
            found.push(format!("{}: there is no test {test}", row.id));
        }
    }
    found
}

#[test]
fn every_requirement_has_a_row_with_a_file_and_a_test() {
    let text = fs::read_to_string(netstack().join("RFC9293.md")).expect("RFC9293.md is there");
    let rows = rows(&text);
    let mut found: Vec<String> = rows.iter().flat_map(complaints).collect();
    let mut seen = BTreeSet::new();
    found.extend(rows.iter().filter(|row| !seen.insert(&row.id)).map(|row| format!("{} twice", row.id)));
    let ids = KINDS.iter().flat_map(|(kind, count)| (1..=*count).map(move |n| format!("{kind}-{n}")));
    let ids: BTreeSet<String> = ids.collect();
    let there: BTreeSet<String> = rows.iter().map(|row| row.id.clone()).collect();
    found.extend(ids.difference(&there).map(|id| format!("{id} is missing")));
    found.extend(there.difference(&ids).map(|id| format!("RFC 9293 has no {id}")));
    let unmet: BTreeSet<&str> =
        rows.iter().filter(|row| row.test.starts_with(NOT_MET_MARK)).map(|row| row.id.as_str()).collect();
    found.extend(
        NOT_MET.iter().filter(|id| !unmet.contains(*id)).map(|id| format!("{id} is met: off the list")),
    );
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn faults_of_rows_are_found() {
    let row = |line: &str| rows(line).remove(0);
    let good = "| MUST-1 | 3.1 | what | src/tcp/seq.rs | src/tcp/seq/tests.rs::order_holds_across_the_wrap |";
    assert_eq!(complaints(&row(good)), Vec::<String>::new());
    for (bad, complaint) in [
        (good.replace("seq.rs", "sequence.rs"), "MUST-1: there is no file src/tcp/sequence.rs"),
        (good.replace("_holds", "_is_kept"), "MUST-1: there is no test"),
        (good.replace("tests.rs::", "tests.rs, "), "MUST-1: there is no test"),
        (good.replace("| what |", "|  |"), "MUST-1: an empty cell"),
        ("| MAY-3 | 1 | what | n/a | n/a |".into(), "MAY-3: n/a, and no reason"),
        ("| MUST-1 | 1 | what | | not met: later |".into(), "MUST-1: not met, and not on the list"),
    ] {
        let found = complaints(&row(&bad));
        assert!(found.iter().any(|found| found.starts_with(complaint)), "{bad}: {found:?}");
    }
    assert!(!has_test("fn order() {}", "order"), "a function that is no test");
}
