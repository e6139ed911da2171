//! What many cores cost and share out, on links in memory: connections by worker, frames that arrived astray, messages a second
//! between workers, and eight workers that have nothing to do.
//!
//! ```sh
//! cargo run --release -p corelane --example cores
//! ```
//! Over a device each worker opens its connections to an echo server; which worker each answer came to is counted. Over AF_XDP on
//! eth0, which has two queues, as root:
//! ```sh
//! cargo build --release -p corelane --example cores
//! target/release/examples/cores --driver xdp --interface eth0 --address 10.0.0.2/24 --queues 2 --cores 0,1 --server 10.0.0.1:7
//! ```

mod common;
#[path = "common/stats.rs"]
mod stats;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use corelane::net::{TcpListener, TcpStream};
use corelane::stats::Snapshot;
use corelane::sync::mpsc;
use corelane::time::sleep;
use corelane::{Builder, JoinHandle, Runtime, spawn_local};
use corelane_nic::Rss;
use corelane_sim::{LinkConfig, SimNic, cross_thread_pair};
use rustix::time::{ClockId, clock_gettime};

const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), 7);
const MESSAGES: u64 = 1_000_000;
const LONG: Duration = Duration::from_secs(60);

#[derive(clap::Parser)]
#[command(about = "Many cores, on links in memory or over a device", version)]
struct Args {
    #[command(flatten)]
    device: common::Device,
    /// With --driver sim: workers of each host
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(2..=64))]
    workers: u16,
    /// Connections that each worker of the client opens
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    connections: u32,
    /// Over a device: the echo server to connect to
    #[arg(long, value_name = "ADDRESS:PORT")]
    server: Option<SocketAddr>,
    /// Over a device: write what the workers have counted to this file at the end
    #[arg(long, value_name = "FILE")]
    stats: Option<PathBuf>,
}

fn main() -> ExitCode {
    common::run(|args: Args| {
        if !args.device.is_sim() {
            return over_device(args);
        }
        for queues in [args.workers, 1] {
            let (server, client) = hosts(queues, args.workers, args.connections)?;
            report(queues, &server, &client);
        }
        idle()
    })
}

/// A card of `queues` queues; any key without a pattern will do.
fn link(queues: u16) -> io::Result<(SimNic, SimNic)> {
    let key = (0..40u8).map(|n| n.wrapping_mul(n).wrapping_mul(167) ^ n.rotate_left(3)).collect();
    let rss = Rss { key, table: (0..128).map(|entry| entry % queues).collect() };
    cross_thread_pair(&LinkConfig { queues, rss: Some(rss), ..LinkConfig::default() })
}

fn host(nic: SimNic, address: &str, queues: u16, workers: u16) -> io::Result<Runtime> {
    Builder::new().nic(nic).address(address).queues(queues).workers(workers).slots(2048).build()
}

async fn serve(mut listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        spawn_local(async move {
            while let Some(chunk) = stream.recv_chunk().await? {
                stream.send(chunk).await?;
            }
            io::Result::Ok(())
        });
    }
}

async fn ask(server: SocketAddr, rounds: u32) -> io::Result<()> {
    let mut stream = TcpStream::connect(server).await?;
    for round in 0..rounds {
        stream.write_all(&round.to_be_bytes()).await?;
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await?;
        if u32::from_be_bytes(answer) != round {
            return Err(io::Error::other("an answer out of order"));
        }
    }
    Ok(())
}

/// Each worker opens its connections, some at a time, and gets what it said back on each.
fn over_device(args: Args) -> io::Result<()> {
    const AT_ONCE: u32 = 8;
    let Some(server) = args.server else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "give --server ADDRESS:PORT, or --driver sim",
        ));
    };
    let mut runtime = args.device.builder()?.build()?;
    let opened = runtime.block_on_all(move || async move {
        let share = |task| (args.connections + task) / AT_ONCE;
        let open = |count| async move {
            for _ in 0..count {
                ask(server, 5).await?;
            }
            io::Result::Ok(())
        };
        let tasks: Vec<JoinHandle<_>> = (0..AT_ONCE).map(|task| spawn_local(open(share(task)))).collect();
        for task in tasks {
            task.await??;
        }
        io::Result::Ok(())
    })?;
    opened.into_iter().collect::<io::Result<Vec<()>>>()?;
    let handle = runtime.handle();
    let counted = runtime.block_on(async move {
        if let Some(path) = args.stats {
            stats::write(&handle, &path).await?;
        }
        io::Result::Ok(handle.stats().await)
    })?;
    for (worker, counted) in counted.iter().enumerate() {
        println!("worker {worker} opened {}: {:?}", counted.stack.tcp_active_opens, counted.crossings);
    }
    if runtime.shutdown(LONG) { Ok(()) } else { Err(io::Error::other("a connection did not close")) }
}

