//! Two network namespaces, one for the server and one for the client, and what joins them.
//!
//! The kernel engines have a veth pair with the kernel's own defaults, offloads on. corelane has
//! a pair of its own, where the client's end has TSO and GSO off: AF_XDP hands on what the peer
//! sends as it is, and can't cut a 64 KiB frame. The server's end defers its interrupts, so that
//! corelane's own core polls it.

use anyhow::Context;

use crate::netns::{self, Namespace, command, run};

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
/// The pair of epoll-tuned: the server's interface and address.
pub const TUNED_SERVER: (&str, &str) = ("tuned-server", "10.81.0.2");
/// The pair of epoll-tuned: the client's interface and address.
pub const TUNED_CLIENT: (&str, &str) = ("tuned-client", "10.81.0.1");
/// The TAP device in the client's namespace, and the address that corelane answers to.
pub const TAP_SERVER: (&str, &str) = ("corelane-tap", "10.79.0.3");
/// The kernel's address on the TAP device.
pub const TAP_CLIENT: &str = "10.79.0.1";

/// The last numbers of the client's further addresses on each pair, and the length of their prefix: 16 of them.
const FURTHER: (u8, u8) = (128, 28);

/// corelane's: a longer time-out than the kernel's tick, so that no timer is set for each poll.
const CORELANE_FLUSH: u32 = 10_000_000;
/// Of epoll-tuned: longer than a loop over all its events takes, and short, because it sleeps when nothing comes.
const TUNED_FLUSH: u32 = 2_000_000;

/// Both namespaces. They and all that is in them go away with this value.
pub struct Namespaces {
    server: Namespace,
    client: Namespace,
}

impl Namespaces {
    /// Makes both, empty. Removes those of earlier runs that were killed.
    pub fn make() -> anyhow::Result<Self> {
        netns::remove_stale();
        let make = |side| {
            Namespace::make(side).context(
                "making a network namespace needs CAP_SYS_ADMIN (in a container: --privileged); \
                 without it take --bed loopback",
            )
        };
        let namespaces = Self { server: make("s")?, client: make("c")? };
        namespaces.tune()?;
        Ok(namespaces)
    }

    /// The command that runs another one beside the server.
    pub fn in_server(&self) -> Vec<String> {
        self.server.inside()
    }

    /// The command that runs another one beside the client.
    pub fn in_client(&self) -> Vec<String> {
        self.client.inside()
    }

    /// Enough ports and SYN backlog for thousands of connections.
    fn tune(&self) -> anyhow::Result<()> {
        let client = "cd /proc/sys/net/ipv4 && echo 1024 65535 > ip_local_port_range && \
                      echo 1 > tcp_tw_reuse";
        let server = "cd /proc/sys/net/ipv4 && echo 8192 > tcp_max_syn_backlog";
        run("ip", &["netns", "exec", self.client.name(), "sh", "-c", client])?;
        run("ip", &["netns", "exec", self.server.name(), "sh", "-c", server])
    }

    /// For sockets of the client that are not told otherwise, which are wrk's: of the route to `server`. What a namespace has by
    /// default is only one of net.ipv4.tcp_allowed_congestion_control.
    fn set_congestion(&self, (interface, server): (&str, &str), name: &str) -> anyhow::Result<()> {
        let route = ["-n", self.client.name(), "route", "add", server, "dev", interface, "congctl", name];
        run("ip", &route).with_context(|| {
            format!("--congestion {name}: take one of `sysctl net.ipv4.tcp_available_congestion_control`")
        })
    }

    /// The pair for the kernel engines, as the kernel makes it.
    pub fn join_kernel(&self, congestion: Option<&str>) -> anyhow::Result<()> {
        self.veth(KERNEL_SERVER.0, KERNEL_CLIENT.0)?;
        address(self.server.name(), KERNEL_SERVER)?;
        address(self.client.name(), KERNEL_CLIENT)?;
        let route = |name| self.set_congestion((KERNEL_CLIENT.0, KERNEL_SERVER.1), name);
        congestion.map_or(Ok(()), route)
    }

