//! Opening an interface: checks, the XDP program on its hook, and the choice of the mode.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Weak};

use corelane_nic::{Checksum, Medium, Nic, NicInfo, Offloads, Queue, QueueId};

use crate::bpf::{self, Hook};
use crate::busy_poll::{self, BusyPoll};
use crate::detours::Detours;
use crate::program::{self, Detour, Verdict};
use crate::queue::XdpQueue;
use crate::socket::{Socket, while_busy};
use crate::syscall::Interface;
use crate::{XdpConfig, XdpError, XdpMode};

const SLOTS: std::ops::RangeInclusive<usize> = 64..=1 << 20;

/// An interface with our XDP program on it. The program goes when this and all its queues are dropped, or
/// when the process dies.
pub struct XdpNic {
    config: XdpConfig,
    interface: Interface,
    /// `napi_defer_hard_irqs`, where busy polling is asked for.
    deferred: u32,
    info: NicInfo,
    /// `None` only after a failed change of the hook.
    attachment: Option<Arc<Attachment>>,
    /// Modes not refused yet, the best first.
    modes: Vec<XdpMode>,
    refused: Vec<Refusal>,
    open: Vec<Weak<()>>,
}

/// A mode that could not be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The mode.
    pub mode: XdpMode,
    /// Why not.
    pub reason: String,
}

/// A program on its hook. The kernel takes it off when the link's descriptor is closed.
pub(crate) struct Attachment {
    sockets: OwnedFd,
    /// Only where busy polling is asked for.
    detours: Option<Detours>,
    hook: Hook,
    _link: OwnedFd,
}

impl Attachment {
    fn new(config: &XdpConfig, interface: &Interface, hook: Hook) -> Result<Attachment, XdpError> {
        let name = &config.interface;
        let system = |call: &'static str| move |source| XdpError::system(call, name, source);
        let sockets =
            bpf::create_socket_map(config.queues.into()).map_err(system("creating the map of sockets"))?;
        let detours = config.busy_poll.then(|| Detours::open(interface.index, config.queues)).transpose();
        let detours = detours.map_err(system("opening UDP sockets to learn the NAPI by"))?;
        let mac = interface.mac.unwrap_or_default();
        let detour = detours.as_ref().map(|detours| detours.program(mac));
        let load = |detour: Option<&Detour<'_>>| {
            bpf::load(&program::assemble(&config.filter, sockets.as_fd(), detour, Verdict::Pass))
        };
        let program = match load(detour.as_ref()) {
            // Kernels before 5.18 can't; they mark the AF_XDP socket by its first frame.
            Err(error) if detour.is_some() => {
                tracing::debug!(interface = name, %error, "frames of a queue take no detour");
                load(None)
            }
            result => result,
        };
        let program = program.map_err(system("loading the XDP program"))?;
        let link = while_busy(|| bpf::attach(program.as_fd(), interface.index, hook)).map_err(|source| {
            match source.raw_os_error() {
                Some(libc::EBUSY | libc::EEXIST) => XdpError::Busy {
                    what: format!("the XDP hook of {name}"),
                    remedy: format!(
                        "see it with `ip link show {name}`, then end that program or run `ip link set {name} xdp off`"
                    ),
                },
                _ => system("attaching the XDP program")(source),
            }
        })?;
        Ok(Attachment { sockets, detours, hook, _link: link })
    }

    /// Brings no more frames of the queue by way of its UDP socket.
    pub(crate) fn end_detour(&self, queue: u16) {
        if let Some(detours) = &self.detours {
            detours.close(queue);
        }
    }
}

impl XdpMode {
    fn hook(self) -> Hook {
        if self == XdpMode::Skb { Hook::Skb } else { Hook::Native }
    }

    fn bind_flags(self, need_wakeup: bool) -> u16 {
        let copy = if self == XdpMode::ZeroCopy { libc::XDP_ZEROCOPY } else { libc::XDP_COPY };
        copy | if need_wakeup { libc::XDP_USE_NEED_WAKEUP } else { 0 }
    }
}

