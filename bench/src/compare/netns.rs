//! Two network namespaces, one for the server and one for the client, and what joins them.
//!
//! The kernel engines have a veth pair with the kernel's own defaults, offloads on. corelane has
//! a pair of its own, where the client's end has TSO and GSO off: AF_XDP hands on what the peer
//! sends as it is, and can't cut a 64 KiB frame. The server's end defers its interrupts, so that
//! corelane's own core polls it.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

use crate::error::tell;

/// Namespaces of this program start so; the process id and the side follow.
const PREFIX: &str = "clbench";

/// As the kernel shows this program in /proc/PID/comm.
const COMM: &str = "corelane-bench";

/// Where iproute2 keeps the names.
const NAMES: &str = "/run/netns";

/// The MTU of both pairs, as on most Ethernet networks.
pub const MTU: &str = "1500";

/// The kernel engines' pair: the server's interface and address.
pub const KERNEL_SERVER: (&str, &str) = ("kernel-server", "10.77.0.2");
/// The kernel engines' pair: the client's interface and address.
pub const KERNEL_CLIENT: (&str, &str) = ("kernel-client", "10.77.0.1");
/// corelane's pair: the server's interface, which the kernel has no address on, and the address
/// that corelane answers to.
pub const CORELANE_SERVER: (&str, &str) = ("corelane-server", "10.78.0.3");
/// corelane's pair: the client's interface and address.
pub const CORELANE_CLIENT: (&str, &str) = ("corelane-client", "10.78.0.1");
/// The TAP device in the client's namespace, and the address that corelane answers to.
pub const TAP_SERVER: (&str, &str) = ("corelane-tap", "10.79.0.3");
/// The kernel's address on the TAP device.
const TAP_CLIENT: &str = "10.79.0.1";

/// Both namespaces. They and all that is in them go away with this value.
pub struct Namespaces {
    server: String,
    client: String,
}

impl Namespaces {
    /// Makes both, empty. Removes those of earlier runs that were killed.
    pub fn make() -> anyhow::Result<Self> {
        remove_stale();
        let pid = std::process::id();
        let namespaces = Self { server: format!("{PREFIX}{pid}s"), client: format!("{PREFIX}{pid}c") };
        for name in [&namespaces.server, &namespaces.client] {
            run("ip", &["netns", "add", name]).context(
                "making a network namespace needs CAP_SYS_ADMIN (in a container: --privileged); \
                 without it take --bed loopback",
            )?;
        }
        namespaces.tune()?;
        Ok(namespaces)
    }

    /// The command that runs another one beside the server.
    pub fn in_server(&self) -> Vec<String> {
        inside(&self.server)
    }

    /// The command that runs another one beside the client.
    pub fn in_client(&self) -> Vec<String> {
        inside(&self.client)
    }

    /// Enough ports and SYN backlog for thousands of connections.
    fn tune(&self) -> anyhow::Result<()> {
        let client = "cd /proc/sys/net/ipv4 && echo 1024 65535 > ip_local_port_range && \
                      echo 1 > tcp_tw_reuse";
        let server = "cd /proc/sys/net/ipv4 && echo 8192 > tcp_max_syn_backlog";
        run("ip", &["netns", "exec", &self.client, "sh", "-c", client])?;
        run("ip", &["netns", "exec", &self.server, "sh", "-c", server])
    }

    /// The pair for the kernel engines, as the kernel makes it.
    pub fn join_kernel(&self) -> anyhow::Result<()> {
        self.veth(KERNEL_SERVER.0, KERNEL_CLIENT.0)?;
        address(&self.server, KERNEL_SERVER)?;
        address(&self.client, KERNEL_CLIENT)
    }

    /// The pair for corelane over AF_XDP.
    pub fn join_corelane(&self) -> anyhow::Result<()> {
        self.veth(CORELANE_SERVER.0, CORELANE_CLIENT.0)?;
        let off = ["tso", "off", "gso", "off", "gro", "on"];
        let ethtool = ["netns", "exec", &self.client, "ethtool", "-K", CORELANE_CLIENT.0];
        run("ip", &[&ethtool[..], &off[..]].concat())
            .context("switching offloads off (ethtool: `apt-get install ethtool`)")?;
        self.defer_interrupts(CORELANE_SERVER.0)?;
        up(&self.server, CORELANE_SERVER.0)?;
        address(&self.client, CORELANE_CLIENT)
    }

