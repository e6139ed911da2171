//! wrk as the client: <https://github.com/wg/wrk>, one thread on this process's core. What it got is checked by status; one
//! answer is checked byte for byte beforehand.

use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::Deserialize;

use super::beside::BesideReport;
use super::connection::Connection;
use super::exchange::{Exchange, Progress};
use super::percentiles;
use super::report::{Latency, Report};
use super::silence::STALL;
use super::tally::Tally;
use super::{mark, no_server, payload};
use crate::cli::{LoadArgs, Workload};
use crate::error::bad_input;
use crate::serve::item::Item;
use crate::sys::{self, Stop, Wake};

/// What wrk runs at its end: its text has rounded figures, this has all of them. The list of percentiles comes before.
const SCRIPT: &str = r#"
function done(summary, latency, requests)
    local errors, points = summary.errors, {}
    for i, percentile in ipairs(ladder) do points[i] = string.format('%f', latency:percentile(percentile)) end
    io.write(string.format('\nresult {"microseconds":%d,"requests":%d,"not_connected":%d,"broken":%d,"late":%d,'
        .. '"status":%d,"p50":%f,"p99":%f,"p99_9":%f,"max":%f,"ladder":[%s]}\n',
        summary.duration, summary.requests, errors.connect, errors.read + errors.write, errors.timeout, errors.status,
        latency:percentile(50), latency:percentile(99), latency:percentile(99.9), latency.max,
        table.concat(points, ',')))
end
"#;

/// Starts the line that the script writes.
const RESULT: &str = "result ";

/// What wrk counted; times in microseconds.
#[derive(Deserialize, Debug, PartialEq)]
struct Outcome {
    microseconds: f64,
    requests: u64,
    not_connected: u64,
    broken: u64,
    late: u64,
    /// Answers above 399.
    status: u64,
    p50: f64,
    p99: f64,
    p99_9: f64,
    max: f64,
    /// At [`percentiles::LADDER`].
    ladder: Vec<f64>,
}

/// Refuses what wrk can't do.
pub fn check(args: &LoadArgs) -> anyhow::Result<()> {
    let wrong = if !args.workload.is_http() && args.workload != Workload::Json {
        format!("--workload {}: wrk speaks HTTP: take http, http-close or json", args.workload)
    } else if args.congestion.is_some() {
        "--congestion: wrk leaves it to net.ipv4.tcp_congestion_control: leave it out".to_owned()
    } else if args.requests.is_some() {
        "--requests: wrk ends by its time: give --duration".to_owned()
    } else if args.rate.is_some() {
        "--rate: wrk asks in a closed loop: take --engine epoll or corelane".to_owned()
    } else if args.spin {
        "--spin: wrk can only sleep: leave it out".to_owned()
    } else if [args.duration, args.warmup].iter().any(|time| time.subsec_nanos() != 0) {
        "--duration, --warmup: wrk counts whole seconds: give whole ones".to_owned()
    } else {
        return Ok(());
    };
    Err(bad_input(wrong))
}

/// Runs the load that `args` asks for.
pub fn run(args: &LoadArgs, stop: &Stop) -> anyhow::Result<Report> {
    try_once(args)?;
    if !args.warmup.is_zero() {
        load(args, args.warmup, stop)?;
    }
    mark(args, "start")?;
    let outcome = load(args, args.duration, stop)?;
    mark(args, "end")?;
    Ok(outcome.report(args))
}

/// Asks once, and checks every byte of the answer.
fn try_once(args: &LoadArgs) -> anyhow::Result<()> {
    let stream = TcpStream::connect_timeout(&args.addr, STALL).map_err(|error| no_server(args, &error))?;
    stream.set_read_timeout(Some(STALL))?;
    let mut connection = Connection::new(stream, Exchange::new(0, args.workload, args.size, false));
    let mut tally = Tally::new(1)?;
    connection.start(Instant::now());
    let mut buffer = [0; 4096];
    while connection.ready(sys::IN, &mut buffer, &mut tally).context("the first answer")? == Progress::Waiting
    {
    }
    anyhow::ensure!(tally.byte_errors == 0, "the first answer has {} wrong bytes", tally.byte_errors);
    Ok(())
}

