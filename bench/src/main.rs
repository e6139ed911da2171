//! What it costs: one binary that serves (`serve`), asks (`load`), does both in one thread (`memory`), and measures all
//! of it side by side in interleaved rounds (`compare`).
//!
//! | file | what |
//! |---|---|
//! | cli | the flags |
//! | serve | the servers: blocking threads, epoll, tokio, corelane |
//! | load | the client, on epoll or on corelane: a closed loop that checks every byte |
//! | device | what corelane runs on |
//! | stream | the bytes of the bulk workloads |
//! | flow | one direction of a bulk stream on a kernel socket |
//! | compare | the beds, the rounds, the table, the report |
//! | memory | the in-memory bed: both ends on one core, without a kernel |
//! | process | what a measured process asks of the kernel: its core, its session |
//! | sys | system calls; all of this crate's `unsafe` |

mod cli;
mod compare;
mod device;
mod error;
mod flow;
mod load;
mod memory;
mod process;
mod serve;
mod stream;
mod sys;

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
    };
    match result {
        Ok(code) => code,
        Err(error) => error::report(&error),
    }
}
