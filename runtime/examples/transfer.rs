//! Sends or receives a file over one TCP connection of our own stack.
//!
//! Without root, client and server in this process; a generated file goes there and is compared:
//! ```sh
//! cargo run --release -p corelane --example transfer -- --driver sim
//! ```
//! On a TAP interface, as root; the kernel's nc is the other end. Both ways, listening or connecting:
//! ```sh
//! cargo build --release -p corelane --example transfer
//! ip tuntap add tap0 mode tap; ip addr add 10.9.0.1/24 dev tap0; ip link set tap0 up
//! target/release/examples/transfer --driver tap --interface tap0 --address 10.9.0.2/24 --listen 9 --receive copy &
//! nc -N 10.9.0.2 9 <file
//! nc -l 10.9.0.1 9 >copy &
//! target/release/examples/transfer --driver tap --interface tap0 --address 10.9.0.2/24 --connect 10.9.0.1:9 --send file
//! ```
//! Over AF_XDP on eth0, as root, with an address that the kernel does not have:
//! ```sh
//! target/release/examples/transfer --driver xdp --interface eth0 --address 10.0.0.2/24 --gateway 10.0.0.1 \
//!     --listen 9 --send file
//! ```

mod common;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use corelane::net::{self, Shutdown, TcpListener, TcpStream};
use corelane::time::{sleep, timeout};
use corelane::{Chunk, Packet, stats};

#[derive(clap::Parser)]
#[command(about = "Sends or receives a file over corelane's own TCP", version)]
struct Args {
    #[command(flatten)]
    device: common::Device,
    /// Wait for one connection on this port
    #[arg(long, value_name = "PORT", conflicts_with = "connect")]
    listen: Option<u16>,
    /// Connect to this server
    #[arg(long, value_name = "ADDRESS:PORT")]
    connect: Option<SocketAddr>,
    /// What to send; with --driver sim a generated file by default
    #[arg(long, value_name = "FILE", conflicts_with = "receive")]
    send: Option<PathBuf>,
    /// Where to put what is received
    #[arg(long, value_name = "FILE")]
    receive: Option<PathBuf>,
    /// Read the file right into the device's buffers, and send these: nothing is copied after that
    #[arg(long)]
    owned: bool,
    /// Seconds until it gives up
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86400))]
    timeout: u64,
}

/// The file, opened before the connection, so that a wrong name is told at once.
enum Job {
    Send(File),
    SendOwned(File),
    Receive(File),
}

fn main() -> ExitCode {
    common::run(|args: Args| if args.device.is_sim() { in_memory(&args) } else { over_network(&args) })
}

fn over_network(args: &Args) -> io::Result<()> {
    let job = match (&args.send, &args.receive) {
        (Some(path), None) if args.owned => Job::SendOwned(named(path, File::open(path))?),
        (Some(path), None) => Job::Send(named(path, File::open(path))?),
        (None, Some(path)) => Job::Receive(named(path, File::create(path))?),
        _ => return wrong("give --send FILE or --receive FILE"),
    };
    let address = args.device.socket(args.listen.unwrap_or(0))?;
    if args.listen.is_none() && args.connect.is_none() {
        return wrong("give --listen PORT or --connect ADDRESS:PORT");
    }
    let connect = args.connect;
    let mut runtime = args.device.builder()?.build()?;
    let limit = Duration::from_secs(args.timeout);
    let result = runtime.block_on(async move {
        let stream = match connect {
            Some(server) => timeout(limit, TcpStream::connect(server)).await??,
            None => {
                let mut listener = TcpListener::bind(address).await?;
                println!("listening on {address}");
                timeout(limit, listener.accept()).await??.0
            }
        };
        let started = Instant::now();
        let bytes = timeout(limit, run(stream, job)).await??;
        let seconds = started.elapsed().as_secs_f64();
        println!("{bytes} bytes in {seconds:.2} s, {:.2} Gbit/s", bytes as f64 * 8e-9 / seconds);
        if let Some(counted) = stats::snapshot() {
            let (tcp, queue) = (counted.stack, counted.queue);
            println!("{} segments sent again, {} time-outs", tcp.tcp_retrans_segs, tcp.timeouts);
            println!(
                "copied for sending: {} B by the stack, {} B by the driver",
                tcp.tx_copied_bytes, queue.tx_copied_bytes
            );
            println!(
                "copied on receiving: {} B by the stack, {} B by the driver",
                tcp.rx_copied_bytes, queue.rx_copied_bytes
            );
        }
        io::Result::Ok(())
    });
    if !runtime.shutdown(Duration::from_secs(5)) && result.is_ok() {
        return Err(io::Error::new(io::ErrorKind::TimedOut, "the other end did not take our FIN"));
    }
    result
}

