//! Where copied bytes live: bounded pools of the stack's own, apart from the device's.

use corelane_nic::{Packet, Pool, PoolConfig};

/// Bytes of a small buffer: a request or an answer of one write.
pub(crate) const SMALL: u32 = 512;
/// Bytes of a large buffer: a bulk write, or many received segments packed together.
const LARGE: u32 = 16 * 1024;

/// The buffers that a connection copies into, and the device's pool to know when to.
pub(crate) struct Memory {
    small: Pool,
    large: Pool,
    device: Pool,
    /// Below this many free buffers of the device, received data are copied out.
    device_low: usize,
}

impl Memory {
    /// Pools of `bytes` in all (`tcp_mem`). Their pages are touched only when used.
    pub(crate) fn new(bytes: usize, device: Pool) -> Memory {
        let pool = |slot_size: u32| {
            let slots = (bytes / 2 / slot_size as usize).clamp(16, 1 << 24) as u32; // clamped
            Pool::heap(PoolConfig { slots, slot_size, headroom: 0, reserve: 0 })
        };
        // A queue keeps up to half of its buffers in the receive ring, so a quarter is what is left of the other half.
        // Above the reserve, which frames that arrive may not use: else the ring starves before anything is copied out.
        let (slots, reserve) = (device.config().slots as usize, device.config().reserve as usize);
        let device_low = reserve + slots.saturating_sub(reserve) / 4;
        Memory { small: pool(SMALL), large: pool(LARGE), device, device_low }
    }

    /// An empty buffer for `len` bytes, or for as many as fit.
    pub(crate) fn take(&self, len: usize) -> Option<Packet> {
        let (first, second) =
            if len <= SMALL as usize { (&self.small, &self.large) } else { (&self.large, &self.small) };
        first.take().or_else(|| second.take())
    }

    /// Whether the device runs low, so that data which wait for the application must leave its buffers.
    pub(crate) fn device_is_low(&self) -> bool {
        self.device.available() < self.device_low
    }

    /// Whether nothing more can be kept: the device runs low, and there is nothing to copy into.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.device_is_low() && !self.has_room()
    }

    /// Whether peers whose data are copied must hold back: three quarters of the room for that are taken (the pressure of Linux's
    /// `tcp_mem`).
    pub(crate) fn is_pressed(&self) -> bool {
        self.large.available() < self.large.config().slots as usize / 4
    }

    /// Whether a write would find room.
    pub(crate) fn has_room(&self) -> bool {
        self.small.available() > 0 || self.large.available() > 0
    }

    /// Buffers in use.
    pub(crate) fn in_use(&self) -> usize {
        let used = |pool: &Pool| pool.config().slots as usize - pool.available();
        used(&self.small) + used(&self.large)
    }
}
