//! A server or a client as a child process, spoken with in lines.

use std::fs;
use std::io::{Read, Write};
use std::process::{self, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::sys::{self, ContextSwitches, Stop, Wake};

/// For a server to end by itself after its stdin was closed.
const GRACE: Duration = Duration::from_secs(3);

/// A process of this binary. It is killed when this value goes away.
pub struct Child {
    name: &'static str,
    process: process::Child,
    stdout: ChildStdout,
    unread: Vec<u8>,
}

impl Child {
    /// Starts this binary again with `args`, through `prefix`.
    pub fn start(name: &'static str, prefix: &[String], args: &[String]) -> anyhow::Result<Self> {
        let binary = std::env::current_exe().context("finding the path of this binary")?;
        let mut command = match prefix.split_first() {
            None => Command::new(&binary),
            Some((program, rest)) => {
                let mut command = Command::new(program);
                command.args(rest).arg(&binary);
                command
            }
        };
        command
            .arg(name)
            .args(args)
            .args(["--parent", &process::id().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = command.spawn().with_context(|| format!("starting `{command:?}`"))?;
        let stdout = process.stdout.take().context("the child has no stdout")?;
        Ok(Self { name, process, stdout, unread: Vec::new() })
    }

    /// The next line from its stdout.
    ///
    /// # Errors
    /// It ended (with what it said on stderr), the patience is over, or a stop was asked for.
    pub fn line(&mut self, patience: Duration, stop: &Stop) -> anyhow::Result<String> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match sys::wait_readable(&self.stdout, stop, Some(left))? {
                Wake::Readable => {}
                Wake::Stop => anyhow::bail!("stopped by a signal"),
                Wake::Timeout => {
                    anyhow::bail!("`{}` said nothing for {} s; it was ended", self.name, patience.as_secs())
                }
            }
            let mut piece = [0; 4096];
            match self.stdout.read(&mut piece)? {
                0 => return Err(self.ended()),
                length => self.unread.extend_from_slice(&piece[..length]),
            }
        }
    }

    /// Its context switches so far, voluntary or not; those of its first thread.
    pub fn context_switches(&self) -> anyhow::Result<ContextSwitches> {
        let path = format!("/proc/{}/status", self.process.id());
        let status = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
        // proc_pid_status(5)
        let count = |name| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
        };
        Ok(ContextSwitches {
            voluntary: count("voluntary_ctxt_switches:"),
            involuntary: count("nonvoluntary_ctxt_switches:"),
        })
    }

    /// KiB of its memory that are resident (VmRSS of proc_pid_status(5)); `None` when it has ended.
    pub fn resident_kib(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    }

    /// How long its first thread has waited for its core while it could have run: proc_pid_schedstat(5) calls it run delay. `None` where
    /// the kernel doesn't count it (CONFIG_SCHED_INFO).
    pub fn run_delay(&self) -> Option<Duration> {
        let id = self.process.id();
        let schedstat = fs::read_to_string(format!("/proc/{id}/task/{id}/schedstat")).ok()?;
        schedstat.split_whitespace().nth(1)?.parse().ok().map(Duration::from_nanos)
    }

    /// Why it ended before its time.
    fn ended(&mut self) -> anyhow::Error {
        let mut said = String::new();
        if let Some(stderr) = &mut self.process.stderr {
            // What can't be read can't be told.
            let _unreadable = stderr.read_to_string(&mut said);
        }
        let said = said.trim().lines().last().unwrap_or("it said nothing").to_owned();
        match self.process.wait() {
            Ok(status) => anyhow::anyhow!("`{}` ended ({status}): {said}", self.name),
            Err(error) => anyhow::anyhow!("`{}` ended ({error}): {said}", self.name),
        }
    }

    /// Writes an empty line to its stdin.
    pub fn ask(&mut self) -> anyhow::Result<()> {
        let stdin = self.process.stdin.as_mut().context("its stdin is closed")?;
        stdin.write_all(b"\n")?;
        Ok(stdin.flush()?)
    }

    /// Closes its stdin: a last line may follow.
    pub fn close_stdin(&mut self) {
        drop(self.process.stdin.take());
    }

    /// Closes its stdin and waits for its end; kills it when that takes too long.
    pub fn finish(mut self, stop: &Stop) {
        self.close_stdin();
        // The end of its stdout is the end of the process, and the error that `line` then gives.
        let _ended = self.line(GRACE, stop);
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Both fail only when it has already been waited for.
        let _gone = self.process.kill();
        let _gone = self.process.wait();
    }
}
