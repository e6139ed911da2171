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

use super::exchange::{Exchange, Progress};
use super::report::Report;
use super::silence::{self, STALL, Silence};
use super::tally::Tally;
use super::window::{Phase, Window};
use super::{mark, no_server};
use crate::cli::{LoadArgs, Workload};
use crate::stream::{Sink, Source, Verdict, ended};
use crate::sys::Stop;

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
}

type SharedCourse = Rc<RefCell<Course>>;

/// Runs the load that `args` asks for.
pub fn run(args: &LoadArgs, stop: &Stop) -> anyhow::Result<Report> {
    let mut runtime = args.device.start(args.spin)?;
    let course = Course {
        tally: Tally::new(args.connections)?,
        alive: 0,
        wanted: args.requests.unwrap_or(u64::MAX),
        over: false,
        failures_in_row: 0,
        main: None,
    };
    let course = Rc::new(RefCell::new(course));
    let measured = runtime.block_on(async {
        connect_all(args, &course, stop).await?;
        let measured = measure(args, &course, stop).await?;
        if args.workload == Workload::BulkUp {
            hear_verdicts(&course, stop).await?;
        }
        anyhow::Ok(measured)
    })?;
    let course = course.borrow();
    Ok(Report::new(args.workload, args.connections, args.size, &course.tally, measured))
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
    for (index, stream) in streams {
        course.borrow_mut().alive += 1;
        let (shared, address) = (course.clone(), args.addr);
        let exchange = Exchange::new(index, args.workload, args.size, args.client_closes);
        let workload = args.workload;
        spawn_local(async move {
            let result = match workload {
                Workload::Echo | Workload::Http | Workload::Json => converse(stream, exchange, &shared).await,
                Workload::Crr => call_again(stream, address, exchange, &shared).await,
                Workload::Bulk => receive(stream, index, &shared).await,
                Workload::BulkUp => send(stream, index, &shared).await,
            };
            shared.borrow_mut().task_ended(result);
        });
    }
    Ok(())
}

/// Waits until the window closes; how long was measured.
async fn measure(args: &LoadArgs, course: &SharedCourse, stop: &Stop) -> anyhow::Result<Duration> {
    let mut window = Window::new(args, Instant::now());
    let mut silence = Silence::new(Instant::now());
    loop {
        let now = Instant::now();
        let requests = course.borrow().tally.requests;
        match window.advance(now, requests) {
            Phase::Measure if !course.borrow().tally.measuring => {
                course.borrow_mut().tally.measuring = true;
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
    course.borrow_mut().over = true;
    mark(args, "end")?;
    Ok(window.measured())
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
    let mut now = Instant::now();
    loop {
        exchange.start(now);
        poll_fn(|cx| poll_answer(&mut stream, &mut exchange, course, cx)).await?;
        // The end of this request and the start of the next.
        now = Instant::now();
        let course = &mut *course.borrow_mut();
        exchange.finish(now, &mut course.tally);
        if !course.goes_on() {
            return Ok(());
        }
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
    let mut source = Source::new();
    loop {
        let count = stream.write(source.next()).await?;
        source.advance(count);
        let course = &mut *course.borrow_mut();
        course.tally.stream(index, count as u64, 0); // usize is at most 64 bits
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
        Ok(()) => tally.byte_errors += Verdict::from_bytes(bytes).errors(source.sent),
        Err(error) => tally.connection_error(&error),
    }
    Ok(())
}
