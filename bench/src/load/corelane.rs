//! The client on corelane's sockets: a task a connection, all on one worker. Per request one write, one read, one look
//! at the clock, and nothing allocated.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use corelane::net::{Shutdown, TcpStream};
use corelane::spawn_local;
use corelane::time::timeout;

use super::clock;
use super::exchange::{Exchange, Progress};
use super::idle::Sources;
use super::open_loop::{DRAIN, OpenLoop};
use super::report::Report;
use super::silence::{self, STALL, Silence};
use super::tally::Tally;
use super::window::{Phase, Window};
use super::{mark, no_server};
use crate::cli::{LoadArgs, Workload};
use crate::drive::{self, Rest};
use crate::meter::{Meter, MeterReader};
use crate::stream::{Chunks, Sink, Verdict, ended};
use crate::sys::Stop;
use beside::Beside;

mod beside;

/// For one connection to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Between two looks at the signals.
const LOOK: Duration = Duration::from_millis(100);

/// What the tasks share.
struct Course {
    tally: Tally,
    /// Tasks that go on.
    alive: usize,
    /// Requests that end the measuring; the main future is woken then.
    wanted: u64,
    /// The measuring is over: nothing more is sent.
    over: bool,
    failures_in_row: u32,
    main: Option<Waker>,
    /// `None`: closed loop.
    open_loop: Option<OpenLoop>,
    /// Of an open loop: for each connection when the request that it has to send was due, and who sends it.
    orders: Vec<(Option<Instant>, Option<Waker>)>,
    /// Of the measured time.
    busy: Option<Duration>,
}

type SharedCourse = Rc<RefCell<Course>>;

/// Runs the load that `args` asks for.
pub fn run(args: &LoadArgs, stop: &Stop) -> anyhow::Result<Report> {
    let sources = Sources::new(args)?;
    clock::now(); // the first look takes longer
    let mut runtime = args.device.start_from(args.spin, sources.all())?;
    let course = Course {
        tally: Tally::new(args.connections)?,
        alive: 0,
        wanted: args.requests.unwrap_or(u64::MAX),
        over: false,
        failures_in_row: 0,
        main: None,
        open_loop: super::open_loop(args)?,
        orders: vec![(None, None); args.connections],
        busy: None,
    };
    let course = Rc::new(RefCell::new(course));
    let mut meter = Meter::default();
    let reader = meter.reader();
    let load = async {
        let beside = Beside::start(args, &sources, stop).await?;
        connect_all(args, &course, stop).await?;
        let measured = measure(args, &course, &reader, stop).await?;
        if args.workload == Workload::BulkUp {
            hear_verdicts(&course, stop).await?;
        }
        drain(&course).await;
        anyhow::Ok((measured, beside.end(args, &course).await))
    };
    // The client of an open loop would be late by each wake-up.
    let rest = if args.spin || args.rate.is_some() { Rest::Spin } else { Rest::Sleep };
    let is_open = args.rate.is_some();
    let each = || is_open && course.borrow_mut().give_orders();
    let (measured, beside) = drive::block_on(&mut runtime, rest, &mut meter, each, load)?;
    let course = course.borrow();
    let report = Report::new(args.workload, args.connections, args.size, &course.tally, measured);
    Ok(report.with_busy(course.busy).with_open_loop(course.open_loop.as_ref()).with_beside(beside))
}

/// Makes the connections one after the other, then starts a task on each. That the first fails is the user's to mend;
/// later failures are counted.
async fn connect_all(args: &LoadArgs, course: &SharedCourse, stop: &Stop) -> anyhow::Result<()> {
    let mut streams = Vec::with_capacity(args.connections);
    for index in 0..args.connections {
        anyhow::ensure!(!stop.requested(), "stopped by a signal before the end");
        match timeout(CONNECT_TIMEOUT, TcpStream::connect(args.addr)).await.unwrap_or_else(|e| Err(e.into()))
        {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                streams.push((index, stream));
            }
            Err(error) if index == 0 => return Err(no_server(args, &error)),
            Err(error) => course.borrow_mut().tally.connection_error(&error),
        }
    }
    if let Some(open_loop) = &mut course.borrow_mut().open_loop {
        open_loop.start(Instant::now(), streams.iter().map(|(index, _)| *index));
    }
    for (index, stream) in streams {
        course.borrow_mut().alive += 1;
        let (shared, address) = (course.clone(), args.addr);
        let exchange =
            Exchange::new(index, args.workload, args.size, args.client_closes).pipelined(args.pipeline);
        let (workload, is_open) = (args.workload, args.rate.is_some());
        spawn_local(async move {
            let result = match workload {
                _ if is_open => converse_when_due(stream, exchange, index, &shared).await,
                Workload::Echo | Workload::Http | Workload::Json => converse(stream, exchange, &shared).await,
                Workload::Crr | Workload::HttpClose => call_again(stream, address, exchange, &shared).await,
                Workload::Bulk => receive(stream, index, &shared).await,
                Workload::BulkUp => send(stream, index, &shared).await,
            };
            shared.borrow_mut().task_ended(result);
        });
    }
    Ok(())
}

