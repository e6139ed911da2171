//! What will be measured, in which order, and how long it takes.

use std::fmt;
use std::fs;
use std::time::Duration;

use super::bed;
use super::beside::Beside;
use super::choice::{self, Choice};
use super::engines::Engines;
use super::sweep::{self, OpenLoop};
use super::{costs, instructions, lossy, memory};
use crate::cli::{ArrivalProcess, Bed, CompareArgs, Engine, LoadEngine, Workload};
use crate::error::bad_input;
use crate::{load, serve, sys};

/// Starting and ending a server and a client, apart from the connections.
const PROCESSES: Duration = Duration::from_millis(150);

/// DPDK's own start and end at both ends: it clears its memory, and loads all of its drivers.
const DPDK: Duration = Duration::from_millis(1100);

/// Making one connection.
const CONNECT: Duration = Duration::from_micros(150);

/// The same in memory, where smoltcp takes most of it.
const CONNECT_IN_MEMORY: Duration = Duration::from_micros(50);

/// Rounds, milliseconds of one measurement and milliseconds before it, of a run in full: all of it in half an hour. Many short rounds
/// tell more than few long ones: what moves the figures changes from minute to minute.
const FULL: (u32, u64, u64) = (10, 700, 200);

/// One line of questions: the engines that are compared with each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// Where, as it was asked for: the kernel's engines of vhost and of a TAP run on veth.
    pub bed: Bed,
    /// What is asked.
    pub workload: Workload,
    /// On how many connections.
    pub connections: usize,
    /// Bytes of an answer.
    pub size: usize,
    /// Of corelane's device, where the bed lets it be chosen.
    pub mtu: Option<u16>,
    /// Requests that a connection sends at once.
    pub pipeline: usize,
    /// Beside these connections.
    pub beside: Beside,
    /// Who is asked.
    pub engines: Vec<Engine>,
}

/// All that a comparison does.
#[derive(Debug)]
pub struct Plan {
    /// Where.
    pub choice: Choice,
    /// What; those that are measured in the same rounds stand beside each other.
    pub cells: Vec<Cell>,
    /// How often every engine is measured in a cell.
    pub rounds: u32,
    /// One measurement.
    pub seconds: Duration,
    /// Before each, not measured.
    pub warmup: Duration,
    /// Of the servers on the kernel's network.
    pub client: LoadEngine,
    /// The server's core.
    pub server_cpu: usize,
    /// The client's core.
    pub client_cpu: usize,
    /// Congestion control of the kernel's sockets; `None`: the system's.
    pub congestion: Option<String>,
    /// Threads of bio-pool.
    pub pool: usize,
    /// What the stage of the open loop takes.
    pub open_loop: OpenLoop,
    /// Whether there is the stage of lossy links.
    pub lossy: bool,
    /// Microseconds that p99 may have at the knee.
    pub p99_bound_us: f64,
    /// When the requests of the open loop start.
    pub arrivals: ArrivalProcess,
    /// Of the first round's starts.
    pub seed: u64,
    /// What isn't measured, and why.
    pub left_out: Vec<String>,
}

