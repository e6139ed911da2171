use clap::Parser;

use super::*;
use crate::cli::{Cli, Command};

fn client(connections: &str, size: &str) -> Client {
    let flags = ["--connections", connections, "--size", size];
    let start = ["corelane-bench", "memory", "--engine", "smoltcp"];
    match Cli::try_parse_from(start.iter().chain(&flags)).expect("flags").command {
        Command::Memory(args) => Client::new(&args).expect("a client"),
        command => panic!("{command:?}"),
    }
}

#[test]
fn an_answer_in_pieces_is_complete_with_its_last_byte_and_the_next_question_differs() {
    let mut client = client("2", "100");
    client.ask(1);
    let first = client.unsent(1).to_vec();
    assert_eq!(first.len(), 100);
    client.sent(1, 60);
    assert_eq!(client.unsent(1), &first[60..]);
    assert!(!client.answer(1, &first[..99]));
    assert!(client.answer(1, &first[99..]));
    assert_eq!((client.tally.answered, client.tally.byte_errors), (1, 0));
    assert_ne!(client.unsent(1), first, "asked anew, from its start");
}

#[test]
fn a_wrong_byte_a_shifted_answer_and_one_of_another_connection_are_seen() {
    let mut client = client("2", "64");
    let answer = |client: &mut Client, change: fn(&mut Vec<u8>)| {
        client.ask(0);
        let mut bytes = client.unsent(0).to_vec();
        change(&mut bytes);
        let before = client.tally.byte_errors;
        client.answer(0, &bytes);
        client.tally.byte_errors - before
    };
    assert_eq!(answer(&mut client, |_| {}), 0);
    assert_eq!(answer(&mut client, |bytes| bytes[63] ^= 1), 1);
    assert!(answer(&mut client, |bytes| bytes.rotate_left(1)) > 32);
    client.ask(0);
    client.ask(1);
    let others = client.unsent(1).to_vec();
    client.answer(0, &others);
    assert!(client.tally.byte_errors > 64);
}

#[test]
fn latency_is_the_time_between_turns_and_only_measured_answers_count() {
    let mut client = client("1", "8");
    client.now = Duration::from_micros(10);
    client.ask(0);
    let question = client.unsent(0).to_vec();
    assert!(client.answer(0, &question));
    assert_eq!((client.tally.answered, client.tally.requests), (1, 0), "warm-up");
    client.tally.measuring = true;
    client.now = Duration::from_micros(15);
    let question = client.unsent(0).to_vec();
    assert!(client.answer(0, &question));
    assert_eq!(client.tally.requests, 1);
    assert_eq!(client.tally.latency().p50, 5.003, "the bucket's upper end: 0.1 % off at most");
}
