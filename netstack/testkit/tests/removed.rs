//! The removals of `removed/`, which `scripts/removed.sh` applies one by one: each still fits the sources, and says which scripts
//! must fail. Here nothing is built, so that it is known at once when a change of the stack leaves one behind.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The scripts of each row of COVERAGE.md, by `Section: row`.
fn rows() -> BTreeMap<String, Vec<String>> {
    let text = fs::read_to_string(folder("scripts").join("COVERAGE.md")).expect("COVERAGE.md");
    let mut section = "";
    let mut rows = BTreeMap::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title;
        } else if line.starts_with("| ") {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            rows.insert(format!("{section}: {}", cells[1]), items(cells[2]));
        }
    }
    rows
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn items(list: &str) -> Vec<String> {
    list.split(',').map(|item| item.trim().to_string()).collect()
}

/// A patch: its name, what it says, and what it changes.
struct Removal {
    name: String,
    shown: String,
    fails: Vec<String>,
    /// File, and the lines that a hunk expects there.
    expected: Vec<(PathBuf, String)>,
    changed: usize,
}

fn removals() -> Vec<Removal> {
    let mut removals = Vec::new();
    for entry in fs::read_dir(folder("removed")).expect("removed/") {
        let path = entry.expect("a file of removed/").path();
        let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
        assert!(name.ends_with(".patch"), "{name}: only patches belong here");
        let text = fs::read_to_string(&path).expect("a patch that can be read");
        removals.push(read(name, &text));
    }
    removals
}

fn read(name: String, text: &str) -> Removal {
    let field = |word: &str| {
        let line = text.lines().take(3).find_map(|line| line.strip_prefix(word)?.strip_prefix(": "));
        line.unwrap_or_else(|| panic!("{name}: no `{word}:` in its first three lines"))
    };
    assert!(!field("What").is_empty(), "{name}: what does it remove?");
    let (shown, fails) = (field("Shown").to_string(), items(field("Fails")));
    let mut removal = Removal { name, shown, fails, expected: Vec::new(), changed: 0 };
    let mut file = PathBuf::new();
    for line in text.lines().skip(3) {
        if let Some(path) = line.strip_prefix("--- a/") {
            file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
        } else if line.starts_with("@@") {
            removal.expected.push((file.clone(), String::new()));
        } else if let Some((_, expected)) = removal.expected.last_mut() {
            removal.changed += usize::from(line.starts_with(['-', '+']));
            if let Some(line) = line.strip_prefix([' ', '-']) {
                *expected += &format!("{line}\n");
            }
        }
    }
    removal
}

#[test]
fn each_removal_fits_the_sources() {
    for removal in removals() {
        let name = &removal.name;
        assert!(!removal.expected.is_empty(), "{name}: no hunk");
        assert!(
            (1..=15).contains(&removal.changed),
            "{name}: {} lines are no small removal",
            removal.changed
        );
        for (file, expected) in &removal.expected {
            let source =
                fs::read_to_string(file).unwrap_or_else(|e| panic!("{name}: {}: {e}", file.display()));
            let places = source.matches(expected.as_str()).count();
            assert_eq!(
                places,
                1,
                "{name} does not fit {} any more: bring it up to date, see scripts/removed.sh --help\n{expected}",
                file.display()
            );
        }
    }
}

#[test]
fn each_removal_names_scripts_of_its_row() {
    let rows = rows();
    for Removal { name, shown, fails, .. } in removals() {
        let scripts = rows.get(&shown).unwrap_or_else(|| panic!("{name}: no row '{shown}' in COVERAGE.md"));
        for script in fails {
            assert!(scripts.contains(&script), "{name}: {script} is not among the scripts of '{shown}'");
        }
    }
}

#[test]
fn each_section_has_removals() {
    let removals = removals();
    assert!(removals.len() >= 12, "only {} removals", removals.len());
    for section in ["Opening", "Data", "Loss and congestion", "Closing", "Staying", "Hostile peers"] {
        let any = removals.iter().any(|removal| removal.shown.starts_with(&format!("{section}: ")));
        assert!(any, "no removal in {section}");
    }
}
