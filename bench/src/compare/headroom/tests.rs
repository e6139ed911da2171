use super::super::cpu::CpuShare;
use super::*;
use crate::cli::{ArrivalProcess, Workload};
use crate::load::open_loop::OpenLoopReport;
use crate::load::report::{Latency, Report};

/// A second with so many answers, with the server's and the client's core busy for these parts of it.
fn round(requests: u64, server: f64, client: f64) -> Measurement {
    Measurement {
        report: Report {
            workload: Workload::Echo,
            connections: 1,
            size: 64,
            seconds: 1.0,
            requests,
            requests_per_second: requests as f64,
            latency_us: Latency { p50: 10.0, p99: 50.0, p99_9: 90.0, max: 100.0 },
            latency_percentiles_us: Vec::new(),
            gbit_per_second: 0.0,
            byte_errors: 0,
            connection_errors: 0,
            first_connection_error: None,
            starved_connections: 0,
            client_busy: None,
            open_loop: None,
            beside: crate::load::beside::BesideReport::default(),
        },
        cpu: CpuShare { busy: server, ..CpuShare::default() },
        client_cpu: Some(CpuShare { busy: client, ..CpuShare::default() }),
        context_switches: 0,
        voluntary_switches: 0,
        server_work: None,
        server_waited: None,
        client_waited: None,
        system_calls: None,
        resident_kib: None,
        copied_bytes: None,
        core_round_trip_ns: None,
        round: None,
    }
}

fn rounds(requests: &[u64]) -> Vec<Measurement> {
    requests.iter().map(|requests| round(*requests, 0.9, 0.5)).collect()
}

#[test]
fn a_client_that_was_the_limit_is_refused() {
    let of = |server, client| Headroom::of(&[round(100_000, server, client)]).refused;
    assert_eq!(of(0.6, 0.9), None, "it had room");
    assert_eq!(of(1.0, 1.0), None, "both were full");
    let reason = of(0.6, 0.99).expect("refused");
    assert!(reason.contains("99 %") && reason.contains("60 %"), "{reason}");
}

#[test]
fn of_loops_that_poll_their_own_account_counts() {
    // Both cores are always busy; the client's loop had work all the time, the server's half of it.
    let mut polling = round(100_000, 1.0, 1.0);
    polling.server_work = Some(0.5);
    polling.report.client_busy = Some(0.98);
    let headroom = Headroom::of(&[polling.clone()]);
    assert_eq!((headroom.server_busy, headroom.client_busy), (0.5, Some(0.98)));
    assert!(headroom.refused.is_some());
    polling.report.client_busy = Some(0.7);
    assert_eq!(Headroom::of(&[polling]).refused, None);
}

#[test]
fn rounds_that_disagree_are_said() {
    assert_eq!(Headroom::of(&rounds(&[100_000, 101_000, 99_000, 100_000])).warnings, [] as [&str; 0]);
    // The middle half is from 90,000 to 110,000: 20 % of 100,000.
    let noisy = Headroom::of(&rounds(&[80_000, 100_000, 100_000, 120_000])).warnings;
    assert!(noisy.len() == 1 && noisy[0].starts_with("noisy: ") && noisy[0].contains("20 %"), "{noisy:?}");
    // One bad round of many is no noise, and no warning.
    let one = Headroom::of(&rounds(&[10_000, 100_000, 100_000, 100_000, 100_000, 100_000]));
    assert_eq!(one.warnings, [] as [&str; 0]);
    let few = Headroom::of(&rounds(&[100_000, 100_000])).warnings;
    assert!(few[0].contains("2 rounds: too few"), "{few:?}");
}

#[test]
fn a_run_that_is_too_short_is_said() {
    let few = Headroom::of(&rounds(&[100_000, 100_000, 9_999, 100_000])).warnings;
    assert!(few.iter().any(|warning| warning.contains("9999 answers")), "{few:?}");
    let mut short = rounds(&[100_000; 4]);
    short[2].report.seconds = 0.3;
    let short = Headroom::of(&short).warnings;
    assert!(short[0].contains("0.30 s a round"), "{short:?}");
}

#[test]
fn cores_that_others_use_too_are_said() {
    let mut all = rounds(&[100_000; 4]);
    all[0].server_waited = Some(0.004);
    assert_eq!(Headroom::of(&all).warnings, [] as [&str; 0]);
    all[2].client_waited = Some(0.021);
    let warnings = Headroom::of(&all).warnings;
    assert!(warnings[0].contains("0.4 % of a round, the client for 2.1 %"), "{warnings:?}");
}

#[test]
fn an_open_loop_says_its_own_lateness_and_rates_that_were_not_met() {
    let late_us = Latency { p99: 4.0, ..Latency::default() };
    let (arrivals, seed, rate) = (ArrivalProcess::Poisson, 1, 100_000.0);
    let report = |sent, rate_met| OpenLoopReport {
        arrivals,
        seed,
        rate,
        due: 100_000,
        sent,
        unanswered: 0,
        waited: 0,
        rate_met,
        late_us,
    };
    let mut all = rounds(&[100_000; 4]);
    all.iter_mut().for_each(|round| round.report.open_loop = Some(report(100_000, true)));
    all[3].client_waited = Some(0.001);
    assert_eq!(Headroom::of(&all).warnings, [] as [&str; 0]);
    all[3].client_waited = Some(0.002);
    let warnings = Headroom::of(&all).warnings;
    assert!(warnings[0].ends_with("others ran there: p99.9 is the time that they took"), "{warnings:?}");
    all[3].client_waited = None;
    all[1].report.open_loop = Some(report(60_000, false));
    all.iter_mut().for_each(|round| round.report.latency_us.p99 = 20.0);
    let warnings = Headroom::of(&all).warnings;
    assert!(warnings[0].contains("late itself: p99 4.0 us of the 20.0 us"), "{warnings:?}");
    assert!(warnings[1].contains("in 1 of 4 rounds: 360000 of 400000 sent"), "{warnings:?}");
}

#[test]
fn a_full_client_of_an_engine_that_polls_in_the_kernel_is_said() {
    let of = |engine, client| {
        let rounds: Vec<_> = (0..4).map(|_| round(100_000, 1.0, client)).collect();
        Headroom::of(&rounds).for_engine(engine)
    };
    let said = of(Engine::EpollTuned, 0.97);
    assert!(said.warnings[0].contains("may have been the limit: it had work for 97 %"), "{said:?}");
    assert_eq!(said.refused, None, "nobody knows that it was");
    assert_eq!(of(Engine::EpollTuned, 0.9).warnings, [] as [&str; 0]);
    assert_eq!(of(Engine::Epoll, 0.97).warnings, [] as [&str; 0], "both were full");
}

#[test]
fn cores_that_the_host_moved_apart_are_told() {
    let of = |trips: &[Option<f64>]| {
        let rounds: Vec<_> = trips
            .iter()
            .map(|trip| Measurement { core_round_trip_ns: *trip, ..round(100_000, 0.9, 0.5) })
            .collect();
        Headroom::of(&rounds).warnings
    };
    assert!(of(&[Some(60.0), Some(80.0), Some(70.0), Some(89.0)]).is_empty());
    assert!(of(&[None; 4]).is_empty(), "one core, or a report of before");
    let warnings = of(&[Some(62.0), Some(340.0), Some(70.0), Some(66.0)]);
    assert!(
        warnings.len() == 1 && warnings[0].contains("62 ns") && warnings[0].contains("340 ns"),
        "{warnings:?}"
    );
}
