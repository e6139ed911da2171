//! Finds HTTP/1.1 requests in a stream of bytes (RFC 9112) and answers each with the same text.
//!
//! Only what a benchmark and curl need: GET and POST, keep-alive and pipelining, bodies with a
//! Content-Length. The rest is refused with a status, and the connection closed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::session::Next;
use crate::cli::Workload;
use crate::error::bad_input;

/// Bytes of the largest body: the answers to requests that come together are put together.
const LARGEST: usize = 1 << 20;

/// The answer to every request, head and body in one piece.
#[derive(Clone, Copy, Debug)]
pub struct Response {
    /// On a connection that stays.
    pub keep: &'static [u8],
    /// On one that the server then closes, which RFC 9112 9.6 wants said.
    pub close: &'static [u8],
}

/// Those that were made, by size. They stay: a process has one.
static RESPONSES: Mutex<BTreeMap<usize, Response>> = Mutex::new(BTreeMap::new());

impl Response {
    /// With a body of so many bytes.
    pub fn of(size: usize) -> Self {
        let mut all = RESPONSES.lock().unwrap_or_else(PoisonError::into_inner);
        *all.entry(size).or_insert_with(|| {
            let body = body(size);
            Self { keep: response("", &body), close: response("Connection: close\r\n", &body) }
        })
    }
}

fn response(headers: &str, body: &[u8]) -> &'static [u8] {
    let length = body.len();
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n{headers}\r\n");
    [head.as_bytes(), body].concat().leak()
}

/// Lines with numbers, so that a part that is missing or comes twice is seen.
fn body(size: usize) -> Vec<u8> {
    let mut body = Vec::new();
    for number in 1_u32.. {
        if body.len() >= size {
            break;
        }
        body.extend_from_slice(format!("Hello, world {number}\n").as_bytes());
    }
    body.truncate(size);
    body
}

/// Refuses answers that are too large.
pub fn check_size(workload: Workload, size: usize) -> anyhow::Result<()> {
    if workload.is_http() && size > LARGEST {
        return Err(bad_input(format!("--size {size}: {workload} has answers of up to {LARGEST} bytes")));
    }
    Ok(())
}

/// The longest request line with its headers, in bytes.
const HEAD_LIMIT: usize = 8 * 1024;

const HEAD_END: &[u8] = b"\r\n\r\n";

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not HTTP/1.
    BadRequest,
    /// HTTP/1, but more than this server knows.
    NotImplemented,
    /// The head doesn't end.
    TooLarge,
}

impl Refusal {
    fn response(self) -> &'static [u8] {
        match self {
            Self::BadRequest => b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            Self::NotImplemented => {
                b"HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            }
            Self::TooLarge => {
                b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\n\
                  Connection: close\r\n\r\n"
            }
        }
    }
}

/// What one head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    body: u64,
    next: Next,
}

/// Cuts a stream into requests, in whatever pieces it comes.
#[derive(Default)]
pub struct Splitter {
    /// The start of a head that isn't complete yet.
    head: Vec<u8>,
    /// Bytes of the current body that are still to come.
    body: u64,
    /// The current body belongs to a request that closes the connection.
    closing: bool,
}

impl Splitter {
    /// Takes `input` and calls `request` for each request that is now complete. `Next::Close`:
    /// the last of them asked to close; what follows it isn't looked at.
    pub fn split(&mut self, mut input: &[u8], mut request: impl FnMut()) -> Result<Next, Refusal> {
        loop {
            let body = usize::try_from(self.body).unwrap_or(usize::MAX).min(input.len());
            self.body -= body as u64; // usize is at most 64 bits
            input = &input[body..];
            if self.closing && self.body == 0 {
                request();
                return Ok(Next::Close);
            }
            if input.is_empty() {
                return Ok(Next::Keep);
            }
            let Some((head, rest)) = self.next_head(input)? else {
                return Ok(Next::Keep);
            };
            input = rest;
            self.body = head.body;
            self.closing = head.next == Next::Close;
            if !self.closing {
                // Answering before the body is in is allowed, and saves a state.
                request();
            }
        }
    }

