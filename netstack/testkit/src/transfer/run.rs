//! Carries a plan out.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use corelane_netstack::{Event, ListenerId, SocketId};
use corelane_nic::{Pool, PoolConfig};
use corelane_sim::{Rng, Side};

use super::application::Application;
use super::plan::Plan;
use crate::{Failure, Trace, World};

/// The port that B listens on.
const PORT: u16 = 80;
/// A transfer that takes longer than this in virtual time stands still.
const LIMIT: Duration = Duration::from_secs(12 * 3600);
/// Retries, TIME-WAIT and FIN-WAIT-2 are over so long after the last close.
const AFTERMATH: Duration = Duration::from_secs(3 * 3600);

/// What a transfer was like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Digest and length of the capture at A: the same for the same seed.
    pub digest: (u64, u64),
    /// Bytes that the applications read, at both ends.
    pub bytes: u64,
    /// Segments sent, and payload bytes in them.
    pub sent: (u64, u64),
    /// The virtual time at which the last application was done.
    pub took: Duration,
    /// The same, and all connections, timers and buffers gone.
    pub drained: Duration,
}

struct Run<'a> {
    plan: &'a Plan,
    world: World,
    listener: ListenerId,
    /// Buffers that the applications write from.
    pools: [Pool; 2],
    applications: [Vec<Application>; 2],
    by_socket: [BTreeMap<(u32, u32), usize>; 2],
    /// A's port -> the plan's connection.
    by_port: BTreeMap<u16, usize>,
    /// Connections that A has opened.
    opened: Vec<bool>,
    rng: Rng,
}

/// Runs a plan to its end and checks that nothing is left; `capture` gets what an observer at A sees, as pcap.
///
/// # Errors
/// The first thing that is wrong.
pub fn run(plan: &Plan, capture: Option<Box<dyn Write>>) -> Result<Outcome, Failure> {
    let start = |what: String| Failure { at: Duration::ZERO, what };
    let mut world =
        World::new(&plan.link, plan.configs.clone(), plan.burst).map_err(|e| start(e.to_string()))?;
    world.monitor.expect_patterns();
    let trace = Trace::new(capture);
    world.link.capture_at(Side::A, Box::new(trace.clone())).map_err(|e| start(e.to_string()))?;
    let listener = world.host(Side::B).stack.listen(World::socket_addr(Side::B, PORT), 64);
    let listener = listener.map_err(|e| start(format!("listen: {e}")))?;
    let pool = || Pool::heap(PoolConfig { slots: 256, slot_size: 4096, headroom: 0, reserve: 0 });
    let mut run = Run {
        plan,
        world,
        listener,
        pools: [pool(), pool()],
        applications: Default::default(),
        by_socket: Default::default(),
        by_port: BTreeMap::new(),
        opened: vec![false; plan.connections.len()],
        rng: Rng::new(plan.seed ^ 0x0061_7070),
    };
    run.transfer()?;
    let took = run.world.now();
    let drained = run.drain()?;
    let flushed = run.world.link.end_capture(Side::A);
    flushed.map_err(|e| Failure { at: drained, what: format!("the capture can't be written: {e}") })?;
    let bytes = run.applications.iter().flatten().map(|app| app.read).sum();
    Ok(Outcome { digest: trace.digest(), bytes, sent: run.world.monitor.seen(), took, drained })
}

