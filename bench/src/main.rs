//! What it costs: one binary that serves (`serve`), asks (`load`), does both in one thread (`memory`), and measures all
//! of it side by side in interleaved rounds (`compare`); and the kernel as the peer across a bad network: a forwarder
//! (`forward`), an end of a connection (`talk`), transfers measured (`lossy`) and conversations compared (`differ`). A
//! hostile peer (`attack`). And where the cycles go (`profile`).
//!
//! | file | what |
//! |---|---|
//! | cli | the flags |
//! | serve | the servers: blocking threads, epoll, io_uring, mio, tokio, corelane; an axum router on the last two |
//! | load | the client, on epoll or on corelane: a closed or an open loop that checks every byte; or wrk |
//! | drive | drives corelane's runtime turn by turn, for the meter |
//! | meter | how much of its time a loop that never sleeps has work |
//! | device | what corelane runs on |
//! | stream | the bytes of the bulk workloads |
//! | flow | one direction of a bulk stream on a kernel socket |
//! | compare | the beds, the rounds, the table, the report |
//! | report | the report as a page, and beside another |
//! | memory | the in-memory bed: both ends on one core, without a kernel |
//! | forward | a forwarder that loses, delays, reorders and doubles frames |
//! | talk | an end of a connection: a transfer, or a side of a seeded conversation |
//! | lossy | beds with the forwarder between two hosts: transfers, conversations |
//! | attack | a hostile peer: floods and sweeps of forged frames |
//! | profile | where the cycles of the in-memory echo go |
//! | netns | network namespaces |
//! | child | a process of this binary, spoken with in lines |
//! | process | what a measured process asks of the kernel: its core, its session |
//! | sys | system calls; all of this crate's `unsafe` |

mod attack;
mod child;
mod cli;
mod compare;
mod device;
mod drive;
mod error;
mod flow;
mod forward;
mod load;
mod lossy;
mod memory;
mod meter;
mod netns;
mod process;
mod profile;
mod report;
mod serve;
mod stream;
mod sys;
mod talk;

use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match cli::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let result = match &cli.command {
        cli::Command::Serve(args) => serve::run(args),
        cli::Command::Load(args) => load::run(args),
        cli::Command::Compare(args) => compare::run(args),
        cli::Command::Memory(args) => memory::run(args),
        cli::Command::Forward(args) => forward::run(args),
        cli::Command::Talk(args) => talk::run(args),
        cli::Command::Lossy(args) => lossy::transfers(args),
        cli::Command::Differ(args) => lossy::conversations(args),
        cli::Command::Attack(args) => attack::run(args),
        cli::Command::Profile(args) => profile::run(args),
        cli::Command::Report(args) => report::run(args),
    };
    match result {
        Ok(code) => code,
        Err(error) => error::report(&error),
    }
}
