//! What a seed stands for.

use std::time::Duration;

use corelane_netstack::{Config, IpConfig, TcpConfig};
use corelane_sim::{Faults, LinkConfig, Rng};

/// How an end lets go of its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClosePlan {
    /// shutdown(Write) when all is written, close at the end of what the peer says.
    HalfClose,
    /// close as soon as all is written and the expected bytes are read, the peer's FIN or not.
    WhenDone,
    /// Wait for the peer's FIN before the own one.
    AfterPeer,
}

/// What an end does with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndPlan {
    /// Bytes that it writes.
    pub bytes: u64,
    /// Bytes a write at most.
    pub write_size: u64,
    /// How often a write is a chunk, in percent.
    pub chunks: u64,
    /// Bytes a read at most.
    pub read_size: u64,
    /// How often it rests after a read or write, in percent, and at most how long.
    pub rest: (u64, Duration),
    /// TCP_NODELAY.
    pub nodelay: bool,
    /// How it ends.
    pub close: ClosePlan,
}

/// One connection, opened by A.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionPlan {
    /// When A opens it.
    pub start: Duration,
    /// A's end, then B's.
    pub ends: [EndPlan; 2],
}

/// All that a seed stands for.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// The wire.
    pub link: LinkConfig,
    /// The stacks of A and B.
    pub configs: [Config; 2],
    /// Frames a turn.
    pub burst: usize,
    /// The connections.
    pub connections: Vec<ConnectionPlan>,
}

/// A number from `least` to `most`, each magnitude as often as another.
fn magnitude(rng: &mut Rng, least: u64, most: u64) -> u64 {
    let (low, high) = ((least.max(1) as f64).ln(), (most as f64).ln());
    ((low + rng.fraction() * (high - low)).exp() as u64).clamp(least, most) // far below 2^53
}

fn chance(rng: &mut Rng, percent: u64) -> bool {
    rng.below(100) < percent
}

fn millis(rng: &mut Rng, limit: u64) -> Duration {
    Duration::from_micros(rng.below(limit * 1000 + 1))
}

fn faults(rng: &mut Rng, mtu: u16) -> Faults {
    let delay = millis(rng, 100);
    if chance(rng, 10) {
        return Faults { delay, ..Faults::default() };
    }
    let mut some = |most: f64| if chance(rng, 50) { rng.fraction() * most } else { 0.0 };
    let (loss, reorder, duplicate, corrupt) = (some(0.2), some(0.3), some(0.2), some(0.1));
    let mtu_changes = if chance(rng, 20) && mtu > 600 {
        // For a while only: there is no router on this wire to say that packets are too big.
        let at = millis(rng, 2000);
        vec![(at, mtu / 2), (at + millis(rng, 3000), mtu)]
    } else {
        Vec::new()
    };
    let blackouts = if chance(rng, 10) {
        let at = millis(rng, 3000);
        vec![at..at + millis(rng, 5000)]
    } else {
        Vec::new()
    };
    Faults {
        delay,
        jitter: if chance(rng, 50) { millis(rng, 20) } else { Duration::ZERO },
        loss,
        reorder,
        reorder_delay: millis(rng, 30),
        duplicate,
        corrupt,
        bytes_per_second: chance(rng, 30).then(|| magnitude(rng, 50_000, 1_000_000_000)),
        mtu_changes,
        blackouts,
    }
}

fn config(rng: &mut Rng) -> Config {
    let tcp = TcpConfig {
        tcp_rmem: (magnitude(rng, 2 << 10, 1 << 20) as usize).into(), // below 2^21
        tcp_wmem: (magnitude(rng, 4 << 10, 1 << 20) as usize).into(), // as above
        tcp_mem: magnitude(rng, 256 << 10, 8 << 20) as usize,         // below 2^24
        tcp_window_scaling: chance(rng, 80),
        tcp_timestamps: chance(rng, 70),
        tcp_sack: chance(rng, 70),
        // A path that loses a third of all answers must not count as dead here.
        tcp_syn_retries: 30,
        tcp_synack_retries: 30,
        tcp_retries2: 60,
        tcp_orphan_retries: 60,
        tcp_fin_timeout: Duration::from_secs(3600),
        tcp_rto_max: Duration::from_secs(if chance(rng, 50) { 120 } else { 5 }),
        initial_cwnd: 1 + rng.below(20) as u32, // below 21
        ..TcpConfig::default()
    };
    Config { ip: IpConfig { neighbor_solicits: 60, ..IpConfig::default() }, tcp, ..Config::default() }
}

fn end(rng: &mut Rng, may_wait: bool) -> EndPlan {
    EndPlan {
        bytes: if chance(rng, 10) { 0 } else { magnitude(rng, 1, 700_000) },
        write_size: magnitude(rng, 1, 100_000),
        chunks: [0, 30, 100][rng.below(3) as usize], // below 3
        read_size: magnitude(rng, 64, 1 << 20),
        rest: (
            if chance(rng, 50) { magnitude(rng, 1, 30) } else { 0 },
            Duration::from_millis(magnitude(rng, 1, 2000)),
        ),
        nodelay: chance(rng, 50),
        close: match rng.below(if may_wait { 3 } else { 2 }) {
            0 => ClosePlan::HalfClose,
            1 => ClosePlan::WhenDone,
            _ => ClosePlan::AfterPeer,
        },
    }
}

fn connection(rng: &mut Rng) -> ConnectionPlan {
    let start = if chance(rng, 50) { Duration::ZERO } else { millis(rng, 3000) };
    let a = end(rng, true);
    // One of them must begin.
    let mut b = end(rng, a.close != ClosePlan::AfterPeer);
    if b.write_size < 50 {
        b.bytes = b.bytes.min(20_000); // a byte at a time is slow to simulate
    }
    let a = EndPlan { bytes: if a.write_size < 50 { a.bytes.min(20_000) } else { a.bytes }, ..a };
    ConnectionPlan { start, ends: [a, b] }
}

impl Plan {
    /// The same, where every segment takes the long way through the stacks.
    #[must_use]
    pub fn without_prediction(&self) -> Plan {
        let mut plan = self.clone();
        for config in &mut plan.configs {
            config.tcp.header_prediction = false;
        }
        plan
    }

    /// The plan of a seed.
    pub fn draw(seed: u64) -> Plan {
        let mut rng = Rng::new(seed);
        let mtu = if chance(&mut rng, 50) { 1500 } else { magnitude(&mut rng, 576, 9000) as u16 }; // <= 9000
        let defaults = LinkConfig::default();
        let (a_to_b, b_to_a) = (faults(&mut rng, mtu), faults(&mut rng, mtu));
        let link = LinkConfig {
            macs: if chance(&mut rng, 85) { defaults.macs } else { None },
            mtu,
            slots: magnitude(&mut rng, 128, 4096) as u32, // <= 4096
            ring: magnitude(&mut rng, 16, 1024) as usize, // <= 1024
            tx_chunks: [0, 0, 1, 8][rng.below(4) as usize], // below 4
            checksum_offload: chance(&mut rng, 25),
            seed,
            a_to_b,
            b_to_a,
            ..defaults
        };
        let configs = [config(&mut rng), config(&mut rng)];
        let burst = magnitude(&mut rng, 1, 64) as usize; // <= 64
        let count = magnitude(&mut rng, 1, 8);
        let connections = (0..count).map(|_| connection(&mut rng)).collect();
        Plan { seed, link, configs, burst, connections }
    }
}
