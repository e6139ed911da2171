//! How each engine is set, beside what its command says.

use serde::{Deserialize, Serialize};

use crate::cli::Engine;

/// What is the same for all of them.
pub const COMMON: &[&str] = &[
    "every socket has TCP_NODELAY",
    "server and client are processes of their own (in memory one), each pinned to its core, in a session of its own, with \
     nice -20 where that is allowed",
    "what the kernel's engines answer is the same code, and they read up to 16 KiB at once",
];

/// The settings of one engine.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct EngineSettings {
    /// Whose.
    pub engine: Engine,
    /// In words.
    pub settings: Vec<String>,
}

impl EngineSettings {
    /// Those of `engine`.
    pub fn of(engine: Engine) -> Self {
        Self { engine, settings: words(engine).iter().map(|text| (*text).to_owned()).collect() }
    }
}

fn words(engine: Engine) -> &'static [&'static str] {
    match engine {
        Engine::Bio => {
            &["a thread for each connection, with a stack of 128 KiB", "blocking reads and writes"]
        }
        Engine::BioPool => &[
            "one thread with epoll_wait for up to 256 events, told once each, puts readable connections into a queue; the \
             threads of the pool (--pool in its commands) take them from there",
            "blocking reads and writes; one read a turn, then the connection goes back",
        ],
        Engine::Epoll => &[
            "one thread",
            "epoll_wait for up to 256 events, without a time-out",
            "edge-triggered; level-triggered for bulk and bulk-up",
        ],
        Engine::EpollLevel => {
            &["as epoll, level-triggered: interest in writing comes and goes with what is left to be written"]
        }
        Engine::EpollSpin => &["as epoll, with the time-out 0: it never sleeps"],
        Engine::EpollTuned => &[
            "as epoll, and its core polls the interface before it sleeps: SO_BUSY_POLL 200 µs, SO_PREFER_BUSY_POLL, EPIOCSPARAMS \
             with 200 µs, a budget of 64 and prefer_busy_poll",
            "a veth pair of its own: GRO at the server's end and TSO off at the client's, which gives it NAPI; \
             napi_defer_hard_irqs 2, gro_flush_timeout 2 ms",
            "server busy is what its core was busy, which is always: the kernel polls inside of epoll_wait, and doesn't say for \
             how much of the time it found something",
            "no SO_REUSEPORT (one core has one listener), no TCP_QUICKACK (answers carry the acknowledgements)",
        ],
        Engine::IoUring => &[
            "one thread",
            "1024 entries for submissions, 8192 for completions",
            "IORING_SETUP_SINGLE_ISSUER and IORING_SETUP_DEFER_TASKRUN, where the kernel has them",
            "an answer and the next request are two linked operations",
        ],
        Engine::Mio => &["one thread", "edge-triggered, as mio is"],
        Engine::Tokio => &["the current-thread runtime with its defaults", "a task for each connection"],
        Engine::TokioMulti => &[
            "the multi-thread runtime with a worker for each core that the server may use: where it is pinned to one, one",
            "a task for each connection",
        ],
        Engine::CorelaneKernel => &[
            "one worker, with a task for each connection, on the kernel's sockets",
            "it spins for 200 µs before it sleeps",
        ],
        Engine::Corelane => &[
            "one worker, with a task for each connection, on a queue of its device",
            "echo sends back the very buffers that arrived",
            "it spins for 200 µs before it sleeps; over DPDK it never sleeps; in memory it is called turn by turn",
        ],
        Engine::CorelanePoll => &["one worker, with an event loop on the readiness API, called turn by turn"],
        Engine::CorelaneStack => &["the stack without the runtime, called turn by turn, 64 frames at once"],
        Engine::Smoltcp => &[
            "version 0.14, driven by Interface::poll; the sockets are looked at after a turn that received something",
            "4 KiB to receive and 4 KiB to send for each socket, more for larger questions; 64 frames at once",
        ],
        Engine::SmoltcpSteps => {
            &["as smoltcp, driven by its single steps, so that nothing is looked at twice"]
        }
    }
}

#[cfg(test)]
mod tests;
