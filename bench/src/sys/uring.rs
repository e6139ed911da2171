//! io_uring(7), with buffers that are the kernel's while it may use them.
#![allow(unsafe_code)] // what is handed to the kernel are pointers

use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use io_uring::{IoUring, cqueue, opcode, squeue, types};

/// Entries of the submission ring; the completion ring has eight times as many.
const ENTRIES: u32 = 1024;
/// IORING_RECVSEND_POLL_FIRST: wait for the bytes before a try that finds none.
const POLL_FIRST: u16 = 1;

/// What an operation was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Accept,
    Watch,
    Receive,
    Send,
}

/// An operation that the kernel works on, with its buffer.
struct Operation {
    kind: Kind,
    token: u64,
    buffer: Vec<u8>,
}

/// What has happened.
#[derive(Debug)]
pub enum Completion {
    /// A connection came, or accepting failed.
    Accepted(io::Result<OwnedFd>),
    /// What is watched is readable.
    Readable,
    /// Bytes were received: how many, zero at the end, and the buffer.
    Received(u64, io::Result<usize>, Vec<u8>),
    /// All was sent, or the connection is over.
    Sent(u64, io::Result<usize>, Vec<u8>),
}

/// A ring of this thread.
pub struct Ring {
    ring: IoUring,
    operations: Vec<Option<Operation>>,
    free: Vec<usize>,
    completions: Vec<(u64, i32, bool)>,
}

impl Ring {
    /// As this kernel can best have it: completions are worked on when this thread asks for them (Linux 6.1), else as before.
    ///
    /// # Errors
    /// Where the kernel has none, or does not let this process (`kernel.io_uring_disabled`, seccomp).
    pub fn new() -> io::Result<Self> {
        let sized = || {
            let mut builder = IoUring::builder();
            builder.setup_cqsize(8 * ENTRIES);
            builder
        };
        let ring = match sized().setup_single_issuer().setup_defer_taskrun().build(ENTRIES) {
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => sized().build(ENTRIES)?,
            built => built?,
        };
        Ok(Self { ring, operations: Vec::new(), free: Vec::new(), completions: Vec::new() })
    }

    /// Accepts connections until the ring is gone.
    pub fn accept(&mut self, listener: &impl AsFd) -> io::Result<()> {
        let fd = types::Fd(listener.as_fd().as_raw_fd());
        let name = self.begin(Kind::Accept, 0, Vec::new());
        let entry = opcode::AcceptMulti::new(fd).flags(libc::SOCK_CLOEXEC).build();
        self.push(&entry.user_data(name))
    }

    /// Tells once when `fd` is readable.
    pub fn watch(&mut self, fd: &impl AsFd) -> io::Result<()> {
        let fd = types::Fd(fd.as_fd().as_raw_fd());
        let name = self.begin(Kind::Watch, 0, Vec::new());
        let entry = opcode::PollAdd::new(fd, libc::POLLIN as u32).build(); // a small constant
        self.push(&entry.user_data(name))
    }

    /// Receives into the whole of `buffer`.
    pub fn receive(&mut self, fd: RawFd, buffer: Vec<u8>, token: u64) -> io::Result<()> {
        let entry = self.receive_entry(fd, buffer, token);
        self.push(&entry)
    }

    /// Sends the first `length` bytes of `buffer`, all of them.
    pub fn send(&mut self, fd: RawFd, buffer: Vec<u8>, length: usize, token: u64) -> io::Result<()> {
        let entry = self.send_entry(fd, buffer, length, token);
        self.push(&entry)
    }

    /// Sends, and when that is done receives into `next`, which fails when sending does.
    pub fn send_then_receive(
        &mut self,
        fd: RawFd,
        buffer: Vec<u8>,
        length: usize,
        next: Vec<u8>,
        token: u64,
    ) -> io::Result<()> {
        self.make_room(2)?; // a link doesn't reach into the next submission
        let send = self.send_entry(fd, buffer, length, token).flags(squeue::Flags::IO_LINK);
        self.push(&send)?;
        let receive = self.receive_entry(fd, next, token);
        self.push(&receive)
    }

