use super::super::fixture::{report, row};
use super::*;
use crate::cli::{Bed, Engine, Workload};
use crate::compare::sweep::Offered;

/// Five rounds that differ by 2 % at most.
fn around(rate: f64) -> [f64; 5] {
    [0.99, 1.0, 1.01, 0.995, 1.005].map(|factor| factor * rate)
}

fn echo(rates: &[f64]) -> Comparison {
    report(vec![row(Engine::Epoll, Workload::Echo, 16, rates)])
}

fn verdict_of(first: &[f64], second: &[f64]) -> Verdict {
    Diff::new(&echo(first), &echo(second), 1).pairs[0].verdict
}

#[test]
fn a_row_is_faster_or_slower_only_beyond_its_interval() {
    assert_eq!(verdict_of(&around(1000.0), &around(1100.0)), Verdict::Faster);
    assert_eq!(verdict_of(&around(1100.0), &around(1000.0)), Verdict::Slower);
    assert_eq!(verdict_of(&around(1000.0), &around(1000.0)), Verdict::Same);
    assert_eq!(
        verdict_of(&around(1000.0), &[700.0, 800.0, 1100.0, 1200.0, 900.0]),
        Verdict::Same,
        "too noisy"
    );
    assert_eq!(verdict_of(&around(1000.0)[..4], &around(2000.0)), Verdict::TooFewRounds);
}

#[test]
fn bulk_is_compared_by_its_bits() {
    let bulk = |rates: &[f64]| report(vec![row(Engine::Bio, Workload::Bulk, 1, rates)]);
    let diff = Diff::new(&bulk(&around(10.0)), &bulk(&around(20.0)), 1);
    assert_eq!(diff.pairs[0].medians, [10.0, 20.0]);
    assert_eq!(diff.pairs[0].verdict, Verdict::Faster);
    assert!(diff.to_string().contains("| bio, veth, bulk, 1 connection | 10.00 | 20.00 | 2.000 ("), "{diff}");
}

#[test]
fn rows_of_one_report_are_listed() {
    let rates = around(1000.0);
    let first = report(vec![
        row(Engine::Epoll, Workload::Echo, 1, &rates),
        row(Engine::Epoll, Workload::Echo, 16, &rates),
    ]);
    let mut moved = row(Engine::Epoll, Workload::Echo, 16, &rates);
    moved.bed = Bed::Loopback;
    let second = report(vec![row(Engine::Epoll, Workload::Echo, 1, &rates), moved]);
    let diff = Diff::new(&first, &second, 1);
    assert_eq!(diff.pairs.len(), 1);
    let said = diff.to_string();
    assert!(said.contains("only in A: epoll, veth, echo of 64 B, 16 connections\n"), "{said}");
    assert!(said.contains("only in B: epoll, loopback, echo of 64 B, 16 connections\n"), "{said}");
}

#[test]
fn the_sums_say_how_many_differ_and_how_many_would_by_chance() {
    let rows = |rates: [f64; 3]| {
        let row = |(index, rate)| row(Engine::Epoll, Workload::Echo, index + 1, &around(rate));
        report(rates.into_iter().enumerate().map(row).collect())
    };
    let said = Diff::new(&rows([1000.0; 3]), &rows([1000.0, 1015.0, 1100.0]), 1).to_string();
    assert!(
        said.contains("rows: 3 judged: 2 the same, 1 faster, 0 slower; if nothing differed, some 1 "),
        "{said}"
    );
    let open = |rate| {
        let mut report = rows([rate; 3]);
        report.rows.iter_mut().for_each(|row| row.offered = Some(Offered { rate, of_knee: 0.5 }));
        report
    };
    let said = Diff::new(&open(1000.0), &open(2000.0), 1).to_string();
    assert!(said.contains("3 judged: 0 the same, 3 faster"), "{said}");
}

/// The machine is half as fast in the second report: the ratios to epoll are what they were.
#[test]
fn ratios_hold_where_the_machine_is_slower() {
    let both = |epoll: f64, own: f64| {
        let mut rows = vec![
            row(Engine::Epoll, Workload::Echo, 16, &around(epoll)),
            row(Engine::Corelane, Workload::Echo, 16, &around(own)),
        ];
        row::compare(&mut rows);
        report(rows)
    };
    let said = |second: &Comparison| Diff::new(&both(1000.0, 2000.0), second, 1).to_string();
    let slower = said(&both(500.0, 1000.0));
    assert!(slower.contains("did 0.50 x as much in B as in A (median of 1 rows)"), "{slower}");
    assert!(slower.contains("2 judged: 0 the same, 0 faster, 2 slower"), "{slower}");
    assert!(slower.contains("that A and B print overlap in 1 of 1\n"), "{slower}");
    let better = said(&both(500.0, 1500.0));
    let apart = "ratios apart: corelane, veth, echo of 64 B, 16 connections: 2.00 (2.00..2.00) in A, 3.00 (3.00..3.00) in B\n";
    assert!(better.contains(apart) && better.contains("overlap in 0 of 1\n"), "{better}");
    let alone = said(&echo(&around(1000.0)));
    assert!(alone.contains("overlap in 0 of 0\n"), "{alone}");
}

#[test]
fn slower_by_so_much_needs_a_verdict_and_a_ratio() {
    let (first, second) = (echo(&around(1000.0)), echo(&around(900.0)));
    let diff = Diff::new(&first, &second, 1);
    assert!(diff.is_slower_by(5.0) && diff.is_slower_by(10.0) && !diff.is_slower_by(11.0));
    assert!(!Diff::new(&second, &first, 1).is_slower_by(0.0), "faster");
    let noisy = echo(&[700.0, 800.0, 1100.0, 1200.0, 600.0]);
    assert!(!Diff::new(&first, &noisy, 1).is_slower_by(5.0), "20 % slower, perhaps");
}

#[test]
fn an_open_loop_is_judged_by_its_latency() {
    let open = |rates: &[f64]| {
        let mut row = row(Engine::Epoll, Workload::Echo, 16, rates);
        row.offered = Some(Offered { rate: 500.0, of_knee: 0.5 });
        report(vec![row])
    };
    // The latencies of the fixture fall as its rates rise.
    let (slow, fast) = (open(&around(1000.0)), open(&around(2000.0)));
    let diff = Diff::new(&slow, &fast, 1);
    assert_eq!(diff.pairs[0].verdict, Verdict::Faster);
    assert!(diff.to_string().contains("open loop at 50 % of the knee"), "{diff}");
    let back = Diff::new(&fast, &slow, 1);
    assert_eq!(back.pairs[0].verdict, Verdict::Slower);
    assert!(back.is_slower_by(90.0) && !back.is_slower_by(110.0), "p99 is twice as long");
    assert_eq!(Diff::new(&slow, &echo(&around(1000.0)), 1).pairs.len(), 0, "a closed loop is another row");
}

#[test]
fn what_else_differs_is_said() {
    let first = echo(&around(1000.0));
    let mut second = first.clone();
    assert!(!Diff::new(&first, &second, 1).to_string().contains("not the same"));
    second.machine.kernel = "6.13.0".to_owned();
    let said = Diff::new(&first, &second, 1).to_string();
    assert!(said.contains("not the same: kernel: 6.12.0 -> 6.13.0\n"), "{said}");
}
