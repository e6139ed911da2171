//! Where each engine's server and client run, and how they reach each other.

use serde::Serialize;

use super::netns::{self, Namespaces};
use super::plan::Plan;
use crate::cli::{Bed, Engine};

/// The port of servers whose address is fixed; the others take a free one.
const PORT: u16 = 7000;

/// What one engine's processes are started with.
#[derive(Debug, Clone)]
pub struct Place {
    /// As it stands in the results.
    pub bed: Bed,
    /// Goes before the server's command.
    pub server_prefix: Vec<String>,
    /// Goes before the client's command.
    pub client_prefix: Vec<String>,
    /// The server's flags for this place.
    pub server_flags: Vec<String>,
}

/// How the client's end of a veth pair is set.
#[derive(Serialize, Debug, Clone)]
pub struct LinkSettings {
    /// The engines that use it.
    pub engines: &'static str,
    /// Bytes of an IP packet.
    pub mtu: u32,
    /// Receive queues, and transmit queues, of each end.
    pub queues: u32,
    /// As `ethtool -k` shows them; empty when ethtool is missing.
    pub client_offloads: Vec<String>,
}

/// The places of all the engines. What was made for them goes away with this value.
pub struct Beds {
    bed: Bed,
    namespaces: Option<Namespaces>,
    links: Vec<LinkSettings>,
}

impl Beds {
    /// Makes what the plan needs.
    pub fn make(plan: &Plan) -> anyhow::Result<Self> {
        let bed = plan.bed;
        if matches!(bed, Bed::Loopback | Bed::Memory) {
            return Ok(Self { bed, namespaces: None, links: Vec::new() });
        }
        let namespaces = Namespaces::make()?;
        let mut pairs = vec![(netns::KERNEL_CLIENT.0, "bio, epoll, epoll-spin, tokio")];
        namespaces.join_kernel()?;
        if plan.has_corelane() && bed == Bed::Tap {
            namespaces.join_tap()?;
        } else if plan.has_corelane() {
            namespaces.join_corelane()?;
            pairs.push((netns::CORELANE_CLIENT.0, "corelane"));
        }
        let links = pairs.into_iter().map(|(interface, engines)| LinkSettings {
            engines,
            mtu: netns::MTU.parse().unwrap_or(0),
            queues: 1,
            client_offloads: namespaces.client_offloads(interface),
        });
        Ok(Self { bed, links: links.collect(), namespaces: Some(namespaces) })
    }

    /// The settings of the veth pairs.
    pub fn links(&self) -> &[LinkSettings] {
        &self.links
    }

    /// Where `engine` runs.
    pub fn place(&self, engine: Engine) -> Place {
        let corelane = engine == Engine::Corelane;
        let memory = super::memory::ENGINES.contains(&engine);
        let Some(namespaces) = &self.namespaces else {
            return Place {
                bed: if memory { Bed::Memory } else { Bed::Loopback },
                server_prefix: Vec::new(),
                client_prefix: Vec::new(),
                server_flags: listen("127.0.0.1", 0),
            };
        };
        let tap = corelane && self.bed == Bed::Tap;
        let server_flags = match (corelane, tap) {
            (false, _) => listen(netns::KERNEL_SERVER.1, 0),
            (true, false) => {
                let mut flags = device("xdp", netns::CORELANE_SERVER);
                flags.push("--busy-poll".to_owned());
                flags
            }
            (true, true) => device("tap", netns::TAP_SERVER),
        };
        Place {
            bed: if tap { Bed::Tap } else { Bed::Veth },
            // A TAP's other end is the kernel that it was made in.
            server_prefix: if tap { namespaces.in_client() } else { namespaces.in_server() },
            client_prefix: namespaces.in_client(),
            server_flags,
        }
    }
}

fn listen(address: &str, port: u16) -> Vec<String> {
    vec!["--addr".to_owned(), format!("{address}:{port}")]
}

fn device(driver: &str, (interface, address): (&str, &str)) -> Vec<String> {
    let mut flags = listen(address, PORT);
    let ip = format!("{address}/24");
    for flag in ["--driver", driver, "--interface", interface, "--ip", &ip, "--queues", "1"] {
        flags.push(flag.to_owned());
    }
    flags
}
