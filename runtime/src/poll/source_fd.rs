//! File descriptors of the kernel, beside corelane's sockets.

use std::io;
use std::os::fd::AsFd;

use super::event::Source;
use super::{Interest, Registry, Token};

/// Registers a file descriptor: a pipe, a timerfd, a kernel socket. It should be non-blocking.
///
/// Each turn that looks for events then costs a system call; [`Poll::poll`](super::Poll::poll) sleeps on it too. One that is
/// closed while it is registered is registered no more when its last duplicate is closed, as epoll has it; deregister it before.
///
/// ```no_run
/// # use corelane::poll::{Interest, Poll, Token, unix::SourceFd};
/// # fn watch(poll: &Poll, pipe: &std::io::PipeReader) -> std::io::Result<()> {
/// poll.registry().register(&mut SourceFd(pipe), Token(7), Interest::READABLE)
/// # }
/// ```
#[derive(Debug)]
pub struct SourceFd<'a, F: AsFd>(
    /// What has the descriptor.
    pub &'a F,
);

impl<F: AsFd> Source for SourceFd<'_, F> {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        registry.add_fd(self.0, token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        registry.modify_fd(self.0, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        registry.remove_fd(self.0)
    }
}