    /// The pair for corelane over AF_XDP.
    pub fn join_corelane(&self, congestion: Option<&str>) -> anyhow::Result<()> {
        self.veth(CORELANE_SERVER.0, CORELANE_CLIENT.0)?;
        let off = ["tso", "off", "gso", "off", "gro", "on"];
        let ethtool = ["netns", "exec", self.client.name(), "ethtool", "-K", CORELANE_CLIENT.0];
        run("ip", &[&ethtool[..], &off[..]].concat())
            .context("switching offloads off (ethtool: `apt-get install ethtool`)")?;
        self.defer_interrupts(CORELANE_SERVER.0, CORELANE_FLUSH)?;
        up(self.server.name(), CORELANE_SERVER.0)?;
        address(self.client.name(), CORELANE_CLIENT)?;
        let route = |name| self.set_congestion((CORELANE_CLIENT.0, CORELANE_SERVER.1), name);
        congestion.map_or(Ok(()), route)
    }

    /// The pair for epoll-tuned: the server's end has NAPI, which can be polled. GRO gives it to a veth, and only for frames of a peer
    /// without TSO (veth_skb_is_eligible_for_gro).
    pub fn join_tuned(&self, congestion: Option<&str>) -> anyhow::Result<()> {
        self.veth(TUNED_SERVER.0, TUNED_CLIENT.0)?;
        let set = |namespace, interface, feature, state| {
            run("ip", &["netns", "exec", namespace, "ethtool", "-K", interface, feature, state])
                .context("setting offloads (ethtool: `apt-get install ethtool`)")
        };
        set(self.client.name(), TUNED_CLIENT.0, "tso", "off")?;
        set(self.server.name(), TUNED_SERVER.0, "gro", "on")?;
        self.defer_interrupts(TUNED_SERVER.0, TUNED_FLUSH)?;
        address(self.server.name(), TUNED_SERVER)?;
        address(self.client.name(), TUNED_CLIENT)?;
        let route = |name| self.set_congestion((TUNED_CLIENT.0, TUNED_SERVER.1), name);
        congestion.map_or(Ok(()), route)
    }

    /// Gives the client addresses with whose ports a hundred thousand connections can be made. They lie beside its own on this pair.
    pub fn add_further(&self, client: &str) -> anyhow::Result<()> {
        let route = ["-n", self.client.name(), "route", "add", "local", &further(client), "dev", "lo"];
        run("ip", &route).context("adding addresses for idle connections")
    }

    /// As busy polling asks for: interrupts come only when nobody has polled for `flush` nanoseconds.
    fn defer_interrupts(&self, interface: &str, flush: u32) -> anyhow::Result<()> {
        let script = format!(
            "cd /sys/class/net/{interface} && echo 2 > napi_defer_hard_irqs && echo {flush} > gro_flush_timeout"
        );
        run("ip", &["netns", "exec", self.server.name(), "sh", "-c", &script])
    }

    /// The TAP device for corelane, in the client's namespace.
    pub fn join_tap(&self) -> anyhow::Result<()> {
        let add = ["-n", self.client.name(), "tuntap", "add", "dev", TAP_SERVER.0];
        run("ip", &[&add[..], &["mode", "tap", "vnet_hdr"]].concat())?;
        address(self.client.name(), (TAP_SERVER.0, TAP_CLIENT))
    }

    /// One pair with one queue each, and no IPv6 traffic of its own.
    fn veth(&self, server: &str, client: &str) -> anyhow::Result<()> {
        let queues = ["numtxqueues", "1", "numrxqueues", "1"];
        let here = ["-n", self.server.name(), "link", "add", server, "mtu", MTU];
        let there = ["type", "veth", "peer", "name", client, "mtu", MTU];
        let peer = ["netns", self.client.name()];
        run("ip", &[&here[..], &queues, &there, &queues, &peer].concat())?;
        for (namespace, interface) in [(self.server.name(), server), (self.client.name(), client)] {
            run("ip", &["-n", namespace, "link", "set", interface, "addrgenmode", "none"])?;
        }
        Ok(())
    }

    /// The offloads of an interface of the client that decide how large frames get.
    pub fn client_offloads(&self, interface: &str) -> Vec<String> {
        let show = ["netns", "exec", self.client.name(), "ethtool", "-k", interface];
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

/// The client's further addresses, beside its own, as `--from` takes them.
pub fn further(client: &str) -> String {
    let network = client.rsplit_once('.').map_or(client, |(network, _)| network);
    format!("{network}.{}/{}", FURTHER.0, FURTHER.1)
}

fn address(namespace: &str, (interface, address): (&str, &str)) -> anyhow::Result<()> {
    let address = format!("{address}/24");
    run("ip", &["-n", namespace, "addr", "add", &address, "dev", interface])?;
    up(namespace, interface)
}

fn up(namespace: &str, interface: &str) -> anyhow::Result<()> {
    run("ip", &["-n", namespace, "link", "set", interface, "up"])
}

#[cfg(test)]
mod tests;
