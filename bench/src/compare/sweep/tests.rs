use clap::Parser;

use super::*;
use crate::cli::{Cli, Command};

fn plan(flags: &[&str]) -> Plan {
    let start = ["corelane-bench", "compare", "--bed", "loopback", "--open-loop"];
    let cli = Cli::try_parse_from(start.iter().chain(flags)).expect("flags");
    let Command::Compare(args) = cli.command else { panic!("{cli:?}") };
    Plan::new(&args).expect("a plan")
}

#[test]
fn only_cells_with_requests_and_enough_connections_have_an_open_loop() {
    let plan = plan(&["--workloads", "echo,http,crr,bulk", "--connections", "1,16"]);
    let fitting = plan.cells.iter().filter(|cell| !engines(&plan, cell).is_empty());
    let names: Vec<_> = fitting.map(|cell| (cell.workload, cell.connections)).collect();
    assert_eq!(names, [(Workload::Echo, 16), (Workload::Http, 16)]);
}

#[test]
fn few_connections_have_one_when_they_are_named() {
    let flags = ["--workloads", "echo,crr", "--connections", "1,2,16", "--open-connections", "1,16"];
    let plan = plan(&flags);
    let fitting = plan.cells.iter().filter(|cell| !engines(&plan, cell).is_empty());
    let names: Vec<_> = fitting.map(|cell| (cell.workload, cell.connections)).collect();
    assert_eq!(names, [(Workload::Echo, 1), (Workload::Echo, 16)]);
}

#[test]
fn the_estimate_has_the_open_loop_in_it() {
    let flags = ["--workloads", "echo", "--engines", "epoll", "--rounds", "5", "--seconds", "1"];
    let with = |connections| plan(&[&flags[..], &["--connections", connections]].concat()).estimate();
    // 12 measurements of the search and 2 x 5 rounds, of more than a second each.
    assert!(with("16") > with("1") + std::time::Duration::from_secs(22));
}
