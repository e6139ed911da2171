//! A request in flight and how much of its answer is in; the sockets are others'.

use std::io;
use std::time::Instant;

use super::answer::Answer;
use super::pattern;
use super::tally::Tally;
use crate::cli::Workload;
use crate::serve::http::Response;
use crate::serve::item::Item;

const HTTP_REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: corelane-bench\r\n\r\n";

const HTTP_LAST_REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: corelane-bench\r\nConnection: close\r\n\r\n";

/// What a step of an exchange came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The answer isn't complete.
    Waiting,
    /// The answer is complete.
    Answered,
}

/// The requests of one connection, one after the other.
pub struct Exchange {
    /// The connection: it distinguishes its requests from those of all others.
    id: usize,
    number: u64,
    /// Requests that go out together.
    pipeline: usize,
    /// The answer is complete with the server's close, and not with its last byte.
    server_closes: bool,
    request: Vec<u8>,
    /// The answer of http and http-close, which is always the same.
    page: Option<&'static [u8]>,
    /// The answers of json, whose bytes are not all known.
    answer: Option<Answer>,
    written: usize,
    received: usize,
    started: Instant,
}

impl Exchange {
    /// The requests of connection `id`; with crr and http-close the server closes after each, or else the client. The first
    /// one starts with [`Self::start`].
    pub fn new(id: usize, workload: Workload, size: usize, client_closes: bool) -> Self {
        let item = Item::of(id);
        let request = match workload {
            Workload::Http => HTTP_REQUEST.to_vec(),
            Workload::HttpClose => HTTP_LAST_REQUEST.to_vec(),
            Workload::Json => format!("GET {} HTTP/1.1\r\nHost: corelane-bench\r\n\r\n", item.path()).into(),
            _ => vec![0; size],
        };
        let page = match workload {
            Workload::Http => Some(Response::of(size).keep),
            Workload::HttpClose => Some(Response::of(size).close),
            _ => None,
        };
        Self {
            id,
            number: 0,
            pipeline: 1,
            server_closes: workload.reconnects() && !client_closes,
            page,
            written: request.len(), // a socket with room must not send before the start
            request,
            answer: (workload == Workload::Json).then(|| Answer::new(item.body())),
            received: 0,
            started: Instant::now(),
        }
    }

    /// Sends so many requests at once, and is answered by the last answer; for echo and http.
    pub fn pipelined(mut self, pipeline: usize) -> Self {
        self.pipeline = pipeline;
        self.request = self.request.repeat(pipeline);
        self.written = self.request.len();
        self
    }

    /// Makes the next request ready; its time runs from `now`.
    pub fn start(&mut self, now: Instant) {
        self.number += 1;
        match &mut self.answer {
            Some(answer) => answer.start(),
            None if self.page.is_some() => {}
            None => pattern::fill(&mut self.request, self.id as u64, self.number), // usize is at most 64 bits
        }
        self.written = 0;
        self.received = 0;
        self.started = now;
    }

    /// What is left to be written.
    pub fn unsent(&self) -> &[u8] {
        &self.request[self.written..]
    }

    /// The socket took so many bytes of it.
    pub fn sent(&mut self, count: usize) {
        self.written += count;
    }

    /// Checks bytes that came.
    ///
    /// # Errors
    /// They are no answer at all: where the next one begins is not known.
    pub fn take(&mut self, bytes: &[u8], tally: &mut Tally) -> io::Result<Progress> {
        tally.byte_errors += match (&mut self.answer, self.page) {
            (Some(answer), _) => answer.take(bytes)?,
            (None, Some(page)) => self.page_errors(page, bytes),
            (None, None) => pattern::errors(&self.request, self.received, bytes),
        };
        self.received += bytes.len();
        // With crr and http-close the answer ends when the server has closed.
        Ok(if self.is_whole() && !self.server_closes { Progress::Answered } else { Progress::Waiting })
    }

    /// The server has closed.
    ///
    /// # Errors
    /// It did so before its answer was complete.
    pub fn end(&self) -> io::Result<Progress> {
        if self.is_whole() && self.server_closes {
            return Ok(Progress::Answered);
        }
        let message = "the server closed the connection before its answer was complete";
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, message))
    }

    /// Counts the answer that is complete at `now`.
    pub fn finish(&self, now: Instant, tally: &mut Tally) {
        let latency = now.duration_since(self.started);
        (0..self.pipeline).for_each(|_| tally.answer(self.id, latency));
    }

    /// As [`Self::finish`], in an open loop, where the request's time runs from when it was due.
    pub fn finish_due(&self, now: Instant, tally: &mut Tally) {
        tally.answer_to(self.id, self.started, now);
    }

    fn is_whole(&self) -> bool {
        match &self.answer {
            Some(answer) => answer.is_whole(),
            None => self.received >= self.expected(),
        }
    }

    /// Wrong bytes of answers that are all the same, and bytes behind the last of them.
    fn page_errors(&self, page: &[u8], bytes: &[u8]) -> u64 {
        let expected = self.expected().saturating_sub(self.received);
        let (mut bytes, surplus) = bytes.split_at(bytes.len().min(expected));
        let length = page.len();
        let (mut errors, mut position) = (surplus.len() as u64, self.received % length); // usize is at most 64 bits
        while !bytes.is_empty() {
            let (answer, rest) = bytes.split_at(bytes.len().min(length - position));
            errors += pattern::errors(page, position, answer);
            (bytes, position) = (rest, 0);
        }
        errors
    }

    /// Bytes of all the answers.
    fn expected(&self) -> usize {
        self.page.map_or(self.request.len(), |page| page.len() * self.pipeline)
    }
}

#[cfg(test)]
mod tests;