/// Waits until the window closes; how long was measured.
async fn measure(
    args: &LoadArgs,
    course: &SharedCourse,
    meter: &MeterReader,
    stop: &Stop,
) -> anyhow::Result<Duration> {
    let mut busy_before = Duration::ZERO;
    let mut window = Window::new(args, Instant::now());
    let mut silence = Silence::new(Instant::now());
    loop {
        let now = Instant::now();
        let requests = course.borrow().tally.requests;
        match window.advance(now, requests) {
            Phase::Measure if !course.borrow().tally.measuring => {
                busy_before = meter.busy();
                course.borrow_mut().start_measuring(now);
                mark(args, "start")?;
            }
            Phase::WarmUp | Phase::Measure => {}
            Phase::Over => break,
        }
        anyhow::ensure!(!stop.requested(), "stopped by a signal before the end");
        silence.check(now, course.borrow().alive, &course.borrow().tally)?;
        let patience = window.until_change(now).map_or(LOOK, |change| change.min(LOOK));
        // Woken by the last request or the last task, or else by the time.
        let _elapsed = timeout(patience, poll_fn(|cx| course.borrow_mut().poll_settled(cx))).await;
    }
    course.borrow_mut().end_measuring(meter.busy().saturating_sub(busy_before));
    mark(args, "end")?;
    Ok(window.measured())
}

/// Waits for the answers to what an open loop has sent: the slowest ones would be missing in its percentiles.
async fn drain(course: &SharedCourse) {
    let _late = timeout(DRAIN, poll_fn(|cx| course.borrow_mut().poll_drained(cx))).await;
    let course = &mut *course.borrow_mut();
    if let Some(open_loop) = &mut course.open_loop {
        open_loop.leave_all(Instant::now(), &mut course.tally);
    }
}

/// Waits until the senders of bulk-up have ended their streams and heard what came of them.
async fn hear_verdicts(course: &SharedCourse, stop: &Stop) -> anyhow::Result<()> {
    let deadline = Instant::now() + STALL;
    while course.borrow().alive > 0 {
        anyhow::ensure!(!stop.requested(), "stopped by a signal before the end");
        if Instant::now() > deadline {
            let late = io::Error::new(io::ErrorKind::TimedOut, "no verdict of the server on what it got");
            course.borrow_mut().tally.connection_error(&late);
            break;
        }
        let _elapsed = timeout(LOOK, poll_fn(|cx| course.borrow_mut().poll_settled(cx))).await;
    }
    Ok(())
}

impl Course {
    /// Ready when all requests are answered or no task is left.
    fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.alive == 0 || (!self.over && self.tally.requests >= self.wanted) {
            return Poll::Ready(());
        }
        self.main = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Whether anything more is to be asked. Wakes the main future when not.
    fn goes_on(&mut self) -> bool {
        if !self.over && self.tally.requests < self.wanted {
            return true;
        }
        self.wake_main();
        false
    }

    fn start_measuring(&mut self, now: Instant) {
        self.tally.measuring = true;
        if let Some(open_loop) = &mut self.open_loop {
            open_loop.open(now, &mut self.tally);
        }
    }

    fn end_measuring(&mut self, busy: Duration) {
        self.over = true;
        self.busy = Some(busy);
        self.give_orders(); // what has come due since the last look, and has a connection
        if let Some(open_loop) = &mut self.open_loop {
            open_loop.close(Instant::now());
            self.tally.measuring = false;
        }
    }

    /// Has the requests of an open loop sent that are due. Whether there were any.
    fn give_orders(&mut self) -> bool {
        let Some(open_loop) = &mut self.open_loop else { return false };
        let now = Instant::now();
        let mut any = false;
        while let Some((connection, due)) = open_loop.due(now, &mut self.tally) {
            any = true;
            let (order, sender) = &mut self.orders[connection];
            *order = Some(due);
            if let Some(sender) = sender {
                sender.wake_by_ref();
            }
        }
        any
    }

    /// When the request that connection `index` has to send now was due.
    fn poll_order(&mut self, index: usize, cx: &Context<'_>) -> Poll<Instant> {
        let (order, sender) = &mut self.orders[index];
        match sender {
            Some(sender) => sender.clone_from(cx.waker()),
            None => *sender = Some(cx.waker().clone()),
        }
        order.take().map_or(Poll::Pending, Poll::Ready)
    }

    /// Ready when all that an open loop has sent is answered.
    fn poll_drained(&mut self, cx: &Context<'_>) -> Poll<()> {
        if !self.open_loop.as_ref().is_some_and(OpenLoop::is_under_way) {
            return Poll::Ready(());
        }
        self.main = Some(cx.waker().clone());
        Poll::Pending
    }

    fn wake_main(&mut self) {
        if let Some(main) = self.main.take() {
            main.wake();
        }
    }

