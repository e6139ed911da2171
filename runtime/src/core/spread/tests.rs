use corelane_nic::{Checksum, RxFrame, TxOffload};
use corelane_sim::{Link, LinkConfig, LinkQueue};

use super::*;
use crate::core::mailbox::Shared;

/// A queue that two workers share, on a link whose other end is `far`.
struct Bed {
    far: LinkQueue,
    own: SpreadQueue,
    fed: FedQueue,
    mesh: Arc<Mesh>,
}

fn bed(weights: &[u32]) -> Bed {
    let config = LinkConfig { macs: None, ring: 4096, ..LinkConfig::default() };
    let (_, far, near) = Link::new(&config).unwrap();
    let workers = vec![Shared::new().unwrap(), Shared::new().unwrap()];
    let mesh = Arc::new(Mesh::new(near.info(), 1, workers, weights, (32_768, 60_999)).unwrap());
    let own = SpreadQueue::new(Box::new(near), mesh.clone(), 0, 64);
    let fed = FedQueue::new(mesh.clone(), 1, 2048).unwrap();
    Bed { far, own, fed, mesh }
}

fn segment(pool: &Pool, source_port: u16) -> corelane_nic::Packet {
    let mut packet = pool.take().unwrap();
    packet.extend_from_slice(&[0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    packet.extend_from_slice(&source_port.to_be_bytes());
    packet.extend_from_slice(&[0; 18]);
    packet
}

impl Bed {
    /// The other end sends a segment from each of these ports.
    fn send(&mut self, ports: impl Iterator<Item = u16>) {
        let mut tx = TxBurst::with_capacity(4096);
        ports.for_each(|port| tx.push(segment(self.far.pool(), port), TxOffload::default()));
        self.far.transmit(&mut tx);
        assert!(tx.is_empty());
    }
}

fn receive(queue: &mut dyn Queue) -> Vec<RxFrame> {
    let mut all = Vec::new();
    loop {
        let mut rx = RxBurst::with_capacity(64);
        queue.receive(&mut rx);
        if rx.is_empty() {
            return all;
        }
        all.extend(std::iter::from_fn(|| rx.pop()));
    }
}

fn port(frame: &RxFrame) -> u16 {
    u16::from_be_bytes([frame.packet[20], frame.packet[21]])
}

#[test]
fn each_worker_gets_its_flows_in_order_and_the_counts_add_up() {
    let mut bed = bed(&[]);
    bed.send((0..100).chain(0..100));
    let own = receive(&mut bed.own);
    let others = bed.mesh.worker(1);
    assert!(others.mailbox.is_pending() && bed.mesh.worker(0).mailbox.is_pending());
    let theirs = receive(&mut bed.fed);
    let expected = |worker| {
        let is_its = |port: &u16| bed.mesh.steering.worker_at(0, &segment(bed.far.pool(), *port)) == worker;
        (0..100).chain(0..100).filter(is_its).collect::<Vec<u16>>()
    };
    assert_eq!(own.iter().map(port).collect::<Vec<_>>(), expected(0));
    assert_eq!(theirs.iter().map(port).collect::<Vec<_>>(), expected(1));
    assert!(
        theirs.iter().all(|frame| bed.fed.pool().owns(&frame.packet) && frame.checksum == Checksum::Unknown)
    );
    let (a, b) = (bed.own.stats(), bed.fed.stats());
    assert_eq!((a.rx_frames + b.rx_frames, a.rx_bytes + b.rx_bytes), (200, 200 * 40));
    assert_eq!(a.rx_copied_bytes, b.rx_bytes);
    assert_eq!(bed.mesh.worker(0).counts.get().spread, theirs.len() as u64);
    assert!(!own.is_empty() && !theirs.is_empty());
}

#[test]
fn a_full_ring_drops_and_counts() {
    let mut bed = bed(&[0, 1]);
    bed.send(0..600);
    assert!(receive(&mut bed.own).is_empty(), "all are for the other");
    while bed.own.stats().rx_dropped == 0 {
        receive(&mut bed.own); // some turns more
    }
    let theirs = receive(&mut bed.fed).len() as u64;
    let counts = bed.mesh.worker(0).counts.get();
    assert_eq!((counts.spread, counts.spread + counts.spread_dropped), (theirs, 600));
    assert_eq!(bed.own.stats().rx_dropped, counts.spread_dropped);
    assert_eq!(bed.own.stats().rx_frames, 0);
    bed.send(0..10);
    receive(&mut bed.own);
    assert_eq!(receive(&mut bed.fed).len(), 10, "and there is room again");
}

#[test]
fn what_the_other_sends_leaves_by_the_device() {
    let mut bed = bed(&[]);
    let mut tx = TxBurst::with_capacity(1024);
    (0..600).for_each(|port| tx.push(segment(bed.fed.pool(), port), TxOffload::default()));
    bed.fed.transmit(&mut tx);
    assert_eq!(tx.len(), 600 - 512, "what does not fit in the ring waits");
    assert!(bed.mesh.worker(0).mailbox.is_pending());
    let mut own = TxBurst::with_capacity(64);
    own.push(segment(bed.own.pool(), 9999), TxOffload::default());
    for _ in 0..20 {
        bed.own.transmit(&mut own);
        bed.fed.transmit(&mut tx);
    }
    assert!(own.is_empty() && tx.is_empty());
    let ports: Vec<u16> = receive(&mut bed.far).iter().map(port).collect();
    assert_eq!(ports, std::iter::once(9999).chain(0..600).collect::<Vec<_>>());
    let (a, b) = (bed.own.stats(), bed.fed.stats());
    assert_eq!((a.tx_frames, b.tx_frames, b.tx_bytes), (1, 600, 600 * 40));
    assert_eq!((a.tx_dropped, b.tx_dropped), (0, 0));
}

#[test]
fn a_worker_that_has_ended_gets_nothing_and_nothing_waits_for_one() {
    let mut bed = bed(&[0, 1]);
    bed.mesh.worker(1).mailbox.close();
    bed.send(0..10);
    assert_eq!(receive(&mut bed.own).len(), 10, "to be refused where they are");
    bed.mesh.worker(0).mailbox.close();
    let mut tx = TxBurst::with_capacity(8);
    tx.push(segment(bed.fed.pool(), 1), TxOffload::default());
    bed.fed.transmit(&mut tx);
    assert!(tx.is_empty());
    assert_eq!(bed.fed.stats().tx_dropped, 1);
}
