//! Two smoltcp interfaces on the same link, in two engines: driven by `Interface::poll`, as its documentation has it, and
//! by its single steps, as well as its API allows. Only after a turn that received something the sockets are looked at.
//! Checksums, ARP and Ethernet are its own.

use std::ops::Range;
use std::time::Duration;

use anyhow::Context;
use corelane_drivers::sim::LinkQueue;
use corelane_nic::{MacAddress, Medium, Packet, Queue, RxBurst, TxBurst, TxOffload};
use smoltcp::iface::{Config, Interface, PollIngressSingleResult, PollResult, SocketHandle, SocketSet};
use smoltcp::phy::{self, Device, DeviceCapabilities};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpCidr};

use super::{Pair, SharedClient, link};
use crate::cli::MemoryArgs;

/// Frames passed to and from the link at once.
const BURST: usize = 64;

/// Bytes of a socket's receive buffer, and of its send buffer; more for larger questions.
const BUFFER: usize = 4096;

/// An Ethernet header.
const ETHERNET_HEADER: usize = 14;

/// An end of the link as smoltcp's device.
struct LinkDevice {
    queue: LinkQueue,
    rx: RxBurst,
    tx: TxBurst,
}

impl LinkDevice {
    /// Whether a frame can be sent now.
    fn has_room(&mut self) -> bool {
        if self.tx.room() == 0 {
            self.queue.transmit(&mut self.tx);
        }
        self.tx.room() > 0 && self.queue.pool().available() > 0
    }

    fn flush(&mut self) {
        self.queue.transmit(&mut self.tx);
    }
}

impl Device for LinkDevice {
    type RxToken<'a> = Received;
    type TxToken<'a> = ToSend<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(Received, ToSend<'_>)> {
        if self.rx.is_empty() {
            self.queue.receive(&mut self.rx);
        }
        // What is received may need an answer.
        let frame = if self.has_room() { self.rx.pop()? } else { return None };
        Some((Received(frame.packet), ToSend(self)))
    }

    fn transmit(&mut self, _now: Instant) -> Option<ToSend<'_>> {
        self.has_room().then_some(ToSend(self))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default(); // all checksums in software
        capabilities.medium = phy::Medium::Ethernet;
        capabilities.max_transmission_unit = usize::from(self.queue.info().mtu) + ETHERNET_HEADER;
        capabilities
    }
}

struct Received(Packet);

impl phy::RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

struct ToSend<'a>(&'a mut LinkDevice);

impl phy::TxToken for ToSend<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let packet = self.0.queue.pool().take_reserved();
        if let Some(mut packet) = packet
            && let Some(frame) = packet.push_back(len)
        {
            let result = f(frame);
            self.0.tx.push(packet, TxOffload::default());
            return result;
        }
        // Frames within the MTU fit, and the token is only given out while a buffer is free.
        f(&mut vec![0; len])
    }
}

struct Host {
    device: LinkDevice,
    interface: Interface,
    sockets: SocketSet<'static>,
    handles: Vec<SocketHandle>,
    drive: Drive,
}

/// How the interface is driven.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Drive {
    /// `Interface::poll` once a turn, as smoltcp's documentation and its examples do.
    Poll,
    /// By its single steps: all frames in, the sockets, then each socket sends once. Nothing is looked at twice.
    Steps,
}

impl Host {
    fn new(
        queue: LinkQueue,
        address: std::net::Ipv4Addr,
        connections: usize,
        drive: Drive,
    ) -> anyhow::Result<Self> {
        let Medium::Ethernet(MacAddress(mac)) = queue.info().medium else {
            anyhow::bail!("the link has no Ethernet addresses");
        };
        let (rx, tx) = (RxBurst::with_capacity(BURST), TxBurst::with_capacity(BURST));
        let mut device = LinkDevice { queue, rx, tx };
        let config = Config::new(HardwareAddress::Ethernet(EthernetAddress(mac)));
        let mut interface = Interface::new(config, &mut device, Instant::ZERO);
        let mut room = Ok(());
        interface.update_ip_addrs(|addresses| {
            room = addresses.push(IpCidr::new(address.into(), link::PREFIX));
        });
        room.map_err(|_| anyhow::anyhow!("smoltcp has no room for an address"))?;
        Ok(Self {
            device,
            interface,
            sockets: SocketSet::new(Vec::with_capacity(connections)),
            handles: Vec::new(),
            drive,
        })
    }

    fn add_socket(&mut self, size: usize) -> SocketHandle {
        let bytes = size.next_power_of_two().clamp(BUFFER, 1 << 20);
        let buffer = || tcp::SocketBuffer::new(vec![0; bytes]);
        let mut socket = tcp::Socket::new(buffer(), buffer());
        socket.set_nagle_enabled(false);
        let handle = self.sockets.add(socket);
        self.handles.push(handle);
        handle
    }

    /// Takes in all frames that wait. Whether a socket may have changed.
    fn receive(&mut self, now: Instant) -> bool {
        if self.drive == Drive::Poll {
            return self.interface.poll(now, &mut self.device, &mut self.sockets)
                == PollResult::SocketStateChanged;
        }
        self.interface.poll_maintenance(now);
        let mut changed = false;
        loop {
            match self.interface.poll_ingress_single(now, &mut self.device, &mut self.sockets) {
                PollIngressSingleResult::None => return changed,
                PollIngressSingleResult::PacketProcessed => {}
                PollIngressSingleResult::SocketStateChanged => changed = true,
            }
        }
    }