    fn task_ended(&mut self, result: io::Result<()>) {
        self.alive -= 1;
        // What breaks when all is said is the end of the run.
        if let (Err(error), false) = (result, self.over) {
            self.tally.connection_error(&error);
        }
        self.wake_main();
    }
}

/// Asks on one connection again and again.
async fn converse(mut stream: TcpStream, mut exchange: Exchange, course: &SharedCourse) -> io::Result<()> {
    let mut now = clock::now();
    loop {
        exchange.start(now);
        poll_fn(|cx| poll_answer(&mut stream, &mut exchange, course, cx)).await?;
        // The end of this request and the start of the next.
        now = clock::now();
        let course = &mut *course.borrow_mut();
        exchange.finish(now, &mut course.tally);
        if !course.goes_on() {
            return Ok(());
        }
    }
}

/// Asks on one connection when it is told to, until the end of the run.
async fn converse_when_due(
    mut stream: TcpStream,
    mut exchange: Exchange,
    index: usize,
    course: &SharedCourse,
) -> io::Result<()> {
    let mut next = None;
    loop {
        let due = match next {
            Some(due) => due,
            None => poll_fn(|cx| course.borrow_mut().poll_order(index, cx)).await,
        };
        exchange.start(due);
        let result = poll_fn(|cx| poll_answer(&mut stream, &mut exchange, course, cx)).await;
        let now = Instant::now();
        let course = &mut *course.borrow_mut();
        let Course { open_loop: Some(open_loop), tally, .. } = course else { return result };
        if let Err(error) = result {
            open_loop.broke(index, now, tally);
            return Err(error);
        }
        exchange.finish_due(now, tally);
        next = open_loop.answered(index, now, tally);
        course.goes_on(); // wakes the main future, which says when it is over
    }
}

/// Writes what is left of the request and checks what has come of the answer.
fn poll_answer(
    stream: &mut TcpStream,
    exchange: &mut Exchange,
    course: &SharedCourse,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    while !exchange.unsent().is_empty() {
        match stream.poll_write(cx, exchange.unsent())? {
            Poll::Ready(count) => exchange.sent(count),
            Poll::Pending => break,
        }
    }
    loop {
        let progress = match stream.poll_recv_chunk(cx)? {
            Poll::Ready(Some(chunk)) => exchange.take(&chunk, &mut course.borrow_mut().tally)?,
            Poll::Ready(None) => exchange.end()?,
            Poll::Pending => return Poll::Pending,
        };
        if progress == Progress::Answered {
            return Poll::Ready(Ok(()));
        }
    }
}

/// One request a connection. A failure is counted, and the next one is tried.
async fn call_again(
    stream: TcpStream,
    address: std::net::SocketAddr,
    mut exchange: Exchange,
    course: &SharedCourse,
) -> io::Result<()> {
    drop(stream); // there is a server; each request has a connection of its own
    let mut now = Instant::now();
    loop {
        exchange.start(now);
        let result = call(address, &mut exchange, course).await;
        now = Instant::now();
        let course = &mut *course.borrow_mut();
        match result {
            Ok(()) => {
                exchange.finish(now, &mut course.tally);
                course.failures_in_row = 0;
            }
            Err(error) => {
                course.tally.connection_error(&error);
                course.failures_in_row += 1;
                silence::check_connects(course.failures_in_row, &error).map_err(io::Error::other)?;
            }
        }
        if !course.goes_on() {
            return Ok(());
        }
    }
}

async fn call(
    address: std::net::SocketAddr,
    exchange: &mut Exchange,
    course: &SharedCourse,
) -> io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    poll_fn(|cx| poll_answer(&mut stream, exchange, course, cx)).await
}

/// Checks the buffers in place.
async fn receive(mut stream: TcpStream, index: usize, course: &SharedCourse) -> io::Result<()> {
    let mut sink = Sink::new();
    while let Some(chunk) = stream.recv_chunk().await? {
        let wrong = sink.check(&chunk);
        let course = &mut *course.borrow_mut();
        course.tally.stream(index, chunk.len() as u64, wrong); // usize is at most 64 bits
        if !course.goes_on() {
            return Ok(());
        }
    }
    Err(ended())
}

async fn send(mut stream: TcpStream, index: usize, course: &SharedCourse) -> io::Result<()> {
    let mut sent = 0;
    for chunk in Chunks::new() {
        let count = chunk.len() as u64; // usize is at most 64 bits
        stream.send(chunk).await?;
        sent += count;
        let course = &mut *course.borrow_mut();
        course.tally.stream(index, count, 0);
        if course.over {
            break;
        }
        course.goes_on(); // wakes the main future, which says when it is over
    }
    stream.shutdown(Shutdown::Write)?;
    let mut bytes = [0; Verdict::SIZE];
    let heard = stream.read_exact(&mut bytes).await;
    let tally = &mut course.borrow_mut().tally;
    match heard {
        Ok(()) => tally.byte_errors += Verdict::from_bytes(bytes).errors(sent),
        Err(error) => tally.connection_error(&error),
    }
    Ok(())
}
