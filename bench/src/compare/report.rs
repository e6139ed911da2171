//! The results, as they are written to a file.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::bed::Beds;
use super::beside::Beside;
use super::knee::Knee;
use super::lossy::Links;
use super::machine::Machine;
use super::plan::{self, Plan};
use super::rounds::Series;
use super::row::{self, Row};
use super::settings::{COMMON, EngineSettings};
use crate::cli::{Bed, Engine, LoadEngine, Workload};
use crate::sys;

/// The version of the file's format. A field more is no new one: whoever reads it takes what it knows. A field that goes
/// or changes its meaning is.
pub const FORMAT: u32 = 1;

/// How it was measured.
#[derive(Serialize, Deserialize, Debug, Clone)]
pub struct Settings {
    /// The bed asked for, or the first of them; each row has its own.
    pub bed: Bed,
    /// All that were asked for and could be had; empty in files of one bed that don't say.
    #[serde(default)]
    pub beds: Vec<Bed>,
    /// Rounds of each cell.
    pub rounds: u32,
    /// Seconds of one measurement.
    pub seconds: f64,
    /// Seconds before each.
    pub warmup: f64,
    /// Of the servers on the kernel's network.
    pub client: String,
    /// The server's core.
    pub server_cpu: usize,
    /// The client's core.
    pub client_cpu: usize,
    /// Congestion control of the kernel's sockets; none: the system's.
    pub congestion: Option<String>,
    /// How all the engines are set.
    #[serde(default)]
    pub common: Vec<String>,
    /// How each that was measured is set, beside what the commands of its rows say.
    #[serde(default)]
    pub engines: Vec<EngineSettings>,
    /// What wasn't measured, and why.
    pub left_out: Vec<String>,
    /// What a reader of the figures must know.
    pub notes: Vec<String>,
}

impl Settings {
    /// All the beds asked for.
    pub fn all_beds(&self) -> Vec<Bed> {
        if self.beds.is_empty() { vec![self.bed] } else { self.beds.clone() }
    }

    /// Their names.
    pub fn bed_names(&self) -> String {
        self.all_beds().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    /// With whom the rows are compared first, in words: in memory with smoltcp.
    pub fn peer(&self) -> &'static str {
        match self.all_beds()[..] {
            [Bed::Memory] => "smoltcp",
            ref beds if beds.contains(&Bed::Memory) => "epoll (memory: smoltcp)",
            _ => "epoll",
        }
    }
}

/// Rounds that gave no figures.
#[derive(Serialize, Deserialize, Debug, Clone)]
pub struct Failure {
    /// Where.
    #[serde(default)]
    pub bed: Option<Bed>,
    /// Who.
    pub engine: Engine,
    /// What.
    pub workload: Workload,
    /// Of corelane's device, where the bed lets it be chosen.
    pub mtu: Option<u16>,
    /// Requests that a connection sends at once.
    #[serde(default = "row::one")]
    pub pipeline: usize,
    /// On how many connections.
    pub connections: usize,
    /// Bytes of an answer; 0 in files that don't say.
    #[serde(default)]
    pub size: usize,
    /// Beside these connections.
    #[serde(flatten)]
    pub beside: Beside,
    /// How many rounds.
    pub rounds: usize,
    /// Why the first of them failed.
    pub reason: String,
}

/// All the results.
#[derive(Serialize, Deserialize, Debug, Clone)]
pub struct Comparison {
    /// [`FORMAT`].
    pub format: u32,
    /// When it was over, in seconds since 1970 UTC.
    pub unix_time: u64,
    /// How it was called.
    pub arguments: Vec<String>,
    /// Where it ran.
    pub machine: Machine,
    /// How it was measured.
    pub settings: Settings,
    /// The figures.
    pub rows: Vec<Row>,
    /// The knees of the open loop, with all the measurements of their search; the rows with an offered load are parts of them.
    #[serde(default)]
    pub knees: Vec<Knee>,
    /// Transfers across lossy links; `None`: they were not asked for.
    #[serde(default)]
    pub lossy: Option<Links>,
    /// What failed.
    pub failures: Vec<Failure>,
}

impl Failure {
    /// What failed, and why, in words; the comparison has so many rounds.
    pub fn words(&self, of_rounds: u32) -> String {
        let Self { engine, connections, rounds, reason, .. } = self;
        let question = plan::question(self.workload, self.mtu, self.size, self.pipeline, self.beside);
        let bed = self.bed.map_or_else(String::new, |bed| format!("{bed}, "));
        format!(
            "{engine}, {bed}{question}, {connections} connections: {rounds} of {of_rounds} rounds failed: {reason}"
        )
    }
}

