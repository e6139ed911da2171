//! What connections take in memory.

use core::mem::offset_of;

use super::congestion::Congestion;
use super::connection::Connection;
use super::listen::HalfOpen;
use super::receiver::Receiver;
use super::recovery::Recovery;
use super::sender::Sender;
use super::table::FlowTable;
use super::time_wait::TimeWait;
use super::{Tcp, Timed};
use crate::arena::Arena;
use crate::config::TcpConfig;
use crate::time::Instant;
use crate::wheel::Wheel;

/// What the records of a stack take, in bytes. Which fields there are may grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordSizes {
    /// An entry of a SYN queue: `HalfOpen`.
    pub half_open: usize,
    /// A connection in TIME-WAIT: `TimeWait`.
    pub time_wait: usize,
    /// Any other: `Connection`.
    pub connection: usize,
    /// The place of a connection's record in the array of them: whole cache lines, with what tells an old id from a new one.
    pub connection_entry: usize,
    /// A flow in the flow table, just after that has grown: it is as empty then as it gets.
    pub flow: usize,
    /// A connection that has a timer, whichever and however many of them: for all but a keep-alive that is while something is
    /// in flight or an ACK is owed.
    pub timer: usize,
}

impl RecordSizes {
    pub(crate) const ALL: RecordSizes = RecordSizes {
        half_open: size_of::<HalfOpen>(),
        time_wait: size_of::<TimeWait>(),
        connection: size_of::<Connection>(),
        // With its number on the list of free ones.
        connection_entry: Arena::<Connection>::ENTRY + size_of::<u32>(),
        flow: FlowTable::EACH,
        timer: Wheel::<Timed>::EACH,
    };

    /// An established connection that has nothing to send, to acknowledge or to be read, all told: a record, a flow, and nothing
    /// else.
    pub const fn idle_connection(&self) -> usize {
        self.connection_entry + self.flow
    }
}

/// The cache lines of a connection's entry that no segment needs in the ordinary case, as bits.
const SELDOM_LINES: u32 = {
    let snd = offset_of!(Connection, snd) + Sender::SELDOM_FROM;
    let rcv = offset_of!(Connection, rcv) + Receiver::SELDOM_TO;
    let recovery = offset_of!(Connection, recovery) + Recovery::SELDOM_FROM;
    let cc = offset_of!(Connection, cc) + Congestion::SELDOM_TO;
    whole_lines(snd, rcv) | whole_lines(recovery, cc)
};

/// Those that it needs.
pub(super) const USUAL_LINES: u32 = !SELDOM_LINES;

/// The cache lines that lie whole between two offsets in a connection, in its entry.
const fn whole_lines(from: usize, to: usize) -> u32 {
    let at = Arena::<Connection>::VALUE_AT;
    let (first, end) = ((at + from).div_ceil(64), (at + to) / 64);
    if first < end { (1 << end) - (1 << first) } else { 0 }
}

// The order of the fields is worth something as long as this holds.
const _: () = assert!(SELDOM_LINES.count_ones() == 3);
const _: () = assert!(RecordSizes::ALL.half_open <= 128);
const _: () = assert!(RecordSizes::ALL.time_wait <= 96);
const _: () = assert!(RecordSizes::ALL.idle_connection() <= 1024);

impl Connection {
    /// Nothing is in flight, and no timer is due: what was kept for the next segments is given back. It takes an allocation when
    /// they come; a connection that is busy never comes here.
    pub(crate) fn release_memory(&mut self, now: Instant, config: &TcpConfig) {
        self.flight.release_memory();
        let silent = now.nanos_since(self.snd.last_sent) >= self.rto(config);
        if self.recovery.release_memory(silent) {
            self.cc.forget_undo();
        }
        self.snd.queue.release_memory();
        self.rcv.queue.release_memory();
    }

    /// Bytes beside the record, without the buffers of data.
    #[cfg(test)]
    pub(crate) fn heap_size(&self) -> usize {
        fn of<T>(part: Option<&T>) -> usize {
            part.map_or(0, size_of_val)
        }
        of(self.pacing.as_deref())
            + of(self.path.as_deref())
            + of(self.fast_open.as_deref())
            + of(self.options.as_deref())
            + of(self.rcv.assembler.as_deref())
            + of(self.cut_acks.as_deref())
            + self.flight.heap_size()
            + self.recovery.heap_size()
            + self.cc.heap_size()
            + self.snd.queue.heap_size()
            + self.snd.records.heap_size()
            + self.rcv.queue.heap_size()
    }
}

impl Tcp {
    /// Bytes of all connections beside their records, without the buffers of data.
    #[cfg(test)]
    pub(crate) fn connections_heap_size(&self) -> usize {
        self.connections.iter().map(|(_, connection)| connection.heap_size()).sum()
    }
}
