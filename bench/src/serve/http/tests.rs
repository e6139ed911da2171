use super::*;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n";

const CLOSE: &[u8] = b"GET / HTTP/1.1\r\nConnection: x, Close\r\n\r\n";

/// Feeds `stream` in pieces of `size` bytes: how many requests, and how it ended.
fn split(stream: &[u8], size: usize) -> (usize, Result<Next, Refusal>) {
    let mut splitter = Splitter::default();
    let mut requests = 0;
    let mut last = Ok(Next::Keep);
    for piece in stream.chunks(size) {
        last = splitter.split(piece, || requests += 1);
        if last != Ok(Next::Keep) {
            break;
        }
    }
    (requests, last)
}

#[test]
fn requests_are_found_in_pieces_of_any_size() {
    let post = b"POST /form HTTP/1.1\r\nContent-Length: 33\r\n\r\nGET / HTTP/1.1\r\n\r\n a body as bait";
    let stream = [GET, post, GET, GET].concat();
    for size in 1..=stream.len() {
        assert_eq!(split(&stream, size), (4, Ok(Next::Keep)), "pieces of {size}");
    }
}

#[test]
fn pipelined_requests_get_an_answer_each_in_one_piece() {
    let response = Response::of(64);
    let mut scratch = Vec::new();
    let (said, next) = answer(&mut Splitter::default(), response, &GET.repeat(3), &mut scratch);
    assert_eq!((said, next), (&response.keep.repeat(3)[..], Next::Keep));
    let (said, next) = answer(&mut Splitter::default(), response, &[GET, CLOSE, GET].concat(), &mut scratch);
    assert_eq!((said, next), (&[response.keep, response.close].concat()[..], Next::Close));
    let (said, next) = answer(&mut Splitter::default(), response, &[GET, b"\r\n\r\n"].concat(), &mut scratch);
    assert_eq!((said, next), (&[response.keep, Refusal::BadRequest.response()].concat()[..], Next::Close));
}

#[test]
fn a_single_answer_is_not_copied() {
    let response = Response::of(64);
    for (request, expected) in [(GET, response.keep), (CLOSE, response.close)] {
        let mut scratch = Vec::new();
        let (said, _) = answer(&mut Splitter::default(), response, request, &mut scratch);
        assert!(std::ptr::eq(said, expected) && scratch.is_empty());
    }
}

#[test]
fn an_incomplete_request_gets_no_answer() {
    let mut scratch = Vec::new();
    let mut splitter = Splitter::default();
    let response = Response::of(64);
    let none = (&b""[..], Next::Keep);
    assert_eq!(answer(&mut splitter, response, &GET[..GET.len() - 1], &mut scratch), none);
    let one = (response.keep, Next::Keep);
    assert_eq!(answer(&mut splitter, response, &GET[GET.len() - 1..], &mut scratch), one);
}

#[test]
fn a_request_that_closes_is_the_last() {
    let stream = [GET, CLOSE, GET].concat();
    for size in 1..=stream.len() {
        assert_eq!(split(&stream, size), (2, Ok(Next::Close)), "pieces of {size}");
    }
    let old = b"GET / HTTP/1.0\r\n\r\n";
    assert_eq!(split(old, 7), (1, Ok(Next::Close)));
    let kept = b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n";
    assert_eq!(split(kept, 7), (1, Ok(Next::Keep)));
    let body = b"POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc";
    assert_eq!(split(body, 5), (1, Ok(Next::Close)));
}

#[test]
fn what_is_not_understood_is_refused() {
    for (request, refusal) in [
        ("\r\n\r\n", Refusal::BadRequest),
        ("GET /\r\n\r\n", Refusal::BadRequest),
        ("GET  HTTP/1.1\r\n\r\n", Refusal::BadRequest),
        ("GET / HTTP/2.0\r\n\r\n", Refusal::BadRequest),
        ("GET / HTTP/1.1 x\r\n\r\n", Refusal::BadRequest),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n", Refusal::BadRequest),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", Refusal::BadRequest),
        ("GET / HTTP/1.1\r\nContent-Length: +3\r\n\r\n", Refusal::BadRequest),
        ("GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", Refusal::BadRequest),
        ("GET / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", Refusal::BadRequest),
        ("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", Refusal::NotImplemented),
        ("HEAD / HTTP/1.1\r\n\r\n", Refusal::NotImplemented),
    ] {
        for size in 1..=request.len() {
            assert_eq!(split(request.as_bytes(), size), (0, Err(refusal)), "{request:?} {size}");
        }
    }
}

#[test]
fn a_head_without_end_is_refused_at_the_limit() {
    let endless = vec![b'a'; HEAD_LIMIT + 1];
    for size in [1, 1000, HEAD_LIMIT + 1] {
        assert_eq!(split(&endless[..HEAD_LIMIT], size), (0, Ok(Next::Keep)));
        assert_eq!(split(&endless, size), (0, Err(Refusal::TooLarge)));
    }
}

#[test]
fn the_response_says_its_own_length() {
    for size in [1, 12, 64, 1024, 65_536] {
        let Response { keep, close } = Response::of(size);
        for (response, closes) in [(keep, false), (close, true)] {
            let end = find(response, HEAD_END).expect("a head") + HEAD_END.len();
            assert_eq!(response.len() - end, size);
            assert!(b"Hello, world".starts_with(&response[end..][..size.min(12)]));
            let head = std::str::from_utf8(&response[..end]).expect("text");
            assert!(head.contains(&format!("Content-Length: {size}\r\n")), "{head}");
            assert_eq!(head.contains("Connection: close\r\n"), closes, "{head}");
        }
        assert!(std::ptr::eq(keep, Response::of(size).keep), "made once");
    }
}

#[test]
fn no_part_of_a_long_answer_comes_twice() {
    let text = String::from_utf8(body(65_536)).expect("text");
    let lines: std::collections::HashSet<_> = text.lines().collect();
    assert_eq!(lines.len(), text.lines().count());
}
