//! What was sent and is not acknowledged, segment by segment: Linux's retransmission queue, and who of it is in flight.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use super::sent::{MASK, NOBODY, Name, Place, Sent};
use crate::tcp::rate::Snapshot;
use crate::tcp::seq::SeqNumber;
use crate::time::Instant;

/// Records that a connection with nothing out keeps the memory of until its timers rest.
const KEPT: usize = 4;

#[derive(Debug, Clone, Copy)]
struct List {
    head: Name,
    tail: Name,
}

const EMPTY: List = List { head: NOBODY, tail: NOBODY };

/// What is SACKed, lost or sent again.
#[derive(Debug)]
struct Scoreboard {
    lost: List,
    sacked_bytes: u32,
    /// Of those that are lost and not sent again.
    lost_bytes: u32,
    /// Of those in flight.
    resent_bytes: u32,
    sacked_count: u32,
    /// One past the highest SACKed number, while something is SACKed.
    high_sacked: SeqNumber,
}

impl Scoreboard {
    const CLEAN: Scoreboard = Scoreboard {
        lost: EMPTY,
        sacked_bytes: 0,
        lost_bytes: 0,
        resent_bytes: 0,
        sacked_count: 0,
        high_sacked: SeqNumber(0),
    };
}

/// All segments from SND.UNA to SND.NXT.
#[derive(Debug)]
pub(crate) struct Flight {
    segments: VecDeque<Sent>,
    /// The name of the first.
    first: u32,
    /// By the time they were sent.
    in_flight: List,
    /// `None`: clean. Most connections never need one.
    board: Option<Box<Scoreboard>>,
    /// Bytes in flight.
    pipe: u32,
    /// Bytes that were ever marked lost.
    ever_lost: u64,
}

impl Flight {
    pub(crate) const fn new() -> Flight {
        Flight { segments: VecDeque::new(), first: 0, in_flight: EMPTY, board: None, pipe: 0, ever_lost: 0 }
    }

    fn board(&self) -> &Scoreboard {
        self.board.as_deref().unwrap_or(&Scoreboard::CLEAN)
    }

    fn board_mut(&mut self) -> &mut Scoreboard {
        self.board.get_or_insert_with(|| Box::new(Scoreboard::CLEAN))
    }

    /// With nothing out, gives back what would be kept for the next segments.
    pub(crate) fn release_memory(&mut self) {
        if self.segments.is_empty() {
            self.segments = VecDeque::new();
            self.board = None;
        }
    }

