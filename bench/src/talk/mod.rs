//! One end of a connection that is told what to say: a transfer one way, or its side of a seeded conversation. The same
//! code talks through the kernel's sockets and through corelane's.
//!
//! | file | what |
//! |---|---|
//! | args, report | the flags; what is found out |
//! | host | the two networks: kernel and corelane |
//! | transfer | bytes one way, for so long |
//! | plan | a seed's conversation |
//! | conversation | one side of it |

pub mod args;
mod conversation;
mod host;
pub mod plan;
pub mod report;
mod transfer;

use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::oneshot;

use crate::cli::ClientEngine;
use crate::error::bad_input;
use crate::process;
use crate::serve::READY;
pub use args::TalkArgs;
use host::{Corelane, Host, Kernel};
use plan::Plan;
use report::Talk;

/// How long what is still on its way may take after stdin has ended.
const GRACE: Duration = Duration::from_millis(200);

/// `corelane-bench talk`.
pub fn run(args: &TalkArgs) -> anyhow::Result<ExitCode> {
    process::join_parent(args.parent)?;
    match args.engine {
        ClientEngine::Epoll => {
            args.device.refuse(args.engine)?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let kernel = Kernel { congestion: args.congestion.clone() };
            runtime.block_on(talk(&kernel, args))?;
        }
        ClientEngine::Corelane => {
            let mut runtime = args.device.start_with(false, args.congestion.as_deref())?;
            let result = runtime.block_on(talk(&Corelane, args));
            // What is cut off was said, and TIME-WAIT is nobody's loss.
            let _cut = runtime.shutdown(GRACE);
            result?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Says on stdout how it went, and stays to answer late segments until stdin ends.
async fn talk<H: Host>(host: &H, args: &TalkArgs) -> anyhow::Result<()> {
    let before = host.counters()?;
    let stream = open(host, args).await?;
    let mut talk = match (args.send, args.receive, args.conversation) {
        (Some(bytes), None, None) => transfer::send(stream, bytes).await,
        (None, Some(bytes), None) => transfer::receive(host, stream, bytes, args.seconds).await,
        (None, None, Some(seed)) => conversation::hold(host, stream, &Plan::draw(seed), args.side).await,
        _ => return Err(bad_input("--send, --receive, --conversation: give one of them")),
    };
    let after = host.counters()?;
    talk.counted = after
        .into_iter()
        .map(|(name, count)| (count.saturating_sub(before.get(&name).copied().unwrap_or(0)), name))
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| (name, count))
        .collect();
    say(&serde_json::to_string::<Talk>(&talk)?)?;
    end_of_stdin()?.await.context("reading stdin")
}

async fn open<H: Host>(host: &H, args: &TalkArgs) -> anyhow::Result<H::Stream> {
    let stream = match (args.listen, args.connect) {
        (Some(address), None) => {
            let mut listener =
                host.listen(address).await.with_context(|| format!("listening on {address}"))?;
            say(&format!("{READY}{address}"))?;
            host.accept(&mut listener).await.context("accepting the connection")?
        }
        (None, Some(server)) => {
            host.connect(server).await.with_context(|| format!("connecting to {server}"))?
        }
        _ => return Err(bad_input("--listen, --connect: give one of them")),
    };
    Ok(stream)
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Ready when stdin has ended: a thread waits for it, since neither runtime may be blocked.
fn end_of_stdin() -> io::Result<oneshot::Receiver<()>> {
    let (ended, end) = oneshot::channel();
    thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        // An error is an end as well.
        while matches!(io::stdin().read(&mut [0; 64]), Ok(1..)) {}
        // Nobody waits any more when the process is ending.
        let _gone = ended.send(());
    })?;
    Ok(end)
}