impl XdpNic {
    /// Checks the interface and attaches the program that brings us our frames. Until a queue is open they
    /// still go to the kernel.
    ///
    /// # Errors
    /// [`XdpError`] names what is missing and what would mend it. The host is as it was.
    pub fn open(config: &XdpConfig) -> Result<XdpNic, XdpError> {
        config.validate()?;
        let name = &config.interface;
        let interface = Interface::find(name).map_err(|source| match source.raw_os_error() {
            Some(libc::ENODEV | libc::ENXIO) => XdpError::NoInterface(name.clone()),
            _ => XdpError::system("asking for the interface", name, source),
        })?;
        let mac = interface.mac.ok_or_else(|| XdpError::NotEthernet(name.clone()))?;
        if !interface.up {
            return Err(XdpError::InterfaceDown(name.clone()));
        }
        let has = interface.rx_queues.min(interface.tx_queues);
        if config.queues > has {
            return Err(XdpError::TooManyQueues { interface: name.clone(), wanted: config.queues, has });
        }
        if config.queues < interface.rx_queues {
            tracing::warn!(
                interface = name,
                device = interface.rx_queues,
                opened = config.queues,
                "frames that arrive on the other queues go to the kernel: open them all, or run \
                 `ethtool -L {name} combined {}`",
                config.queues
            );
        }
        let deferred = if config.busy_poll { busy_poll::deferral(name)? } else { 0 };
        check_capabilities(&std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default())?;
        let mut modes = match config.mode {
            XdpMode::Auto => vec![XdpMode::ZeroCopy, XdpMode::Copy, XdpMode::Skb],
            mode => vec![mode],
        };
        let mut refused = Vec::new();
        let attachment = Some(attach(config, &interface, &mut modes, &mut refused)?);
        let info = NicInfo {
            name: name.clone(),
            driver: "xdp",
            medium: Medium::Ethernet(mac),
            mtu: usable_mtu(config, &interface),
            queues: config.queues,
            offloads: Offloads::default(),
            rss: None,
        };
        let open = (0..config.queues).map(|_| Weak::new()).collect();
        Ok(XdpNic { config: config.clone(), interface, deferred, info, attachment, modes, refused, open })
    }

    /// The mode in use; before the first queue is open, the one that will be tried first.
    pub fn mode(&self) -> XdpMode {
        self.modes.first().copied().unwrap_or(XdpMode::Skb)
    }

    /// Better modes that could not be had, and why.
    pub fn refused(&self) -> &[Refusal] {
        &self.refused
    }

    fn open_queue(&mut self, id: QueueId, slots: usize) -> Result<XdpQueue, XdpError> {
        let name = self.config.interface.clone();
        let Some(open) = self.open.get(usize::from(id.0)) else {
            let (wanted, has) = (id.0.saturating_add(1), self.config.queues);
            return Err(XdpError::TooManyQueues { interface: name, wanted, has });
        };
        if open.strong_count() > 0 {
            return Err(XdpError::QueueOpen { interface: name, queue: id.0 });
        }
        if !SLOTS.contains(&slots) {
            return Err(XdpError::Config {
                what: format!("{slots} slots for a queue"),
                remedy: format!("use {} to {}", SLOTS.start(), SLOTS.end()),
            });
        }
        let (socket, umem) = Socket::open(&self.config, slots as u32)?; // within SLOTS
        let attachment = self.bind(&socket, id)?;
        bpf::map_socket(attachment.sockets.as_fd(), id.0.into(), socket.fd())
            .map_err(|source| XdpError::system("putting the socket into the map", &name, source))?;
        let open = Arc::new(());
        self.open[usize::from(id.0)] = Arc::downgrade(&open);
        // No hint tells; but what a veth peer sends with its offload on, nobody has summed.
        let checksum = if self.interface.is_veth { Checksum::UnknownOrPartial } else { Checksum::Unknown };
        let busy_poll = self.busy_poll(&socket, &attachment, id)?;
        let mut queue = XdpQueue::new(socket, umem, &self.config, self.info.mtu, checksum, attachment, open);
        if let Some(busy_poll) = busy_poll {
            queue.set_busy_poll(busy_poll, id);
        }
        let refused: Vec<_> = self.refused.iter().map(|r| format!("{}: {}", r.mode, r.reason)).collect();
        tracing::info!(interface = name, queue = id.0, mode = %self.mode(), ?refused, "opened an AF_XDP queue");
        Ok(queue)
    }

    /// Busy polling for a bound socket, where it is asked for.
    fn busy_poll(
        &self,
        socket: &Socket,
        attachment: &Attachment,
        id: QueueId,
    ) -> Result<Option<BusyPoll>, XdpError> {
        let Some(detours) = &attachment.detours else { return Ok(None) };
        let busy_poll = detours
            .socket(id.0)
            .and_then(|detour| BusyPoll::new(socket.fd(), detour, self.deferred))
            .map_err(|source| XdpError::system("asking for busy polling", &self.config.interface, source))?;
        if !busy_poll.is_learning() {
            detours.close(id.0);
        }
        Ok(Some(busy_poll))
    }