    /// Submits what was asked for, and sleeps until something has happened.
    pub fn wait(&mut self) -> io::Result<()> {
        match self.ring.submit_and_wait(1) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            submitted => {
                submitted?;
            }
        }
        let seen = |entry: cqueue::Entry| (entry.user_data(), entry.result(), cqueue::more(entry.flags()));
        self.completions.extend(self.ring.completion().map(seen));
        self.completions.reverse(); // they are taken from the end
        Ok(())
    }

    /// The oldest thing that has happened before the last [`Ring::wait`] returned.
    pub fn next(&mut self) -> Option<Completion> {
        let (name, result, more) = self.completions.pop()?;
        let index = usize::try_from(name).unwrap_or(usize::MAX);
        let result = if result < 0 { Err(io::Error::from_raw_os_error(-result)) } else { Ok(result) };
        let slot = self.operations.get_mut(index)?;
        if more {
            return slot.as_ref().map(|_| accepted(result)); // only accepting goes on
        }
        let Operation { kind, token, buffer } = slot.take()?;
        self.free.push(index);
        let count = |result: io::Result<i32>| result.map(|n| usize::try_from(n).unwrap_or_default());
        Some(match kind {
            Kind::Accept => accepted(result),
            Kind::Watch => Completion::Readable,
            Kind::Receive => Completion::Received(token, count(result), buffer),
            Kind::Send => Completion::Sent(token, count(result), buffer),
        })
    }

    fn receive_entry(&mut self, fd: RawFd, mut buffer: Vec<u8>, token: u64) -> squeue::Entry {
        let (start, length) = (buffer.as_mut_ptr(), buffer.len() as u32); // buffers are far below 4 GiB
        let name = self.begin(Kind::Receive, token, buffer);
        opcode::Recv::new(types::Fd(fd), start, length).ioprio(POLL_FIRST).build().user_data(name)
    }

    fn send_entry(&mut self, fd: RawFd, buffer: Vec<u8>, length: usize, token: u64) -> squeue::Entry {
        let (start, length) = (buffer.as_ptr(), length.min(buffer.len()) as u32); // as above
        let name = self.begin(Kind::Send, token, buffer);
        let flags = libc::MSG_WAITALL | libc::MSG_NOSIGNAL;
        opcode::Send::new(types::Fd(fd), start, length).flags(flags).build().user_data(name)
    }

    /// Notes an operation; its name is the completion's.
    fn begin(&mut self, kind: Kind, token: u64, buffer: Vec<u8>) -> u64 {
        let operation = Some(Operation { kind, token, buffer });
        let index = self.free.pop().unwrap_or_else(|| {
            self.operations.push(None);
            self.operations.len() - 1
        });
        self.operations[index] = operation;
        index as u64 // usize is at most 64 bits
    }

    fn make_room(&mut self, entries: usize) -> io::Result<()> {
        let submission = self.ring.submission();
        let room = submission.capacity() - submission.len();
        drop(submission);
        if room < entries {
            self.ring.submit()?;
        }
        Ok(())
    }

    fn push(&mut self, entry: &squeue::Entry) -> io::Result<()> {
        self.make_room(1)?;
        // SAFETY: the entry's buffer is in `operations` until its completion was seen, and on the heap, so that it doesn't move.
        let pushed = unsafe { self.ring.submission().push(entry) };
        pushed.map_err(io::Error::other)
    }
}

fn accepted(result: io::Result<i32>) -> Completion {
    // SAFETY: the kernel has just given this descriptor to us alone.
    Completion::Accepted(result.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }))
}

impl Drop for Ring {
    fn drop(&mut self) {
        // The kernel may use the buffers of what it has not completed until the ring is gone, and some time after.
        mem::forget(mem::take(&mut self.operations));
    }
}
