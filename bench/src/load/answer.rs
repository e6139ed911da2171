//! An answer of HTTP/1.1 whose body is known and whose head is not: a server puts the date into it.

use std::io;

use super::pattern;

/// A head that is longer is none.
const HEAD_LIMIT: usize = 8 * 1024;

const HEAD_END: &[u8] = b"\r\n\r\n";

/// The answers of one connection, one after the other, in whatever pieces they come.
pub struct Answer {
    body: Vec<u8>,
    /// The last head that was right, to its empty line: the next one is often the same.
    known: Vec<u8>,
    /// The start of a head that isn't complete yet.
    head: Vec<u8>,
    /// Bytes of the body so far; `None`: the head isn't complete.
    received: Option<usize>,
}

impl Answer {
    /// Answers of status 200 with this body.
    pub fn new(body: Vec<u8>) -> Self {
        Self { body, known: Vec::new(), head: Vec::new(), received: None }
    }

    /// Waits for the next one.
    pub fn start(&mut self) {
        self.head.clear();
        self.received = None;
    }

    /// Whether all of it has come.
    pub fn is_whole(&self) -> bool {
        self.received.is_some_and(|received| received >= self.body.len())
    }

    /// Takes bytes that came. How many of them are wrong.
    ///
    /// # Errors
    /// The head is none, or says another status or length: what follows can't be told apart.
    pub fn take(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let body = match self.received {
            Some(_) => bytes,
            None => self.take_head(bytes)?,
        };
        let Some(received) = &mut self.received else { return Ok(0) };
        let errors = pattern::errors(&self.body, *received, body);
        *received += body.len();
        Ok(errors)
    }

    /// What follows the head; nothing when it isn't complete.
    fn take_head<'a>(&mut self, bytes: &'a [u8]) -> io::Result<&'a [u8]> {
        if self.head.is_empty()
            && !self.known.is_empty()
            && let Some(body) = bytes.strip_prefix(&self.known[..])
        {
            self.received = Some(0);
            return Ok(body);
        }
        let before = self.head.len();
        self.head.extend_from_slice(bytes);
        let from = before.saturating_sub(HEAD_END.len() - 1);
        let found = self.head[from..].windows(HEAD_END.len()).position(|window| window == HEAD_END);
        let Some(position) = found else {
            return if self.head.len() > HEAD_LIMIT { Err(wrong("a head without an end")) } else { Ok(&[]) };
        };
        let end = from + position + HEAD_END.len();
        check(&self.head[..end - HEAD_END.len()], self.body.len())?;
        self.known.clear();
        self.known.extend_from_slice(&self.head[..end]);
        self.received = Some(0);
        Ok(&bytes[end - before..])
    }
}

/// Checks a head without its empty line.
fn check(head: &[u8], length: usize) -> io::Result<()> {
    let head = std::str::from_utf8(head).map_err(|_| wrong("a head that is no text"))?;
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap_or_default();
    if !status.starts_with("HTTP/1.1 200 ") {
        return Err(wrong(status));
    }
    let headers = lines.filter_map(|line| line.split_once(':'));
    let mut lengths = headers.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    match lengths.next().map(|(_, value)| value.trim()) {
        Some(value) if value.parse() == Ok(length) => Ok(()),
        Some(value) => Err(wrong(&format!("Content-Length {value} instead of {length}"))),
        None => Err(wrong("no Content-Length")),
    }
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the server's answer: {what}"))
}

#[cfg(test)]
mod tests;