impl Plan {
    /// What `args` ask for.
    pub fn new(args: &CompareArgs) -> anyhow::Result<Self> {
        let mut left_out = Vec::new();
        let mut choice = Choice::new(args, &mut left_out)?;
        if args.server_cpu == args.client_cpu {
            return Err(bad_input(format!(
                "--server-cpu and --client-cpu are both {}: give two cores, or the scheduler is \
                 what is measured",
                args.server_cpu
            )));
        }
        if args.workloads.contains(&Workload::Json) && !cfg!(feature = "axum") {
            return Err(bad_input(serve::NO_AXUM));
        }
        if args.lossy && !sys::is_root() {
            return Err(bad_input(
                "--lossy: network namespaces need root: run it with sudo, or leave it out",
            ));
        }
        let cells = all_cells(args, &mut choice, &mut left_out)?;
        let (rounds, seconds, warmup) = match (args.quick, choice.full) {
            (true, _) => (5, 900, 200),
            (false, true) => FULL,
            (false, false) => (10, 3000, 500),
        };
        // They need what a TAP does.
        let in_full = !choice.named && choice.beds.contains(&Bed::Tap);
        // wrk counts whole seconds.
        let whole = |time: Duration| match args.client {
            LoadEngine::Wrk => Duration::from_millis(time.as_millis().div_ceil(1000) as u64 * 1000), // a day at most
            _ => time,
        };
        Ok(Self {
            open_loop: OpenLoop::new(args, &choice),
            choice,
            cells,
            rounds: args.rounds.unwrap_or(rounds),
            seconds: whole(args.seconds.unwrap_or(Duration::from_millis(seconds))),
            warmup: whole(args.warmup.unwrap_or(Duration::from_millis(warmup))),
            client: args.client,
            server_cpu: args.server_cpu,
            client_cpu: args.client_cpu,
            congestion: args.congestion.clone().or_else(cubic),
            pool: args.pool,
            lossy: args.lossy || in_full,
            p99_bound_us: args.p99_bound * 1000.0,
            arrivals: args.arrivals,
            seed: args.seed,
            left_out,
        })
    }

    /// Leaves a bed out, which can't be had as is seen only now.
    ///
    /// # Errors
    /// `reason` itself, where the user named the bed or nothing else is left.
    pub fn leave_out(&mut self, bed: Bed, reason: anyhow::Error) -> anyhow::Result<()> {
        let others = self.cells.iter().any(|cell| cell.bed != bed);
        if self.choice.named || !others {
            return Err(reason);
        }
        self.left_out.push(format!("bed {bed}: {reason:#}"));
        self.cells.retain(|cell| cell.bed != bed);
        self.choice.beds.retain(|other| *other != bed);
        Ok(())
    }

    /// The cells, with those beside each other that are measured in the same rounds.
    pub fn groups(&self) -> impl Iterator<Item = &[Cell]> {
        self.cells.chunk_by(Cell::shares_rounds_with)
    }

    /// Cells that are measured in the same rounds in words, with their beds where there are several in the run.
    pub fn name_of<'a>(&self, group: impl IntoIterator<Item = &'a Cell>) -> String {
        let mut group = group.into_iter().peekable();
        let Some(first) = group.peek().map(ToString::to_string) else { return String::new() };
        if self.choice.beds.len() < 2 {
            return first;
        }
        let beds: Vec<_> = group.map(|cell| cell.bed.to_string()).collect();
        format!("{first}, {}", beds.join(" and "))
    }

    /// Whether something is measured on the bed.
    pub fn has_bed(&self, bed: Bed) -> bool {
        self.cells.iter().any(|cell| cell.bed == bed)
    }

    /// Whether `engine` is measured on the bed.
    pub fn has_on(&self, bed: Bed, engine: Engine) -> bool {
        self.cells.iter().any(|cell| cell.bed == bed && cell.engines.contains(&engine))
    }

    /// About how long they take together.
    pub fn estimate(&self) -> Duration {
        let open_loop: Duration = self.open_groups().map(|group| self.open_loop_of(group)).sum();
        let counting = self.counting() + self.counting_instructions();
        self.round() * self.rounds + counting + open_loop + lossy::estimate(self)
    }

    /// About how long a round of everything takes.
    pub fn round(&self) -> Duration {
        self.cells.iter().map(|cell| self.round_of(cell)).sum()
    }

    /// How many stages there are: the rounds, the counting of system calls and of instructions, the open loop of
    /// some groups, and lossy links.
    pub fn stages(&self) -> usize {
        let counting = 1 + self.counted_cells().count().min(1);
        self.rounds as usize + counting + self.open_groups().count() + usize::from(self.lossy)
    }

    /// About how long one measurement takes.
    pub fn time_of(&self, cell: &Cell, engine: Engine) -> Duration {
        self.warmup + self.seconds + overhead(cell, engine)
    }

    /// About how long a round takes.
    fn round_of(&self, cell: &Cell) -> Duration {
        cell.engines.iter().map(|engine| self.time_of(cell, *engine)).sum()
    }

    /// About how long it takes to count the system calls.
    pub fn counting(&self) -> Duration {
        let counted = self.cells.iter().filter(|cell| cell.bed != Bed::Memory);
        let each =
            |cell: &Cell| cell.engines.iter().map(|engine| self.counting_of(cell, *engine)).sum::<Duration>();
        counted.map(each).sum()
    }

    /// The same of one engine.
    pub fn counting_of(&self, cell: &Cell, engine: Engine) -> Duration {
        overhead(cell, engine) + costs::time(self)
    }

    /// About how long it takes to count instructions.
    pub fn counting_instructions(&self) -> Duration {
        instructions::EACH * count(self.counted_cells().map(|cell| cell.engines.len()).sum())
    }

    /// The cells in which instructions are counted.
    pub fn counted_cells(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter().filter(|cell| instructions::fits(cell))
    }

    /// About how long the open loop of a group takes.
    pub fn open_loop_of(&self, group: &[Cell]) -> Duration {
        let levels = count(sweep::LEVELS.len());
        let of_cell = |cell: &Cell| {
            let engines = sweep::engines(self, cell).into_iter();
            engines.map(|engine| self.time_of(cell, engine)).sum::<Duration>()
        };
        let round: Duration = group.iter().map(of_cell).sum();
        round * (sweep::SEARCH + self.rounds * levels)
    }

    /// The groups that are measured in an open loop too.
    pub fn open_groups(&self) -> impl Iterator<Item = &[Cell]> {
        self.groups().filter(|group| group.iter().any(|cell| !sweep::engines(self, cell).is_empty()))
    }

    /// Whether `engine` is measured.
    pub fn has(&self, engine: Engine) -> bool {
        self.cells.iter().any(|cell| cell.engines.contains(&engine))
    }
}

