use clap::Parser;

use super::*;
use crate::cli::{Cli, Command};

fn plan(flags: &[&str]) -> anyhow::Result<Plan> {
    let bed = if flags.contains(&"--bed") { &[][..] } else { &["--bed", "loopback"] };
    let start = ["corelane-bench", "compare"];
    match Cli::try_parse_from(start.iter().chain(bed).chain(flags))?.command {
        Command::Compare(args) => Plan::new(&args),
        command => anyhow::bail!("{command:?}"),
    }
}

#[test]
fn quick_takes_under_five_minutes_with_five_rounds_of_all_engines() {
    let mut plan = plan(&["--quick"]).expect("a plan");
    for cell in &mut plan.cells {
        // However many engines this machine has.
        cell.engines = vec![Engine::Epoll; if cell.connections == 1 { 7 } else { 6 }];
    }
    assert_eq!(plan.rounds, 5);
    assert!(plan.estimate() < Duration::from_secs(5 * 60), "{:?}", plan.estimate());
}

#[test]
fn the_default_matrix() {
    let plan = plan(&[]).expect("a plan");
    let cells: Vec<_> = plan.cells.iter().map(|cell| (cell.workload, cell.connections, cell.size)).collect();
    let (echo, http) = (Workload::Echo, Workload::Http);
    assert_eq!(
        cells,
        [(echo, 1, 64), (echo, 16, 64), (echo, 128, 64), (echo, 1000, 64), (http, 1, 64), (http, 128, 64)]
    );
    for cell in &plan.cells {
        for engine in [Engine::Bio, Engine::Epoll, Engine::Tokio, Engine::CorelaneKernel] {
            assert!(cell.engines.contains(&engine), "{cell}: {engine}");
        }
        let spins = cell.engines.contains(&Engine::EpollSpin);
        assert_eq!(spins, cell.connections == 1, "{cell}");
    }
}

/// In full on these beds, whatever the machine that tests can have.
fn in_full(beds: &[Bed]) -> Plan {
    let args = match Cli::try_parse_from(["corelane-bench", "compare"]).expect("flags").command {
        Command::Compare(args) => args,
        command => panic!("{command:?}"),
    };
    let mut plan = Plan::new(&args).expect("a plan");
    let mut choice = Choice { beds: beds.to_vec(), named: true, full: true };
    plan.cells = all_cells(&args, &mut choice, &mut Vec::new()).expect("cells");
    // With DPDK, where this build has none.
    let missing = !cfg!(feature = "dpdk") && choice.beds.contains(&Bed::Vhost);
    let vhost = plan.cells.iter_mut().filter(|cell| cell.bed == Bed::Vhost && missing);
    vhost.for_each(|cell| cell.engines.push(Engine::Corelane));
    plan.choice = choice;
    plan.open_loop = OpenLoop::Few;
    plan.lossy = true;
    plan
}

#[test]
fn in_full_all_beds_take_under_28_minutes_with_ten_rounds() {
    let plan = in_full(&[Bed::Veth, Bed::Vhost, Bed::Tap, Bed::Memory, Bed::Loopback]);
    assert_eq!(plan.rounds, 10);
    // A build without DPDK lacks echo and crr on vhost, and two knees and their rounds.
    let missing = if cfg!(feature = "dpdk") { 0 } else { 170 };
    let estimate = plan.estimate() + Duration::from_secs(missing);
    assert!(estimate < Duration::from_secs(28 * 60), "{estimate:?}: {plan}");
}

#[test]
fn no_engine_is_measured_twice_at_one_place_and_the_same_question_is_one_group() {
    let plan = in_full(&[Bed::Veth, Bed::Vhost, Bed::Tap, Bed::Memory]);
    let mut seen = Vec::new();
    for cell in &plan.cells {
        for &engine in &cell.engines {
            let key = (bed::of(cell.bed, engine), engine, cell.question());
            assert!(!seen.contains(&key), "{key:?}");
            seen.push(key);
        }
    }
    let group = plan.groups().find(|group| group[0].connections == 128).expect("echo");
    let has = |bed, engine| group.iter().any(|cell| cell.bed == bed && cell.engines.contains(&engine));
    assert!(has(Bed::Veth, Engine::Epoll) && has(Bed::Veth, Engine::Corelane), "{group:?}");
    assert!(has(Bed::Tap, Engine::Corelane) && !has(Bed::Tap, Engine::Epoll), "{group:?}");
    assert!(plan.groups().all(|group| {
        group.iter().all(|cell| (cell.bed == Bed::Memory) == (group[0].bed == Bed::Memory))
    }));
    assert_eq!(plan.groups().map(<[Cell]>::len).sum::<usize>(), plan.cells.len());
}

