//! What a device may do in the stack's place.

use serde::Deserialize;

/// Table `[device.dpdk_offloads]`: what the device does if it can. What is switched off is done in software.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DpdkOffloadsConfig {
    /// Verify the checksums of received frames.
    pub rx_checksum: bool,
    /// Fill in the checksums of sent frames.
    pub tx_checksum: bool,
    /// Cut TCP segments; needs `tx_checksum` and `multi_segment`. Of virtio's devices frames that their host has not cut are taken
    /// too. `net_vhost` hands them to its guest with `tso=1` among its arguments: that guest must take them
    /// (VIRTIO_NET_F_GUEST_TSO4), as Linux's and corelane do.
    pub tso: bool,
    /// Join received TCP segments. Off by default, since it holds ACKs back.
    pub lro: bool,
    /// Send payload from where it is, behind headers in a buffer of their own.
    pub multi_segment: bool,
    /// Put VLAN tags in and take them off.
    pub vlan: bool,
    /// Wake an idle worker; else it looks once a millisecond.
    pub rx_interrupt: bool,
}

impl Default for DpdkOffloadsConfig {
    fn default() -> DpdkOffloadsConfig {
        DpdkOffloadsConfig {
            rx_checksum: true,
            tx_checksum: true,
            tso: true,
            lro: false,
            multi_segment: true,
            vlan: true,
            rx_interrupt: true,
        }
    }
}

impl DpdkOffloadsConfig {
    /// Everything in software.
    pub const NONE: DpdkOffloadsConfig = DpdkOffloadsConfig {
        rx_checksum: false,
        tx_checksum: false,
        tso: false,
        lro: false,
        multi_segment: false,
        vlan: false,
        rx_interrupt: false,
    };
}
