//! One transfer.

use std::time::Duration;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::bed::{Bed, Place};
use super::cell::Network;
use crate::child::Child;
use crate::cli::ClientEngine;
use crate::forward;
use crate::sys::Stop;
use crate::talk::report::{Ending, Talk};

/// For a connection to open while its SYNs are lost.
const OPENING: Duration = Duration::from_secs(70);

/// For the sender to hear that the receiver has gone.
const HEARING: Duration = Duration::from_secs(20);

/// For the forwarder to say what it did.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who sends.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// The compared end.
    Out,
    /// The kernel that is its peer.
    In,
}

/// What is to be measured.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// Across what.
    pub network: Network,
    /// Who sends.
    pub direction: Direction,
    /// Whose end is compared.
    pub engine: ClientEngine,
    /// The forwarder's.
    pub seed: u64,
    /// To be sent.
    pub bytes: u64,
    /// When it is cut.
    pub limit: Duration,
    /// Of the kernel's ends, and of corelane.
    pub congestion: &'a str,
}

/// What came out.
#[derive(Serialize, Debug, Clone)]
pub struct Transfer {
    /// The receiver's report.
    pub receiver: Talk,
    /// The sender's; `None` when it never heard that the receiver had reset the connection.
    pub sender: Option<Talk>,
    /// The forwarder's.
    pub forwarder: forward::Report,
    /// Received in Mbit/s.
    pub goodput: f64,
}

impl Job<'_> {
    /// Carries it out, on a bed of its own.
    pub fn run(&self, pcap: Option<&str>, stop: &Stop) -> anyhow::Result<Transfer> {
        let bed = Bed::make(self.engine, self.congestion)?;
        let mut forwarder = bed.forward(&self.network, self.seed, pcap, stop)?;
        let send = [format!("--send={}", self.bytes)];
        let seconds = format!("--seconds={}", self.limit.as_secs_f64());
        let receive = [format!("--receive={}", self.bytes), seconds];
        let flags: [&[String]; 2] = match self.direction {
            Direction::Out => [&send, &receive],
            Direction::In => [&receive, &send],
        };
        let [a, b] = bed.talk(Place::A, flags, stop)?;
        let (mut sender, mut receiver) = match self.direction {
            Direction::Out => (a, b),
            Direction::In => (b, a),
        };
        let received = report(&mut receiver, OPENING + self.limit, stop)?;
        let sent = match report(&mut sender, HEARING, stop) {
            Err(error) if received.ending != Ending::Cut || stop.requested() => return Err(error),
            other => other.ok(),
        };
        forwarder.close_stdin();
        let said = forwarder.line(PATIENCE, stop)?;
        let forwarded: forward::Report =
            serde_json::from_str(&said).with_context(|| format!("`forward` said {said:?}"))?;
        let too_long = forwarded.a_to_b.too_long + forwarded.b_to_a.too_long;
        anyhow::ensure!(too_long == 0, "{too_long} frames were longer than the MTU: an offload is on");
        sender.finish(stop);
        receiver.finish(stop);
        let goodput = received.received as f64 * 8e-6 / received.seconds.max(1e-6);
        Ok(Transfer { receiver: received, sender: sent, forwarder: forwarded, goodput })
    }
}

/// The report of an end.
pub fn report(end: &mut Child, patience: Duration, stop: &Stop) -> anyhow::Result<Talk> {
    let said = end.line(patience, stop)?;
    serde_json::from_str(&said).with_context(|| format!("`talk` said {said:?}"))
}
