//! What an application wants to hear of.

use std::fmt;
use std::num::NonZeroU8;
use std::ops::{BitOr, BitOrAssign};

use super::mask;

/// The readiness that a source is registered for; never empty. Errors and hang-ups are told in any case, as by epoll.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interest(NonZeroU8);

impl Interest {
    /// `EPOLLIN | EPOLLRDHUP`.
    pub const READABLE: Interest = Interest::of(1);
    /// `EPOLLOUT`.
    pub const WRITABLE: Interest = Interest::of(2);
    /// `EPOLLPRI`: for file descriptors; corelane's sockets never report it.
    pub const PRIORITY: Interest = Interest::of(4);

    const fn of(bits: u8) -> Interest {
        match NonZeroU8::new(bits) {
            Some(bits) => Interest(bits),
            None => panic!("an interest in nothing"), // when it is compiled
        }
    }

    /// Both.
    #[must_use]
    pub const fn add(self, other: Interest) -> Interest {
        Interest::of(self.0.get() | other.0.get())
    }

    /// This one without the other; `None` when nothing is left.
    #[must_use]
    pub fn remove(self, other: Interest) -> Option<Interest> {
        NonZeroU8::new(self.0.get() & !other.0.get()).map(Interest)
    }

    const fn has(self, other: Interest) -> bool {
        self.0.get() & other.0.get() != 0
    }

    /// Whether it has [`Interest::READABLE`].
    #[must_use]
    pub const fn is_readable(self) -> bool {
        self.has(Interest::READABLE)
    }

    /// Whether it has [`Interest::WRITABLE`].
    #[must_use]
    pub const fn is_writable(self) -> bool {
        self.has(Interest::WRITABLE)
    }

    /// Whether it has [`Interest::PRIORITY`].
    #[must_use]
    pub const fn is_priority(self) -> bool {
        self.has(Interest::PRIORITY)
    }

    /// epoll's events, with those that epoll_ctl(2) adds.
    pub(crate) fn mask(self) -> u32 {
        let bit = |is: bool, mask: u32| if is { mask } else { 0 };
        bit(self.is_readable(), mask::IN | mask::RDHUP)
            | bit(self.is_writable(), mask::OUT)
            | bit(self.is_priority(), mask::PRI)
            | mask::ERR
            | mask::HUP
    }
}

impl BitOr for Interest {
    type Output = Interest;

    fn bitor(self, other: Interest) -> Interest {
        self.add(other)
    }
}

impl BitOrAssign for Interest {
    fn bitor_assign(&mut self, other: Interest) {
        *self = *self | other;
    }
}

impl fmt::Debug for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (Interest::READABLE, "READABLE"),
            (Interest::WRITABLE, "WRITABLE"),
            (Interest::PRIORITY, "PRIORITY"),
        ];
        let mut separator = "";
        for (_, name) in names.into_iter().filter(|(interest, _)| self.has(*interest)) {
            write!(f, "{separator}{name}")?;
            separator = " | ";
        }
        Ok(())
    }
}
