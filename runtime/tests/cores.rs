//! Two hosts of several workers each, joined in memory, every worker on a thread of its own.

use std::thread;
use std::time::{Duration, Instant};

use corelane::net::{TcpListener, TcpStream};
use corelane::stats::Snapshot;
use corelane::sync::mpsc;
use corelane::{Builder, Runtime, spawn_local};
use corelane_nic::Rss;
use corelane_sim::{LinkConfig, SimNic, cross_thread_pair};

const SERVER: &str = "10.0.0.2:7";
const LONG: Duration = Duration::from_secs(60);

/// Connections that each worker of the client opens.
const EACH: u64 = 150;

fn rss(seed: u8, queues: u16) -> Rss {
    // Any key will do that has no pattern.
    let key = (0..40u8)
        .map(|n| n.wrapping_mul(n).wrapping_mul(167).wrapping_add(seed ^ n.rotate_left(3)))
        .collect();
    Rss { key, table: (0..128).map(|entry| entry % queues).collect() }
}

fn runtime(nic: SimNic, address: &str, change: impl FnOnce(Builder) -> Builder) -> Runtime {
    // 1024 buffers each: heaps of eight workers need not be large.
    change(Builder::new().nic(nic).address(address).slots(1024)).build().unwrap()
}

async fn echo(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    while let Some(chunk) = stream.recv_chunk().await? {
        stream.send(chunk).await?;
    }
    Ok(())
}

/// Accepts until nothing is accepted any more.
async fn serve(mut listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        spawn_local(echo(stream));
    }
}

async fn converse(rounds: u32) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(SERVER).await?;
    stream.set_nodelay(true)?;
    for round in 0..rounds {
        stream.write_all(&round.to_be_bytes()).await?;
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await?;
        assert_eq!(u32::from_be_bytes(answer), round, "bytes come back in their order");
    }
    Ok(())
}

/// What a run left behind, of each worker.
struct Outcome {
    server: Vec<Snapshot>,
    client: Vec<Snapshot>,
}

impl Outcome {
    /// Connections that each worker of the server accepted.
    fn accepted(&self) -> Vec<u64> {
        self.server.iter().map(|stats| stats.stack.tcp_passive_opens).collect()
    }

    fn assert_spread_within_a_fifth(&self) {
        let accepted = self.accepted();
        let fair = accepted.iter().sum::<u64>() / accepted.len() as u64;
        assert!(accepted.iter().all(|n| n.abs_diff(fair) * 5 <= fair), "{accepted:?}");
    }

    fn assert_nothing_was_lost(&self) {
        assert_eq!(self.accepted().iter().sum::<u64>(), EACH * self.client.len() as u64);
        for stats in self.server.iter().chain(&self.client) {
            assert_eq!((stats.stack.tcp_out_rsts, stats.stack.tcp_estab_resets), (0, 0), "{stats:#?}");
            assert_eq!((stats.stack.tcp_attempt_fails, stats.queue.rx_dropped), (0, 0), "{stats:#?}");
            let crossings = stats.crossings;
            assert_eq!((crossings.misrouted_dropped, crossings.spread_dropped), (0, 0), "{stats:#?}");
        }
    }
}

fn total(all: &[Snapshot], count: impl Fn(&Snapshot) -> u64) -> u64 {
    all.iter().map(count).sum()
}

