//! An end of a connection as an application has it: driven by events alone, so a lost wake-up shows as a standstill.

use std::time::Duration;

use corelane_netstack::{Error, Shutdown, SocketId, Stack};
use corelane_nic::{Chunk, Pool};
use corelane_sim::Rng;

use super::plan::{ClosePlan, EndPlan};
use crate::Pattern;

/// What an application is doing with its socket.
pub(super) struct Application {
    pub(super) id: SocketId,
    pub(super) plan: EndPlan,
    pub(super) written: u64,
    pub(super) read: u64,
    /// What the peer will write.
    pub(super) expected: u64,
    /// An event said so, and no `WouldBlock` since.
    pub(super) readable: bool,
    pub(super) writable: bool,
    pub(super) end_of_data: bool,
    pub(super) shut: bool,
    pub(super) closed: bool,
    /// It does nothing before.
    pub(super) rests_until: Duration,
    rng: Rng,
    outgoing: Pattern,
    incoming: Pattern,
}

/// How an attempt went.
enum Attempt {
    Progress,
    Blocked,
}

impl Application {
    pub(super) fn new(
        id: SocketId,
        plan: EndPlan,
        expected: u64,
        ports: (u16, u16),
        rng: Rng,
    ) -> Application {
        let (ours, theirs) = ports;
        Application {
            id,
            plan,
            written: 0,
            read: 0,
            expected,
            readable: false,
            writable: false,
            end_of_data: false,
            shut: false,
            closed: false,
            rests_until: Duration::ZERO,
            rng,
            outgoing: Pattern::between(ours, theirs),
            incoming: Pattern::between(theirs, ours),
        }
    }

    /// Whether it wants a turn now.
    pub(super) fn is_eager(&self) -> bool {
        !self.closed && (self.wants_read() || self.wants_write())
    }

    fn wants_read(&self) -> bool {
        self.readable && !self.end_of_data
    }

    fn wants_write(&self) -> bool {
        self.writable && self.written < self.plan.bytes
    }

    /// Reads, writes and closes, until blocked or resting.
    pub(super) fn act(&mut self, now: Duration, stack: &mut Stack, pool: &Pool) -> Result<(), String> {
        while !self.closed && now >= self.rests_until && self.is_eager() {
            let read_first = self.rng.below(2) == 0;
            if self.wants_read() && (read_first || !self.wants_write()) {
                if let Attempt::Blocked = self.try_read(stack)? {
                    self.readable = false;
                }
            } else if let Attempt::Blocked = self.try_write(stack, pool)? {
                self.writable = false;
            }
            let (percent, longest) = self.plan.rest;
            if self.rng.below(100) < percent {
                let nanos = self.rng.below(longest.as_nanos() as u64 + 1); // a few seconds
                self.rests_until = now + Duration::from_nanos(nanos);
            }
        }
        self.finish(stack)
    }

    fn try_read(&mut self, stack: &mut Stack) -> Result<Attempt, String> {
        let size = 1 + self.rng.below(self.plan.read_size) as usize; // up to 1 MiB
        let result = match self.rng.below(4) {
            0 => stack.read_chunk(self.id).map(|chunk| chunk.map_or(0, |chunk| self.take(&chunk))),
            kind => {
                let mut buf = vec![0; size];
                if kind == 1 {
                    self.look(stack, &mut buf)?;
                }
                stack.read(self.id, &mut buf).map(|n| self.take(&buf[..n]))
            }
        };
        match result {
            Ok(0) if self.read == self.expected => {
                self.end_of_data = true;
                Ok(Attempt::Progress)
            }
            Ok(0) => Err(format!("the data end after {} of {} bytes", self.read, self.expected)),
            Ok(n) if n == usize::MAX => Err(format!("a wrong byte was read, at {} or after", self.read)),
            Ok(_) if self.read > self.expected => Err(format!("{} bytes were read, too many", self.read)),
            Ok(_) => Ok(Attempt::Progress),
            Err(Error::WouldBlock) => Ok(Attempt::Blocked),
            Err(error) => Err(format!("read after {} of {} bytes: {error}", self.read, self.expected)),
        }
    }

    /// What `peek` gives must be what `read` gives next.
    fn look(&self, stack: &mut Stack, buf: &mut [u8]) -> Result<(), String> {
        match stack.peek(self.id, buf) {
            Ok(n) if self.incoming.mismatch(self.read, &buf[..n]).is_some() => {
                Err(format!("peek at {} gives a wrong byte", self.read))
            }
            _ => Ok(()), // an error comes again from `read`
        }
    }

    /// Counts the bytes when they are right; `usize::MAX` when one is not.
    fn take(&mut self, bytes: &[u8]) -> usize {
        if self.incoming.mismatch(self.read, bytes).is_some() {
            return usize::MAX;
        }
        self.read += bytes.len() as u64;
        bytes.len()
    }

    fn try_write(&mut self, stack: &mut Stack, pool: &Pool) -> Result<Attempt, String> {
        let left = self.plan.bytes - self.written;
        let size = (1 + self.rng.below(self.plan.write_size)).min(left) as usize; // up to 100,000
        let mut bytes = vec![0; size];
        let as_chunk = self.rng.below(100) < self.plan.chunks;
        let result = if as_chunk {
            bytes.truncate(pool.config().slot_size as usize);
            self.outgoing.fill(self.written, &mut bytes);
            match Chunk::copy_from(pool, &bytes) {
                Some(chunk) => {
                    stack.write_chunk(self.id, chunk).map(|()| bytes.len()).map_err(|refused| refused.error)
                }
                None => stack.write(self.id, &bytes), // its own buffers are all on their way
            }
        } else {
            self.outgoing.fill(self.written, &mut bytes);
            stack.write(self.id, &bytes)
        };
        match result {
            Ok(n) if n == 0 || n > bytes.len() => Err(format!("write took {n} of {} bytes", bytes.len())),
            Ok(n) => {
                self.written += n as u64;
                Ok(Attempt::Progress)
            }
            Err(Error::WouldBlock) => Ok(Attempt::Blocked),
            Err(error) => Err(format!("write after {} of {}: {error}", self.written, self.plan.bytes)),
        }
    }

    fn finish(&mut self, stack: &mut Stack) -> Result<(), String> {
        // An opening is not finished before it is open.
        let all_written = self.written == self.plan.bytes && (self.writable || self.written > 0);
        if self.closed || !all_written {
            return Ok(());
        }
        let done = match self.plan.close {
            ClosePlan::WhenDone => self.read == self.expected,
            ClosePlan::HalfClose | ClosePlan::AfterPeer => self.end_of_data,
        };
        if done {
            self.closed = true;
            return stack.close(self.id).map_err(|error| format!("close: {error}"));
        }
        if self.plan.close == ClosePlan::HalfClose && !self.shut {
            self.shut = true;
            return stack.shutdown(self.id, Shutdown::Write).map_err(|error| format!("shutdown: {error}"));
        }
        Ok(())
    }
}
