//! `--so_flags`: `local=ADDRESS/LENGTH,gw=ADDRESS,peer=ADDRESS,mtu=BYTES,fq=off,tso=on,sysctl.NAME=VALUE`, in any order.

use std::net::Ipv4Addr;
use std::str::FromStr;

use corelane_netstack::{Config, Ipv4Cidr, RouteConfig};

mod sysctl;

/// What packetdrill's command line tells the library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flags {
    /// Our address and its network.
    pub local: Ipv4Cidr,
    /// The next hop to everybody else. On a link without neighbours its address matters to nobody.
    pub gateway: Ipv4Addr,
    /// The largest IP packet.
    pub mtu: u16,
    /// Whether each connection is paced, as by Linux's queueing discipline fq (`fq=on` or `fq=off`).
    pub fq: bool,
    /// Whether the device cuts long segments (`tso=on` or `tso=off`).
    pub tso: bool,
    /// Settings by the names of sysctl(8), in order; a later one wins.
    pub sysctls: Vec<(String, String)>,
}

impl Default for Flags {
    /// packetdrill's own defaults for IPv4.
    fn default() -> Flags {
        let local = Ipv4Addr::new(192, 168, 0, 1);
        Flags {
            local: Ipv4Cidr { address: local, prefix_len: 16 },
            gateway: local,
            mtu: 1500,
            fq: false,
            tso: true,
            sysctls: Vec::new(),
        }
    }
}

impl FromStr for Flags {
    type Err = String;

    fn from_str(text: &str) -> Result<Flags, String> {
        let mut flags = Flags::default();
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let (name, value) = item.split_once('=').ok_or_else(|| format!("{item}: give NAME=VALUE"))?;
            match name {
                "local" => flags.local = value.parse().map_err(|error| format!("{item}: {error}"))?,
                "gw" => flags.gateway = parse(item, value)?,
                // The peer's address needs no setting: everybody is behind the gateway.
                "peer" => drop(parse::<Ipv4Addr>(item, value)?),
                "fq" => flags.fq = switch(item, value)?,
                "tso" => flags.tso = switch(item, value)?,
                "mtu" => flags.mtu = parse(item, value)?,
                _ => {
                    let Some(name) = name.strip_prefix("sysctl.") else {
                        return Err(format!("{item}: local, gw, peer, mtu, fq, tso or sysctl.NAME?"));
                    };
                    flags.sysctls.push((name.to_string(), value.to_string()));
                }
            }
        }
        if flags.mtu < 68 {
            return Err(format!("mtu={}: IP needs 68 bytes or more", flags.mtu));
        }
        Ok(flags)
    }
}

fn switch(item: &str, value: &str) -> Result<bool, String> {
    match value {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(format!("{item}: on or off?")),
    }
}

fn parse<T: FromStr>(item: &str, value: &str) -> Result<T, String>
where
    T::Err: std::fmt::Display,
{
    value.parse().map_err(|error| format!("{item}: {error}"))
}

impl Flags {
    /// The stack's settings, and the names of the sysctls that it has no knob for.
    ///
    /// # Errors
    /// A sentence about the value that can't be.
    pub(crate) fn config(&self) -> Result<(Config, Vec<String>), String> {
        let everywhere = Ipv4Cidr { address: Ipv4Addr::UNSPECIFIED, prefix_len: 0 };
        let mut config = Config {
            addresses: vec![self.local],
            routes: vec![RouteConfig { destination: everywhere, gateway: self.gateway }],
            ..Config::default()
        };
        config.tcp.hystart = 2; // what scripts are written for
        let mut unknown = Vec::new();
        for (name, value) in &self.sysctls {
            if !sysctl::set(&mut config, name, value)? {
                unknown.push(name.clone());
            }
        }
        Ok((config, unknown))
    }
}

#[cfg(test)]
mod tests;
