//! `compare --bed memory`, which needs no root and no kernel network: the table and the rows.

use std::process::Command;
use std::{env, fs, process};

use serde_json::Value;

#[test]
fn every_engine_has_a_row_with_its_ratio_to_smoltcp() {
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        eprintln!("SKIPPED: compare needs two cores");
        return;
    }
    let file = env::temp_dir().join(format!("corelane-bench-{}-memory.json", process::id()));
    let output = Command::new(env!("CARGO_BIN_EXE_corelane-bench"))
        .args(["compare", "--bed", "memory", "--rounds", "2", "--seconds", "0.1", "--warmup", "0.01"])
        .args(["--connections", "3,40", "--json"])
        .arg(&file)
        .output()
        .expect("the binary starts");
    let text = fs::read_to_string(&file);
    for written in [&file, &file.with_extension("html")] {
        let _missing = fs::remove_file(written);
    }
    let (said, table) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{said}\n{table}");
    assert!(table.contains("x smoltcp") && table.contains("memory"), "{table}");

    let report: Value = serde_json::from_str(&text.expect("a report")).expect("JSON");
    let rows = report["rows"].as_array().expect("rows");
    for engine in ["corelane-stack", "smoltcp", "smoltcp-steps", "corelane"] {
        let count = rows.iter().filter(|row| row["engine"] == engine).count();
        assert_eq!(count, 2, "{engine}: a row for each number of connections\n{table}");
    }
    for row in rows {
        assert_eq!(row["bed"], "memory");
        assert_eq!(row["workload"], "echo");
        assert_eq!(row["byte_errors"], 0, "{row}");
        assert_eq!(row["starved_connections"], 0, "{row}");
        assert!(row["requests_per_second"]["min"].as_f64().is_some_and(|rate| rate > 0.0), "{row}");
        let ratio = row["ratio_to_smoltcp"]["requests_per_second"].as_f64().expect("a ratio");
        assert!(ratio > 0.0 && (row["engine"] != "smoltcp" || ratio == 1.0), "{row}");
    }
}

#[test]
fn what_the_bed_does_not_have_is_refused_or_told() {
    let run = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_corelane-bench")).args(args).output();
        let output = output.expect("the binary starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = run(&["memory", "--engine", "epoll"]);
    assert_eq!((code, said.lines().count()), (Some(2), 1), "{said}");
    assert!(said.contains("--engine epoll") && said.contains("corelane-stack"), "{said}");
    let (code, said) = run(&["memory", "--engine", "smoltcp", "--idle", "--connections", "100"]);
    assert_eq!((code, said.lines().count()), (Some(2), 1), "{said}");
    assert!(said.contains("corelane-stack only"), "{said}");
    let (code, said) = run(&["memory", "--engine", "corelane-stack", "--connections", "100000"]);
    assert_eq!((code, said.lines().count()), (Some(2), 1), "{said}");
    assert!(said.contains("only with --idle"), "{said}");
    let (code, said) = run(&["memory", "--engine", "corelane-stack", "--beside", "100000"]);
    assert_eq!((code, said.lines().count()), (Some(2), 1), "{said}");
    assert!(said.contains("--connections and --beside together"), "{said}");
    let (code, said) = run(&["compare", "--bed", "memory", "--workloads", "http"]);
    assert_eq!((code, said.lines().count()), (Some(2), 1), "{said}");
    assert!(said.contains("echo only"), "{said}");
    let (code, said) = run(&["serve", "--engine", "smoltcp", "--addr", "127.0.0.1:0"]);
    assert_eq!((code, said.lines().count()), (Some(2), 1), "{said}");
    assert!(said.contains("corelane-bench memory"), "{said}");
}

#[test]
fn fifty_thousand_idle_connections_are_held_weighed_and_still_answer() {
    let output = Command::new(env!("CARGO_BIN_EXE_corelane-bench"))
        .args(["memory", "--engine", "corelane-stack", "--idle", "--connections", "50000", "--json", "-"])
        .output()
        .expect("the binary starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["connections"], 50_000);
    assert_eq!((&report["asked_again"], &report["byte_errors"]), (&1000.into(), &0.into()), "{report}");
    let number = |name: &str| report[name].as_f64().expect("a number");
    assert!(number("half_open_bytes") <= 128.0 && number("time_wait_bytes") <= 96.0, "{report}");
    assert!(number("record_bytes_each") <= 1024.0, "{report}");
    // Among fewer, what the process grows by itself (up to 2 MB of it) is not nothing.
    let resident = number("resident_bytes_each");
    assert!(resident > number("connection_bytes") && resident < 1.1 * 1024.0, "{report}");
}
