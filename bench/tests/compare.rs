//! `compare` on loopback, which needs no root: the table and the shape of its report.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{env, fs, process};

use serde_json::Value;

/// A report that goes away with the test, its page too.
struct TempFile(PathBuf);

impl TempFile {
    fn new(name: &str) -> Self {
        Self(env::temp_dir().join(format!("corelane-bench-{}-{name}", process::id())))
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        for path in [self.0.with_extension("html"), self.0.clone()] {
            let _missing = fs::remove_file(path);
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn number(row: &Value, path: &str) -> f64 {
    let value = row.pointer(path).unwrap_or_else(|| panic!("{path} is missing in {row}"));
    value.as_f64().unwrap_or_else(|| panic!("{path} is no number in {row}"))
}

#[test]
fn the_report_has_the_machine_the_settings_and_a_row_for_each_engine() {
    if cores() < 2 {
        eprintln!("SKIPPED: compare needs two cores");
        return;
    }
    let file = TempFile::new("report.json");
    let output = Command::new(env!("CARGO_BIN_EXE_corelane-bench"))
        .args(["compare", "--bed", "loopback", "--rounds", "2", "--seconds", "0.25"])
        .args(["--warmup", "0.01", "--workloads", "echo,http,crr,bulk", "--connections", "3"])
        .args(["--engines", "bio,epoll,tokio", "--json"])
        .arg(&file.0)
        .output()
        .expect("the binary starts");
    let (said, table) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{said}\n{table}");
    assert!(said.contains("2 rounds of 0.2 s"), "says beforehand what it does: {said}");

    let text = fs::read_to_string(&file.0).expect("a report");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    for name in ["kernel", "cpu", "rustc", "version"] {
        assert!(report["machine"][name].is_string(), "{name}");
    }
    check_commit(&report["machine"]["commit"], &table);
    assert_eq!(number(&report, "/format"), 1.0);
    assert!(number(&report, "/machine/cores") >= 2.0);
    assert!(number(&report, "/machine/memory_mib") > 0.0);
    assert_eq!(number(&report, "/settings/rounds"), 2.0);
    assert_eq!(number(&report, "/settings/seconds"), 0.25);
    assert_eq!(report["settings"]["engines"].as_array().map(Vec::len), Some(3));

    let rows = report["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 4 * 3);
    for row in rows {
        check_row(row);
        check_ratio(row, rows);
        let engine = row["engine"].as_str().expect("a name");
        assert!(table.contains(&format!("| {engine} ")), "{engine} is in the table: {table}");
    }
    check_page(&file.0);
}

/// The report names the commit that git does: in a checkout, the one that is checked out while nobody commits.
fn check_commit(commit: &Value, table: &str) {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let git = |args: &[&str]| {
        let output = Command::new("git").arg("-C").arg(root).args(args).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let top = git(&["rev-parse", "--show-toplevel"]).and_then(|top| fs::canonicalize(top).ok());
    if top.is_none() || top != fs::canonicalize(root).ok() {
        assert!(commit.is_null() && table.contains("(not built in a git checkout)"), "{commit}: {table}");
        return;
    }
    let is = git(&["describe", "--always"]).expect("a commit");
    let said = commit.as_str().expect("a commit");
    assert!(said == is || said == format!("{is}-dirty"), "{said}, not {is}");
    assert!(table.contains(&format!("(commit {said})")), "{table}");
}

/// The page beside the report is the one that `report html` makes of it, and a report is the same as itself.
fn check_page(json: &Path) {
    let html = json.with_extension("html");
    let written = fs::read(&html).expect("a page");
    fs::remove_file(&html).expect("its file");
    let report = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_corelane-bench")).arg("report").args(args).output();
        output.expect("the binary starts")
    };
    let path = json.to_str().expect("UTF-8");
    assert!(report(&["html", path]).status.success());
    assert!(fs::read(&html).expect("a page again") == written);

    let output = report(&["diff", path, path, "--fail-on-slower", "0"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert_eq!(said.matches("| too few rounds |").count(), 4 * 3, "2 rounds: {said}");
}

fn check_row(row: &Value) {
    assert_eq!(row["bed"], "loopback");
    let engines = ["bio", "epoll", "tokio"];
    assert!(engines.iter().any(|engine| row["engine"] == *engine), "{row}");
    let size = match row["workload"].as_str() {
        Some("echo" | "crr" | "http") => 64.0,
        Some("bulk") => 1e6,
        workload => panic!("{workload:?}"),
    };
    assert_eq!(number(row, "/size"), size);
    assert_eq!(number(row, "/connections"), 3.0);
    let rate = |name: &str| number(row, &format!("/requests_per_second/{name}"));
    assert_eq!(rate("rounds"), 2.0);
    assert!(rate("min") > 0.0, "{row}");
    assert!(rate("min") <= rate("median") && rate("median") <= rate("max"), "{row}");
    let latency = |name: &str| number(row, &format!("/latency_us/{name}"));
    let bulk = row["workload"] == "bulk";
    assert_eq!(latency("p50") == 0.0, bulk, "a stream has no latency: {row}");
    assert!(latency("p50") <= latency("p99") && latency("p99") <= latency("p99_9"), "{row}");
    assert!(latency("p99_9") <= latency("max"), "{row}");
    assert!(number(row, "/gbit_per_second/median") > 0.0);
    assert_eq!(number(row, "/byte_errors"), 0.0);
    assert!(number(row, "/context_switches_per_request") >= 0.0);
    assert!((0.0..=1.0).contains(&number(row, "/cpu/busy")), "{row}");
    assert!((0.0..=1.0).contains(&number(row, "/cpu/softirq")), "{row}");
    assert!((0.0..=1.0).contains(&number(row, "/headroom/server_busy")), "{row}");
    assert!((0.0..=1.0).contains(&number(row, "/headroom/client_busy")), "{row}");
    let warnings = row["headroom"]["warnings"].as_array().expect("a list");
    let has =
        |words: &str| warnings.iter().any(|warning| warning.as_str().is_some_and(|w| w.contains(words)));
    assert!(has("2 rounds: too few") && has("below 0.5 s"), "{row}");
    assert!(number(row, "/costs/voluntary_switches") >= 0.0);
    assert!(row["costs"]["copied_bytes"].is_null(), "the kernel doesn't say: {row}");
    assert!(row["commands"]["server"].as_str().is_some_and(|command| command.contains("--engine=")), "{row}");
    let rounds = row["measurements"].as_array().expect("rounds");
    assert_eq!(rounds.len(), 2);
    for round in rounds {
        let points = round["report"]["latency_percentiles_us"].as_array().expect("a distribution");
        assert_eq!(points.is_empty(), bulk, "{round}");
        let rising = points.is_sorted_by_key(|point| number(point, "/1") as u64); // of microseconds
        assert!(rising, "{round}");
        assert!((0.0..=1.0).contains(&number(round, "/client_cpu/user")), "{round}");
    }
}

#[test]
fn several_beds_are_one_report_and_each_row_has_its_own() {
    if cores() < 2 {
        eprintln!("SKIPPED: compare needs two cores");
        return;
    }
    let file = TempFile::new("beds.json");
    let output = Command::new(env!("CARGO_BIN_EXE_corelane-bench"))
        .args(["compare", "--bed", "loopback,memory", "--rounds", "1", "--seconds", "0.1", "--warmup", "0"])
        .args(["--workloads", "echo", "--connections", "2", "--engines", "epoll,corelane-stack", "--json"])
        .arg(&file.0)
        .output()
        .expect("the binary starts");
    let (said, table) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{said}\n{table}");
    assert!(said.starts_with("compare, bed memory, loopback:\n"), "{said}");
    let report: Value = serde_json::from_str(&fs::read_to_string(&file.0).expect("a report")).expect("JSON");
    assert_eq!(report["settings"]["beds"], serde_json::json!(["memory", "loopback"]));
    let rows = report["rows"].as_array().expect("rows").iter();
    let rows: Vec<_> = rows.map(|row| (row["bed"].as_str(), row["engine"].as_str())).collect();
    let expected = [("memory", "corelane-stack"), ("loopback", "epoll")];
    assert_eq!(rows, expected.map(|(bed, engine)| (Some(bed), Some(engine))));
    let page = fs::read_to_string(file.0.with_extension("html")).expect("a page");
    assert!(page.contains("echo of 64 B, in memory") && page.contains("echo of 64 B, loopback"));
}

/// A row that is the client's figure, or whose peer is one, has no ratio.
fn check_ratio(row: &Value, rows: &[Value]) {
    let refused = |row: &Value| row["headroom"]["refused"].is_string();
    let is_peer = |peer: &&Value| peer["engine"] == "epoll" && peer["workload"] == row["workload"];
    let peer = rows.iter().find(is_peer).expect("epoll is measured everywhere");
    if refused(row) || refused(peer) {
        assert!(row["ratio_to_epoll"].is_null(), "{row}");
        return;
    }
    assert!(number(row, "/ratio_to_epoll/requests_per_second") > 0.0, "{row}");
    if row["engine"] == "epoll" {
        let figure = if row["workload"] == "bulk" { "gbit_per_second" } else { "p50" };
        assert_eq!(number(row, &format!("/ratio_to_epoll/{figure}")), 1.0);
    }
}

#[test]
fn an_open_loop_finds_the_knee_and_measures_at_parts_of_it() {
    if cores() < 2 {
        eprintln!("SKIPPED: compare needs two cores");
        return;
    }
    let file = TempFile::new("open.json");
    let output = Command::new(env!("CARGO_BIN_EXE_corelane-bench"))
        .args(["compare", "--bed", "loopback", "--rounds", "1", "--seconds", "0.2", "--warmup", "0.05"])
        .args(["--workloads", "echo", "--connections", "16", "--engines", "epoll"])
        // However slow a machine that runs other tests: it is the shape that is tested.
        .args(["--open-loop", "--p99-bound", "1000", "--seed", "9", "--json"])
        .arg(&file.0)
        .output()
        .expect("the binary starts");
    let (said, table) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{said}\n{table}");
    let text = fs::read_to_string(&file.0).expect("a report");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    let knee = &report["knees"][0];
    let (rate, closed_loop) = (number(knee, "/rate"), number(knee, "/closed_loop"));
    assert!(rate >= closed_loop * 0.0999, "{knee}");
    let points = knee["points"].as_array().expect("points");
    assert!(points.len() >= 2, "{knee}");
    for point in points {
        assert!(
            number(point, "/requests_per_second") > 0.0 && number(point, "/latency_us/p50") > 0.0,
            "{point}"
        );
        assert!((0.0..=1.0).contains(&number(point, "/client_busy")), "{point}");
    }
    let rows = report["rows"].as_array().expect("rows");
    let loads: Vec<_> = rows.iter().map(|row| row["offered"]["of_knee"].as_f64()).collect();
    assert_eq!(loads, [None, Some(0.5), Some(0.8)]);
    for (row, part) in rows[1..].iter().zip([0.5, 0.8]) {
        assert!((number(row, "/offered/rate") / (rate * part) - 1.0).abs() < 1e-6, "{row}");
        assert_eq!(number(row, "/measurements/0/report/open_loop/seed"), 9.0);
        assert!(number(row, "/measurements/0/report/open_loop/due") > 0.0);
    }
    assert!(table.contains("knee: epoll, loopback, echo of 64 B, 16 connections: "), "{table}");
}

#[test]
fn a_row_says_what_was_beside_its_connections() {
    if cores() < 2 {
        eprintln!("SKIPPED: compare needs two cores");
        return;
    }
    let file = TempFile::new("beside.json");
    let output = Command::new(env!("CARGO_BIN_EXE_corelane-bench"))
        .args(["compare", "--bed", "loopback", "--rounds", "1", "--seconds", "0.2", "--warmup", "0.05"])
        .args([
            "--workloads",
            "echo",
            "--connections",
            "4",
            "--size",
            "64,1024",
            "--engines",
            "epoll,bio-pool",
        ])
        .args(["--idle", "200", "--slow", "2", "--json"])
        .arg(&file.0)
        .output()
        .expect("the binary starts");
    let (said, table) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{said}\n{table}");
    let text = fs::read_to_string(&file.0).expect("a report");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    let rows = report["rows"].as_array().expect("rows");
    assert_eq!(rows.iter().map(|row| number(row, "/size")).collect::<Vec<_>>(), [64.0, 64.0, 1024.0, 1024.0]);
    for row in rows {
        assert_eq!((number(row, "/idle"), number(row, "/slow")), (200.0, 2.0));
        let beside = "/measurements/0/report/beside";
        assert_eq!(number(row, &format!("{beside}/asked_again")), 200.0);
        assert!(number(row, &format!("{beside}/slow_bytes")) > 0.0);
        assert_eq!(number(row, "/byte_errors") + number(row, "/connection_errors"), 0.0, "{row}");
    }
    let page = fs::read_to_string(file.0.with_extension("html")).expect("a page");
    assert!(page.contains("echo of 1024 B beside 200 idle connections and 2 slow readers, 4 connections"));
}

/// A comparison on the veth bed that would take a minute, killed when the test is over.
struct Run(Child);

impl Run {
    /// Returns when both namespaces are there and the first server and client run or are about to.
    fn start() -> Self {
        let process = Command::new(env!("CARGO_BIN_EXE_corelane-bench"))
            .args(["compare", "--bed", "veth", "--rounds", "20", "--seconds", "3"])
            .args(["--workloads", "echo", "--connections", "1", "--engines", "epoll"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut run = Self(process);
        let stderr = run.0.stderr.take().expect("a pipe");
        let mut lines = BufReader::new(stderr).lines();
        let started = lines.any(|line| line.expect("a line").contains("round 1 of 20"));
        assert!(started, "it measures");
        run
    }

    fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        let status = Command::new("sh").args(["-c", "kill -\"$0\" \"$1\"", name, &pid]).status();
        assert!(status.expect("sh").success());
    }

    fn namespaces(&self) -> usize {
        let name = |side| format!("/run/netns/clbench{}{side}", self.0.id());
        ["s", "c"].map(name).iter().filter(|name| Path::new(name).exists()).count()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

#[test]
fn a_stopped_run_leaves_nothing_and_a_killed_one_is_cleaned_up_by_the_next() {
    let probe = format!("clbench-probe{}", process::id());
    let netns = |verb| Command::new("ip").args(["netns", verb, &probe]).output();
    if !netns("add").is_ok_and(|output| output.status.success()) || cores() < 2 {
        eprintln!("SKIPPED: network namespaces need root and iproute2, compare needs two cores");
        return;
    }
    assert!(netns("del").expect("ip").status.success());

    let mut killed = Run::start();
    assert_eq!(killed.namespaces(), 2);
    killed.signal("KILL");
    killed.0.wait().expect("its end");
    assert_eq!(killed.namespaces(), 2, "nobody could remove them");

    let mut stopped = Run::start();
    assert_eq!(killed.namespaces(), 0, "the next run removes them");
    assert_eq!(stopped.namespaces(), 2);
    stopped.signal("INT");
    let status = stopped.0.wait().expect("its end");
    assert_eq!(status.code(), Some(1));
    assert_eq!(stopped.namespaces(), 0);
}
