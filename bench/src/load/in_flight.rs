//! Which connections have a request in flight, when not all may have one (`--in-flight`).

use std::collections::VecDeque;

/// The connections that wait for their turn; who was answered is last again.
pub struct InFlight {
    waiting: VecDeque<usize>,
}

impl InFlight {
    /// Of `connections` the first `limit` ask at once, the others wait; `None`: none waits.
    pub fn new(connections: usize, limit: Option<usize>) -> Self {
        Self { waiting: (limit.unwrap_or(connections)..connections).collect() }
    }

    /// Whether this connection has to ask at the start.
    pub fn asks_first(&self, connection: usize) -> bool {
        self.waiting.front().is_none_or(|first| connection < *first)
    }

    /// `connection` was answered: who asks next.
    pub fn after(&mut self, connection: usize) -> usize {
        match self.waiting.pop_front() {
            Some(next) => {
                self.waiting.push_back(connection);
                next
            }
            None => connection,
        }
    }

    /// `connection` broke: who asks in its place, if it had its turn.
    pub fn broke(&mut self, connection: usize) -> Option<usize> {
        match self.waiting.iter().position(|waiting| *waiting == connection) {
            Some(place) => {
                self.waiting.remove(place);
                None
            }
            None => self.waiting.pop_front(),
        }
    }
}

#[cfg(test)]
mod tests;
