//! Plays a script.

use std::collections::VecDeque;
use std::time::Duration;

use corelane_netstack::Config;

use super::flow::{Flows, source};
use super::syntax::{Action, Call, Event, Icmp, Outcome, Source, TcpPacket, When};
use super::syscall::{Answer, Sockets};
use super::wire::{self, Observed};
use super::{assertion, expect, settings};
use crate::Failure;
use crate::dut::Dut;

/// `*` waits no longer than this for a segment.
const PATIENCE: Duration = Duration::from_secs(100_000);
/// After the script nothing may be left once this has passed: longer than all retries.
const AFTERMATH: Duration = Duration::from_secs(10_000);
/// Packets that a failure shows.
const SHOWN: usize = 12;

/// A call that waits.
struct Blocked {
    line: usize,
    call: Call,
    end: Duration,
    /// When it came back, and with what.
    done: Option<(Duration, Outcome)>,
}

/// A script under way.
pub(super) struct Run {
    dut: Dut,
    sockets: Sockets,
    flows: Flows,
    tolerance: Duration,
    /// What the stack sent and the script has not come to.
    sent: VecDeque<Observed>,
    /// When the event before was.
    last: Duration,
    blocked: Option<Blocked>,
    /// Packets both ways, in the script's notation.
    trace: VecDeque<String>,
}

/// Plays `source`. An error tells the line, if it is one's, and what went wrong.
pub(super) fn run(source: &Source) -> Result<(), (usize, String)> {
    let mut config = Config::default();
    for (line, name, value) in &source.header.sysctls {
        settings::set(&mut config.tcp, name, value).map_err(|what| (*line, what))?;
    }
    let mut dut = Dut::new(config, source.header.mtu, source.header.tso);
    dut.monitor.expect_patterns();
    let mut run = Run {
        dut,
        sockets: Sockets::default(),
        flows: Flows::new(source.header.peer_isn),
        tolerance: source.header.tolerance,
        sent: VecDeque::new(),
        last: Duration::ZERO,
        blocked: None,
        trace: VecDeque::new(),
    };
    let mut line = 0;
    for event in &source.events {
        line = event.line;
        run.event(event).map_err(|what| (line, run.with_trace(what)))?;
    }
    run.finish().map_err(|(of, what)| (of.unwrap_or(line), run.with_trace(what)))
}

impl Run {
    fn event(&mut self, event: &Event) -> Result<(), String> {
        if let Action::Expect(packet) = &event.action {
            return self.expect(event.when, packet);
        }
        let (at, _) = self.resolve(event.when);
        self.advance(at, false)?;
        if let Some(early) = self.sent.front().filter(|early| early.at + self.tolerance < at).cloned() {
            return Err(format!("not expected: {}", self.describe(&early)));
        }
        self.last = at;
        match &event.action {
            Action::Inject(packet) => self.inject(packet)?,
            Action::Icmp(icmp) => self.inject_icmp(icmp)?,
            Action::Call(call) => self.call(event.line, call, event.when)?,
            Action::Assert(comparisons) => {
                let subject = assertion::Subject {
                    stack: &self.dut.host.stack,
                    connection: self.sockets.latest(),
                    flow: self.flows.of(None),
                };
                assertion::check(comparisons, &subject)?;
            }
            Action::Expect(_) => {}
        }
        self.advance(at, false)
    }

    /// The first and the last time that an event may happen at, without tolerance.
    fn resolve(&self, when: When) -> (Duration, Duration) {
        match when {
            When::At(at) => (at, at),
            When::After(time) => (self.last + time, self.last + time),
            When::Any => (Duration::ZERO, self.last + PATIENCE),
            When::Between(start, end) => (start, end),
            When::AfterBetween(start, end) => (self.last + start, self.last + end),
        }
    }

    /// Lets the stack run up to `end`, or up to the first segment that it sends.
    fn advance(&mut self, end: Duration, until_sent: bool) -> Result<(), String> {
        if end < self.dut.now() && !until_sent {
            return Err(format!("it is {:?} already", self.dut.now()));
        }
        self.dut.run();
        self.collect()?;
        while !until_sent || self.sent.is_empty() {
            if !self.dut.step(end) {
                self.dut.run_until(end);
                return self.collect();
            }
            self.collect()?;
        }
        Ok(())
    }

