//! From settings to a device: the only file that names the drivers.

use std::io;

use corelane_drivers::{DpdkOffloads, DpdkSettings, Driver, DriverKind, NicConfig};
use corelane_nic::Nic;

use crate::config::{ConfigError, DeviceConfig, DpdkOffloadsConfig, Settings};

/// Opens the device that the settings ask for, and logs why no better one was taken.
pub(super) fn open(device: &DeviceConfig, settings: &Settings) -> io::Result<Box<dyn Nic>> {
    let config = nic_config(device, settings)?;
    let opened = corelane_drivers::open(&config)?;
    for skipped in &opened.skipped {
        tracing::info!("driver not taken: {skipped}");
    }
    let info = opened.nic.info();
    tracing::info!(driver = info.driver, device = %info.name, mtu = info.mtu, queues = info.queues, "opened");
    Ok(opened.nic)
}

fn nic_config(device: &DeviceConfig, settings: &Settings) -> Result<NicConfig, ConfigError> {
    let name = device.driver.as_str();
    let wrong = |remedy: &str| ConfigError::new("device.driver", format!("{name:?}"), remedy);
    let driver = match name.parse() {
        // The link in memory is no network: nobody wants to end up there without a word.
        Ok(Driver::Auto) => Driver::Named(vec![DriverKind::Dpdk, DriverKind::Xdp, DriverKind::Tap]),
        Ok(driver) => driver,
        Err(error) => return Err(wrong(&error.to_string())),
    };
    if driver.candidates().contains(&DriverKind::Sim) {
        return Err(wrong("a link in memory has two ends: give one of them to Builder::nic"));
    }
    let xdp_mode = device
        .xdp_mode
        .parse()
        .map_err(|error| ConfigError::new("device.xdp_mode", format!("{:?}", device.xdp_mode), error))?;
    let mut config = NicConfig {
        interface: device.interface.clone(),
        addresses: settings.stack.addresses.iter().map(|cidr| cidr.address).collect(),
        ports: device.ports.clone(),
        queues: settings.queues,
        mtu: device.mtu,
        xdp_mode,
        xdp_busy_poll: device.xdp_busy_poll,
        dpdk: dpdk(device),
        tap_offloads: device.tap_offloads,
        ..NicConfig::default()
    };
    // In a list the interface is that of AF_XDP, which exists; a TAP one of that name would be refused.
    if let (Driver::Named(kinds), Some(interface)) = (&driver, &device.interface)
        && kinds.as_slice() == [DriverKind::Tap]
    {
        config.tap.clone_from(interface);
    }
    // Alone, DPDK takes its device by either name.
    if let (Driver::Named(kinds), None) = (&driver, &device.dpdk_device)
        && kinds.as_slice() == [DriverKind::Dpdk]
    {
        config.dpdk.device.clone_from(&device.interface);
    }
    // With ports of its own the address stays with the kernel: only these ports are taken.
    if !config.ports.is_empty() {
        config.addresses.clear();
    }
    config.driver = driver;
    Ok(config)
}

fn dpdk(device: &DeviceConfig) -> DpdkSettings {
    let DpdkOffloadsConfig { rx_checksum, tx_checksum, tso, lro, multi_segment, vlan, rx_interrupt } =
        device.dpdk_offloads;
    DpdkSettings {
        device: device.dpdk_device.clone(),
        memory: device.dpdk_memory,
        huge_pages: device.dpdk_huge_pages,
        slots: device.slots,
        rx_descriptors: device.dpdk_rx_descriptors,
        tx_descriptors: device.dpdk_tx_descriptors,
        vlan: device.dpdk_vlan,
        copy_below: device.dpdk_copy_below,
        offloads: DpdkOffloads { rx_checksum, tx_checksum, tso, lro, multi_segment, vlan, rx_interrupt },
        eal: device.dpdk_eal.clone(),
    }
}

#[cfg(test)]
mod tests;
