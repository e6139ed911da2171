//! A host, a forwarder, a host.
//!
//! ```text
//! namespace a             namespace f                        namespace b
//! kernel  a0 ============ fa                    fb ========= b0  kernel
//!               veth          corelane-bench         veth
//!           corelane ---- ft      forward
//!                    TAP
//! ```
//! Between the kernel and the kernel frames pass a veth, the forwarder, a veth; between corelane and the kernel a TAP in
//! the place of the first veth. No device has offloads: frames are as they would be on a wire, with their checksums.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context;

use super::cell::Network;
use crate::child::Child;
use crate::cli::ClientEngine;
use crate::forward;
use crate::netns::Namespace;
use crate::sys::Stop;

/// The address of the compared end.
const A: &str = "10.81.0.1";
/// The address of the kernel that is its peer.
const B: &str = "10.81.0.2";
/// corelane's TAP.
const TAP: &str = "ft";
/// The port of the end that listens.
const PORT: u16 = 7000;

/// For a process to be ready, or to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// A side of the bed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Where the compared end is.
    A,
    /// Where its peer is.
    B,
}

/// The three namespaces. They go away with this value.
pub struct Bed {
    a: Namespace,
    f: Namespace,
    b: Namespace,
    engine: ClientEngine,
    /// Of both ends.
    congestion: String,
}

impl Bed {
    /// Makes one for the compared end `engine`; both ends have this congestion control.
    pub fn make(engine: ClientEngine, congestion: &str) -> anyhow::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let make = |side| {
            Namespace::make(&format!("{side}{number}"))
                .context("making a network namespace needs CAP_SYS_ADMIN (in a container: --privileged)")
        };
        let bed =
            Self { a: make("a")?, f: make("f")?, b: make("b")?, engine, congestion: congestion.to_owned() };
        if engine == ClientEngine::Corelane {
            bed.f.ip(&["tuntap", "add", "dev", TAP, "mode", "tap", "vnet_hdr"])?;
            up(&bed.f, TAP)?;
        } else {
            join(&bed.f, "fa", &bed.a, "a0", A)?;
            tune(&bed.a)?;
        }
        join(&bed.f, "fb", &bed.b, "b0", B)?;
        tune(&bed.b)?;
        Ok(bed)
    }

    /// Starts the forwarder.
    pub fn forward(
        &self,
        network: &Network,
        seed: u64,
        pcap: Option<&str>,
        stop: &Stop,
    ) -> anyhow::Result<Child> {
        let first = if self.engine == ClientEngine::Corelane { TAP } else { "fa" };
        let mut flags = network.flags();
        flags.extend(["--a", first, "--b", "fb", "--control"].map(str::to_owned));
        flags.extend([format!("--seed={seed}")]);
        flags.extend(pcap.map(|path| format!("--pcap={path}")));
        let mut child = Child::start("forward", &self.f.inside(), &flags)?;
        let said = child.line(PATIENCE, stop)?;
        anyhow::ensure!(said == forward::READY, "`forward` said {said:?}");
        Ok(child)
    }

    /// Starts the two ends of a connection, the listening one first: what each is told beside its network.
    pub fn talk(&self, listener: Place, flags: [&[String]; 2], stop: &Stop) -> anyhow::Result<[Child; 2]> {
        let start = |place: Place| {
            let (namespace, own) = match (place, self.engine) {
                (Place::A, ClientEngine::Corelane) => (&self.f, corelane()),
                (Place::A, ClientEngine::Epoll) => (&self.a, Vec::new()),
                (Place::B, _) => (&self.b, Vec::new()),
            };
            let address = match listener {
                Place::A => A,
                Place::B => B,
            };
            let role = if place == listener { "--listen" } else { "--connect" };
            let congestion = format!("--congestion={}", self.congestion);
            let role = [role.to_owned(), format!("{address}:{PORT}"), congestion];
            let told = if place == Place::A { flags[0] } else { flags[1] };
            Child::start("talk", &namespace.inside(), &[&own[..], &role, told].concat())
        };
        let mut first = start(listener)?;
        let said = first.line(PATIENCE, stop)?;
        anyhow::ensure!(said.starts_with(crate::serve::READY), "`talk` said {said:?}");
        Ok(match listener {
            Place::A => [first, start(Place::B)?],
            Place::B => [start(Place::A)?, first],
        })
    }
}

/// What corelane runs on.
fn corelane() -> Vec<String> {
    let ip = format!("{A}/24");
    ["--engine=corelane", "--driver=tap", "--interface", TAP, "--ip", &ip, "--no-offloads"]
        .map(str::to_owned)
        .to_vec()
}

/// A veth pair without offloads: the forwarder's end, and a host's with its address.
fn join(
    f: &Namespace,
    forwarder: &str,
    host: &Namespace,
    interface: &str,
    address: &str,
) -> anyhow::Result<()> {
    let peer = ["type", "veth", "peer", "name", interface, "netns", host.name()];
    f.ip(&[&["link", "add", forwarder][..], &peer].concat())?;
    for (namespace, interface) in [(f, forwarder), (host, interface)] {
        namespace
            .run(&["ethtool", "-K", interface, "tx", "off", "tso", "off", "gso", "off", "gro", "off"])
            .context("switching offloads off (ethtool: `apt-get install ethtool`)")?;
    }
    host.ip(&["address", "add", &format!("{address}/24"), "dev", interface])?;
    up(f, forwarder)?;
    up(host, interface)
}

/// No address of IPv6's own making, whose frames would come at times of their own.
fn up(namespace: &Namespace, interface: &str) -> anyhow::Result<()> {
    namespace.ip(&["link", "set", interface, "addrgenmode", "none"])?;
    namespace.ip(&["link", "set", interface, "up"])
}

/// Each connection starts without what an earlier one has learnt, as corelane's do.
fn tune(host: &Namespace) -> anyhow::Result<()> {
    host.run(&["sh", "-c", "echo 1 >/proc/sys/net/ipv4/tcp_no_metrics_save"])
}
