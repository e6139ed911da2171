use super::super::super::fixture::{report, row};
use super::*;
use crate::cli::Workload;
use crate::compare::report::Comparison;

/// Two engines on 1 and on 16 connections, and bulk; on 16 in two sizes.
fn sample() -> Comparison {
    let rates = [1000.0, 1100.0, 1200.0, 1300.0, 1400.0];
    let mut rows = Vec::new();
    for engine in [Engine::Epoll, Engine::Corelane] {
        rows.push(row(engine, Workload::Echo, 1, &rates));
        rows.push(row(engine, Workload::Bulk, 16, &rates));
        for size in [64, 16_384] {
            rows.push(row(engine, Workload::Echo, 16, &rates));
            rows.last_mut().expect("a row").size = size;
        }
    }
    report(rows)
}

#[test]
fn only_what_was_asked_in_two_sizes_has_a_chart() {
    let report = sample();
    let groups = Group::all(&report);
    let sweeps = sweeps(&groups);
    let names: Vec<_> = sweeps.iter().map(|sweep| (sweep.name.as_str(), sweep.rows.len())).collect();
    assert_eq!(names, [("echo, 16 connections", 4)]);
    let html = section(&groups);
    assert_eq!(html.matches("<figure ").count(), 1);
    assert!(html.contains("<th scope=\"col\">16384 B</th>") && html.contains(">16 Ki</text>"), "{html}");
    assert!(exists(&groups));
}

#[test]
fn one_size_has_no_section() {
    let mut report = sample();
    report.rows.retain(|row| row.size == 64);
    let groups = Group::all(&report);
    assert!(!exists(&groups) && section(&groups).is_empty());
}

#[test]
fn others_beside_are_another_question() {
    let mut report = sample();
    for row in report.rows.iter_mut().filter(|row| row.size == 16_384) {
        row.beside.idle = 1000;
    }
    assert!(!exists(&Group::all(&report)));
}

#[test]
fn a_small_tick_is_not_zero() {
    assert_eq!([0.001, 0.05, 1.0, 20.0, 100.0].map(plain), ["0.001", "0.05", "1", "20", "100"]);
}

#[test]
fn sizes_are_written_in_powers_of_two() {
    let words = [1.0, 64.0, 1000.0, 1024.0, 16_384.0, 1_048_576.0].map(bytes);
    assert_eq!(words, ["1", "64", "1000", "1 Ki", "16 Ki", "1 Mi"]);
}