    /// As busy polling asks for: a longer time-out than the kernel's tick, so that no timer is set for each poll.
    fn defer_interrupts(&self, interface: &str) -> anyhow::Result<()> {
        let script = format!(
            "cd /sys/class/net/{interface} && echo 2 > napi_defer_hard_irqs && echo 10000000 > gro_flush_timeout"
        );
        run("ip", &["netns", "exec", &self.server, "sh", "-c", &script])
    }

    /// The TAP device for corelane, in the client's namespace.
    pub fn join_tap(&self) -> anyhow::Result<()> {
        let add = ["-n", &self.client, "tuntap", "add", "dev", TAP_SERVER.0];
        run("ip", &[&add[..], &["mode", "tap", "vnet_hdr"]].concat())?;
        address(&self.client, (TAP_SERVER.0, TAP_CLIENT))
    }

    /// One pair with one queue each, and no IPv6 traffic of its own.
    fn veth(&self, server: &str, client: &str) -> anyhow::Result<()> {
        let queues = ["numtxqueues", "1", "numrxqueues", "1"];
        let here = ["-n", &self.server, "link", "add", server, "mtu", MTU];
        let there = ["type", "veth", "peer", "name", client, "mtu", MTU];
        let peer = ["netns", &self.client];
        run("ip", &[&here[..], &queues, &there, &queues, &peer].concat())?;
        for (namespace, interface) in [(&self.server, server), (&self.client, client)] {
            run("ip", &["-n", namespace, "link", "set", interface, "addrgenmode", "none"])?;
        }
        Ok(())
    }

    /// The offloads of an interface of the client that decide how large frames get.
    pub fn client_offloads(&self, interface: &str) -> Vec<String> {
        let show = ["netns", "exec", &self.client, "ethtool", "-k", interface];
        let Ok(output) = command("ip", &show).output() else {
            return Vec::new();
        };
        let wanted = [
            "tx-checksumming",
            "tcp-segmentation-offload",
            "generic-segmentation-offload",
            "generic-receive-offload",
        ];
        let text = String::from_utf8_lossy(&output.stdout);
        let lines = text.lines().map(str::trim);
        lines.filter(|line| wanted.iter().any(|name| line.starts_with(name))).map(str::to_owned).collect()
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for name in [&self.server, &self.client] {
            if Path::new(NAMES).join(name).exists()
                && let Err(error) = run("ip", &["netns", "del", name])
            {
                tell(format_args!("{error:#}: remove it with `ip netns del {name}`\n"));
            }
        }
    }
}

fn inside(name: &str) -> Vec<String> {
    ["ip", "netns", "exec", name].map(str::to_owned).to_vec()
}

fn address(namespace: &str, (interface, address): (&str, &str)) -> anyhow::Result<()> {
    let address = format!("{address}/24");
    run("ip", &["-n", namespace, "addr", "add", &address, "dev", interface])?;
    up(namespace, interface)
}

fn up(namespace: &str, interface: &str) -> anyhow::Result<()> {
    run("ip", &["-n", namespace, "link", "set", interface, "up"])
}

/// In a process group of its own: Ctrl-C must not cut the cleaning up short.
fn command(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).process_group(0);
    command
}

fn run(program: &str, args: &[&str]) -> anyhow::Result<()> {
    let output = command(program, args).output().map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            anyhow::anyhow!("{program} is missing: install it with `apt-get install iproute2`")
        } else {
            anyhow::anyhow!("{program}: {error}")
        }
    })?;
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().last().unwrap_or_default();
    anyhow::ensure!(output.status.success(), "`{program} {}` failed: {said}", args.join(" "));
    Ok(())
}

/// Removes the namespaces of runs that were killed before they could do it.
fn remove_stale() {
    let Ok(names) = fs::read_dir(NAMES) else { return };
    for name in names.flatten().filter_map(|entry| entry.file_name().into_string().ok()) {
        if owner(&name).is_some_and(|pid| !is_alive(pid)) {
            // What can't be removed stands in nobody's way: the names have process ids.
            let _best_effort = run("ip", &["netns", "del", &name]);
        }
    }
}

/// The process that made the namespace `name`, if this program made it.
fn owner(name: &str) -> Option<u32> {
    let rest = name.strip_prefix(PREFIX)?;
    let pid = rest.strip_suffix('s').or_else(|| rest.strip_suffix('c'))?;
    pid.parse().ok()
}

/// Whether process `pid` is a run of this program.
fn is_alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == COMM)
}

#[cfg(test)]
mod tests;
