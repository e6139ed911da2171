use super::super::fixture::{report, row};
use super::*;
use crate::cli::{Engine, Workload};

#[test]
fn what_is_written_is_read() {
    let written = report(vec![row(Engine::Epoll, Workload::Echo, 16, &[1000.0, 1100.0, 1200.0])]);
    let text = serde_json::to_string(&written).expect("JSON");
    let read = parse(&text).expect("a report");
    assert_eq!(read.rows[0].measurements.len(), 3);
    assert!(serde_json::to_string(&read).expect("JSON") == text, "all of it, to the last digit");
}

#[test]
fn a_field_that_is_not_known_is_passed_over() {
    let text = serde_json::to_string(&report(Vec::new())).expect("JSON");
    assert!(parse(&text.replacen('{', r#"{"colour": "red","#, 1)).is_ok());
}

#[test]
fn other_files_are_refused_with_what_is_wrong() {
    let text = serde_json::to_string(&report(Vec::new())).expect("JSON");
    for (text, expected) in [
        ("no JSON".to_owned(), "not a report"),
        ("[1, 2]".to_owned(), "not a report"),
        (r#"{"requests": 5}"#.to_owned(), "no format number"),
        (text.replace(r#""format":1"#, r#""format":7"#), "its format is 7, and this corelane-bench reads 1"),
        (text.replace(r#""rows":[]"#, r#""rows":[{"bed":"moon"}]"#), "unknown variant `moon`"),
        (text.replace(r#""rows":[],"#, ""), "missing field `rows`"),
    ] {
        let reason = parse(&text).expect_err("no report");
        assert!(reason.contains(expected), "{reason}");
    }
    let missing = read(Path::new("/nowhere/at/all.json")).expect_err("no file").to_string();
    assert!(missing.starts_with("/nowhere/at/all.json: cannot read it"), "{missing}");
}
