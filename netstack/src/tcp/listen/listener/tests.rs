use super::*;

const A: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const B: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const ANY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

#[test]
fn the_exact_address_goes_before_all() {
    let mut listeners = Listeners::new();
    let a = listeners.insert(A, 80, 1).unwrap();
    assert_eq!(listeners.insert(A, 80, 1), Err(Error::AddrInUse));
    assert_eq!(listeners.insert(ANY, 80, 1), Err(Error::AddrInUse));
    let any = listeners.insert(ANY, 81, 1).unwrap();
    assert_eq!(listeners.insert(B, 81, 1), Err(Error::AddrInUse));
    assert_eq!(
        [(A, 80), (B, 80), (B, 81)].map(|(address, port)| listeners.find(address, port)),
        [Some(a), None, Some(any)]
    );
    listeners.remove(a);
    assert!(!listeners.has_port(80) && listeners.get(a).is_none());
}

fn listener(backlog: usize) -> Listener {
    let mut listeners = Listeners::new();
    let id = listeners.insert(A, 80, backlog).unwrap();
    listeners.remove(id).unwrap()
}

#[test]
fn a_queue_of_old_ones_is_more_than_half_full() {
    let config = TcpConfig::default();
    let retries = |syn_queue, young| {
        let listener = Listener { syn_queue, young, ..listener(100) };
        listener.synack_retries(&config, Instant::ZERO)
    };
    assert_eq!(retries(50, 0), 5, "half full");
    assert_eq!(retries(51, 51), 5, "all young");
    assert_eq!(retries(80, 39), 4, "half of them old");
    assert_eq!(retries(80, 19), 3);
    assert_eq!(retries(80, 0), 2);
    let few = TcpConfig { tcp_synack_retries: 1, ..TcpConfig::default() };
    assert_eq!(Listener { syn_queue: 100, ..listener(100) }.synack_retries(&few, Instant::ZERO), 1);
    let flooded = Listener { full_at: Some(Instant::ZERO), ..listener(100) };
    let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
    assert_eq!([0, 120, 121].map(|seconds| flooded.synack_retries(&config, at(seconds))), [4, 4, 5]);
}

#[test]
fn the_oldest_is_known_and_the_order_stays_short() {
    let mut listener = listener(100);
    let id = |n| Id::from_parts(n, 0);
    listener.enqueue(id(0), |_| true);
    for n in 1..10_000 {
        listener.enqueue(id(n), |other| other == id(0) || other == id(n));
        listener.dequeue(true);
        assert!(listener.order.len() <= 2 * listener.syn_queue + 18, "{}", listener.order.len());
    }
    assert_eq!((listener.syn_queue, listener.young), (1, 1));
    assert_eq!(listener.oldest(|id| id.slot() % 2 == 0), Some(id(0)));
    assert_eq!(listener.oldest(|_| false), None);
}
