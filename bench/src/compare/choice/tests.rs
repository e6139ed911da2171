use clap::Parser;

use super::*;
use crate::cli::{Cli, Command};

fn choice(flags: &[&str]) -> anyhow::Result<(Choice, Vec<String>)> {
    let command = Cli::try_parse_from(["corelane-bench", "compare"].iter().chain(flags))?.command;
    let Command::Compare(args) = command else { anyhow::bail!("{command:?}") };
    let mut left_out = Vec::new();
    Ok((Choice::new(&args, &mut left_out)?, left_out))
}

#[test]
fn a_list_is_measured_in_its_own_order_and_each_bed_once() {
    let (choice, _) = choice(&["--bed", "loopback,memory,loopback"]).expect("beds");
    assert_eq!(choice, Choice { beds: vec![Bed::Memory, Bed::Loopback], named: true, full: true });
}

#[test]
fn one_bed_or_a_quick_run_is_none_in_full() {
    for flags in [&["--bed", "memory"][..], &["--bed", "memory,loopback", "--quick"], &["--quick"]] {
        let (choice, _) = choice(flags).expect("beds");
        assert!(!choice.full && choice.named, "{flags:?}");
    }
}

#[test]
fn without_a_name_each_bed_is_measured_or_left_out_with_its_reason() {
    let (choice, left_out) = choice(&[]).expect("beds");
    assert!(choice.full && !choice.named);
    for bed in ALL {
        let reason = left_out.iter().find(|reason| reason.starts_with(&format!("bed {bed}: ")));
        assert_ne!(choice.beds.contains(&bed), reason.is_some(), "{bed}: {left_out:?}");
    }
    assert!(choice.beds.contains(&Bed::Memory) && choice.beds.contains(&Bed::Loopback));
}

#[test]
fn what_needs_root_is_refused_without_it() {
    let result = choice(&["--bed", "memory,veth"]);
    assert_eq!(result.is_ok(), sys::is_root());
    if let Err(error) = result {
        assert!(error.to_string().starts_with("--bed veth: "), "{error}");
    }
}
