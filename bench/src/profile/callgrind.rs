//! Instructions by function, counted by valgrind's callgrind.
//!
//! The program runs twice, with few requests and with many: the difference is what requests cost, without connecting and
//! ending.

use std::collections::HashMap;
use std::process::{Command, Stdio};

use anyhow::Context;

use super::args::Echo;
use crate::sys::Stop;

/// Requests of the two runs.
const FEW: u64 = 4_000;
const MANY: u64 = 44_000;

/// The functions of the C library that give memory; Rust's allocator calls them. Giving it back is not counted.
const ALLOCATORS: [&str; 6] = ["malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc", "memalign"];

/// What a request takes, of both ends together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Counts {
    /// By function, its own without those that it calls, most first.
    pub functions: Vec<(String, f64)>,
    /// Calls of [`ALLOCATORS`].
    pub allocations: f64,
}

impl Counts {
    /// All of them.
    pub fn total(&self) -> f64 {
        self.functions.iter().map(|(_, count)| count).sum()
    }
}

/// Counts an echo.
///
/// # Errors
/// valgrind is missing or failed; a stop was asked for.
pub fn count(echo: &Echo, stop: &Stop) -> anyhow::Result<Counts> {
    let few = measure(echo, FEW)?;
    anyhow::ensure!(!stop.requested(), "stopped by a signal before the end");
    let many = measure(echo, MANY)?;
    anyhow::ensure!(!stop.requested(), "stopped by a signal before the end");
    let each = |(name, count): (String, u64)| {
        let before = few.costs.get(&name).copied().unwrap_or(0);
        (name, (count as f64 - before as f64) / (MANY - FEW) as f64) // counts stay far below 2^53
    };
    let mut functions: Vec<(String, f64)> =
        many.costs.into_iter().map(each).filter(|(_, count)| *count > 0.0).collect();
    functions.sort_by(|(name, a), (other, b)| b.total_cmp(a).then_with(|| name.cmp(other)));
    let allocations = (many.allocations as f64 - few.allocations as f64) / (MANY - FEW) as f64; // far below 2^53
    Ok(Counts { functions, allocations })
}

/// What one run took.
#[derive(Debug, Default, PartialEq)]
struct Run {
    /// Instructions by function, its own without those that it calls.
    costs: HashMap<String, u64>,
    /// Calls of [`ALLOCATORS`].
    allocations: u64,
}

/// Of a run with so many requests.
fn measure(echo: &Echo, requests: u64) -> anyhow::Result<Run> {
    let binary = std::env::current_exe().context("finding the path of this binary")?;
    let output = std::env::temp_dir().join(format!("corelane-profile-{}-{requests}", std::process::id()));
    let mut command = Command::new("valgrind");
    command
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", output.display()))
        .arg(&binary)
        .arg("memory")
        .args(echo.flags())
        .args(["--requests", &requests.to_string()])
        .stdin(Stdio::null());
    let ran = command.output();
    let text = std::fs::read_to_string(&output);
    let _not_there = std::fs::remove_file(&output);
    let ran = match ran {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            anyhow::bail!("valgrind is missing: apt-get install valgrind")
        }
        ran => ran.context("starting valgrind")?,
    };
    if !ran.status.success() {
        let said = String::from_utf8_lossy(&ran.stderr);
        let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
        anyhow::bail!("valgrind failed ({}): {last}", ran.status);
    }
    let text = text.context("reading what callgrind wrote")?;
    Ok(parse(&text))
}

/// The self cost of each function in a file of callgrind (the manual's chapter "Callgrind Format Specification").
fn parse(text: &str) -> Run {
    let mut names: HashMap<&str, &str> = HashMap::new();
    let mut run = Run::default();
    let mut function = None;
    let mut called = None;
    let mut is_call = false;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("fn=") {
            function = Some(resolve(name, &mut names));
        } else if let Some(name) = line.strip_prefix("cfn=") {
            called = Some(resolve(name, &mut names));
        } else if let Some(calls) = line.strip_prefix("calls=") {
            is_call = true; // the next line is what the call took, all together
            if called.is_some_and(|name| ALLOCATORS.contains(&name)) {
                run.allocations +=
                    calls.split(' ').next().and_then(|count| count.parse::<u64>().ok()).unwrap_or(0);
            }
        } else if let Some(cost) = cost(line)
            && !std::mem::take(&mut is_call)
            && let Some(function) = function
        {
            *run.costs.entry(function.to_owned()).or_insert(0) += cost;
        }
    }
    run
}

/// `(3) name` names number 3, `(3)` is it.
fn resolve<'a>(name: &'a str, names: &mut HashMap<&'a str, &'a str>) -> &'a str {
    let Some((number, rest)) = name.strip_prefix('(').and_then(|name| name.split_once(')')) else {
        return name;
    };
    let rest = rest.trim_start();
    if rest.is_empty() {
        names.get(number).copied().unwrap_or(name)
    } else {
        names.entry(number).or_insert(rest)
    }
}

/// The cost of a line `POSITION COST`; the position is a number, `+n`, `-n` or `*`.
fn cost(line: &str) -> Option<u64> {
    let (position, cost) = line.split_once(' ')?;
    let is_position = position == "*" || position.trim_start_matches(['+', '-']).parse::<u64>().is_ok();
    if is_position { cost.trim().parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