    /// The next head and what follows it; `None` when it isn't complete.
    fn next_head<'a>(&mut self, input: &'a [u8]) -> Result<Option<(Head, &'a [u8])>, Refusal> {
        if self.head.is_empty()
            && let Some(end) = find(input, HEAD_END)
        {
            // The common case: a head within one piece is not copied.
            let (head, rest) = input.split_at(end + HEAD_END.len());
            return Ok(Some((parse(&head[..end])?, rest)));
        }
        let before = self.head.len();
        let taken = input.len().min(HEAD_LIMIT + 1 - before.min(HEAD_LIMIT));
        self.head.extend_from_slice(&input[..taken]);
        let from = before.saturating_sub(HEAD_END.len() - 1);
        let Some(end) = find(&self.head[from..], HEAD_END) else {
            return if self.head.len() > HEAD_LIMIT { Err(Refusal::TooLarge) } else { Ok(None) };
        };
        let head = parse(&self.head[..from + end])?;
        let used = from + end + HEAD_END.len() - before;
        self.head.clear();
        Ok(Some((head, &input[used..])))
    }
}

/// An answer for each request that is complete in `input`, or a refusal. One answer is not copied; more are put together in
/// `scratch`.
pub fn answer<'a>(
    splitter: &mut Splitter,
    response: Response,
    input: &[u8],
    scratch: &'a mut Vec<u8>,
) -> (&'a [u8], Next) {
    let mut requests = 0;
    let split = splitter.split(input, || requests += 1);
    let (kept, last) = match split {
        Ok(Next::Keep) => (requests, &b""[..]),
        Ok(Next::Close) => (requests - 1, response.close), // the last of them asked for it
        Err(refusal) => (requests, refusal.response()),
    };
    let next = split.unwrap_or(Next::Close);
    match (kept, last) {
        (0, last) => (last, next),
        (1, b"") => (response.keep, next),
        (kept, last) => {
            scratch.clear();
            (0..kept).for_each(|_| scratch.extend_from_slice(response.keep));
            scratch.extend_from_slice(last);
            (scratch, next)
        }
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// Reads a head without its empty line.
fn parse(head: &[u8]) -> Result<Head, Refusal> {
    let head = std::str::from_utf8(head).map_err(|_| Refusal::BadRequest)?;
    let mut lines = head.split("\r\n");
    let mut next = request_line(lines.next().unwrap_or_default())?;
    let mut body = None;
    for line in lines {
        let (name, value) = line.split_once(':').ok_or(Refusal::BadRequest)?;
        let value = value.trim_matches([' ', '\t']);
        if name.is_empty() || name.ends_with([' ', '\t']) {
            return Err(Refusal::BadRequest); // RFC 9112 5.1: no space before the colon
        } else if name.eq_ignore_ascii_case("content-length") {
            let length = content_length(value)?;
            if body.is_some_and(|body| body != length) {
                return Err(Refusal::BadRequest);
            }
            body = Some(length);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(Refusal::NotImplemented);
        } else if name.eq_ignore_ascii_case("connection") {
            next = connection(value, next);
        }
    }
    Ok(Head { body: body.unwrap_or(0), next })
}

/// `GET /path HTTP/1.1`; HTTP/1.0 closes unless asked otherwise.
fn request_line(line: &str) -> Result<Next, Refusal> {
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next());
    let (version, more) = (words.next(), words.next());
    if method.is_empty() || target.is_none_or(str::is_empty) || more.is_some() {
        return Err(Refusal::BadRequest);
    }
    let next = match version {
        Some("HTTP/1.1") => Next::Keep,
        Some("HTTP/1.0") => Next::Close,
        _ => return Err(Refusal::BadRequest),
    };
    match method {
        "GET" | "POST" => Ok(next),
        _ => Err(Refusal::NotImplemented),
    }
}

fn content_length(value: &str) -> Result<u64, Refusal> {
    // `parse` alone would take a plus sign.
    if !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refusal::BadRequest);
    }
    value.parse().map_err(|_| Refusal::BadRequest)
}

fn connection(value: &str, default: Next) -> Next {
    let mut next = default;
    for option in value.split(',').map(str::trim) {
        if option.eq_ignore_ascii_case("close") {
            return Next::Close;
        }
        if option.eq_ignore_ascii_case("keep-alive") {
            next = Next::Keep;
        }
    }
    next
}

#[cfg(test)]
mod tests;