impl Comparison {
    /// Of all the measurements.
    pub fn new(plan: &Plan, beds: &Beds, series: &[Series], knees: Vec<Knee>) -> Self {
        let mut rows: Vec<_> = series.iter().filter_map(Row::new).collect();
        row::compare(&mut rows);
        let mut engines: Vec<Engine> = Vec::new();
        for one in series {
            if !engines.contains(&one.engine) {
                engines.push(one.engine);
            }
        }
        let failures = series.iter().filter_map(|series| {
            Some(Failure {
                bed: Some(series.bed),
                engine: series.engine,
                workload: series.cell.workload,
                mtu: series.cell.mtu,
                pipeline: series.cell.pipeline,
                connections: series.cell.connections,
                size: series.cell.size,
                beside: series.cell.beside,
                rounds: series.failures.len(),
                reason: series.failures.first()?.clone(),
            })
        });
        Self {
            format: FORMAT,
            unix_time: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()),
            arguments: std::env::args().skip(1).collect(),
            machine: Machine::read(plan.server_cpu, beds.links()),
            settings: Settings {
                bed: plan.choice.beds.first().copied().unwrap_or(Bed::Veth),
                beds: plan.choice.beds.clone(),
                rounds: plan.rounds,
                seconds: plan.seconds.as_secs_f64(),
                warmup: plan.warmup.as_secs_f64(),
                client: plan.client.to_string(),
                server_cpu: plan.server_cpu,
                client_cpu: plan.client_cpu,
                congestion: plan.congestion.clone(),
                common: COMMON.iter().map(|text| (*text).to_owned()).collect(),
                engines: engines.into_iter().map(EngineSettings::of).collect(),
                left_out: plan.left_out.clone(),
                notes: notes(plan).into_iter().map(str::to_owned).collect(),
            },
            knees,
            lossy: None,
            failures: failures.collect(),
            rows,
        }
    }

    /// Whether every measurement succeeded and every answer was right.
    pub fn is_clean(&self) -> bool {
        let right = |row: &Row| row.byte_errors == 0 && row.connection_errors == 0;
        let links = self.lossy.as_ref().is_none_or(Links::is_clean);
        self.failures.is_empty() && self.rows.iter().all(right) && links
    }
}

/// Of what the flags chose.
fn notes_on_settings(plan: &Plan) -> Vec<&'static str> {
    let mut notes = Vec::new();
    let beside = |has: fn(&Beside) -> bool| plan.cells.iter().any(|cell| has(&cell.beside));
    if beside(|beside| beside.idle > 0) {
        notes.push(
            "idle connections were made before, and are in no figure; after the measured time each must be there still, and a \
             thousand of them were asked once",
        );
    }
    if beside(|beside| beside.slow > 0) {
        notes.push(
            "slow readers send as fast as they can and read 100 KiB a second each; they are in no figure but byte errors, in which a \
             byte that is missing at the end counts; the client's core serves them too",
        );
    }
    if plan.cells.iter().any(|cell| cell.pipeline > 1) {
        notes.push("requests that are sent at once have the latency of the last of them each");
    }
    notes
}

fn notes(plan: &Plan) -> Vec<&'static str> {
    let mut notes = vec![
        "req/s and latencies are medians of the rounds; compare ratios, not figures of two runs: a ratio with an interval is the \
              median of those of single rounds, in which both were measured within minutes",
    ];
    if plan.has_bed(Bed::Memory) {
        notes.push(
            "in memory client and server share one core and no kernel is between them: these figures can't be \
             compared with those of another bed",
        );
    }
    if plan.cells.iter().any(|cell| cell.bed != Bed::Memory) {
        notes.push(
            "busy is the core's time, of an engine that polls that of turns which found work; a row whose client was busy \
             for more than 95 % of the time and its server wasn't has no ratio: look at CPU us/req there",
        );
    }
    if plan.congestion.as_deref() == Some("cubic") {
        notes.push(
            "the kernel's sockets use cubic, Linux's own default, whatever this machine's is (--congestion)",
        );
    }
    if !sys::is_root() {
        notes.push("without root these processes have no precedence: run nothing else beside them");
    }
    if plan.has_on(Bed::Loopback, Engine::Corelane) {
        notes.push(
            "different beds: the kernel engines are on loopback, corelane on an in-memory link \
             with its client in the same process: their figures can't be compared",
        );
    }
    if plan.has_on(Bed::Veth, Engine::Corelane) {
        notes.push(
            "corelane has a veth pair of its own with TSO and GSO off at the client \
             (AF_XDP can't cut their frames); the kernel engines' pair has all offloads on",
        );
        notes.push(
            "corelane polls its interface from its own core (--busy-poll, napi_defer_hard_irqs 2, \
             gro_flush_timeout 10 ms); for the kernel engines the sender's core does that work",
        );
    }
    notes.extend(notes_on_settings(plan));
    if plan.client == LoadEngine::Wrk {
        notes.push(
            "wrk checks the status of an answer; one answer is checked byte for byte before each measurement",
        );
    }
    if plan.cells.iter().any(|cell| cell.workload.is_bulk()) {
        notes.push("bulk, bulk-up: a request is a megabyte (10^6 bytes) here; x epoll is that of Gbit/s");
    }
    if plan.has_on(Bed::Vhost, Engine::Corelane) {
        notes.push(
            "corelane is at both ends of a vhost-user pair, without the kernel; the kernel engines have the kernel's \
             client on a veth pair with all offloads on, whose MTU is 1500 in every cell",
        );
        notes.push(
            "corelane's server and client spin: their cores are always busy; its fair peer is epoll-spin",
        );
    }
    if plan.has_on(Bed::Tap, Engine::Corelane) {
        notes.push("different beds: the kernel engines are on a veth pair, corelane on a TAP");
    }
    notes
}
