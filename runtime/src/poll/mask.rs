//! epoll's event bits, by Linux's numbers.

use corelane_netstack::Readiness;

pub(crate) const IN: u32 = Readiness::IN;
pub(crate) const PRI: u32 = 0x0002; // of file descriptors alone
pub(crate) const OUT: u32 = Readiness::OUT;
pub(crate) const ERR: u32 = Readiness::ERR;
pub(crate) const HUP: u32 = Readiness::HUP;
pub(crate) const RDHUP: u32 = Readiness::RDHUP;

/// What wakes those that are interested in these events: new data (Linux's sock_def_readable) ...
pub(crate) const READ_KEY: u32 = IN | PRI;
/// ... room (sk_stream_write_space) ...
pub(crate) const WRITE_KEY: u32 = OUT;
/// ... and a change of the state wakes all (sk_state_change has no key).
pub(crate) const STATE_KEY: u32 = !0;
