use super::*;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n";

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
    let mut output = Vec::new();
    let next = answer(&mut Splitter::default(), &GET.repeat(3), &mut output);
    assert_eq!((next, output), (Next::Keep, RESPONSE.repeat(3)));
}

#[test]
fn an_incomplete_request_gets_no_answer() {
    let mut output = Vec::new();
    let mut splitter = Splitter::default();
    assert_eq!(answer(&mut splitter, &GET[..GET.len() - 1], &mut output), Next::Keep);
    assert!(output.is_empty());
    assert_eq!(answer(&mut splitter, &GET[GET.len() - 1..], &mut output), Next::Keep);
    assert_eq!(output, RESPONSE);
}

#[test]
fn a_request_that_closes_is_the_last() {
    let close = b"GET / HTTP/1.1\r\nConnection: x, Close\r\n\r\n";
    let stream = [GET, close, GET].concat();
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
    let end = find(RESPONSE, HEAD_END).expect("a head") + HEAD_END.len();
    assert_eq!(RESPONSE.len() - end, BODY);
    let head = std::str::from_utf8(&RESPONSE[..end]).expect("text");
    assert!(head.contains(&format!("Content-Length: {BODY}\r\n")), "{head}");
}