/// Each worker of the client opens `EACH` connections, five at a time. The server listens on all of its workers, or on one.
fn run(
    link: &LinkConfig,
    change: impl Fn(Builder) -> Builder + Send + Clone + 'static,
    on: Option<usize>,
) -> Outcome {
    let (ours, theirs) = cross_thread_pair(link).unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    let (end, mut ended) = mpsc::channel::<()>(1);
    let change_server = change.clone();
    let server = thread::spawn(move || {
        let mut runtime = runtime(ours, "10.0.0.2/24", change_server);
        let handle = runtime.handle();
        let stats = runtime.block_on(async move {
            match on {
                None => drop(handle.listen_all(SERVER, serve).await.unwrap()),
                Some(index) => {
                    let start =
                        || async { drop(spawn_local(serve(TcpListener::bind(SERVER).await.unwrap()))) };
                    handle.spawn_with(index, start).unwrap().await.unwrap().unwrap();
                }
            }
            tell.send(()).unwrap();
            ended.recv().await.unwrap();
            handle.stats().await
        });
        assert!(runtime.shutdown(LONG), "all is finished");
        stats
    });
    told.recv().unwrap();
    let mut runtime = runtime(theirs, "10.0.0.1/24", change);
    let opened = runtime.block_on_all(|| async {
        for _ in 0..EACH / 5 {
            let tasks = [(); 5].map(|()| spawn_local(converse(5)));
            for task in tasks {
                task.await.unwrap().unwrap();
            }
        }
    });
    opened.unwrap();
    let handle = runtime.handle();
    let client = runtime.block_on(async move { handle.stats().await });
    assert!(runtime.shutdown(LONG), "all is finished");
    end.try_send(()).unwrap();
    Outcome { server: server.join().unwrap(), client }
}

#[test]
fn two_queues_share_the_connections_and_outgoing_ones_come_home() {
    let link = LinkConfig { queues: 2, rss: Some(rss(1, 2)), ..LinkConfig::default() };
    let outcome = run(&link, |builder| builder.queues(2), None);
    outcome.assert_nothing_was_lost();
    outcome.assert_spread_within_a_fifth();
    let all = [outcome.server, outcome.client].concat();
    assert_eq!(total(&all, |stats| stats.crossings.misrouted), 0, "all arrived where they belong");
    assert!(total(&all, |stats| stats.crossings.notices) > 0, "who asked by ARP is known to all");
}

#[test]
fn software_spreads_one_queue_as_well() {
    let outcome = run(&LinkConfig::default(), |builder| builder.queues(1).workers(2), None);
    outcome.assert_nothing_was_lost();
    outcome.assert_spread_within_a_fifth();
    let all = [outcome.server, outcome.client].concat();
    assert_eq!(total(&all, |stats| stats.crossings.misrouted), 0, "all arrived where they belong");
    assert!(total(&all, |stats| stats.crossings.spread) > EACH);
}

#[test]
fn weights_are_kept() {
    let outcome = run(&LinkConfig::default(), |builder| builder.queues(1).workers(3).spread([0, 1, 3]), None);
    outcome.assert_nothing_was_lost();
    let accepted = outcome.accepted();
    let share = accepted[2] as f64 / (3 * EACH) as f64;
    assert!(accepted[0] == 0 && (0.65..0.85).contains(&share), "{accepted:?}");
}

#[test]
fn two_queues_feed_four_workers() {
    let link = LinkConfig { queues: 2, rss: Some(rss(1, 2)), ..LinkConfig::default() };
    let outcome = run(&link, |builder| builder.queues(2).workers(4), None);
    outcome.assert_nothing_was_lost();
    let all = [outcome.server, outcome.client].concat();
    assert_eq!(total(&all, |stats| stats.crossings.misrouted), 0, "all arrived where they belong");
}

#[test]
fn what_a_card_sends_astray_finds_its_core() {
    // The card hashes with another key than it tells.
    let link =
        LinkConfig { queues: 2, rss: Some(rss(1, 2)), rss_told: Some(rss(77, 2)), ..LinkConfig::default() };
    let outcome = run(&link, |builder| builder.queues(2), None);
    outcome.assert_nothing_was_lost();
    outcome.assert_spread_within_a_fifth();
    let misrouted = total(&outcome.client, |stats| stats.crossings.misrouted);
    assert!(misrouted > EACH, "{misrouted} frames of {} connections", 2 * EACH);
    // The workers are asked one after the other, while the last frames are on their way.
    let adopted = total(&outcome.client, |stats| stats.crossings.adopted);
    assert!(adopted.abs_diff(misrouted) < EACH / 10, "{adopted} of {misrouted}");
}

