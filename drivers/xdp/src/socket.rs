//! An AF_XDP socket with its four rings.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use crate::ring::{Consumer, Descriptor, Producer};
use crate::syscall::{self, Mapping};
use crate::umem::Umem;
use crate::{XdpConfig, XdpError};

/// Receives and sends; closing it gives the memory back to us.
pub struct Socket {
    /// Frames received.
    pub rx: Consumer<Descriptor>,
    /// Frames to be sent.
    pub tx: Producer<Descriptor>,
    /// Empty buffers for the kernel.
    pub fill: Producer<u64>,
    /// Buffers that were sent.
    pub completion: Consumer<u64>,
    fd: OwnedFd,
}

/// How long the kernel may take to tear down an earlier socket of the queue, or an earlier link.
const BUSY_PATIENCE: Duration = Duration::from_secs(2);

/// Calls `attempt` again, with growing pauses, while the kernel is still tearing down what was there before.
pub fn while_busy<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let end = Instant::now() + BUSY_PATIENCE;
    let mut pause = Duration::from_millis(1);
    loop {
        match attempt() {
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) && Instant::now() < end => {
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(100));
            }
            result => return result,
        }
    }
}

impl Socket {
    /// A socket with rings on fresh packet memory of `slots` chunks, not bound yet.
    pub fn open(config: &XdpConfig, slots: u32) -> Result<(Socket, Umem), XdpError> {
        let system = |call: &str| {
            let call = call.to_owned();
            move |source| XdpError::system(call, &config.interface, source)
        };
        let fd = syscall::xdp_socket().map_err(system("socket(AF_XDP)"))?;
        let bytes = slots as usize * config.chunk_size as usize;
        let limit = syscall::raise_locked_memory(bytes as u64);
        let register = |memory: &Mapping| syscall::register_umem(fd.as_fd(), memory, config.chunk_size);
        let umem =
            Umem::new(slots, config.chunk_size, register).map_err(|source| match source.raw_os_error() {
                Some(libc::ENOBUFS | libc::EPERM | libc::ENOMEM) => XdpError::LockedMemory { bytes, limit },
                _ => system("registering packet memory")(source),
            })?;
        let rings = [
            (libc::XDP_RX_RING, config.rx_ring),
            (libc::XDP_TX_RING, config.tx_ring),
            (libc::XDP_UMEM_FILL_RING, config.fill_ring),
            (libc::XDP_UMEM_COMPLETION_RING, config.completion_ring),
        ];
        for (option, entries) in rings {
            syscall::create_ring(fd.as_fd(), option, entries).map_err(system("creating a ring"))?;
        }
        let socket = Socket::map(fd, config).map_err(system("mapping the rings"))?;
        // Both only save system calls and retries; older kernels refuse the first.
        let budget = syscall::set_transmit_budget(socket.fd(), config.tx_ring);
        let buffer = syscall::set_send_buffer(socket.fd(), config.tx_ring.saturating_mul(4096));
        tracing::debug!(
            interface = config.interface,
            ?budget,
            ?buffer,
            "set the limits of copy-mode sending"
        );
        Ok((socket, umem))
    }

    fn map(fd: OwnedFd, config: &XdpConfig) -> io::Result<Socket> {
        let at = syscall::ring_offsets(fd.as_fd())?;
        Ok(Socket {
            rx: Consumer::map(fd.as_fd(), libc::XDP_PGOFF_RX_RING as u64, &at.rx, config.rx_ring)?,
            tx: Producer::map(fd.as_fd(), libc::XDP_PGOFF_TX_RING as u64, &at.tx, config.tx_ring)?,
            fill: Producer::map(fd.as_fd(), libc::XDP_UMEM_PGOFF_FILL_RING, &at.fr, config.fill_ring)?,
            completion: Consumer::map(
                fd.as_fd(),
                libc::XDP_UMEM_PGOFF_COMPLETION_RING,
                &at.cr,
                config.completion_ring,
            )?,
            fd,
        })
    }

    /// Binds to a queue, patiently while an earlier socket of it is being torn down.
    pub fn bind(&self, interface: u32, queue: u16, flags: u16) -> io::Result<()> {
        while_busy(|| syscall::bind(self.fd(), interface, u32::from(queue), flags))
    }

    /// The descriptor, readable when a frame has arrived.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
