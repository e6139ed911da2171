//! The questions, and the check of every byte of the answers.

use std::time::Duration;

use crate::cli::{MemoryArgs, Workload};
use crate::load::pattern;
use crate::load::report::Report;
use crate::load::tally::Tally;

/// One connection of the client: its question in flight, and how much of the answer is in.
struct Conversation {
    question: Box<[u8]>,
    number: u64,
    sent: usize,
    received: usize,
    asked: Duration,
}

/// All connections of the client, in a closed loop: one question in flight on each but the idle ones.
pub struct Client {
    /// What is counted.
    pub tally: Tally,
    /// The time of this turn. Latencies are as fine as turns are short.
    pub now: Duration,
    /// Why it can't go on: a connection broke.
    pub failure: Option<String>,
    /// Connections that were idle, and then answered the question that they were asked.
    pub idle_answers: usize,
    /// Connections that are asked again and again; those behind them are idle.
    asking: usize,
    conversations: Vec<Conversation>,
}

impl Client {
    /// Nothing is asked yet.
    pub fn new(args: &MemoryArgs) -> anyhow::Result<Self> {
        let conversation = || Conversation {
            question: vec![0; args.size].into_boxed_slice(),
            number: 0,
            sent: args.size, // nothing to send before the first question
            received: 0,
            asked: Duration::ZERO,
        };
        Ok(Self {
            tally: Tally::new(args.connections)?,
            now: Duration::ZERO,
            failure: None,
            idle_answers: 0,
            asking: args.connections,
            conversations: std::iter::repeat_with(conversation).take(args.all_connections()).collect(),
        })
    }

    /// Makes the next question of connection `index` ready to be sent.
    pub fn ask(&mut self, index: usize) {
        let conversation = &mut self.conversations[index];
        conversation.number += 1;
        conversation.sent = 0;
        conversation.received = 0;
        conversation.asked = self.now;
        pattern::fill(&mut conversation.question, index as u64, conversation.number); // usize is at most 64 bits
    }

    /// What is left to be sent of the question.
    pub fn unsent(&self, index: usize) -> &[u8] {
        let conversation = &self.conversations[index];
        &conversation.question[conversation.sent..]
    }

    /// The socket took `count` bytes of it.
    pub fn sent(&mut self, index: usize, count: usize) {
        self.conversations[index].sent += count;
    }

    /// Checks bytes that came. When the answer is complete the next question is ready to be sent: `true`.
    pub fn answer(&mut self, index: usize, bytes: &[u8]) -> bool {
        let conversation = &mut self.conversations[index];
        self.tally.byte_errors += pattern::errors(&conversation.question, conversation.received, bytes);
        conversation.received += bytes.len();
        if conversation.received < conversation.question.len() {
            return false;
        }
        if index >= self.asking {
            self.idle_answers += 1;
            return false;
        }
        self.tally.answer(index, self.now.saturating_sub(conversation.asked));
        self.ask(index);
        true
    }

    /// A connection broke: the loop ends with this reason, the first one if there are more.
    pub fn fail(&mut self, reason: &std::io::Error) {
        self.failure.get_or_insert_with(|| reason.to_string());
    }

    /// The result.
    pub fn report(&self, args: &MemoryArgs, measured: Duration) -> Report {
        Report::new(Workload::Echo, args.connections, args.size, &self.tally, measured)
    }
}

#[cfg(test)]
mod tests;
