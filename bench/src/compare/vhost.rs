//! corelane at both ends of a vhost-user pair: rings in shared memory, and no kernel between the two processes.

use std::cell::Cell;
use std::fs;
use std::path::PathBuf;

use anyhow::Context;

use super::hugepages::HugePages;

/// MiB of packet memory of each end.
const MEMORY: u64 = 256;

/// The server's address.
pub const SERVER: &str = "10.80.0.2";

/// The client's.
pub const CLIENT: &str = "10.80.0.1";

/// What the pair needs; it goes away with this value.
pub struct Vhost {
    folder: PathBuf,
    /// Pairs so far: a socket that a killed server left behind would be in the way of the next one.
    pairs: Cell<u32>,
    _memory: HugePages,
}

impl Vhost {
    /// Huge pages, and a folder for the sockets.
    pub fn make() -> anyhow::Result<Self> {
        let memory = HugePages::reserve(2 * MEMORY)?;
        let folder = std::env::temp_dir().join(format!("corelane-bench-{}", std::process::id()));
        fs::create_dir(&folder)
            .with_context(|| format!("making the folder {} for vhost's socket", folder.display()))?;
        Ok(Self { folder, pairs: Cell::new(0), _memory: memory })
    }

    /// The flags of a new pair: the server's and the client's.
    pub fn pair(&self, mtu: Option<u16>) -> [Vec<String>; 2] {
        let number = self.pairs.get();
        self.pairs.set(number + 1);
        let socket = self.folder.join(number.to_string());
        let socket = socket.display();
        // Frames are not cut between the two, as veth's are not between the kernel's sockets.
        let server = device(&format!("net_vhost0,iface={socket},queues=1,tso=1"), SERVER, mtu);
        // The buffers of all entries of a ring should stay in the caches.
        let client = format!("net_virtio_user0,path={socket},queues=1,packed_vq=1,queue_size=256");
        let mut client = device(&client, CLIENT, mtu);
        client.push("--engine=corelane".to_owned());
        [server, client]
    }
}

fn device(interface: &str, address: &str, mtu: Option<u16>) -> Vec<String> {
    let mut flags = vec![
        "--driver=dpdk".to_owned(),
        format!("--interface={interface}"),
        format!("--ip={address}/24"),
        format!("--dpdk-memory={MEMORY}"),
        "--spin".to_owned(), // there is no interrupt to sleep on
    ];
    flags.extend(mtu.map(|mtu| format!("--mtu={mtu}")));
    flags
}

impl Drop for Vhost {
    fn drop(&mut self) {
        // What can't be removed stands in nobody's way: its name has our process id.
        let _best_effort = fs::remove_dir_all(&self.folder);
    }
}

#[cfg(test)]
mod tests;
