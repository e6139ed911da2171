//! Connecting, warm-up, and the measured loop.

use std::time::{Duration, Instant};

use super::{Pair, SharedClient};
use crate::cli::MemoryArgs;
use crate::load::beside::BesideReport;
use crate::load::report::Report;
use crate::load::window::{Phase, Window};
use crate::sys::Stop;

/// For all connections to be made.
const PATIENCE: Duration = Duration::from_secs(120);

/// Without a single answer for so long, the run gives up.
const STALL: Duration = Duration::from_secs(10);

/// Idle connections that are asked in the end at most.
const ASKED: usize = 1000;

/// Turns between two looks at the signals, which cost a system call.
const TURNS: u32 = 1024;

/// Measures one pair of hosts.
pub fn run(
    mut pair: impl Pair,
    args: &MemoryArgs,
    client: &SharedClient,
    stop: &Stop,
) -> anyhow::Result<Report> {
    let begin = Instant::now();
    connect(&mut pair, args, client, begin, stop)?;
    client.borrow_mut().now = begin.elapsed();
    pair.start(0..args.connections)?;
    let measured = answer_requests(&mut pair, args, client, begin, stop)?;
    client.borrow_mut().tally.measuring = false;
    let asked_again = ask_idle(&mut pair, args, client, begin, stop)?;
    let beside = BesideReport { idle: args.beside, asked_again, ..BesideReport::default() };
    Ok(client.borrow().report(args, measured).with_beside(beside))
}

/// Asks idle connections, of many only some: each must answer. Returns how many there were.
fn ask_idle(
    pair: &mut impl Pair,
    args: &MemoryArgs,
    client: &SharedClient,
    begin: Instant,
    stop: &Stop,
) -> anyhow::Result<usize> {
    let count = args.beside.min(ASKED);
    let since = Instant::now();
    pair.start(args.connections..args.connections + count)?;
    loop {
        let answers = client.borrow().idle_answers;
        if answers == count {
            return Ok(count);
        }
        anyhow::ensure!(!stop.requested(), "stopped by a signal before the end");
        anyhow::ensure!(since.elapsed() < STALL, "only {answers} of {count} idle connections have answered");
        pair.turn(begin.elapsed())?;
        if let Some(reason) = &client.borrow().failure {
            anyhow::bail!("an idle connection broke: {reason}");
        }
    }
}

fn connect(
    pair: &mut impl Pair,
    args: &MemoryArgs,
    client: &SharedClient,
    begin: Instant,
    stop: &Stop,
) -> anyhow::Result<()> {
    let wanted = args.all_connections();
    while pair.connected() < wanted {
        let now = begin.elapsed();
        let connected = pair.connected();
        anyhow::ensure!(now < PATIENCE, "{connected} of {wanted} connections after {now:?}");
        anyhow::ensure!(!stop.requested(), "stopped by a signal before the end");
        pair.turn(now)?;
        if let Some(reason) = &client.borrow().failure {
            anyhow::bail!("connecting: {reason}");
        }
    }
    Ok(())
}

/// The loop that is measured; a function of its own, so that profilers can be told to look at nothing else.
#[inline(never)]
fn answer_requests<P: Pair>(
    pair: &mut P,
    args: &MemoryArgs,
    client: &SharedClient,
    begin: Instant,
    stop: &Stop,
) -> anyhow::Result<Duration> {
    let mut window = Window::starting(Instant::now(), args.warmup, args.duration, args.requests);
    let (mut answered, mut answered_at) = (0, begin);
    for turn in 0_u32.. {
        let now = Instant::now(); // the only look at the clock in a turn
        let requests = {
            let mut client = client.borrow_mut();
            client.now = now.duration_since(begin);
            client.tally.requests
        };
        match window.advance(now, requests) {
            Phase::Measure if !client.borrow().tally.measuring => {
                client.borrow_mut().tally.measuring = true;
                mark(args, "start")?;
            }
            Phase::WarmUp | Phase::Measure => {}
            Phase::Over => break,
        }
        pair.turn(now.duration_since(begin))?;
        if turn.is_multiple_of(TURNS) {
            anyhow::ensure!(!stop.requested(), "stopped by a signal before the end");
            let client = client.borrow();
            if client.tally.answered != answered {
                (answered, answered_at) = (client.tally.answered, now);
            }
            let silence = now.duration_since(answered_at);
            anyhow::ensure!(silence < STALL, "no answer for {silence:?}, after {answered} of them");
            if let Some(reason) = &client.failure {
                anyhow::bail!("a connection broke: {reason}");
            }
        }
    }
    mark(args, "end")?;
    Ok(window.measured())
}

/// Tells `compare` where the measured time starts and ends.
fn mark(args: &MemoryArgs, what: &str) -> std::io::Result<()> {
    use std::io::Write;
    if args.marks {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{what}")?;
        out.flush()?;
    }
    Ok(())
}