/// Of one measurement, beside its warm-up and its measured time.
fn overhead(cell: &Cell, engine: Engine) -> Duration {
    let dpdk = if bed::of(cell.bed, engine) == Bed::Vhost { DPDK } else { Duration::ZERO };
    let connect = if cell.bed == Bed::Memory { CONNECT_IN_MEMORY } else { CONNECT };
    PROCESSES + dpdk + connect * count(cell.connections + cell.beside.idle + cell.beside.slow)
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Refuses clients that can't ask what is to be measured.
fn check_client(args: &CompareArgs, bed: Bed) -> anyhow::Result<()> {
    let wrong = match args.client {
        LoadEngine::Epoll => return Ok(()),
        LoadEngine::Corelane => "it needs a device of its own: --bed vhost has it for corelane",
        LoadEngine::Wrk if bed == Bed::Memory => "both ends are in one process in memory: take another --bed",
        LoadEngine::Wrk => {
            let http = |workload: &Workload| workload.is_http() || *workload == Workload::Json;
            if !args.workloads.is_empty() && args.workloads.iter().all(http) {
                return Ok(());
            }
            "it speaks HTTP: give --workloads http, http-close or json, or several of them"
        }
    };
    Err(bad_input(format!("--client {}: {wrong}", args.client)))
}

/// Refuses more connections than the bed of memory has.
fn check_room(cell: &Cell) -> anyhow::Result<()> {
    let (connections, idle) = (cell.connections, cell.beside.idle);
    if cell.bed != Bed::Memory || connections + idle <= memory::CONNECTIONS {
        return Ok(());
    }
    let most = memory::CONNECTIONS;
    Err(bad_input(format!(
        "--idle {idle}: in memory there are {most} connections at most, with the {connections} of --connections: give fewer, or \
         another --bed"
    )))
}

/// Refuses batches where nothing sends them.
fn check_pipeline(args: &CompareArgs, bed: Bed) -> anyhow::Result<()> {
    let fits = |workload: &Workload| matches!(workload, Workload::Echo | Workload::Http);
    let has_others = !args.workloads.iter().all(fits) || (args.workloads.is_empty() && bed == Bed::Vhost);
    let Some(pipeline) = args.pipeline.iter().find(|pipeline| **pipeline > 1) else { return Ok(()) };
    let wrong = if args.open_loop {
        "a connection of an open loop has one request in flight: leave --open-loop out"
    } else if bed == Bed::Memory || args.client == LoadEngine::Wrk {
        "only the clients epoll and corelane send batches, and not in memory"
    } else if has_others {
        "only echo and http have batches: give --workloads echo, http or both"
    } else {
        return Ok(());
    };
    Err(bad_input(format!("--pipeline {pipeline}: {wrong}")))
}

/// Linux's own default, where the kernel has it: a machine may have another one, such as BBR, whose timers cost.
fn cubic() -> Option<String> {
    let available = fs::read_to_string("/proc/sys/net/ipv4/tcp_available_congestion_control").ok()?;
    available.split_whitespace().find(|name| *name == "cubic").map(str::to_owned)
}

/// The cells of all the beds. A bed that nobody named, and that has nothing of what is asked for, is left out.
fn all_cells(
    args: &CompareArgs,
    choice: &mut Choice,
    left_out: &mut Vec<String>,
) -> anyhow::Result<Vec<Cell>> {
    let mut all = Vec::new();
    let several = choice.beds.len() > 1;
    for bed in choice.beds.clone() {
        let mut without = Vec::new();
        let found = cells(args, bed, choice, &mut without);
        left_out.extend(without.into_iter().map(|reason| match several {
            true => format!("bed {bed}: {reason}"),
            false => reason,
        }));
        match found {
            Ok(cells) => add(&mut all, cells),
            Err(error) if choice.named => return Err(error),
            Err(error) => left_out.push(format!("bed {bed}: {error}")),
        }
    }
    if all.is_empty() {
        return Err(bad_input(format!("nothing is left to measure: {}", left_out.join("; "))));
    }
    choice.beds.retain(|bed| all.iter().any(|cell: &Cell| cell.bed == *bed));
    Ok(all)
}

/// Adds each cell beside those that ask the same, without the engines that one of them has already at the same place.
fn add(all: &mut Vec<Cell>, cells: Vec<Cell>) {
    for mut cell in cells {
        let same = |other: &&Cell| other.question() == cell.question();
        let taken = |engine: Engine| {
            let place = |cell: &Cell| bed::of(cell.bed, engine);
            all.iter()
                .filter(same)
                .any(|other| other.engines.contains(&engine) && place(other) == place(&cell))
        };
        let engines: Vec<_> = cell.engines.iter().copied().filter(|engine| !taken(*engine)).collect();
        if engines.is_empty() {
            continue;
        }
        let after = all
            .iter()
            .rposition(|other| other.shares_rounds_with(&cell))
            .map_or(all.len(), |index| index + 1);
        cell.engines = engines;
        all.insert(after, cell);
    }
}

/// What a bed is asked.
pub fn workloads(args: &CompareArgs, bed: Bed, full: bool) -> &[Workload] {
    match args.workloads.as_slice() {
        [] => choice::workloads(bed, full),
        chosen => chosen,
    }
}

/// The cells of one bed.
fn cells(
    args: &CompareArgs,
    bed: Bed,
    choice: &Choice,
    left_out: &mut Vec<String>,
) -> anyhow::Result<Vec<Cell>> {
    if bed != Bed::Vhost && !args.mtu.is_empty() {
        return Err(bad_input(format!("--mtu: bed {bed} has one of its own: use it with --bed vhost")));
    }
    let engines = Engines::new(args, bed, choice, left_out)?;
    check_client(args, bed)?;
    check_pipeline(args, bed)?;
    let mut cells = Vec::new();
    for &workload in workloads(args, bed, choice.full) {
        let connections = match args.connections.as_slice() {
            [] => choice::connections(bed, workload, choice.full),
            chosen => chosen,
        };
        for (mtu, size, pipeline) in variants(args, bed, workload) {
            cells.extend(connections.iter().map(|&connections| Cell {
                bed,
                workload,
                connections,
                size,
                mtu,
                pipeline,
                beside: engines.beside,
                engines: engines.at(bed, workload, connections, left_out),
            }));
        }
    }
    cells.retain(|cell| !cell.engines.is_empty());
    without_repetitions(left_out);
    without_repetitions(&mut cells);
    for cell in &cells {
        serve::http::check_size(cell.workload, cell.size)?;
        check_room(cell)?;
    }
    if cells.is_empty() {
        let reasons = left_out.join("; ");
        return Err(bad_input(format!("--bed {bed}: nothing is left to measure ({reasons})")));
    }
    Ok(cells)
}

impl Cell {
    /// What is asked.
    fn question(&self) -> (Workload, usize, usize, Option<u16>, usize, Beside) {
        (self.workload, self.connections, self.size, self.mtu, self.pipeline, self.beside)
    }

    /// Whether both are measured in the same rounds. In memory there is another bed's figure to compare with.
    fn shares_rounds_with(&self, other: &Self) -> bool {
        self.question() == other.question() && (self.bed == Bed::Memory) == (other.bed == Bed::Memory)
    }
}

/// What a user gave twice is measured once, and what is left out of several cells is said once.
fn without_repetitions<T: PartialEq>(list: &mut Vec<T>) {
    let all = std::mem::take(list);
    for one in all {
        if !list.contains(&one) {
            list.push(one);
        }
    }
}

/// The MTUs of corelane's device, the sizes and the requests at once that a workload is measured with; some have a size of their own.
fn variants(args: &CompareArgs, bed: Bed, workload: Workload) -> Vec<(Option<u16>, usize, usize)> {
    let mut all = Vec::new();
    for mtu in mtus(args, bed, workload) {
        for &size in &args.size {
            let size = load::payload(workload, size);
            all.extend(args.pipeline.iter().map(|&pipeline| (mtu, size, pipeline)));
        }
    }
    all
}

/// The MTUs of corelane's device that a workload is measured with.
fn mtus(args: &CompareArgs, bed: Bed, workload: Workload) -> Vec<Option<u16>> {
    match args.mtu.as_slice() {
        _ if bed != Bed::Vhost || !workload.is_bulk() => vec![None],
        [] => vec![Some(1500), Some(9000)],
        chosen => chosen.iter().copied().map(Some).collect(),
    }
}

/// A workload with the MTU that it is measured with, and with the requests that a connection sends at once.
pub fn name(workload: Workload, mtu: Option<u16>, pipeline: usize) -> String {
    let mtu = mtu.map_or_else(String::new, |mtu| format!(", MTU {mtu}"));
    format!("{workload}{mtu}{}", at_once(pipeline))
}

/// What is asked, in words, but for the number of connections.
pub fn question(
    workload: Workload,
    mtu: Option<u16>,
    size: usize,
    pipeline: usize,
    beside: Beside,
) -> String {
    let size = if workload.is_bulk() { String::new() } else { format!(" of {size} B") };
    format!("{}{size}{}{beside}", name(workload, mtu, 1), at_once(pipeline))
}

fn at_once(pipeline: usize) -> String {
    if pipeline == 1 { String::new() } else { format!(", {pipeline} at once") }
}

impl fmt::Display for Cell {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&question(self.workload, self.mtu, self.size, self.pipeline, self.beside))?;
        let plural = if self.connections == 1 { "" } else { "s" };
        write!(formatter, " on {} connection{plural}", self.connections)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let beds: Vec<_> = self.choice.beds.iter().map(ToString::to_string).collect();
        writeln!(formatter, "compare, bed {}:", beds.join(", "))?;
        for cell in &self.cells {
            let engines: Vec<_> = cell.engines.iter().map(ToString::to_string).collect();
            writeln!(formatter, "  {}: {}", self.name_of([cell]), engines.join(", "))?;
        }
        for reason in &self.left_out {
            writeln!(formatter, "  left out: {reason}")?;
        }
        let seconds = self.estimate().as_secs();
        writeln!(
            formatter,
            "  {} rounds of {:.1} s after {:.1} s of warm-up, server on core {}, client ({}) on core \
             {}: about {} min {} s",
            self.rounds,
            self.seconds.as_secs_f64(),
            self.warmup.as_secs_f64(),
            self.server_cpu,
            self.client,
            self.client_cpu,
            seconds / 60,
            seconds % 60
        )
    }
}

#[cfg(test)]
mod tests;