    /// Sends what the sockets have to say, a frame each.
    fn transmit(&mut self, now: Instant) {
        if self.drive == Drive::Poll {
            return self.device.flush(); // what the sockets say goes out with the next poll
        }
        self.interface.poll_egress(now, &mut self.device, &mut self.sockets);
        self.device.flush();
    }
}

/// The engine.
pub struct Smoltcp {
    server: Host,
    host: Host,
    client: SharedClient,
    connected: usize,
    /// What is on its way from a receive buffer to a send buffer.
    piece: Box<[u8; BUFFER]>,
    size: usize,
    wanted: usize,
}

impl Smoltcp {
    /// A listening socket for each connection, since smoltcp has no accept queue; connects in its turns.
    pub fn new(
        args: &MemoryArgs,
        (client_queue, server_queue): (LinkQueue, LinkQueue),
        client: SharedClient,
        drive: Drive,
    ) -> anyhow::Result<Self> {
        let mut server = Host::new(server_queue, link::SERVER, args.all_connections(), drive)?;
        for _ in 0..args.all_connections() {
            let handle = server.add_socket(args.size);
            let socket = server.sockets.get_mut::<tcp::Socket<'_>>(handle);
            socket.listen(link::PORT).context("smoltcp: listen")?;
        }
        let host = Host::new(client_queue, link::CLIENT, args.all_connections(), drive)?;
        Ok(Self {
            server,
            host,
            client,
            connected: 0,
            piece: Box::new([0; BUFFER]),
            size: args.size,
            wanted: args.all_connections(),
        })
    }

    fn open(&mut self) -> anyhow::Result<()> {
        let opened = self.host.handles.len();
        for index in opened..opened + link::may_open(self.wanted, opened, self.connected) {
            let handle = self.host.add_socket(self.size);
            let local = link::CLIENT_PORTS.0 + u16::try_from(index).context("more connections than ports")?;
            let socket = self.host.sockets.get_mut::<tcp::Socket<'_>>(handle);
            socket
                .connect(self.host.interface.context(), (link::SERVER, link::PORT), local)
                .context("smoltcp: connect")?;
        }
        Ok(())
    }

    fn serve(&mut self, now: Instant) -> anyhow::Result<()> {
        if self.server.receive(now) {
            for &handle in &self.server.handles {
                let socket = self.server.sockets.get_mut::<tcp::Socket<'_>>(handle);
                while socket.can_recv() && socket.can_send() {
                    echo(socket, &mut self.piece)?;
                }
            }
        }
        self.server.transmit(now);
        Ok(())
    }

    fn ask(&mut self, now: Instant) -> anyhow::Result<()> {
        if self.host.receive(now) {
            let mut client = self.client.borrow_mut();
            let mut connected = 0;
            for (index, &handle) in self.host.handles.iter().enumerate() {
                let socket = self.host.sockets.get_mut::<tcp::Socket<'_>>(handle);
                connected += usize::from(socket.may_send());
                while socket.can_recv() {
                    socket
                        .recv(|bytes| {
                            client.answer(index, bytes);
                            (bytes.len(), ())
                        })
                        .context("smoltcp: recv")?;
                }
                send(socket, &mut client, index)?;
            }
            anyhow::ensure!(connected >= self.connected, "smoltcp: a connection broke");
            self.connected = connected;
        }
        self.host.transmit(now);
        Ok(())
    }
}

/// Sends back what came, as far as there is room.
fn echo(socket: &mut tcp::Socket<'_>, piece: &mut [u8; BUFFER]) -> anyhow::Result<()> {
    let room = (socket.send_capacity() - socket.send_queue()).min(BUFFER);
    let count = socket.recv_slice(&mut piece[..room]).context("smoltcp: recv")?;
    let sent = socket.send_slice(&piece[..count]).context("smoltcp: send")?;
    anyhow::ensure!(sent == count, "smoltcp: the send buffer took less than it had room for");
    Ok(())
}

/// Writes what fits of the question.
fn send(socket: &mut tcp::Socket<'_>, client: &mut super::Client, index: usize) -> anyhow::Result<()> {
    if !client.unsent(index).is_empty() && socket.can_send() {
        let count = socket.send_slice(client.unsent(index)).context("smoltcp: send")?;
        client.sent(index, count);
    }
    Ok(())
}

impl Pair for Smoltcp {
    fn turn(&mut self, now: Duration) -> anyhow::Result<()> {
        let now = Instant::from_micros(i64::try_from(now.as_micros())?);
        if self.host.handles.len() < self.wanted {
            self.open()?;
        }
        self.ask(now)?;
        self.serve(now)
    }

    fn connected(&self) -> usize {
        self.connected
    }

    fn start(&mut self, which: Range<usize>) -> anyhow::Result<()> {
        let mut client = self.client.borrow_mut();
        for index in which {
            client.ask(index);
            send(self.host.sockets.get_mut(self.host.handles[index]), &mut client, index)?;
        }
        Ok(())
    }
}
