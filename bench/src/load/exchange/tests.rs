use std::time::Duration;

use super::*;

fn started(workload: Workload) -> (Exchange, Tally, Instant) {
    let (mut exchange, now) = (Exchange::new(1, workload, 64, false), Instant::now());
    exchange.start(now);
    (exchange, Tally::new(2).expect("a tally"), now)
}

#[test]
fn an_echo_is_answered_by_its_last_byte() {
    let (mut exchange, mut tally, now) = started(Workload::Echo);
    let request = exchange.unsent().to_vec();
    exchange.sent(60);
    assert_eq!(exchange.unsent(), &request[60..]);
    assert_eq!(exchange.take(&request[..63], &mut tally).expect("right"), Progress::Waiting);
    assert!(exchange.end().is_err(), "a byte is missing");
    assert_eq!(exchange.take(&request[63..], &mut tally).expect("right"), Progress::Answered);
    tally.measuring = true;
    exchange.finish(now + Duration::from_micros(3), &mut tally);
    assert_eq!((tally.requests, tally.byte_errors, tally.starved()), (1, 0, 1));
    assert!((2.99..3.01).contains(&tally.latency().max), "to three digits");
}

#[test]
fn nothing_is_sent_before_the_start() {
    let mut exchange = Exchange::new(1, Workload::Echo, 64, false);
    assert_eq!(exchange.unsent(), b"");
    exchange.start(Instant::now());
    assert_eq!(exchange.unsent().len(), 64);
}

#[test]
fn a_crr_is_answered_when_the_server_has_closed() {
    let (mut exchange, mut tally, _) = started(Workload::Crr);
    let request = exchange.unsent().to_vec();
    assert!(exchange.end().is_err(), "nothing was answered");
    assert_eq!(exchange.take(&request, &mut tally).expect("right"), Progress::Waiting);
    assert_eq!(exchange.end().expect("the end"), Progress::Answered);
    assert_eq!(exchange.take(b"more", &mut tally).expect("right"), Progress::Waiting);
    assert_eq!(tally.byte_errors, 4, "bytes behind the answer");
}

#[test]
fn a_crr_whose_client_closes_is_answered_by_its_last_byte() {
    let mut exchange = Exchange::new(1, Workload::Crr, 64, true);
    exchange.start(Instant::now());
    let (request, mut tally) = (exchange.unsent().to_vec(), Tally::new(2).expect("a tally"));
    assert_eq!(exchange.take(&request[..63], &mut tally).expect("right"), Progress::Waiting);
    assert!(exchange.end().is_err(), "a byte is missing");
    assert_eq!(exchange.take(&request[63..], &mut tally).expect("right"), Progress::Answered);
}

#[test]
fn an_http_answer_is_checked_against_the_page() {
    let (mut exchange, mut tally, _) = started(Workload::Http);
    assert!(exchange.unsent().starts_with(b"GET / "));
    assert_eq!(exchange.take(Response::of(64).keep, &mut tally).expect("right"), Progress::Answered);
    assert_eq!(tally.byte_errors, 0);
}

#[test]
fn a_last_http_answer_ends_with_the_connection() {
    let (mut exchange, mut tally, now) = started(Workload::HttpClose);
    let answer = Response::of(64).close;
    for _ in 0..2 {
        exchange.start(now);
        assert!(exchange.unsent().ends_with(b"\r\nConnection: close\r\n\r\n"));
        assert!(exchange.end().is_err(), "nothing was answered");
        assert_eq!(exchange.take(answer, &mut tally).expect("right"), Progress::Waiting);
        assert_eq!(exchange.end().expect("the end"), Progress::Answered);
    }
    assert_eq!(tally.byte_errors, 0);
    exchange.start(now);
    let kept = Response::of(64).keep;
    exchange.take(kept, &mut tally).expect("bytes");
    assert!(tally.byte_errors > 0, "a server that says that it stays");
}

#[test]
fn an_answer_of_json_is_checked_behind_its_head() {
    let (mut exchange, mut tally, now) = started(Workload::Json);
    assert!(exchange.unsent().starts_with(b"GET /items/1001 HTTP/1.1\r\n"));
    let body = Item::of(1).body();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    for _ in 0..2 {
        exchange.start(now);
        assert_eq!(exchange.take(head.as_bytes(), &mut tally).expect("right"), Progress::Waiting);
        assert_eq!(exchange.take(&body, &mut tally).expect("right"), Progress::Answered);
    }
    assert_eq!(tally.byte_errors, 0);
    exchange.start(now);
    assert!(exchange.take(b"HTTP/1.1 500 No\r\n\r\n", &mut tally).is_err());
}

#[test]
fn a_batch_is_answered_by_its_last_answer_and_counts_as_its_requests() {
    for workload in [Workload::Echo, Workload::Http] {
        let mut exchange = Exchange::new(0, workload, 10, false).pipelined(3);
        let response = Response::of(10).keep;
        let (mut tally, now) = (Tally::new(1).expect("a tally"), Instant::now());
        let is_http = workload == Workload::Http;
        let answers =
            |exchange: &Exchange| if is_http { response.repeat(3) } else { exchange.unsent().to_vec() };
        exchange.start(now);
        assert_eq!(exchange.unsent().len(), 3 * if is_http { HTTP_REQUEST.len() } else { 10 });
        let right = answers(&exchange);
        let (first, last) = right.split_at(right.len() - 5);
        assert_eq!(exchange.take(first, &mut tally).expect("right"), Progress::Waiting);
        assert_eq!(exchange.take(last, &mut tally).expect("right"), Progress::Answered);
        tally.measuring = true;
        exchange.finish(now + Duration::from_micros(9), &mut tally);
        assert_eq!((tally.requests, tally.byte_errors), (3, 0), "{workload}");
        // A wrong byte in the second answer, and two behind the last.
        exchange.start(now);
        let mut wrong = answers(&exchange);
        let middle = wrong.len() / 2;
        wrong[middle] ^= 1;
        wrong.extend_from_slice(b"no");
        assert_eq!(exchange.take(&wrong, &mut tally).expect("right"), Progress::Answered);
        assert_eq!(tally.byte_errors, 3, "{workload}");
    }
}