#[test]
fn what_cannot_be_had_is_left_out_unless_it_was_named() {
    let mut plan = in_full(&[Bed::Veth, Bed::Tap]);
    let reason = || anyhow::anyhow!("no huge pages");
    assert!(plan.leave_out(Bed::Tap, reason()).is_err(), "it was named");
    plan.choice.named = false;
    plan.leave_out(Bed::Tap, reason()).expect("veth is left");
    assert!(!plan.has_bed(Bed::Tap) && plan.choice.beds == [Bed::Veth]);
    assert!(plan.left_out.contains(&"bed tap: no huge pages".to_owned()), "{:?}", plan.left_out);
    assert!(plan.leave_out(Bed::Veth, reason()).is_err(), "nothing is left");
}

#[test]
fn a_bed_without_what_is_asked_for_is_left_out_of_several() {
    let start = ["corelane-bench", "compare", "--workloads", "http", "--engines", "epoll"];
    let Command::Compare(args) = Cli::try_parse_from(start).expect("flags").command else { panic!() };
    let plan = Plan::new(&args).expect("a plan");
    assert!(!plan.has_bed(Bed::Memory) && plan.has(Engine::Epoll));
    assert!(plan.left_out.iter().any(|reason| reason.starts_with("bed memory: ")), "{:?}", plan.left_out);
}

#[test]
fn an_engine_is_left_out_only_when_no_bed_has_it() {
    let flags =
        ["--bed", "memory,loopback", "--engines", "epoll,epoll-tuned,corelane", "--workloads", "echo"];
    let plan = plan(&flags).expect("a plan");
    let of =
        |bed| plan.cells.iter().filter(move |cell| cell.bed == bed).flat_map(|cell| cell.engines.clone());
    assert!(of(Bed::Memory).all(|engine| engine == Engine::Corelane) && of(Bed::Memory).count() > 0);
    assert!(of(Bed::Loopback).all(|engine| engine == Engine::Epoll) && of(Bed::Loopback).count() > 0);
    assert!(plan.left_out.iter().all(|reason| reason.contains("epoll-tuned: ")), "{:?}", plan.left_out);
    assert!(!plan.left_out.is_empty());
}

#[test]
fn each_number_of_requests_at_once_is_a_cell() {
    let flags =
        ["--workloads", "echo,http", "--connections", "2", "--engines", "epoll", "--pipeline", "1,8,8"];
    let plan = plan(&flags).expect("a plan");
    let names: Vec<_> = plan.cells.iter().map(ToString::to_string).collect();
    assert_eq!(
        names,
        [
            "echo of 64 B on 2 connections",
            "echo of 64 B, 8 at once on 2 connections",
            "http of 64 B on 2 connections",
            "http of 64 B, 8 at once on 2 connections",
        ]
    );
    assert_eq!(plan.groups().count(), 4, "none is compared with another");
}

#[test]
fn chosen_engines_are_measured_everywhere() {
    let flags = ["--engines", "epoll,epoll-spin", "--connections", "2,3", "--workloads", "crr"];
    let plan = plan(&flags).expect("a plan");
    assert_eq!(plan.cells.len(), 2);
    assert_eq!((plan.rounds, plan.stages()), (10, 11), "the rounds, and the counting");
    for cell in &plan.cells {
        assert_eq!(cell.engines, [Engine::Epoll, Engine::EpollSpin]);
        assert_eq!(cell.workload, Workload::Crr);
    }
}

#[test]
fn every_size_is_measured_on_every_number_of_connections() {
    let flags = ["--engines", "epoll,mio", "--workloads", "echo,bulk", "--connections", "1,16,1"];
    let plan = plan(&[&flags[..], &["--size", "1,1024,1,65536"]].concat()).expect("a plan");
    let cells: Vec<String> = plan.cells.iter().map(ToString::to_string).collect();
    assert_eq!(
        cells,
        [
            "echo of 1 B on 1 connection",
            "echo of 1 B on 16 connections",
            "echo of 1024 B on 1 connection",
            "echo of 1024 B on 16 connections",
            "echo of 65536 B on 1 connection",
            "echo of 65536 B on 16 connections",
            // A stream has no size, and what is given twice is measured once.
            "bulk on 1 connection",
            "bulk on 16 connections",
        ]
    );
    assert_eq!(plan.left_out.len(), 1, "said once: {:?}", plan.left_out);
}

#[test]
fn a_tuned_kernel_needs_an_interface() {
    let plan = plan(&["--engines", "epoll,epoll-tuned", "--workloads", "echo"]).expect("a plan");
    assert!(plan.has(Engine::Epoll) && !plan.has(Engine::EpollTuned));
    assert!(plan.left_out.iter().any(|reason| reason.starts_with("epoll-tuned: loopback has no interface")));
}

#[test]
fn one_core_for_both_is_refused() {
    let error = plan(&["--client-cpu", "0"]).expect_err("one core");
    assert!(error.to_string().contains("--client-cpu"), "{error}");
}

