//! Whether a row's figures are what they seem: those of the server, from rounds that agree, of which there were enough.

use serde::{Deserialize, Serialize};

use super::measure::Measurement;
use super::row::{median, spread};
use crate::cli::Engine;

/// A client that had work for a greater part of the time than this was the limit, unless the server had too.
pub const FULL: f64 = 0.95;

/// The rounds of a row disagree when the middle half of them is wider than this part of their median.
pub const NOISE: f64 = 0.10;

/// Quartiles of fewer rounds are mostly chance.
const ROUNDS: usize = 4;

/// The shortest measurement, in seconds: the kernel's account of a core comes in steps of 10 ms.
const SECONDS: f64 = 0.5;

/// Answers of one measurement: fewer leave p99.9 to less than ten of them.
const ANSWERS: u64 = 10_000;

/// A client that is later than this part of the latency that it measures (p99, open loop) measures itself.
const LATE: f64 = 0.10;

/// A server or a client that waits for its core for a greater part of the time than this shares it: each time costs the latencies
/// of all that is in flight up to the kernel's time slice, 4 ms.
pub const SHARED: f64 = 0.005;

/// The same in an open loop, where requests fall due meanwhile too: from this part of the time on, what was in flight or fell due then
/// is more than one request in a thousand.
const SHARED_IN_OPEN_LOOP: f64 = 0.001;

/// Rounds in which a cache line took so many times as long between the two cores as in others are not of one machine.
const MOVED: f64 = 1.5;

/// How much room each end had, and what a reader must know of the figures.
#[derive(Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
pub struct Headroom {
    /// The part of the time in which the server had work: by its own account where it polls (turns of its loop that found
    /// something to do), else what its core was busy. Median of the rounds.
    pub server_busy: f64,
    /// The same of the client; `None` when it has no core of its own.
    pub client_busy: Option<f64>,
    /// Why the row's figures are no measure of the server: they are in no ratio. `None`: they are.
    pub refused: Option<String>,
    /// What makes them doubtful.
    pub warnings: Vec<String>,
}

impl Headroom {
    /// Of the rounds of a row.
    pub fn of(rounds: &[Measurement]) -> Self {
        let middle = |figures: Vec<f64>| spread(figures).map(|spread| spread.median);
        let server_busy = middle(rounds.iter().map(Measurement::server_busy).collect()).unwrap_or(0.0);
        let client_busy = middle(rounds.iter().filter_map(Measurement::client_busy).collect());
        Self {
            server_busy,
            client_busy,
            refused: client_busy.and_then(|client| refusal(client, server_busy)),
            warnings: [
                noise(rounds),
                length(rounds),
                shared(rounds),
                moved(rounds),
                lateness(rounds),
                unmet(rounds),
            ]
            .into_iter()
            .flatten()
            .collect(),
        }
    }
}

impl Headroom {
    /// With what must be said of `engine`: whether epoll-tuned had work nobody knows, as the kernel polls inside of its waits.
    pub fn for_engine(mut self, engine: Engine) -> Self {
        if let (Engine::EpollTuned, Some(client)) = (engine, self.client_busy.filter(|client| *client > FULL))
        {
            self.warnings.push(format!(
                "the client may have been the limit: it had work for {:.0} % of the time, and the server, which polls \
                 inside of its waits, can't say for how much",
                client * 100.0
            ));
        }
        self
    }
}

/// Why the client was the limit.
pub fn refusal(client_busy: f64, server_busy: f64) -> Option<String> {
    (client_busy > FULL && server_busy < FULL).then(|| {
        format!(
            "the client was the limit: it had work for {:.0} % of the time, the server for {:.0} %",
            client_busy * 100.0,
            server_busy * 100.0
        )
    })
}

