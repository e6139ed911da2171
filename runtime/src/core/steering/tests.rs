use std::net::Ipv4Addr;

use corelane_nic::Offloads;

use super::*;

fn info(rss: Option<Rss>) -> NicInfo {
    NicInfo {
        name: "test".to_string(),
        driver: "sim",
        medium: Medium::Ip,
        mtu: 1500,
        queues: 8,
        offloads: Offloads::default(),
        rss,
    }
}

fn steering(rss: Option<Rss>, queues: u16, workers: u16, weights: &[u32]) -> io::Result<Steering> {
    Steering::new(&info(rss), queues, workers, weights, (32_768, 60_999))
}

fn flow(port: u16) -> FourTuple {
    FourTuple {
        local: Ipv4Addr::new(10, 0, 0, 2),
        remote: Ipv4Addr::new(10, 0, 0, 1),
        local_port: 80,
        remote_port: port,
    }
}

/// How many of 10,000 flows each worker gets.
fn spread(queues: u16, workers: u16, weights: &[u32]) -> Vec<u32> {
    let steering = steering(None, queues, workers, weights).unwrap();
    let mut counts = vec![0; workers.into()];
    (0..10_000).for_each(|port| counts[usize::from(steering.worker_of(&flow(port)))] += 1);
    counts
}

#[test]
fn all_workers_get_the_same_of_a_queue_or_as_they_weigh() {
    let near = |counts: Vec<u32>, wanted: &[u32]| {
        let is_near = |(got, wanted): (&u32, &u32)| got.abs_diff(*wanted) * 10 <= *wanted;
        assert!(counts.iter().zip(wanted).all(is_near), "{counts:?}, not {wanted:?}");
    };
    near(spread(1, 4, &[]), &[2500; 4]);
    near(spread(1, 3, &[1, 2, 2]), &[2000, 4000, 4000]);
    near(spread(1, 2, &[0, 3]), &[0, 10_000]);
    near(spread(2, 4, &[]), &[2500; 4]);
    near(spread(4, 4, &[]), &[2500; 4]);
}

#[test]
fn a_queue_that_nobody_takes_is_refused() {
    let error = steering(None, 2, 4, &[1, 0, 1, 0]).err().unwrap();
    assert_eq!(
        error.to_string(),
        "runtime.spread = [1, 0, 1, 0]: workers [1, 3] share queue 1: give one of them more than 0"
    );
}

#[test]
fn frames_and_flows_agree() {
    let steering = steering(None, 1, 4, &[]).unwrap();
    let mut frame = vec![0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    frame.extend_from_slice(&[0x12, 0x34, 0, 80]);
    frame.extend_from_slice(&[0; 16]);
    assert_eq!(steering.flow(&frame), Some(flow(0x1234)));
    assert_eq!(steering.worker_at(0, &frame), steering.worker_of(&flow(0x1234)));
    frame[9] = 1; // ICMP
    assert_eq!(steering.worker_at(0, &frame), 0, "stays with the queue's worker");
}

#[test]
fn the_devices_table_is_believed_until_frames_say_otherwise() {
    let rss = Rss { key: (1..=40).collect(), table: vec![0, 1, 0, 1] };
    let steering = steering(Some(rss.clone()), 2, 2, &[]).unwrap();
    let told = |flow: &FourTuple| rss.queue(rss.hash(&flow.rss_input()));
    assert!((0..100).all(|port| steering.worker_of(&flow(port)) == told(&flow(port))));
    let moved = flow(5);
    let (before, after) = (told(&moved), 1 - told(&moved));
    for _ in 0..2 {
        steering.learn(&moved, after);
    }
    steering.learn(&moved, before); // what was on its way
    steering.learn(&moved, after);
    steering.learn(&moved, after);
    assert_eq!(steering.worker_of(&moved), before);
    steering.learn(&moved, after);
    assert_eq!(steering.worker_of(&moved), after);
    let place = |flow: &FourTuple| rss.place(rss.hash(&flow.rss_input()));
    let same = (6..).map(flow).find(|other| place(other) == place(&moved)).unwrap();
    assert_eq!(steering.worker_of(&same), after, "the entry was learnt, not the flow");
}

#[test]
fn each_flow_has_one_owner_whatever_is_learnt() {
    let rss = Rss { key: (1..=40).collect(), table: vec![0, 1, 0, 1] };
    let steering = steering(Some(rss), 2, 4, &[0, 1, 2, 1]).unwrap();
    let outgoing = |port| FourTuple { local_port: port, ..flow(80) };
    let before: Vec<u16> = (32_768..34_000).map(|port| steering.owner_of(&outgoing(port))).collect();
    assert!((0..4).all(|worker| before.contains(&worker)), "one without weight may open connections too");
    let likely = |port| steering.guess(&outgoing(port)) == steering.owner_of(&outgoing(port));
    assert!((32_768..34_000).all(likely));
    for port in 32_768..34_000 {
        (0..3).for_each(|_| steering.learn(&outgoing(port), 0));
    }
    assert!(
        (32_768..34_000).all(|port| steering.worker_of(&outgoing(port)) == 2),
        "all arrive at queue 0 by now"
    );
    assert_eq!((32_768..34_000).map(|port| steering.owner_of(&outgoing(port))).collect::<Vec<_>>(), before);
}
