#![allow(dead_code)] // each test file uses a part
//! Two network namespaces with a veth pair between them, and a responder that plays the stack.

use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;

use corelane_nic::MacAddress;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

pub mod responder;

/// The kernel's address on the host's side.
pub const HOST: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
/// The address that the driver takes, on the same interface.
pub const OURS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
/// The kernel on the other end.
pub const PEER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 9);
/// The interface in the host's namespace.
pub const INTERFACE: &str = "veth0";

/// A host and a peer; both namespaces are removed on drop.
pub struct Bed {
    /// The namespace with the interface that the driver opens.
    pub host: String,
    /// The namespace of the kernel that talks to it.
    pub peer: String,
}

/// Runs a command; the error has what it said.
pub fn run(line: &str) -> Result<String, String> {
    let mut words = line.split_whitespace();
    let output = Command::new(words.next().unwrap_or_default())
        .args(words)
        .output()
        .map_err(|error| format!("{line}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{line}: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

impl Bed {
    /// Builds a bed with `queues` queues on each end, or says why it can't.
    pub fn new(queues: u16) -> Result<Bed, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        if !rustix::process::geteuid().is_root() {
            return Err("network namespaces need root".into());
        }
        let name = format!("clxdp{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let (host, peer) = (format!("{name}h"), format!("{name}p"));
        run(&format!("ip netns add {host}"))?;
        let bed = Bed { host, peer }; // from here on drop cleans up
        run(&format!("ip netns add {}", bed.peer))?;
        let size = format!("numrxqueues {queues} numtxqueues {queues}");
        run(&format!(
            "ip link add {INTERFACE} netns {} {size} type veth peer name {INTERFACE} netns {} {size}",
            bed.host, bed.peer
        ))?;
        bed.on_host(&format!("ip addr add {HOST}/24 dev {INTERFACE}"))?;
        bed.on_peer(&format!("ip addr add {PEER}/24 dev {INTERFACE}"))?;
        for namespace in [&bed.host, &bed.peer] {
            // Checksums must be complete and frames no longer than the MTU: the driver can't mend either.
            run(&format!("ip netns exec {namespace} ethtool -K {INTERFACE} tx off tso off gso off"))?;
            run(&format!("ip netns exec {namespace} sysctl -qw net.ipv6.conf.all.disable_ipv6=1"))?;
            run(&format!("ip -n {namespace} link set {INTERFACE} up"))?;
        }
        Ok(bed)
    }

    /// Runs a command in the host's namespace.
    pub fn on_host(&self, line: &str) -> Result<String, String> {
        run(&format!("ip netns exec {} {line}", self.host))
    }

    /// Runs a command in the peer's namespace.
    pub fn on_peer(&self, line: &str) -> Result<String, String> {
        run(&format!("ip netns exec {} {line}", self.peer))
    }

    /// Runs `work` on a thread of its own in a namespace.
    pub fn spawn<T: Send + 'static>(
        namespace: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let path = format!("/run/netns/{namespace}");
        std::thread::spawn(move || {
            let file = File::open(&path).expect("the namespace is there");
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).expect("setns as root");
            work()
        })
    }

    /// Runs `work` in a namespace and waits for it.
    pub fn within<T: Send + 'static>(namespace: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
        Bed::spawn(namespace, work).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// The Ethernet address of the peer's end.
    pub fn peer_mac(&self) -> MacAddress {
        let text = run(&format!("ip netns exec {} cat /sys/class/net/{INTERFACE}/address", self.peer));
        let text = text.expect("the interface is there");
        let mut octets =
            text.trim().split(':').map(|octet| u8::from_str_radix(octet, 16).expect("hexadecimal"));
        MacAddress(std::array::from_fn(|_| octets.next().expect("six octets")))
    }

    /// Whether an XDP program is attached to the host's interface.
    pub fn has_xdp(&self) -> bool {
        let link = self.on_host(&format!("ip -d link show {INTERFACE}")).expect("the interface is there");
        link.contains("prog/xdp")
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        for namespace in [&self.host, &self.peer] {
            // The peer's namespace is missing when the bed could not be finished.
            let _ = run(&format!("ip netns del {namespace}"));
        }
    }
}

/// Ends the calling test with the reason when there is no bed.
#[macro_export]
macro_rules! bed_or_skip {
    ($queues:expr) => {
        match $crate::support::Bed::new($queues) {
            Ok(bed) => bed,
            Err(why) => {
                println!("SKIPPED: {why}");
                return;
            }
        }
    };
}
