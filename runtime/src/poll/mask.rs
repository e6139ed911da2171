//! epoll's event bits, by Linux's numbers.

pub(crate) const IN: u32 = 0x0001;
pub(crate) const PRI: u32 = 0x0002;
pub(crate) const OUT: u32 = 0x0004;
pub(crate) const ERR: u32 = 0x0008;
pub(crate) const HUP: u32 = 0x0010;
pub(crate) const RDHUP: u32 = 0x2000;

/// What wakes those that are interested in these events: new data (Linux's sock_def_readable) ...
pub(crate) const READ_KEY: u32 = IN | PRI;
/// ... room (sk_stream_write_space) ...
pub(crate) const WRITE_KEY: u32 = OUT;
/// ... and a change of the state wakes all (sk_state_change has no key).
pub(crate) const STATE_KEY: u32 = !0;