#[test]
fn another_bed_than_vhost_has_no_mtu_to_choose() {
    let error = plan(&["--mtu", "9000"]).expect_err("loopback");
    assert!(error.to_string().starts_with("--mtu: "), "{error}");
}

#[test]
fn the_default_matrix_of_vhost() {
    if !crate::sys::is_root() {
        eprintln!("SKIPPED: the bed needs root");
        return;
    }
    let plan = plan(&["--bed", "vhost"]).expect("a plan");
    let cells: Vec<String> = plan.cells.iter().map(ToString::to_string).collect();
    assert_eq!(
        cells,
        [
            "echo of 64 B on 1 connection",
            "echo of 64 B on 128 connections",
            "echo of 64 B on 1000 connections",
            "crr of 64 B on 16 connections",
            "bulk, MTU 1500 on 1 connection",
            "bulk, MTU 9000 on 1 connection",
        ]
    );
    let corelane = cfg!(feature = "dpdk");
    assert_eq!(plan.has(Engine::Corelane), corelane);
    assert_eq!(plan.left_out.iter().any(|reason| reason.contains("--features dpdk")), !corelane);
}

#[cfg(feature = "axum")]
#[test]
fn json_is_measured_on_the_engines_that_axum_runs_on() {
    let plan = plan(&["--workloads", "json,http", "--client", "wrk", "--seconds", "1.2"]).expect("a plan");
    let of = |workload| plan.cells.iter().filter(move |cell| cell.workload == workload);
    assert_eq!(of(Workload::Json).map(|cell| cell.connections).collect::<Vec<_>>(), [1, 16, 128]);
    for cell in of(Workload::Json) {
        assert_eq!(cell.engines, [Engine::Tokio, Engine::CorelaneKernel], "{cell}: no device on loopback");
    }
    assert!(of(Workload::Http).all(|cell| cell.engines.contains(&Engine::Epoll)));
    assert_eq!((plan.seconds, plan.warmup), (Duration::from_secs(2), Duration::from_secs(1)), "whole ones");
}

#[test]
fn others_are_beside_echo_and_http_and_in_memory_idle_ones() {
    let flags = ["--workloads", "echo", "--connections", "16", "--engines", "epoll,corelane"];
    let with = plan(&[&flags[..], &["--idle", "1000", "--slow", "3"]].concat()).expect("a plan");
    let names: Vec<String> = with.cells.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["echo of 64 B beside 1000 idle connections and 3 slow readers on 16 connections"]);
    assert_eq!(with.cells[0].engines, [Engine::Epoll]);
    assert!(with.left_out.iter().any(|reason| reason.starts_with("corelane, echo: in memory nobody")));
    let flags_in_memory = ["--bed", "memory", "--idle", "1000", "--connections", "16"];
    let in_memory = plan(&flags_in_memory).expect("a plan");
    assert!(in_memory.cells[0].engines.contains(&Engine::Smoltcp) && in_memory.cells[0].beside.idle == 1000);
    assert_eq!(
        in_memory.counted_cells().count(),
        0,
        "instructions of what is measured, not of what lies beside"
    );
    let without = plan(&flags).expect("a plan");
    let time = |plan: &Plan| plan.time_of(&plan.cells[0], plan.cells[0].engines[0]);
    assert!(time(&with) > time(&without));
    for (flags, expected) in [
        (&["--idle", "5", "--workloads", "echo,crr"][..], "--idle 5: crr has none beside it"),
        (&["--slow", "5"], "--slow 5: http has none beside it: give --workloads echo"),
        (&["--slow", "5", "--workloads", "echo", "--bed", "memory"], "--slow 5: in memory"),
        (
            &["--idle", "59990", "--bed", "memory"],
            "--idle 59990: in memory there are 60000 connections at most",
        ),
        (&["--idle", "5", "--workloads", "http", "--client", "wrk"], "--idle 5: wrk has none"),
    ] {
        let error = plan(flags).expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn idle_ones_are_beside_those_in_memory_only_where_that_is_named() {
    let start = ["corelane-bench", "compare", "--idle", "1000"];
    let Command::Compare(args) = Cli::try_parse_from(start).expect("flags").command else { panic!() };
    let of = |named| Beside::of(&args, Bed::Memory, &[Workload::Echo], named);
    assert_eq!(of(true).expect("named").idle, 1000);
    let error = of(false).expect_err("not named").to_string();
    assert!(error.starts_with("--idle 1000: in memory only with --bed memory"), "{error}");
}

#[test]
fn a_client_that_cannot_ask_is_refused() {
    for (flags, expected) in [
        (&["--client", "wrk"][..], "--workloads http"),
        (&["--client", "wrk", "--workloads", "http,echo"], "--workloads http"),
        (&["--client", "corelane"], "--bed vhost"),
        (&["--client", "wrk", "--workloads", "http", "--bed", "memory"], "another --bed"),
    ] {
        let error = plan(flags).expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
    }
}
