//! How often readiness is told.

/// When an event is reported, in epoll's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Trigger {
    /// `EPOLLET`: when it is registered, and again whenever something new happens, be the old used up or not. mio's way.
    #[default]
    Edge,
    /// For as long as it is so.
    Level,
    /// `EPOLLONESHOT`: once, and then not before it is registered anew by [`Registry::reregister_with`](super::Registry).
    OneShot,
}