/// What is said of rounds that disagree: in a closed loop about the rate, in an open one, whose rate is given, about p99.
fn noise(rounds: &[Measurement]) -> Option<String> {
    if rounds.len() < ROUNDS {
        return Some(format!("{} rounds: too few to know how much they vary", rounds.len()));
    }
    let is_open = rounds.iter().any(|round| round.report.open_loop.is_some());
    let (name, figure): (_, fn(&Measurement) -> f64) = match rounds[0].report.workload.is_bulk() {
        true => ("Gbit/s", |round| round.report.gbit_per_second),
        false if is_open => ("p99", |round| round.report.latency_us.p99),
        false => ("req/s", |round| round.report.requests_per_second),
    };
    let mut sorted: Vec<f64> = rounds.iter().map(figure).collect();
    sorted.sort_by(f64::total_cmp);
    let variation = interquartile(&sorted) / median(&sorted)?;
    (variation > NOISE).then(|| {
        format!(
            "noisy: the middle half of the rounds is {:.0} % of their median wide in {name}",
            variation * 100.0
        )
    })
}

/// Between the medians of the lower and of the upper half, without the middle one (Tukey's hinges of Moore and McCabe).
fn interquartile(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    let ends = median(&sorted[..half]).zip(median(&sorted[sorted.len() - half..]));
    ends.map_or(0.0, |(low, high)| high - low)
}

fn length(rounds: &[Measurement]) -> Option<String> {
    let seconds = rounds.iter().map(|round| round.report.seconds).fold(f64::INFINITY, f64::min);
    if seconds < SECONDS {
        return Some(format!("short: {seconds:.2} s a round, below {SECONDS} s"));
    }
    let counted = rounds.iter().filter(|round| !round.report.workload.is_bulk());
    let answers = counted.map(|round| round.report.requests).min()?;
    (answers < ANSWERS).then(|| {
        format!("short: {answers} answers a round: p99.9 rests on fewer than ten, and p99.99 on none")
    })
}

/// What is said of cores on which something else ran too.
fn shared(rounds: &[Measurement]) -> Option<String> {
    let worst =
        |waited: fn(&Measurement) -> Option<f64>| rounds.iter().filter_map(waited).fold(0.0, f64::max);
    let (server, client) = (worst(|round| round.server_waited), worst(|round| round.client_waited));
    let is_open = rounds.iter().any(|round| round.report.open_loop.is_some());
    let (bound, so) =
        if is_open { (SHARED_IN_OPEN_LOOP, ": p99.9 is the time that they took") } else { (SHARED, "") };
    (server.max(client) > bound).then(|| {
        format!(
            "shared cores: the server waited for its core for {:.1} % of a round, the client for {:.1} %, while others ran there{so}",
            server * 100.0,
            client * 100.0
        )
    })
}

/// What is said of cores that the host moved nearer to each other, or further apart.
fn moved(rounds: &[Measurement]) -> Option<String> {
    let trips = spread(rounds.iter().filter_map(|round| round.core_round_trip_ns).collect())?;
    (trips.max > MOVED * trips.min).then(|| {
        format!(
            "cores that moved: a cache line took {:.0} ns to the other core and back in one round, {:.0} ns in another",
            trips.min, trips.max
        )
    })
}

fn lateness(rounds: &[Measurement]) -> Option<String> {
    let middle = |figure: fn(&Measurement) -> Option<f64>| {
        spread(rounds.iter().filter_map(figure).collect()).map(|spread| spread.median)
    };
    let late = middle(|round| Some(round.report.open_loop.as_ref()?.late_us.p99))?;
    let all = middle(|round| Some(round.report.latency_us.p99))?;
    (late > LATE * all).then(|| format!("the client was late itself: p99 {late:.1} us of the {all:.1} us"))
}

fn unmet(rounds: &[Measurement]) -> Option<String> {
    let open = || rounds.iter().filter_map(|round| round.report.open_loop.as_ref());
    let missed = open().filter(|open| !open.rate_met).count();
    (missed > 0).then(|| {
        let (due, sent) = open().fold((0, 0), |(due, sent), open| (due + open.due, sent + open.sent));
        format!("the rate was not met in {missed} of {} rounds: {sent} of {due} sent", rounds.len())
    })
}

#[cfg(test)]
mod tests;