/// Opens the connections, then floods one worker of the client with messages while two connections go on. What each worker counted.
fn hosts(queues: u16, workers: u16, connections: u32) -> io::Result<(Vec<Snapshot>, Vec<Snapshot>)> {
    let (ours, theirs) = link(queues)?;
    let (tell, told) = std::sync::mpsc::channel();
    let (end, mut ended) = mpsc::channel::<()>(1);
    let server = thread::spawn(move || {
        let mut runtime = host(ours, "10.0.0.2/24", queues, workers)?;
        let handle = runtime.handle();
        let stats = runtime.block_on(async move {
            let listening = handle.listen_all(SERVER, serve).await?;
            drop((tell.send(()), listening));
            let _ = ended.recv().await; // or the client has failed
            io::Result::Ok(handle.stats().await)
        });
        if runtime.shutdown(LONG) { stats } else { Err(io::Error::other("the server did not finish")) }
    });
    let _ = told.recv(); // if the server failed, nobody answers the client
    let mut runtime = host(theirs, "10.0.0.1/24", queues, workers)?;
    let opened = runtime.block_on_all(move || async move {
        for _ in 0..connections {
            ask(SERVER, 5).await?;
        }
        io::Result::Ok(())
    })?;
    opened.into_iter().collect::<io::Result<Vec<()>>>()?;
    let handle = runtime.handle();
    let stats = runtime.block_on(async move {
        let stats = handle.stats().await;
        let (sender, mut receiver) = mpsc::channel(1024);
        let talks = [0, 1].map(|index| handle.spawn_with(index, || ask(SERVER, 1000)));
        let began = Instant::now();
        handle.spawn_on(1, async move {
            for n in 0..MESSAGES {
                if sender.send(n).await.is_err() {
                    return;
                }
                if n % 64 == 63 {
                    corelane::yield_now().await; // the connection there has its turn
                }
            }
        })?;
        for n in 0..MESSAGES {
            if receiver.recv().await != Ok(n) {
                return Err(io::Error::other("a message out of order"));
            }
        }
        println!(
            "{:.0} messages a second between two workers",
            MESSAGES as f64 / began.elapsed().as_secs_f64()
        );
        for talk in talks {
            talk?.await?.unwrap_or(Ok(()))?;
        }
        Ok(stats)
    })?;
    if !runtime.shutdown(LONG) {
        return Err(io::Error::other("the client did not finish"));
    }
    let _ = end.try_send(()); // the server waits for it, or has failed
    let server = server.join().map_err(|_| io::Error::other("the server panicked"))??;
    Ok((server, stats))
}

fn report(queues: u16, server: &[Snapshot], client: &[Snapshot]) {
    let accepted: Vec<u64> = server.iter().map(|stats| stats.stack.tcp_passive_opens).collect();
    let opened: Vec<u64> = client.iter().map(|stats| stats.stack.tcp_active_opens).collect();
    println!("{} workers, {queues} queue(s): opened {opened:?}, accepted {accepted:?}", server.len());
    if let Some(total) = Snapshot::total(server.iter().chain(client)) {
        println!("  {:?}", total.crossings);
        println!("  sent again {}, RSTs {}", total.stack.tcp_retrans_segs, total.stack.tcp_out_rsts);
    }
}

/// Processor time of this process, in all its threads.
fn used() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32) // never negative
}

/// Eight workers on one queue without traffic.
fn idle() -> io::Result<()> {
    const ROUNDS: usize = 500;
    let (nic, _peer) = link(1)?;
    let mut runtime = host(nic, "10.0.0.2/24", 1, 8)?;
    let handle = runtime.handle();
    let (share, mut wakes) = runtime.block_on(async move {
        sleep(Duration::from_millis(100)).await; // they spin at first
        let (began, before) = (Instant::now(), used());
        sleep(Duration::from_secs(3)).await;
        let share = (used() - before).as_secs_f64() / began.elapsed().as_secs_f64();
        let mut wakes = Vec::with_capacity(ROUNDS);
        for round in 0..ROUNDS {
            sleep(Duration::from_millis(2)).await; // it sleeps again by then
            let asked = Instant::now();
            wakes.push(handle.spawn_on(1 + round % 7, async { Instant::now() })?.await? - asked);
        }
        io::Result::Ok((share, wakes))
    })?;
    wakes.sort_unstable();
    println!("8 workers without traffic: {:.3} % of a core", share * 100.0);
    let (median, most) = (wakes[ROUNDS / 2], wakes[ROUNDS * 99 / 100]);
    println!("  woken within {median:?} (median), {most:?} (99 %), {:?} (worst)", wakes[ROUNDS - 1]);
    if runtime.shutdown(LONG) { Ok(()) } else { Err(io::Error::other("a worker did not finish")) }
}
