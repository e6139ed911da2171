//! Where the application's records end (MSG_EOR): no segment has bytes of two.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use super::connection::Connection;
use super::output::Plan;
use super::seq::SeqNumber;

/// The ends of records that were not sent whole yet. Most connections have none.
#[derive(Default)]
pub(crate) struct Records {
    #[expect(clippy::box_collection, reason = "one word in each connection, for what hardly any has")]
    ends: Option<Box<VecDeque<SeqNumber>>>,
}

impl Records {
    pub(crate) fn end(&mut self, at: SeqNumber) {
        let ends = self.ends.get_or_insert_default();
        if ends.back() != Some(&at) {
            ends.push_back(at);
        }
    }

    /// The first end behind `nxt`; those before it are forgotten.
    fn next(&mut self, nxt: SeqNumber) -> Option<SeqNumber> {
        let ends = self.ends.as_deref_mut()?;
        while ends.front().is_some_and(|end| end.at_or_before(nxt)) {
            ends.pop_front();
        }
        let next = ends.front().copied();
        if next.is_none() {
            self.ends = None;
        }
        next
    }

    /// Bytes beside the record of the connection.
    #[cfg(test)]
    pub(crate) fn heap_size(&self) -> usize {
        self.ends.as_deref().map_or(0, |ends| size_of_val(ends) + ends.capacity() * size_of::<SeqNumber>())
    }
}

impl Connection {
    /// What was written so far is a record, unless all of it is sent: then nothing can be added to it in any case.
    pub(crate) fn end_record(&mut self) {
        if self.notsent() > 0 {
            self.snd.records.end(self.snd.data_end());
            self.app.send_flags.set_records(true);
        }
    }

    /// Whether a record that others follow ends with the segment.
    #[cold]
    pub(crate) fn ends_record(&self, plan: &Plan) -> bool {
        let end = plan.seq + plan.len as u32; // a segment
        self.snd.records.ends.iter().any(|ends| ends.front() == Some(&end))
    }

    /// How many unsent bytes the first record has, which ends with what is written where no other follows.
    #[cold]
    pub(crate) fn record_len(&mut self) -> u32 {
        let (nxt, end) = (self.snd.nxt, self.snd.data_end());
        let next = self.snd.records.next(nxt);
        self.app.send_flags.set_records(next.is_some());
        next.unwrap_or(end).since(nxt)
    }
}

#[cfg(test)]
mod tests;