    /// Takes what the stack sent, and lets a call that waits go on.
    fn collect(&mut self) -> Result<(), String> {
        self.retry()?;
        while let Some((at, frame)) = self.dut.sent.pop_front() {
            let Some(sent) = Observed::parse(at, &frame) else {
                continue; // ICMP is no part of a script
            };
            let flow = self.flows.of(Some(sent.ports));
            flow.observe(&sent);
            let said = wire::notation(&flow.to_script(&sent.packet), true);
            self.note(at, &format!("> {said}"));
            self.sent.push_back(sent);
        }
        self.dut.monitor.check().map_err(|Failure { what, .. }| what)
    }

    fn note(&mut self, at: Duration, what: &str) {
        if self.trace.len() == SHOWN {
            self.trace.pop_front();
        }
        self.trace.push_back(format!("{}.{:09} {what}", at.as_secs(), at.subsec_nanos()));
    }

    /// The stack should send this, at this time and nothing else before.
    fn expect(&mut self, when: When, expected: &TcpPacket) -> Result<(), String> {
        let (start, end) = self.resolve(when);
        // Both ends of a script name source and destination as they are on the wire.
        let ports = expected.ports.unwrap_or(self.flows.usual());
        self.advance(end + self.tolerance, true)?;
        let Some(mut sent) = self.sent.pop_front() else {
            return Err(format!("nothing was sent up to {:?}", end + self.tolerance));
        };
        while sent.packet.len < expected.len
            && let Some(next) = self.sent.front()
            && expect::continues(&sent, next)
        {
            expect::join(&mut sent, next);
            self.sent.pop_front();
        }
        if sent.ports != ports {
            return Err(format!("another connection sent: {}", self.describe(&sent)));
        }
        let flow = self.flows.of(Some(ports));
        flow.set_clock(&sent, expected);
        if let Some(what) = expect::difference(expected, &flow.to_script(&sent.packet)) {
            return Err(expect::report(what, expected, &sent, flow));
        }
        if sent.at + self.tolerance < start || sent.at > end + self.tolerance {
            let expected = if start == end { format!("{start:?}") } else { format!("{start:?} to {end:?}") };
            return Err(format!("expected at {expected}, sent at {:?}", sent.at));
        }
        self.last = if start == end { start } else { sent.at };
        Ok(())
    }

    fn inject(&mut self, packet: &TcpPacket) -> Result<(), String> {
        let ports = packet.ports.map(|(from, to)| (to, from)).unwrap_or(self.flows.usual());
        let flow = self.flows.of(Some(ports));
        let on_wire = flow.for_wire(packet); // a SYN says where the payload counts from
        let frame = wire::build(&on_wire, source(packet), ports, &flow.payload(packet))?;
        let said = wire::notation(packet, packet.marks.ecn.is_some());
        self.note(self.dut.now(), &format!("< {said}"));
        self.dut.inject(&[frame]);
        self.collect()
    }

    fn inject_icmp(&mut self, icmp: &Icmp) -> Result<(), String> {
        let ports = icmp.ports.unwrap_or(self.flows.usual());
        let seq = self.flows.of(Some(ports)).our_number(icmp.seq);
        let frame = wire::build_icmp(icmp, ports, seq)?;
        let said = format!("< icmp type {} code {} mtu {} [{}]", icmp.kind, icmp.code, icmp.mtu, icmp.seq);
        self.note(self.dut.now(), &said);
        self.dut.inject(&[frame]);
        self.collect()
    }

    fn call(&mut self, line: usize, call: &Call, when: When) -> Result<(), String> {
        let end = match call.end {
            None => None,
            // Both ends of the time count from the event before.
            Some(end) => {
                let (When::At(start) | When::After(start)) = when else {
                    return Err("a call has an exact time".to_string());
                };
                let (When::At(stop) | When::After(stop)) = end else {
                    return Err("a call has an exact end".to_string());
                };
                Some(self.dut.now() + (stop - start))
            }
        };
        if self.blocked.as_ref().is_some_and(|blocked| blocked.done.is_none()) {
            return Err("a call before still waits".to_string());
        }
        self.settle_blocked()?;
        let outcome = match self.sockets.call(call, &mut self.dut.host.stack, &mut self.flows)? {
            Answer::Outcome(outcome) => outcome,
            Answer::InProgress => Outcome::Errno("EINPROGRESS".to_string()),
            Answer::Blocks => match end {
                Some(end) => {
                    self.blocked = Some(Blocked { line, call: call.clone(), end, done: None });
                    return Ok(());
                }
                None if self.sockets.is_nonblocking(call) || is_told_not_to_wait(call) => {
                    Outcome::Errno("EAGAIN".to_string())
                }
                None => return Err("it blocks: give the time it ends, START...END".to_string()),
            },
        };
        if end.is_some_and(|end| end > self.dut.now()) {
            return Err(format!("it does not block, it gives {outcome:?} at once"));
        }
        compare(&call.result, &outcome)
    }

