//! How much a turn may do before it looks at the network again.

use std::time::Duration;

/// The limits of one turn. Larger ones cost latency, smaller ones throughput.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Frames received, and frames sent.
    pub burst: usize,
    /// Tasks polled. One that wakes itself over and over can't hold up the network for longer than this.
    pub polls: u32,
    /// A task whose poll takes as long or longer has stalled its core: it is counted and named in the log. It is seen to within a tick
    /// of the kernel's clock, 10 ms at most. The first few tasks of a turn are looked at one by one, those behind them by eights, until
    /// eight took so long. Zero = nobody looks.
    pub stall: Duration,
}

impl Default for Budget {
    fn default() -> Budget {
        // A burst of 64 keeps a turn below some 30 us of packet work. Each frame wakes one task or two.
        // The least delayed ACK of a peer is 40 ms: what holds up a core for longer makes peers send again.
        Budget { burst: 64, polls: 256, stall: Duration::from_millis(40) }
    }
}
