//! Which engine, and what goes with it.

use super::{Config, ConfigError, DeviceConfig, IpKnobs, NetworkConfig, TcpKnobs};

/// Whose TCP/IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EngineKind {
    /// Ours, on a device.
    Native,
    /// The kernel's.
    Kernel,
}

/// Takes `runtime.engine`. The kernel's sockets have no device: to name one is a mistake.
pub(super) fn check(config: &Config) -> Result<EngineKind, ConfigError> {
    match config.runtime.engine.as_str() {
        "native" => Ok(EngineKind::Native),
        "kernel" => {
            without_device(&config.device)?;
            tell_unused(config);
            Ok(EngineKind::Kernel)
        }
        other => Err(ConfigError::new("runtime.engine", format!("{other:?}"), "use native, kernel")),
    }
}

fn without_device(device: &DeviceConfig) -> Result<(), ConfigError> {
    let none = DeviceConfig::default();
    let given = [
        ("device.driver", device.driver != none.driver, format!("{:?}", device.driver)),
        ("device.interface", device.interface.is_some(), text(&device.interface)),
        ("device.dpdk_device", device.dpdk_device.is_some(), text(&device.dpdk_device)),
        ("device.mtu", device.mtu.is_some(), device.mtu.unwrap_or_default().to_string()),
        ("device.ports", !device.ports.is_empty(), format!("{:?}", device.ports)),
    ];
    match given.into_iter().find(|(_, given, _)| *given) {
        Some((key, _, value)) => {
            let remedy = "the engine kernel has no device: leave it out, or use runtime.engine = \"native\"";
            Err(ConfigError::new(key, value, remedy))
        }
        None => Ok(()),
    }
}

fn text(name: &Option<String>) -> String {
    format!("{:?}", name.as_deref().unwrap_or_default())
}

/// What the kernel has settings of its own for. No mistake: the same file may serve both engines.
fn tell_unused(config: &Config) {
    for section in unused(config) {
        tracing::warn!("{section} is not used by the engine kernel: the kernel has its own settings for it");
    }
}

fn unused(config: &Config) -> impl Iterator<Item = &'static str> {
    [
        ("[network]", config.network != NetworkConfig::default()),
        ("[ip]", config.ip != IpKnobs::default()),
        ("[tcp]", config.tcp != TcpKnobs::default()),
    ]
    .into_iter()
    .filter_map(|(section, given)| given.then_some(section))
}

#[cfg(test)]
mod tests;
