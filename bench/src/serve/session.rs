//! What a server answers on one connection: no sockets in here, every engine uses it.

use super::http::{self, Response, Splitter};
use crate::cli::Workload;

/// What a server does on each connection.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// What.
    pub workload: Workload,
    /// Bytes of a request (crr).
    size: usize,
    /// Of http and http-close.
    response: Response,
}

impl Service {
    /// With requests or answers of so many bytes.
    pub fn new(workload: Workload, size: usize) -> Self {
        Self { workload, size, response: Response::of(if workload.is_http() { size } else { 0 }) }
    }
}

/// The state of one connection that the answers depend on.
pub enum Session {
    /// Sends back what comes.
    Echo,
    /// Answers each HTTP request.
    Http(Splitter, Response),
    /// Sends back what comes, until so many more bytes have come.
    Crr(usize),
}

/// Whether the connection stays after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// More requests may come.
    Keep,
    /// Close it when the answer is out.
    Close,
}

impl Session {
    /// A new connection. The bulk workloads have no answers: see [`crate::stream`]; those of json are axum's.
    pub fn new(service: Service) -> Self {
        match service.workload {
            Workload::Http | Workload::HttpClose => Self::Http(Splitter::default(), service.response),
            Workload::Crr => Self::Crr(service.size),
            Workload::Echo | Workload::Json | Workload::Bulk | Workload::BulkUp => Self::Echo,
        }
    }

    /// The answer to `input`: a part of `input` itself, what is always said, or written to `scratch`.
    pub fn answer<'a>(&mut self, input: &'a [u8], scratch: &'a mut Vec<u8>) -> (&'a [u8], Next) {
        match self {
            Self::Echo => (input, Next::Keep),
            Self::Crr(left) => {
                *left = left.saturating_sub(input.len());
                (input, if *left == 0 { Next::Close } else { Next::Keep })
            }
            Self::Http(splitter, response) => http::answer(splitter, *response, input, scratch),
        }
    }
}
