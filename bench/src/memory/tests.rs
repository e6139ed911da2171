use clap::Parser;

use super::*;
use crate::cli::{Cli, Command};
use crate::load::report::Report;

fn measured(engine: &str, flags: &[&str]) -> Report {
    let start = ["corelane-bench", "memory", "--engine", engine];
    let Command::Memory(args) = Cli::try_parse_from(start.iter().chain(flags)).expect("flags").command else {
        panic!("not the command that was asked for")
    };
    let stop = Stop::install().expect("signals");
    measure(&args, &stop).expect("a report")
}

#[test]
fn every_engine_answers_every_question_with_the_right_bytes() {
    for engine in ENGINES {
        let report = measured(&engine.to_string(), &["--connections", "70", "--requests", "1000"]);
        assert!((1000..1000 + 70).contains(&report.requests), "{engine}: {report}");
        assert_eq!((report.byte_errors, report.starved_connections), (0, 0), "{engine}");
        assert!(report.requests_per_second > 0.0 && report.latency_us.p50 > 0.0, "{engine}: {report}");
    }
}

#[test]
fn idle_connections_beside_are_in_no_figure_and_asked_in_the_end() {
    for engine in ENGINES {
        let flags = ["--connections", "3", "--beside", "70", "--requests", "300"];
        let report = measured(&engine.to_string(), &flags);
        assert!((300..303).contains(&report.requests), "{engine}: {report}");
        assert_eq!((report.connections, report.starved_connections), (3, 0), "{engine}");
        assert_eq!((report.beside.idle, report.beside.asked_again), (70, 70), "{engine}");
        assert_eq!(report.byte_errors, 0, "{engine}");
    }
}

#[test]
fn questions_of_many_segments_come_back_too() {
    for engine in ENGINES {
        let flags = ["--connections", "2", "--size", "100000", "--requests", "20"];
        let report = measured(&engine.to_string(), &flags);
        assert!((20..22).contains(&report.requests), "{engine}: {report}");
        assert_eq!(report.byte_errors, 0, "{engine}");
    }
}

#[test]
fn after_a_warm_up_the_time_is_what_was_asked_for() {
    let report = measured("corelane-stack", &["--duration", "0.05", "--warmup", "0.01"]);
    assert!((0.05..1.0).contains(&report.seconds), "{report}");
    assert!(report.requests > 0);
}