/// Runs wrk for `time`.
fn load(args: &LoadArgs, time: Duration, stop: &Stop) -> anyhow::Result<Outcome> {
    let script = sys::memory_file(script().as_bytes()).context("keeping wrk's script in memory")?;
    let mut command = Command::new("wrk");
    command
        .args(["--threads", "1", "--connections", &args.connections.to_string()])
        .args(["--duration", &format!("{}s", time.as_secs()), "--script"])
        .arg(sys::path_of(&script))
        .args(header(args.workload))
        .arg(url(args.addr, args.workload))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    sys::end_with_us(&mut command);
    let wrk = command.spawn().map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            bad_input("--engine wrk: wrk is missing: install it with `apt-get install wrk`")
        } else {
            anyhow::Error::from(error).context("starting wrk")
        }
    })?;
    let text = Running(wrk).finish(time + STALL, stop)?;
    let result = text.lines().find_map(|line| line.strip_prefix(RESULT));
    let result = result.with_context(|| format!("wrk failed: {}", text.trim()))?;
    serde_json::from_str(result).with_context(|| format!("wrk said {result:?}"))
}

/// The script, with the percentiles that it is to tell.
fn script() -> String {
    format!(
        "ladder = {{{}}}\n{SCRIPT}",
        percentiles::LADDER.map(|percentile| percentile.to_string()).join(", ")
    )
}

/// What asks for a connection a request.
fn header(workload: Workload) -> &'static [&'static str] {
    if workload == Workload::HttpClose { &["--header", "Connection: close"] } else { &[] }
}

fn url(address: SocketAddr, workload: Workload) -> String {
    let path = if workload == Workload::Json { Item::of(0).path() } else { "/".to_owned() };
    format!("http://{address}{path}")
}

/// A process that is killed when this value goes away.
struct Running(Child);

impl Running {
    /// What it says until it ends.
    fn finish(mut self, patience: Duration, stop: &Stop) -> anyhow::Result<String> {
        let mut stdout: ChildStdout = self.0.stdout.take().context("wrk has no stdout")?;
        let deadline = Instant::now() + patience;
        let (mut text, mut piece) = (Vec::new(), [0; 4096]);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match sys::wait_readable(&stdout, stop, Some(left))? {
                Wake::Readable => {}
                Wake::Stop => anyhow::bail!("stopped by a signal before the end"),
                Wake::Timeout => anyhow::bail!("wrk doesn't end; it was killed"),
            }
            match stdout.read(&mut piece)? {
                0 => return Ok(String::from_utf8_lossy(&text).into_owned()),
                length => text.extend_from_slice(&piece[..length]),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when it has already been waited for.
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

impl Outcome {
    fn report(&self, args: &LoadArgs) -> Report {
        let seconds = self.microseconds / 1e6;
        let rate = |count: f64| if seconds > 0.0 { count / seconds } else { 0.0 };
        let size = payload(args.workload, args.size);
        let requests = self.requests as f64; // exact up to 2^53
        let errors = self.not_connected + self.broken + self.late + self.status;
        Report {
            workload: args.workload,
            connections: args.connections,
            size,
            seconds,
            requests: self.requests,
            requests_per_second: rate(requests),
            latency_us: Latency { p50: self.p50, p99: self.p99, p99_9: self.p99_9, max: self.max },
            latency_percentiles_us: percentiles::of(self.requests, |wanted| {
                let step = percentiles::LADDER.iter().position(|percentile| *percentile == wanted);
                step.and_then(|step| self.ladder.get(step)).copied().unwrap_or(self.max)
            }),
            gbit_per_second: rate(requests * size as f64 * 8.0 / 1e9),
            byte_errors: 0,
            connection_errors: errors,
            first_connection_error: (errors > 0).then(|| {
                format!(
                    "of wrk: {} not connected, {} broken, {} late, {} with a bad status",
                    self.not_connected, self.broken, self.late, self.status
                )
            }),
            starved_connections: 0,
            client_busy: None,
            open_loop: None,
            beside: BesideReport::default(),
        }
    }
}

#[cfg(test)]
mod tests;
