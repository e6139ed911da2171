//! smoltcp on an end of a link, with one connection.

use std::net::Ipv4Addr;
use std::time::Duration;

use corelane_nic::{MacAddress, Medium, Packet, Queue, RxBurst, TxBurst, TxOffload};
use corelane_sim::{LinkQueue, Side};
use corelane_testkit::World;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{self, Device, DeviceCapabilities};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpCidr};

use super::{Got, Socket};

const ETHERNET_HEADER: usize = 14;

/// The end of the link as smoltcp's device.
struct LinkDevice {
    queue: LinkQueue,
    rx: RxBurst,
    tx: TxBurst,
}

impl LinkDevice {
    fn has_room(&mut self) -> bool {
        self.queue.transmit(&mut self.tx);
        self.tx.room() > 0 && self.queue.pool().available() > 0
    }
}

impl Device for LinkDevice {
    type RxToken<'a> = Received;
    type TxToken<'a> = ToSend<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(Received, ToSend<'_>)> {
        if !self.has_room() {
            return None; // what is received may need an answer
        }
        if self.rx.is_empty() {
            self.queue.receive(&mut self.rx);
        }
        let frame = self.rx.pop()?;
        Some((Received(frame.packet), ToSend(self)))
    }

    fn transmit(&mut self, _now: Instant) -> Option<ToSend<'_>> {
        self.has_room().then_some(ToSend(self))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default(); // all checksums in software
        let (medium, header) = match self.queue.info().medium {
            Medium::Ethernet(_) => (phy::Medium::Ethernet, ETHERNET_HEADER),
            Medium::Ip => (phy::Medium::Ip, 0),
        };
        capabilities.medium = medium;
        capabilities.max_transmission_unit = usize::from(self.queue.info().mtu) + header;
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
        let mut packet = self.0.queue.pool().take_reserved().expect("has_room has looked");
        let result = f(packet.push_back(len).expect("frames within the MTU fit"));
        self.0.tx.push(packet, TxOffload::default());
        result
    }
}

/// smoltcp at B.
pub struct Peer {
    device: LinkDevice,
    interface: Interface,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
    /// The three-way handshake is over.
    opened: bool,
}

fn instant(now: Duration) -> Instant {
    Instant::from_micros(i64::try_from(now.as_micros()).expect("some hours"))
}

impl Peer {
    /// With `buffer` bytes to receive into and to send from.
    pub fn new(queue: LinkQueue, buffer: usize, seed: u64) -> Peer {
        let address = match queue.info().medium {
            Medium::Ethernet(MacAddress(mac)) => HardwareAddress::Ethernet(EthernetAddress(mac)),
            Medium::Ip => HardwareAddress::Ip,
        };
        let mut device = LinkDevice { queue, rx: RxBurst::with_capacity(64), tx: TxBurst::with_capacity(64) };
        let mut config = Config::new(address);
        config.random_seed = seed;
        let mut interface = Interface::new(config, &mut device, Instant::ZERO);
        interface.update_ip_addrs(|addresses| {
            let address = IpCidr::new(World::address(Side::B).into(), 24);
            addresses.push(address).expect("there is room for one");
        });
        let space = || tcp::SocketBuffer::new(vec![0; buffer]);
        let mut sockets = SocketSet::new(Vec::new());
        let handle = sockets.add(tcp::Socket::new(space(), space()));
        Peer { device, interface, sockets, handle, opened: false }
    }

    /// Opens the connection to A's port, the first of the two, from the second.
    pub fn connect(&mut self, (port, from): (u16, u16)) {
        let server: (Ipv4Addr, u16) = (World::address(Side::A), port);
        let socket = self.sockets.get_mut::<tcp::Socket<'_>>(self.handle);
        socket.connect(self.interface.context(), server, from).expect("the socket is fresh");
    }

    /// Waits for it.
    pub fn listen(&mut self, port: u16) {
        self.sockets.get_mut::<tcp::Socket<'_>>(self.handle).listen(port).expect("the socket is fresh");
    }

    /// Takes in what has arrived, and sends what there is to say.
    pub fn poll(&mut self, now: Duration) {
        self.interface.poll(instant(now), &mut self.device, &mut self.sockets);
        self.device.queue.transmit(&mut self.device.tx);
        self.opened |= self.sockets.get::<tcp::Socket<'_>>(self.handle).may_send();
    }

    /// When it wants to be polled next.
    pub fn next(&mut self, now: Duration) -> Option<Duration> {
        let at = self.interface.poll_at(instant(now), &self.sockets)?;
        Some(Duration::from_micros(at.total_micros().try_into().unwrap_or(0)))
    }

    /// Whether the connection has been open.
    pub fn is_open(&self) -> bool {
        self.opened
    }

    /// Whether it is over; TIME-WAIT counts.
    pub fn is_gone(&self) -> bool {
        let state = self.sockets.get::<tcp::Socket<'_>>(self.handle).state();
        matches!(state, tcp::State::Closed | tcp::State::TimeWait)
    }

    /// For messages.
    pub fn state(&self) -> String {
        let socket = self.sockets.get::<tcp::Socket<'_>>(self.handle);
        format!("{} with {} to send and {} to read", socket.state(), socket.send_queue(), socket.recv_queue())
    }

    /// The connection.
    pub fn socket(&mut self) -> Theirs<'_> {
        Theirs(self.sockets.get_mut(self.handle))
    }
}

/// smoltcp's connection.
pub struct Theirs<'a>(&'a mut tcp::Socket<'static>);

impl Socket for Theirs<'_> {
    fn read(&mut self, buf: &mut [u8]) -> Result<Got, String> {
        match self.0.recv_slice(buf) {
            Ok(0) => Ok(Got::Nothing),
            Ok(n) => Ok(Got::Bytes(n)),
            Err(tcp::RecvError::Finished) => Ok(Got::End),
            Err(tcp::RecvError::InvalidState) => Ok(Got::Reset),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, String> {
        if self.0.state() == tcp::State::Closed {
            return Ok(0); // the read tells
        }
        self.0.send_slice(bytes).map_err(|error| format!("send: {error}"))
    }

    fn shut(&mut self) -> Result<(), String> {
        self.0.close();
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        self.0.close();
        Ok(())
    }

    fn reset(&mut self) -> Result<(), String> {
        self.0.abort();
        Ok(())
    }
}
