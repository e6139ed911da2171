//! The same random histories on corelane's `Poll` and on Linux's epoll: every result and every event must be the same.
//!
//! `CORELANE_HISTORIES` says how many (default 500, 10,000 by scripts/test.sh), `CORELANE_SEED` which is the first.

mod support;

mod epoll {
    pub mod history;
    pub mod kernel;
    pub mod stack;
}

use std::fmt::Write;

use epoll::history::{Engine, History};
use epoll::kernel::Kernel;
use epoll::stack::Stack;

/// Operations of a history.
const LENGTH: usize = 50;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}: no number")))
}

fn compare(seed: u64) {
    let mut history = History::new(seed);
    let mut stack = Stack::new().unwrap();
    let mut kernel = Kernel::new().unwrap();
    let mut log = String::new();
    for _ in 0..LENGTH {
        let op = history.next();
        let (ours, theirs) = (stack.apply(op), kernel.apply(op));
        history.note_outcome(op, &ours);
        let _ = writeln!(log, "  {op:?} {ours}");
        assert!(
            ours == theirs,
            "CORELANE_SEED={seed} CORELANE_HISTORIES=1\n{log}  Linux: {theirs}\n(EPOLLIN 1, EPOLLOUT 4, EPOLLERR 8, \
             EPOLLHUP 10, EPOLLRDHUP 2000)"
        );
    }
}

#[test]
fn events_are_those_of_epoll() {
    // The queue of the loopback interface is one a CPU: see `Kernel`.
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    if let Some(core) = cores.last() {
        core_affinity::set_for_current(*core);
    }
    let (first, count) = (number("CORELANE_SEED", 1), number("CORELANE_HISTORIES", 500));
    for seed in first..first + count {
        compare(seed);
    }
}
