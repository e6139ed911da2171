//! Some of the seeded transfers; `scripts/test.sh` runs a thousand.

use corelane_testkit::transfer::{Plan, run};

#[test]
fn transfers_under_faults_arrive_whole_and_leave_nothing_behind() {
    let mut bytes = 0;
    for seed in 0..150 {
        let replay =
            format!("cargo run --release -p corelane-testkit -- --seed {seed} --pcap seed-{seed}.pcap");
        match run(&Plan::draw(seed), None) {
            Ok(outcome) => bytes += outcome.bytes,
            Err(failure) => panic!("seed {seed} failed {failure}\nreplay it: {replay}"),
        }
    }
    assert!(bytes > 1_000_000, "only {bytes} bytes were sent");
}

/// The short way through the stack decides nothing otherwise than the long one.
#[test]
fn prediction_changes_no_byte() {
    for seed in 0..60 {
        let plan = Plan::draw(seed);
        let outcome = |plan: &Plan| run(plan, None).expect("it passes");
        assert_eq!(outcome(&plan), outcome(&plan.without_prediction()), "seed {seed}");
    }
}

#[test]
fn the_same_seed_gives_the_same_capture() {
    let outcome = |seed| run(&Plan::draw(seed), None).expect("it passes");
    for seed in [3, 7, 20] {
        assert_eq!(outcome(seed), outcome(seed), "seed {seed}");
    }
    assert_ne!(outcome(3).digest, outcome(7).digest);
}
