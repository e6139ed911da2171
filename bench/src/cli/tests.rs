use clap::CommandFactory;

use super::*;

fn load(flags: &[&str]) -> Result<Cli, clap::Error> {
    let start = ["corelane-bench", "load", "--addr", "127.0.0.1:7"];
    Cli::try_parse_from(start.iter().chain(flags))
}

#[test]
fn the_flags_are_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn wrong_values_are_told_in_one_line_with_the_way_out() {
    for (flags, expected) in [
        (["--connections", "0"], "from 1 to 60000"),
        (["--size", "none"], "from 1 to 16777216"),
        (["--duration", "NaN"], "from 0.001 to 86400"),
        (["--warmup", "-1"], "--warmup"),
        (["--workload", "gopher"], "possible values: echo, http, http-close, json, crr, bulk, bulk-up"),
        (["--colour", "red"], "--colour"),
    ] {
        let error = load(&flags).expect_err("a wrong value");
        let line = one_line(&error.to_string());
        assert!(line.contains(expected), "{line}");
        assert!(line.contains("--help"), "{line}");
        assert!(!line.contains('\n'), "{line}");
    }
}

#[test]
fn a_missing_flag_is_named() {
    let error = Cli::try_parse_from(["corelane-bench", "serve", "--engine", "epoll"]);
    let line = one_line(&error.expect_err("no address").to_string());
    assert!(line.contains("--addr <A:P>"), "{line}");
}

#[test]
fn cidr_needs_an_address_and_a_length() {
    let cidr: Cidr = "10.0.0.2/24".parse().expect("right");
    assert_eq!((cidr.address, cidr.prefix), (Ipv4Addr::new(10, 0, 0, 2), 24));
    for wrong in ["10.0.0.2", "10.0.0.2/33", "10.0.0/24", "/", "10.0.0.2/-1", "10.0.0.2/x"] {
        assert!(wrong.parse::<Cidr>().is_err(), "{wrong}");
    }
}

#[test]
fn durations_are_kept_to_the_millisecond() {
    assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
    assert_eq!(seconds_or_none("0"), Ok(Duration::ZERO));
    assert!(seconds("0").is_err());
    assert!(seconds("inf").is_err());
}