async fn run(stream: TcpStream, job: Job) -> io::Result<u64> {
    match job {
        Job::Send(file) => send(stream, file).await,
        Job::SendOwned(file) => send_owned(stream, file).await,
        Job::Receive(file) => receive(stream, file).await,
    }
}

/// Returns after the other end has closed too, and so has taken everything.
async fn send(mut stream: TcpStream, mut file: File) -> io::Result<u64> {
    let mut buf = vec![0; 64 * 1024];
    let mut bytes = 0;
    loop {
        // A file in the page cache is read faster than the network takes it; a slow disk would hold up the core.
        let n = file.read(&mut buf)?;
        if n == 0 {
            break;
        }
        stream.write_all(&buf[..n]).await?;
        bytes += n as u64;
    }
    end(stream).await?;
    Ok(bytes)
}

/// As `send`, but the file is read to where it is sent from.
async fn send_owned(mut stream: TcpStream, mut file: File) -> io::Result<u64> {
    let pool = net::pool()?;
    let mut bytes = 0;
    loop {
        let Some(packet) = pool.take() else {
            sleep(Duration::from_millis(1)).await; // all buffers are on their way
            continue;
        };
        let chunk = fill(packet, &mut file)?;
        if chunk.is_empty() {
            break;
        }
        bytes += chunk.len() as u64;
        stream.send(chunk).await?;
    }
    end(stream).await?;
    Ok(bytes)
}

/// A buffer full of the file; less at its end.
fn fill(mut packet: Packet, file: &mut File) -> io::Result<Chunk> {
    let room = packet.tailroom();
    let n = match packet.push_back(room) {
        Some(buf) => file.read(buf)?,
        None => 0,
    };
    packet.truncate(n);
    Ok(packet.freeze())
}

/// Ends our direction, and waits for the other end's FIN.
async fn end(mut stream: TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    match stream.recv_chunk().await? {
        None => Ok(()),
        Some(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "the other end sends, too")),
    }
}

async fn receive(mut stream: TcpStream, mut file: File) -> io::Result<u64> {
    let mut bytes = 0;
    while let Some(chunk) = stream.recv_chunk().await? {
        file.write_all(&chunk)?;
        bytes += chunk.len() as u64;
    }
    Ok(bytes)
}

/// Sends a file from one end of the link in memory to the other one, and compares what arrived.
fn in_memory(args: &Args) -> io::Result<()> {
    if args.listen.is_some() || args.connect.is_some() || args.receive.is_some() {
        return wrong("--driver sim has both ends in this process: give --send FILE or nothing");
    }
    let folder = std::env::temp_dir().join(format!("corelane-transfer-{}", std::process::id()));
    named(&folder, fs::create_dir(&folder))?;
    let result = there_and_compare(args, &folder);
    fs::remove_dir_all(&folder)?;
    result
}

fn there_and_compare(args: &Args, folder: &Path) -> io::Result<()> {
    let original = args.send.clone().unwrap_or_else(|| folder.join("original"));
    if args.send.is_none() {
        fs::write(&original, generated(32 << 20))?;
    }
    let copy = folder.join("copy");
    let to = copy.clone();
    let server = move |listener| receive_one(listener, to.clone());
    let file = named(&original, File::open(&original))?;
    let limit = Duration::from_secs(args.timeout);
    let address = args.device.socket(9)?;
    let (ours, theirs) = args.device.link()?;
    common::beside(args.device.builder()?.nic(ours), address, server, theirs, async move {
        let bytes = timeout(limit, async { send(TcpStream::connect(address).await?, file).await }).await??;
        println!("{bytes} bytes sent");
        Ok(())
    })?;
    if fs::read(&original)? != fs::read(&copy)? {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the copy is not what was sent"));
    }
    println!("the copy is equal");
    Ok(())
}

/// The other end of the link.
async fn receive_one(mut listener: TcpListener, to: PathBuf) {
    let Ok((stream, peer)) = listener.accept().await else { return };
    let received = match File::create(to) {
        Ok(file) => receive(stream, file).await,
        Err(error) => Err(error),
    };
    match received {
        Ok(bytes) => println!("{bytes} bytes received from {peer}"),
        Err(error) => eprintln!("{peer}: {error}"),
    }
}

/// Bytes in which a lost, doubled or misplaced piece shows: xorshift64.
fn generated(len: usize) -> Vec<u8> {
    let mut state: u64 = 0x9E37_79B9_7F4A_7C15;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.take(len / 8).flatten().collect()
}

fn named<T>(path: &Path, result: io::Result<T>) -> io::Result<T> {
    result
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, format!("{}: {error}", path.display())))
}

fn wrong<T>(message: &str) -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::InvalidInput, message))
}
