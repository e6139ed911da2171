//! A forwarder between two interfaces: what comes in at one goes out at the other, later, and not all of it.
//!
//! | file | what |
//! |---|---|
//! | args | the flags |
//! | path | one direction: the bottleneck, its queue, the delay, the faults. No clock, no I/O |
//! | mod | the loop: one thread, which sleeps until a frame comes or one is due |
//!
//! It asks for frames of the size of the MTU: the hosts behind the interfaces have to leave no checksum and no
//! segmentation to the devices.

pub mod args;
mod path;

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use corelane_drivers::sim::{LinkType, Pcap, Rng};
use serde::{Deserialize, Serialize};

use crate::error::bad_input;
use crate::process;
use crate::sys::Stop;
use crate::sys::packet::{PacketSocket, sleep_precisely, wait_any};
pub use args::ForwardArgs;
use path::{Counts, Path, Settings};

/// The line on stdout that says that frames are forwarded now.
pub const READY: &str = "forwarding";

/// Frames taken from one interface before the other one has its turn.
const BURST: usize = 64;

/// The longest frame: what an offloading host would send.
const FRAME: usize = 65_536 + 14;

/// Ethernet header and MTU: longer frames would not leave at the other interface.
const LONGEST: usize = 1514;

/// What happened to the frames of both directions.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, Default)]
pub struct Report {
    /// From a to b.
    pub a_to_b: Counts,
    /// From b to a.
    pub b_to_a: Counts,
}

/// `corelane-bench forward`.
pub fn run(args: &ForwardArgs) -> anyhow::Result<ExitCode> {
    process::join_parent(args.parent)?;
    let stop = Stop::install().context("taking SIGINT and SIGTERM")?;
    sleep_precisely()?;
    let mut forwarder = Forwarder::open(args)?;
    say(READY)?;
    forwarder.run(&stop, args.control)?;
    say(&serde_json::to_string(&forwarder.report()?)?)?;
    Ok(ExitCode::SUCCESS)
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

struct Forwarder {
    sockets: [PacketSocket; 2],
    /// From a to b, from b to a.
    paths: [Path; 2],
    start: Instant,
    buffer: Box<[u8]>,
    /// What an observer at a sees.
    capture: Option<Pcap<BufWriter<File>>>,
}

impl Forwarder {
    fn open(args: &ForwardArgs) -> anyhow::Result<Self> {
        let open = |flag: &str, name: &str| {
            PacketSocket::open(name).map_err(|error| {
                bad_input(format!("{flag} {name}: {error}: as root, give an interface that `ip link` shows"))
            })
        };
        let sockets = [open("--a", &args.a)?, open("--b", &args.b)?];
        let mut seeds = Rng::new(args.seed);
        let settings = Settings::from(args);
        let paths = [seeds.next_u64(), seeds.next_u64()].map(|seed| Path::new(settings, Rng::new(seed)));
        let capture = match &args.pcap {
            None => None,
            Some(path) => {
                let file = File::create(path).map_err(|error| {
                    bad_input(format!("--pcap {}: cannot write there ({error})", path.display()))
                })?;
                Some(Pcap::new(BufWriter::new(file), LinkType::Ethernet)?)
            }
        };
        Ok(Self { sockets, paths, start: Instant::now(), buffer: vec![0; FRAME].into(), capture })
    }

    /// Until the stop, or with `control` until stdin ends.
    fn run(&mut self, stop: &Stop, control: bool) -> anyhow::Result<()> {
        let stdin = io::stdin();
        loop {
            self.deliver()?;
            let now = self.start.elapsed();
            let next = self.paths.iter().filter_map(Path::next).min();
            let wait = next.map(|next| next.saturating_sub(now));
            let [a, b] = &self.sockets;
            // Without control the stop stands in for stdin.
            let asked = if control { stdin.as_fd() } else { stop.as_fd() };
            let [_, asked, a, b] = wait_any([stop.as_fd(), asked, a.as_fd(), b.as_fd()], wait)?;
            if stop.requested() || (asked && io::stdin().read(&mut [0; 64])? == 0) {
                return Ok(());
            }
            for (side, readable) in [a, b].into_iter().enumerate() {
                if readable {
                    self.take(side)?;
                }
            }
        }
    }

    /// Takes what came in at one side.
    fn take(&mut self, side: usize) -> anyhow::Result<()> {
        for _ in 0..BURST {
            let Some(length) = self.sockets[side].receive(&mut self.buffer)? else { break };
            let now = self.start.elapsed();
            if length > LONGEST {
                self.paths[side].counts.too_long += 1;
                continue;
            }
            let frame = &self.buffer[..length];
            if side == 0 {
                capture(&mut self.capture, now, frame)?;
            }
            self.paths[side].push(now, frame);
        }
        Ok(())
    }

    /// Sends what is due.
    fn deliver(&mut self) -> anyhow::Result<()> {
        let now = self.start.elapsed();
        for side in [0, 1] {
            while let Some(frame) = self.paths[side].pop(now) {
                if side == 1 {
                    capture(&mut self.capture, now, &frame)?;
                }
                // A TAP that nobody holds, or a full one, takes none.
                let sent = self.sockets[1 - side].send(&frame)?;
                self.paths[side].counts.refused += u64::from(!sent);
            }
        }
        Ok(())
    }

    fn report(&mut self) -> anyhow::Result<Report> {
        if let Some(capture) = &mut self.capture {
            capture.flush().context("writing the capture")?;
        }
        let [mut a_to_b, mut b_to_a] = [self.paths[0].counts, self.paths[1].counts];
        a_to_b.missed = self.sockets[0].overflows()?;
        b_to_a.missed = self.sockets[1].overflows()?;
        Ok(Report { a_to_b, b_to_a })
    }
}

fn capture(capture: &mut Option<Pcap<BufWriter<File>>>, now: Duration, frame: &[u8]) -> anyhow::Result<()> {
    match capture {
        Some(capture) => capture.write(now, frame).context("writing the capture"),
        None => Ok(()),
    }
}