#[test]
fn a_card_that_tells_nothing_costs_detours_and_no_connection() {
    // Queue i goes to queue i: what the server answers arrives where the server's queue says.
    let link = LinkConfig { queues: 2, ..LinkConfig::default() };
    let outcome = run(&link, |builder| builder.queues(2), None);
    outcome.assert_nothing_was_lost();
}

#[test]
fn one_core_may_listen_for_all() {
    let link = LinkConfig { queues: 2, rss: Some(rss(1, 2)), ..LinkConfig::default() };
    let outcome = run(&link, |builder| builder.queues(2), Some(1));
    outcome.assert_nothing_was_lost();
    assert_eq!(outcome.accepted(), [0, 2 * EACH]);
    assert!(outcome.server[0].crossings.misrouted > EACH, "{:#?}", outcome.server[0].crossings);
}

#[test]
fn a_port_where_nobody_listens_refuses() {
    let link = LinkConfig { queues: 2, rss: Some(rss(1, 2)), ..LinkConfig::default() };
    let (ours, theirs) = cross_thread_pair(&link).unwrap();
    let (end, mut ended) = mpsc::channel::<()>(1);
    let server = thread::spawn(move || {
        let mut runtime = runtime(ours, "10.0.0.2/24", |builder| builder.queues(2));
        runtime.block_on(async { ended.recv().await }).unwrap();
        assert!(runtime.shutdown(LONG));
    });
    let mut runtime = runtime(theirs, "10.0.0.1/24", |builder| builder.queues(2));
    let refused = runtime.block_on_all(|| async { TcpStream::connect(SERVER).await.unwrap_err().kind() });
    assert_eq!(refused.unwrap(), [std::io::ErrorKind::ConnectionRefused; 2]);
    end.try_send(()).unwrap();
    server.join().unwrap();
}

#[test]
fn a_hundred_thousand_messages_disturb_no_connection() {
    const MESSAGES: u64 = 100_000;
    let link = LinkConfig { queues: 2, rss: Some(rss(1, 2)), ..LinkConfig::default() };
    let (ours, theirs) = cross_thread_pair(&link).unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    let (end, mut ended) = mpsc::channel::<()>(1);
    let server = thread::spawn(move || {
        let mut runtime = runtime(ours, "10.0.0.2/24", |builder| builder.queues(2));
        let handle = runtime.handle();
        runtime.block_on(async move {
            drop(handle.listen_all(SERVER, serve).await.unwrap());
            tell.send(()).unwrap();
            ended.recv().await.unwrap();
        });
        assert!(runtime.shutdown(LONG));
    });
    told.recv().unwrap();
    let mut runtime = runtime(theirs, "10.0.0.1/24", |builder| builder.queues(2));
    let handle = runtime.handle();
    let time = runtime.block_on(async move {
        let (sender, mut receiver) = mpsc::channel(1024);
        let began = Instant::now();
        let talk = [0, 1].map(|index| handle.spawn_with(index, || converse(300)).unwrap());
        let flood = handle.spawn_on(1, async move {
            for n in 0..MESSAGES {
                sender.send(n).await.unwrap();
                if n % 64 == 63 {
                    corelane::yield_now().await; // the connection there has its turn
                }
            }
        });
        for n in 0..MESSAGES {
            assert_eq!(receiver.recv().await, Ok(n), "in order");
        }
        let time = began.elapsed();
        flood.unwrap().await.unwrap();
        for task in talk {
            task.await.unwrap().unwrap().unwrap();
        }
        time
    });
    println!("{:.0} messages a second", MESSAGES as f64 / time.as_secs_f64());
    assert!(runtime.shutdown(LONG));
    end.try_send(()).unwrap();
    server.join().unwrap();
}
