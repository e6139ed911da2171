//! How much a turn may do before it looks at the network again.

/// The limits of one turn. Larger ones cost latency, smaller ones throughput.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Frames received, and frames sent.
    pub burst: usize,
    /// Tasks polled. One that wakes itself over and over can't hold up the network for longer than this.
    pub polls: u32,
}

impl Default for Budget {
    fn default() -> Budget {
        // A burst of 64 keeps a turn below some 30 us of packet work. Each frame wakes one task or two.
        Budget { burst: 64, polls: 256 }
    }
}