impl Run<'_> {
    fn fail(&self, what: String) -> Failure {
        Failure { at: self.world.now(), what }
    }

    /// Until every application has closed.
    fn transfer(&mut self) -> Result<(), Failure> {
        while !self.is_done() {
            self.open()?;
            for side in [Side::A, Side::B] {
                self.world.receive(side);
                self.listen_to(side)?;
                self.act(side)?;
                self.world.transmit(side);
            }
            if self.is_done() {
                break; // the last one closed after all else was over: nothing is left to wait for
            }
            let Some(next) = self.next() else {
                if self.is_done() {
                    break;
                }
                return Err(self.fail(self.standstill("nothing will ever happen")));
            };
            if next > LIMIT {
                return Err(self.fail(self.standstill("it takes too long")));
            }
            self.world.advance_to(next)?;
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.applications.iter().all(|side| side.len() == self.plan.connections.len())
            && self.applications.iter().flatten().all(|app| app.closed)
    }

    /// What happens next: on the wire, at a stack, at an application.
    fn next(&self) -> Option<Duration> {
        let now = self.world.now();
        let resting = self.applications.iter().flatten().filter(|app| app.is_eager());
        let resting = resting.map(|app| app.rests_until.max(now));
        let starts = self.plan.connections.iter().zip(&self.opened);
        let starts = starts.filter(|(_, opened)| !**opened).map(|(plan, _)| plan.start.max(now));
        self.world.next().into_iter().chain(resting).chain(starts).min()
    }

    fn open(&mut self) -> Result<(), Failure> {
        let now = self.world.now();
        for index in 0..self.opened.len() {
            let plan = self.plan.connections[index];
            if self.opened[index] || plan.start > now {
                continue;
            }
            let stack = &mut self.world.host(Side::A).stack;
            let server = World::socket_addr(Side::B, PORT);
            // Fast Open, where it is on, waits for the first write.
            let opened = match plan.ends[0].bytes {
                0 => stack.connect(None, server),
                _ => stack.connect_fast_open(None, server),
            };
            let id = opened.map_err(|e| self.fail(format!("connect: {e}")))?;
            let port = self.world.host(Side::A).stack.local_addr(id).map_or(0, |addr| addr.port());
            self.opened[index] = true;
            self.by_port.insert(port, index);
            self.add(Side::A, id, index, (port, PORT));
        }
        Ok(())
    }

    fn add(&mut self, side: Side, id: SocketId, index: usize, ports: (u16, u16)) -> usize {
        let at = usize::from(side == Side::B);
        let ends = self.plan.connections[index].ends;
        let rng = Rng::new(self.rng.next_u64());
        let app = Application::new(id, ends[at], ends[1 - at].bytes, ports, rng);
        // It can't fail: the id is fresh.
        let _ = self.world.host(side).stack.set_nodelay(id, ends[at].nodelay);
        self.applications[at].push(app);
        self.by_socket[at].insert((id.slot(), id.generation()), self.applications[at].len() - 1);
        self.applications[at].len() - 1
    }

    /// Takes the events of an end.
    fn listen_to(&mut self, side: Side) -> Result<(), Failure> {
        let at = usize::from(side == Side::B);
        while let Some(event) = self.world.host(side).stack.next_event() {
            let (id, readable, writable) = match event {
                Event::Acceptable(_) => {
                    self.accept()?;
                    continue;
                }
                Event::Readable(id) => (id, true, false),
                Event::Writable(id) => (id, false, true),
                Event::Closed(id) => (id, true, true),
            };
            let Some(index) = self.by_socket[at].get(&(id.slot(), id.generation())) else {
                return Err(self.fail(format!("{event:?} names no socket of {side:?}")));
            };
            let app = &mut self.applications[at][*index];
            app.readable |= readable;
            app.writable |= writable;
        }
        Ok(())
    }

    fn accept(&mut self) -> Result<(), Failure> {
        let listener = self.listener;
        while let Ok((id, peer)) = self.world.host(Side::B).stack.accept(listener) {
            let Some(index) = self.by_port.get(&peer.port()).copied() else {
                return Err(self.fail(format!("a connection from {peer}, who opened none")));
            };
            let app = self.add(Side::B, id, index, (PORT, peer.port()));
            // What came before it was accepted has no event: try.
            let app = &mut self.applications[1][app];
            (app.readable, app.writable) = (true, true);
        }
        Ok(())
    }

    fn act(&mut self, side: Side) -> Result<(), Failure> {
        let at = usize::from(side == Side::B);
        let now = self.world.now();
        for index in 0..self.applications[at].len() {
            let Run { world, applications, pools, .. } = self;
            let app = &mut applications[at][index];
            let result = app.act(now, &mut world.host(side).stack, &pools[at]);
            result.map_err(|what| self.fail(format!("{side:?}, socket {index}: {what}")))?;
        }
        Ok(())
    }

    /// Where each connection stands.
    fn standstill(&self, why: &str) -> String {
        let mut text = format!("{why}:");
        for (side, apps) in [Side::A, Side::B].into_iter().zip(&self.applications) {
            let stack = &self.world.peek(side).stack;
            text += &format!("\n  {side:?}: {} of its buffers are free", stack.pool().available());
            for (index, app) in apps.iter().enumerate().filter(|(_, app)| !app.closed) {
                let info = stack.info(app.id);
                text += &format!(
                    "\n  {side:?} socket {index}: wrote {}/{}, read {}/{}, readable {}, writable {}, end {}, {:?}\n    {info:?}",
                    app.written,
                    app.plan.bytes,
                    app.read,
                    app.expected,
                    app.readable,
                    app.writable,
                    app.end_of_data,
                    app.plan.close
                );
            }
        }
        text
    }

    /// Until nothing is left over, TIME-WAIT included.
    fn drain(&mut self) -> Result<Duration, Failure> {
        let limit = self.world.now() + AFTERMATH;
        let closed = self.world.host(Side::B).stack.close_listener(self.listener);
        closed.map_err(|e| self.fail(format!("close_listener: {e}")))?;
        while !self.world.leftovers().is_empty() && self.world.step(limit)? {
            for side in [Side::A, Side::B] {
                self.listen_to(side)?;
            }
        }
        let mut left = self.world.leftovers();
        for (side, pool) in [Side::A, Side::B].into_iter().zip(&self.pools) {
            let out = pool.config().slots as usize - pool.available();
            left.extend((out > 0).then(|| format!("{side:?}: {out} buffers of the application")));
        }
        if !left.is_empty() {
            return Err(self.fail(format!("left over at the end: {}", left.join(", "))));
        }
        Ok(self.world.now())
    }
}
