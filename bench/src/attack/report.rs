//! What was sent, and what was heard.

use serde::Serialize;

/// The result, with its kind.
#[derive(Serialize, Debug)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Report {
    /// Of a flood of SYNs.
    SynFlood(Flood),
    /// Of RSTs.
    RstSweep(Sweep),
    /// Of SYNs in a connection.
    SynSweep(Sweep),
    /// Of bytes behind gaps.
    Gaps(Gaps),
}

/// How SYNs were answered.
#[derive(Serialize, Debug)]
pub struct Flood {
    /// SYNs sent.
    pub sent: u64,
    /// How long that took.
    pub milliseconds: u128,
    /// Of those, the ones that the interface had no room for.
    pub refused: u64,
    /// Frames that came while this process was kept from running.
    pub missed: u64,
    /// SYNs that were answered.
    pub answered: usize,
    /// SYN-ACKs for all of them.
    pub answers: u64,
    /// The most SYN-ACKs for one SYN.
    pub most_for_one: u16,
    /// Segments to the forged addresses that answer no SYN.
    pub wrong: u64,
}

/// How a live connection fared.
#[derive(Serialize, Debug)]
pub struct Sweep {
    /// Segments swept.
    pub sent: u64,
    /// As in [`Flood`].
    pub refused: u64,
    /// As in [`Flood`].
    pub missed: u64,
    /// The window that was swept, in bytes.
    pub window: u32,
    /// Empty ACKs that it brought.
    pub challenges: u64,
    /// Other segments that it brought.
    pub strangers: u64,
    /// Whether the connection still echoes.
    pub victim_echoes: bool,
    /// Whether another connection, with a RST of its own, is challenged.
    pub other_challenged: bool,
    /// Whether that one still echoes.
    pub other_echoes: bool,
}

/// How bytes behind gaps were answered.
#[derive(Serialize, Debug)]
pub struct Gaps {
    /// Bytes sent, each in a segment.
    pub sent: u64,
    /// As in [`Flood`].
    pub refused: u64,
    /// As in [`Flood`].
    pub missed: u64,
    /// Segments in answer.
    pub answers: u64,
    /// Bytes that came back when the first gap was filled.
    pub echoed: usize,
}
