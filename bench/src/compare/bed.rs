//! Where each engine's server and client run, and how they reach each other.

use serde::{Deserialize, Serialize};

use super::netns::{self, Namespaces};
use super::plan::{Cell, Plan};
use super::vhost::{self, Vhost};
use crate::cli::{Bed, Engine};

/// The port of servers whose address is fixed; the others take a free one.
const PORT: u16 = 7000;

/// The beds whose kernel has two network namespaces.
const JOINED: [Bed; 3] = [Bed::Veth, Bed::Vhost, Bed::Tap];

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
    /// The client's.
    pub client_flags: Vec<String>,
}

/// How the client's end of a veth pair is set.
#[derive(Serialize, Deserialize, Debug, Clone)]
pub struct LinkSettings {
    /// The engines that use it.
    pub engines: String,
    /// Bytes of an IP packet.
    pub mtu: u32,
    /// Receive queues, and transmit queues, of each end.
    pub queues: u32,
    /// As `ethtool -k` shows them; empty when ethtool is missing.
    pub client_offloads: Vec<String>,
}

/// The places of all the engines. What was made for them goes away with this value.
pub struct Beds {
    namespaces: Option<Namespaces>,
    vhost: Option<Vhost>,
    links: Vec<LinkSettings>,
}

/// Where `engine` runs when `bed` is asked for, as it stands in the results.
pub fn of(bed: Bed, engine: Engine) -> Bed {
    let corelane = engine == Engine::Corelane;
    match bed {
        Bed::Loopback | Bed::Memory if super::memory::ENGINES.contains(&engine) => Bed::Memory,
        Bed::Loopback | Bed::Memory => Bed::Loopback,
        Bed::Tap | Bed::Vhost if corelane => bed,
        Bed::Veth | Bed::Tap | Bed::Vhost => Bed::Veth,
    }
}

impl Beds {
    /// Makes what the plan needs; a bed that can't be made, and that nobody named, is left out of it.
    pub fn make(plan: &mut Plan) -> anyhow::Result<Self> {
        let mut beds = Self { namespaces: None, vhost: None, links: Vec::new() };
        if plan.has_on(Bed::Vhost, Engine::Corelane) {
            match Vhost::make() {
                Ok(vhost) => beds.vhost = Some(vhost),
                Err(error) => plan.leave_out(Bed::Vhost, error)?,
            }
        }
        if JOINED.iter().any(|bed| plan.has_bed(*bed)) {
            match Namespaces::make() {
                Ok(namespaces) => beds.join(namespaces, plan)?,
                Err(error) => {
                    let error = format!("{error:#}");
                    for bed in JOINED.into_iter().filter(|bed| plan.has_bed(*bed)).collect::<Vec<_>>() {
                        plan.leave_out(bed, anyhow::anyhow!(error.clone()))?;
                    }
                }
            }
        }
        Ok(beds)
    }

    /// Makes what joins the two namespaces.
    fn join(&mut self, namespaces: Namespaces, plan: &mut Plan) -> anyhow::Result<()> {
        let mut pairs = vec![(netns::KERNEL_CLIENT.0, "all on the kernel's sockets")];
        let congestion = plan.congestion.clone();
        let congestion = congestion.as_deref();
        namespaces.join_kernel(congestion)?;
        if plan.has(Engine::EpollTuned) {
            namespaces.join_tuned(congestion)?;
            pairs.push((netns::TUNED_CLIENT.0, "epoll-tuned"));
        }
        if plan.has_on(Bed::Tap, Engine::Corelane)
            && let Err(error) = namespaces.join_tap()
        {
            plan.leave_out(Bed::Tap, error)?;
        }
        if plan.has_on(Bed::Veth, Engine::Corelane) {
            namespaces.join_corelane(congestion)?;
            pairs.push((netns::CORELANE_CLIENT.0, "corelane"));
        }
        if plan.cells.iter().any(|cell| cell.beside.idle > 0) {
            let clients: &[_] =
                &[netns::KERNEL_CLIENT.1, netns::TUNED_CLIENT.1, netns::CORELANE_CLIENT.1, netns::TAP_CLIENT];
            clients.iter().try_for_each(|client| namespaces.add_further(client))?;
        }
        let links = pairs.into_iter().map(|(interface, engines)| LinkSettings {
            engines: engines.to_owned(),
            mtu: netns::MTU.parse().unwrap_or(0),
            queues: 1,
            client_offloads: namespaces.client_offloads(interface),
        });
        self.links = links.collect();
        self.namespaces = Some(namespaces);
        Ok(())
    }

    /// The settings of the veth pairs.
    pub fn links(&self) -> &[LinkSettings] {
        &self.links
    }

    /// With what `engine` is started for a measurement of `cell`.
    pub fn place(&self, engine: Engine, cell: &Cell) -> Place {
        let bed = of(cell.bed, engine);
        let joined = self.namespaces.as_ref().filter(|_| JOINED.contains(&bed));
        let Some(namespaces) = joined else {
            return Place {
                bed,
                server_prefix: Vec::new(),
                client_prefix: Vec::new(),
                server_flags: listen("127.0.0.1", 0),
                client_flags: Vec::new(),
            };
        };
        if let (Bed::Vhost, Some(vhost)) = (bed, &self.vhost) {
            let [mut server_flags, mut client_flags] = vhost.pair(cell.mtu);
            client_flags.extend(further(vhost::CLIENT, cell));
            server_flags.extend(listen(vhost::SERVER, PORT));
            let (server_prefix, client_prefix) = (Vec::new(), Vec::new());
            return Place { bed, server_prefix, client_prefix, server_flags, client_flags };
        }
        let tap = bed == Bed::Tap;
        let client = match engine {
            Engine::Corelane if tap => netns::TAP_CLIENT,
            Engine::Corelane => netns::CORELANE_CLIENT.1,
            Engine::EpollTuned => netns::TUNED_CLIENT.1,
            _ => netns::KERNEL_CLIENT.1,
        };
        let server_flags = match (engine == Engine::Corelane, tap) {
            (false, _) if engine == Engine::EpollTuned => listen(netns::TUNED_SERVER.1, 0),
            (false, _) => listen(netns::KERNEL_SERVER.1, 0),
            (true, false) => {
                let mut flags = device("xdp", netns::CORELANE_SERVER);
                flags.push("--busy-poll".to_owned());
                flags
            }
            (true, true) => device("tap", netns::TAP_SERVER),
        };
        Place {
            bed,
            // A TAP's other end is the kernel that it was made in.
            server_prefix: if tap { namespaces.in_client() } else { namespaces.in_server() },
            client_prefix: namespaces.in_client(),
            server_flags,
            client_flags: further(client, cell).into_iter().collect(),
        }
    }
}

/// Where idle connections come from, beside the client's own address.
fn further(client: &str, cell: &Cell) -> Option<String> {
    (cell.beside.idle > 0).then(|| format!("--from={}", netns::further(client)))
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