    /// Bytes beside the record.
    #[cfg(test)]
    pub(crate) fn heap_size(&self) -> usize {
        let board = self.board.as_ref().map_or(0, |_| size_of::<Scoreboard>());
        self.segments.capacity() * size_of::<Sent>() + board
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Segments, SACKed and lost ones too.
    pub(crate) fn len(&self) -> usize {
        self.segments.len()
    }

    /// Bytes that are thought to be in the network (RFC 6675's pipe).
    pub(crate) fn pipe(&self) -> u32 {
        self.pipe
    }

    pub(crate) fn sacked_bytes(&self) -> u32 {
        self.board().sacked_bytes
    }

    pub(crate) fn sacked_count(&self) -> u32 {
        self.board().sacked_count
    }

    pub(crate) fn lost_bytes(&self) -> u32 {
        self.board().lost_bytes
    }

    /// Bytes that were marked lost since the connection began, each time anew.
    pub(crate) fn ever_lost(&self) -> u64 {
        self.ever_lost
    }

    /// Bytes in flight that were sent again.
    pub(crate) fn resent_bytes(&self) -> u32 {
        self.board().resent_bytes
    }

    /// One past the highest SACKed number; SND.UNA when nothing is SACKed.
    pub(crate) fn high_sacked(&self, una: SeqNumber) -> SeqNumber {
        if self.sacked_count() == 0 { una } else { self.board().high_sacked }
    }

    pub(crate) fn head(&self) -> Option<&Sent> {
        self.segments.front()
    }

    /// The segment with the highest numbers.
    pub(crate) fn last(&self) -> Option<(Name, &Sent)> {
        let index = self.segments.len().checked_sub(1)?;
        Some((self.name(index), self.segments.get(index)?))
    }

    /// The name of the first segment.
    pub(crate) fn head_name(&self) -> Option<Name> {
        (!self.segments.is_empty()).then(|| self.name(0))
    }

    fn name(&self, index: usize) -> Name {
        Name(self.first.wrapping_add(index as u32) & MASK) // far fewer than 2^31 segments
    }

    fn index(&self, name: Name) -> usize {
        (name.0.wrapping_sub(self.first) & MASK) as usize
    }

    pub(crate) fn get(&self, name: Name) -> Option<&Sent> {
        if name == NOBODY { None } else { self.segments.get(self.index(name)) }
    }

    fn get_mut(&mut self, name: Name) -> Option<&mut Sent> {
        if name == NOBODY {
            return None;
        }
        let index = self.index(name);
        self.segments.get_mut(index)
    }

    /// A segment goes out for the first time.
    #[inline(always)]
    pub(crate) fn push(&mut self, start: SeqNumber, end: SeqNumber, at: Instant, rate: Snapshot, push: bool) {
        let name = self.name(self.segments.len());
        let prev = self.in_flight.tail;
        // Filled in where it lies: moved there just after it was filled in, it would wait for its own stores.
        let sent = self.segments.push_back_mut(Sent::BLANK);
        (sent.start, sent.end, sent.at, sent.rate) = (start, end, at, rate);
        (sent.push, sent.prev) = (push, prev);
        self.pipe += end.since(start);
        if prev == NOBODY {
            self.in_flight = List { head: name, tail: name };
            return;
        }
        if let Some(before) = self.get_mut(prev) {
            before.next = name;
        }
        self.in_flight.tail = name;
    }

    fn list(&mut self, place: Place) -> &mut List {
        if place == Place::Lost { &mut self.board_mut().lost } else { &mut self.in_flight }
    }

    fn unlink(&mut self, name: Name) {
        let Some(&Sent { place, prev, next, .. }) = self.get(name) else { return };
        if let Place::Sacked | Place::Spared = place {
            return;
        }
        match self.get_mut(prev) {
            Some(before) => before.next = next,
            None => self.list(place).head = next,
        }
        match self.get_mut(next) {
            Some(behind) => behind.prev = prev,
            None => self.list(place).tail = prev,
        }
    }

    /// Puts a segment that is on no list at the end of its place's.
    fn append(&mut self, name: Name, place: Place) {
        let prev = self.list(place).tail;
        if let Some(sent) = self.get_mut(name) {
            (sent.place, sent.prev, sent.next) = (place, prev, NOBODY);
        }
        match self.get_mut(prev) {
            Some(before) => before.next = name,
            None => self.list(place).head = name,
        }
        self.list(place).tail = name;
    }

    /// Takes a segment out of the sums.
    fn discount(&mut self, sent: &Sent) {
        let len = sent.len();
        match sent.place {
            Place::InFlight | Place::Spared => {
                self.pipe -= len;
                if sent.is_resent {
                    self.board_mut().resent_bytes -= len;
                }
            }
            Place::Lost => self.board_mut().lost_bytes -= len,
            Place::Sacked => {
                let board = self.board_mut();
                board.sacked_bytes -= len;
                board.sacked_count -= 1;
            }
        }
    }

    /// The only segment that is out, if it was sent once and `ack` covers it whole: it is gone.
    #[inline(always)]
    pub(crate) fn take_only(&mut self, ack: SeqNumber) -> Option<Sent> {
        if self.segments.len() != 1 {
            return None;
        }
        let sent = *self.segments.front()?;
        if sent.end != ack || sent.is_retransmission || sent.place != Place::InFlight {
            return None;
        }
        self.segments.clear();
        self.in_flight = EMPTY;
        self.pipe = 0;
        Some(sent)
    }

    /// Takes a cumulative acknowledgment: `each` sees the segments that it covers, before they go, and of one that it covers
    /// in part that part. Gives the bytes that had not been SACKed.
    #[inline]
    pub(crate) fn acknowledge(&mut self, ack: SeqNumber, mut each: impl FnMut(&Sent)) -> u32 {
        let mut delivered = 0;
        while let Some(front) = self.segments.front() {
            let sent = *front;
            if !sent.start.before(ack) {
                break;
            }
            if sent.end.after(ack) {
                return delivered + self.trim(ack, each);
            }
            each(&sent);
            if !sent.is_sacked() {
                delivered += sent.len();
            }
            self.unlink(self.name(0));
            self.discount(&sent);
            self.segments.pop_front();
            self.first = self.first.wrapping_add(1) & MASK;
        }
        if self.segments.is_empty() {
            self.segments.clear(); // the next one takes the first place again, which is near, and not one after the other
            if self.segments.capacity() > 4 * KEPT {
                self.segments.shrink_to(KEPT);
            }
        }
        delivered
    }

    /// The first segment is acknowledged in part.
    fn trim(&mut self, ack: SeqNumber, mut each: impl FnMut(&Sent)) -> u32 {
        let Some(front) = self.segments.front_mut() else { return 0 };
        let part = Sent { end: ack, ..*front };
        front.start = ack;
        each(&part);
        self.discount(&part);
        if part.is_sacked() {
            self.board_mut().sacked_count += 1; // the segment is still there
            return 0;
        }
        part.len()
    }

    /// The first segment that ends behind `seq`.
    fn behind(&self, seq: SeqNumber) -> usize {
        self.segments.partition_point(|sent| sent.end.at_or_before(seq))
    }

    /// From `index` on, the first that is not SACKed; the way is made shorter for the next look.
    fn unsacked(&mut self, mut index: usize) -> usize {
        while let Some(sent) = self.segments.get(index).filter(|sent| sent.is_sacked()) {
            let next = self.index(sent.next).min(self.segments.len());
            let beyond = match self.segments.get(next) {
                Some(other) if other.is_sacked() => other.next,
                _ => sent.next,
            };
            self.segments[index].next = beyond;
            index = next;
        }
        index
    }

    /// A SACK block: `each` sees the segments that lie in it whole and are new in a block. Gives their bytes.
    pub(crate) fn sack(&mut self, start: SeqNumber, end: SeqNumber, mut each: impl FnMut(&Sent)) -> u32 {
        let mut index = self.behind(start);
        if self.segments.get(index).is_some_and(|sent| sent.start.before(start)) {
            index += 1; // only its end is in the block
        }
        let mut news = 0;
        loop {
            index = self.unsacked(index);
            let Some(sent) = self.segments.get(index).copied() else { break };
            if sent.end.after(end) {
                break;
            }
            each(&sent);
            let name = self.name(index);
            self.unlink(name);
            self.discount(&sent);
            let next = self.name(index + 1);
            let marked = &mut self.segments[index]; // it was there just now
            (marked.place, marked.prev, marked.next) = (Place::Sacked, NOBODY, next);
            marked.is_resent = false;
            let board = self.board_mut();
            let highest = if board.sacked_count == 0 { sent.end } else { board.high_sacked.max(sent.end) };
            board.high_sacked = highest;
            board.sacked_bytes += sent.len();
            board.sacked_count += 1;
            news += sent.len();
            index += 1;
        }
        news
    }

    /// Whether a segment that ends at `end` was sent again at some time.
    pub(crate) fn was_resent(&self, start: SeqNumber, end: SeqNumber) -> bool {
        let index = self.behind(start);
        self.segments.get(index).is_some_and(|sent| sent.end.at_or_before(end) && sent.is_retransmission)
    }

    /// The segment in flight that was sent first.
    pub(crate) fn oldest(&self) -> Option<(Name, &Sent)> {
        Some((self.in_flight.head, self.get(self.in_flight.head)?))
    }

    /// The one in flight that was sent next.
    pub(crate) fn later(&self, name: Name) -> Option<(Name, &Sent)> {
        let next = self.get(name)?.next;
        Some((next, self.get(next)?))
    }

    /// Marks a segment lost, unless it is already or the peer has it.
    ///
    /// Gives whether it was a copy that was lost.
    pub(crate) fn mark_lost(&mut self, name: Name) -> bool {
        let Some(sent) = self.get(name).copied() else { return false };
        if let Place::Lost | Place::Sacked = sent.place {
            return false;
        }
        self.unlink(name);
        self.discount(&sent);
        self.board_mut().lost_bytes += sent.len();
        self.ever_lost += u64::from(sent.len());
        if let Some(sent) = self.get_mut(name) {
            sent.is_resent = false;
        }
        self.append(name, Place::Lost);
        sent.is_resent
    }

    /// Marks all lost but those that are SACKed or that `keep` spares, in the order of their numbers.
    pub(crate) fn mark_all_lost(&mut self, keep: impl Fn(&Sent) -> bool) {
        for index in 0..self.segments.len() {
            if !keep(&self.segments[index]) {
                self.mark_lost(self.name(index));
            }
        }
    }

    /// RFC 2018 8: the peer has dropped what it had SACKed.
    pub(crate) fn renege(&mut self) {
        for index in 0..self.segments.len() {
            let sent = self.segments[index];
            if sent.is_sacked() {
                self.discount(&sent);
                self.pipe += sent.len();
                self.segments[index].place = Place::Spared;
            }
        }
    }

    /// Nothing was lost after all: what is marked so counts as in flight.
    pub(crate) fn spare_lost(&mut self) {
        while self.board().lost.head != NOBODY {
            let name = self.board().lost.head;
            self.unlink(name);
            let Some(sent) = self.get_mut(name) else { return };
            sent.place = Place::Spared;
            let len = sent.len();
            self.board_mut().lost_bytes -= len;
            self.pipe += len;
        }
    }

    /// A time-out was spurious: what it marked lost is in flight, and RACK may find of it what really is lost (Linux's
    /// time-outs leave its list by time alone, other than RACK itself).
    pub(crate) fn spare_timed_out(&mut self) {
        let mut before = NOBODY;
        while self.board().lost.head != NOBODY {
            let name = self.board().lost.head;
            self.unlink(name);
            let Some(sent) = self.get(name).copied() else { return };
            self.board_mut().lost_bytes -= sent.len();
            self.pipe += sent.len();
            // They were mostly sent one after the other.
            if self.get(before).is_some_and(|last| last.is_after(sent.at, sent.end)) {
                before = NOBODY;
            }
            self.insert_by_time(name, before);
            before = name;
        }
    }

    /// Puts a segment that is on no list on that of those in flight, somewhere behind `prev`.
    fn insert_by_time(&mut self, name: Name, mut prev: Name) {
        let Some(&Sent { at, end, .. }) = self.get(name) else { return };
        let mut next = self.get(prev).map_or(self.in_flight.head, |sent| sent.next);
        while let Some(other) = self.get(next).filter(|other| !other.is_after(at, end)) {
            (prev, next) = (next, other.next);
        }
        if let Some(sent) = self.get_mut(name) {
            (sent.place, sent.prev, sent.next) = (Place::InFlight, prev, next);
        }
        match self.get_mut(prev) {
            Some(before) => before.next = name,
            None => self.in_flight.head = name,
        }
        match self.get_mut(next) {
            Some(behind) => behind.prev = name,
            None => self.in_flight.tail = name,
        }
    }

    /// The segment that was sent last went out in one frame with the one before it.
    pub(crate) fn join_last(&mut self) {
        if let Some(last) = self.segments.back_mut() {
            last.joins = true;
        }
    }

    /// The segment behind one that is lost, if it was lost with the frame of both.
    pub(crate) fn lost_beside(&self, name: Name) -> Option<(Name, &Sent)> {
        let index = self.index(name) + 1;
        let sent = self.segments.get(index).filter(|sent| sent.joins && sent.place == Place::Lost)?;
        Some((self.name(index), sent))
    }

    /// The lost segment that is sent again next.
    pub(crate) fn next_lost(&self) -> Option<(Name, &Sent)> {
        let head = self.board().lost.head;
        Some((head, self.get(head)?))
    }

    /// A segment was sent again.
    pub(crate) fn resent(&mut self, name: Name, at: Instant, rate: Snapshot) {
        let Some(sent) = self.get(name).copied() else { return };
        if sent.is_sacked() {
            return;
        }
        self.unlink(name);
        self.discount(&sent);
        self.append(name, Place::InFlight);
        self.pipe += sent.len();
        self.board_mut().resent_bytes += sent.len();
        if let Some(sent) = self.get_mut(name) {
            (sent.at, sent.rate) = (at, rate);
            (sent.is_retransmission, sent.is_resent) = (true, true);
        }
    }

    /// Cuts all segments so that none is longer than `mss` bytes, and marks those lost that were: they don't fit the path.
    pub(crate) fn cut(&mut self, mss: u32) {
        let old = core::mem::replace(self, Flight::new());
        self.ever_lost = old.ever_lost;
        for sent in old.segments {
            let too_long = sent.len() > mss;
            let mut start = sent.start;
            while start.before(sent.end) {
                let end = if sent.end.since(start) > mss { start + mss } else { sent.end };
                let name = self.name(self.segments.len());
                self.push(start, end, sent.at, sent.rate, sent.push && end == sent.end);
                if let Some(piece) = self.get_mut(name) {
                    piece.is_retransmission = sent.is_retransmission;
                }
                if sent.is_sacked() {
                    self.sack(start, end, |_| {});
                } else if too_long || sent.place == Place::Lost {
                    self.mark_lost(name);
                }
                start = end;
            }
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Flight::new();
    }
}

#[cfg(test)]
mod tests;
