//! What a server answers on one connection: no sockets in here, every engine uses it.

use super::http::{self, Splitter};
use crate::cli::Service;

/// The state of one connection that the answers depend on.
pub enum Session {
    /// Sends back what comes.
    Echo,
    /// Answers each HTTP request.
    Http(Splitter),
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
    /// A new connection.
    pub fn new(service: Service) -> Self {
        match service {
            Service::Echo => Self::Echo,
            Service::Http => Self::Http(Splitter::default()),
        }
    }

    /// The answer to `input`: a part of `input` itself, or written to `scratch`.
    pub fn answer<'a>(&mut self, input: &'a [u8], scratch: &'a mut Vec<u8>) -> (&'a [u8], Next) {
        match self {
            Self::Echo => (input, Next::Keep),
            Self::Http(splitter) => {
                scratch.clear();
                let next = http::answer(splitter, input, scratch);
                (scratch, next)
            }
        }
    }
}