    /// Tries the call that waits once more.
    fn retry(&mut self) -> Result<(), String> {
        let Some(blocked) = self.blocked.as_mut().filter(|blocked| blocked.done.is_none()) else {
            return Ok(());
        };
        let answer = self.sockets.call(&blocked.call, &mut self.dut.host.stack, &mut self.flows)?;
        if let Answer::Outcome(outcome) = answer {
            blocked.done = Some((self.dut.now(), outcome));
            self.dut.run(); // what the call started
        }
        Ok(())
    }

    /// Looks at what the call that waited gave, if it is back.
    fn settle_blocked(&mut self) -> Result<(), String> {
        let Some(blocked) = self.blocked.take() else { return Ok(()) };
        let of = format!("the call of line {}", blocked.line);
        let Some((at, outcome)) = blocked.done else { return Err(format!("{of} still waits")) };
        if at.abs_diff(blocked.end) > self.tolerance {
            return Err(format!("{of} was to end at {:?}, and ended at {at:?}", blocked.end));
        }
        compare(&blocked.call.result, &outcome).map_err(|what| format!("{of}: {what}"))
    }

    /// The script is over: nothing more was sent, and nothing is left once all is closed. An error may name its line.
    fn finish(&mut self) -> Result<(), (Option<usize>, String)> {
        if let Some((line, end)) = self.blocked.as_ref().map(|blocked| (blocked.line, blocked.end)) {
            let of_call = |what| (Some(line), what);
            self.advance(end.max(self.dut.now()) + self.tolerance, false).map_err(of_call)?;
            self.settle_blocked().map_err(of_call)?;
        }
        if let Some(extra) = self.sent.front().cloned() {
            return Err((None, format!("after the last event, not expected: {}", self.describe(&extra))));
        }
        self.sockets.abort_all(&mut self.dut.host.stack);
        self.dut.run_until(self.dut.now() + AFTERMATH);
        let stack = &self.dut.host.stack;
        let left = [
            ("connections", stack.connections()),
            ("half-open connections", stack.half_open()),
            ("TIME-WAIT records", stack.time_wait()),
            ("flows", stack.flows()),
            ("timers", stack.timers()),
            ("buffers", stack.buffers_in_use()),
        ];
        match left.iter().find(|(_, count)| *count > 0) {
            Some((what, count)) => Err((None, format!("{count} {what} are left when all is closed"))),
            None => self.dut.monitor.check().map_err(|Failure { what, .. }| (None, what)),
        }
    }

    fn describe(&mut self, sent: &Observed) -> String {
        let said = wire::notation(&self.flows.of(Some(sent.ports)).to_script(&sent.packet), true);
        format!("at {:?} {}>{} {said}", sent.at, sent.ports.0, sent.ports.1)
    }

    fn with_trace(&self, what: String) -> String {
        let mut text = what;
        if !self.trace.is_empty() {
            text.push_str("\nthe last packets, by the script's numbers:");
        }
        for line in &self.trace {
            text.push_str("\n  ");
            text.push_str(line);
        }
        text
    }
}

/// MSG_DONTWAIT.
fn is_told_not_to_wait(call: &Call) -> bool {
    call.arguments.iter().any(|argument| match argument {
        super::syntax::Expr::Word(flags) => flags.split('|').any(|flag| flag == "MSG_DONTWAIT"),
        _ => false,
    })
}

fn compare(expected: &Outcome, outcome: &Outcome) -> Result<(), String> {
    if expected == outcome { Ok(()) } else { Err(format!("expected {expected:?}, and it gave {outcome:?}")) }
}