    /// Binds in the best mode that the device takes, and returns the program's attachment for that mode.
    fn bind(&mut self, socket: &Socket, id: QueueId) -> Result<Arc<Attachment>, XdpError> {
        loop {
            let mode = self.mode();
            let attachment = match &self.attachment {
                Some(attachment) if attachment.hook == mode.hook() => attachment.clone(),
                _ => {
                    self.reattach()?;
                    continue;
                }
            };
            let flags = mode.bind_flags(self.config.need_wakeup);
            let Err(source) = socket.bind(self.interface.index, id.0, flags) else { return Ok(attachment) };
            drop(attachment);
            let name = &self.config.interface;
            match source.raw_os_error() {
                Some(libc::EBUSY) => {
                    return Err(XdpError::Busy {
                        what: format!("queue {} of {name}", id.0),
                        remedy: "list AF_XDP sockets with `ss --xdp -p`, and end that program".into(),
                    });
                }
                Some(libc::ENETDOWN) => return Err(XdpError::InterfaceDown(name.clone())),
                _ => {}
            }
            let next = self.modes.get(1).copied();
            let others_open = self.open.iter().any(|queue| queue.strong_count() > 0);
            match next {
                // The hook can't change under queues that use it.
                Some(next) if next.hook() == mode.hook() || !others_open => {
                    self.refused.push(Refusal { mode, reason: source.to_string() });
                    self.modes.remove(0);
                }
                _ => {
                    return Err(XdpError::system(
                        format!("binding queue {} in {mode} mode", id.0),
                        name,
                        source,
                    ));
                }
            }
        }
    }

    /// Puts the program on the hook of the next mode. Both hooks can't be in use at once: the old link goes first.
    fn reattach(&mut self) -> Result<(), XdpError> {
        self.attachment = None;
        self.attachment = Some(attach(&self.config, &self.interface, &mut self.modes, &mut self.refused)?);
        Ok(())
    }
}

/// Attaches the program for the first of `modes` whose hook can be had; those that can't move to `refused`.
fn attach(
    config: &XdpConfig,
    interface: &Interface,
    modes: &mut Vec<XdpMode>,
    refused: &mut Vec<Refusal>,
) -> Result<Arc<Attachment>, XdpError> {
    loop {
        let Some(&mode) = modes.first() else {
            return Err(XdpError::Config {
                what: "no mode is left to try".into(),
                remedy: "open the device anew".into(),
            });
        };
        match Attachment::new(config, interface, mode.hook()) {
            Ok(attachment) => return Ok(Arc::new(attachment)),
            // The other hook would be refused for the same reason.
            Err(error @ (XdpError::Busy { .. } | XdpError::MissingCapability(_) | XdpError::Kernel(_))) => {
                return Err(error);
            }
            Err(error) => {
                let (gone, left): (Vec<_>, Vec<_>) = modes.iter().partition(|m| m.hook() == mode.hook());
                if left.is_empty() {
                    return Err(error);
                }
                refused.extend(gone.into_iter().map(|mode| Refusal { mode, reason: error.to_string() }));
                *modes = left;
            }
        }
    }
}

fn usable_mtu(config: &XdpConfig, interface: &Interface) -> u16 {
    let fits = XdpConfig::max_mtu(config.chunk_size);
    if interface.mtu > fits.into() {
        tracing::warn!(
            interface = config.interface,
            mtu = interface.mtu,
            usable = fits,
            "longer frames don't fit into a chunk and are dropped: run `ip link set {} mtu {fits}`, or use chunks of 4096 bytes",
            config.interface
        );
    }
    u16::try_from(interface.mtu).unwrap_or(fits).min(fits)
}

/// Looks for what AF_XDP needs in the text of /proc/thread-self/status. An unreadable text passes: the system
/// calls will say.
fn check_capabilities(status: &str) -> Result<(), XdpError> {
    let mask = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let Some(mask) = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()) else { return Ok(()) };
    // Bits of linux/capability.h. CAP_SYS_ADMIN includes CAP_BPF.
    let (net_admin, net_raw, sys_admin, bpf) = (1 << 12, 1 << 13, 1 << 21, 1 << 39);
    let needed = [("CAP_NET_RAW", net_raw), ("CAP_NET_ADMIN", net_admin), ("CAP_BPF", bpf | sys_admin)];
    let missing: Vec<_> = needed.iter().filter(|(_, bits)| mask & bits == 0).map(|(name, _)| *name).collect();
    if missing.is_empty() { Ok(()) } else { Err(XdpError::MissingCapability(missing)) }
}

impl Nic for XdpNic {
    fn info(&self) -> &NicInfo {
        &self.info
    }

    fn open_queue(&mut self, id: QueueId, slots: usize) -> io::Result<Box<dyn Queue>> {
        Ok(Box::new(self.open_queue(id, slots)?))
    }
}

#[cfg(test)]
mod tests;
