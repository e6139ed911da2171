//! A side of a conversation.

use std::io;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};

use super::args::Side;
use super::host::Host;
use super::plan::{Finish, Plan, Write, total};
use super::report::{Counters, Ending, Talk};
use crate::stream::{Sink, Source, WRITE};

/// What `Unread` writes: one segment, so that what is read of it shows that all of it is there.
const UNREAD: usize = 1000;

/// Between two writes of a side that waits for an error: each brings another RST, should one be lost.
const PING: Duration = Duration::from_millis(100);

/// A reset that takes longer than this doesn't come.
const PATIENCE: Duration = Duration::from_secs(30);

struct Conversation<'a, H: Host> {
    host: &'a H,
    read: ReadHalf<H::Stream>,
    write: WriteHalf<H::Stream>,
    source: Source,
    sink: Sink,
}

/// Holds one side of it.
pub async fn hold<H: Host>(host: &H, stream: H::Stream, plan: &Plan, side: Side) -> Talk {
    let started = Instant::now();
    let (read, write) = split(stream);
    let mut talk = Conversation::<H> { host, read, write, source: Source::new(), sink: Sink::new() };
    let (received, wrong, ending) = match talk.rounds(plan, side).await {
        Ok(()) => talk.finish(plan, side == plan.first).await,
        Err(error) => (talk.sink.received, talk.sink.wrong, Ending::of(&error)),
    };
    Talk { received, wrong, seconds: started.elapsed().as_secs_f64(), ending, counted: Counters::new() }
}

impl<H: Host> Conversation<'_, H> {
    /// All but the ending.
    async fn rounds(&mut self, plan: &Plan, side: Side) -> io::Result<()> {
        for [a, b] in &plan.rounds {
            let (mine, theirs) = if side == Side::A { (a, b) } else { (b, a) };
            self.round(mine, total(theirs)).await?;
        }
        self.settle(side == plan.first).await
    }

    /// The side that acts first hears from the other one that all has arrived: nothing is on its way any more.
    async fn settle(&mut self, first: bool) -> io::Result<()> {
        if first {
            return hear(&mut self.read, &mut self.sink, 1).await;
        }
        self.write.write_all(&self.source.next()[..1]).await?;
        self.source.advance(1);
        Ok(())
    }

    /// Writes ours while theirs is read.
    async fn round(&mut self, mine: &[Write], theirs: u64) -> io::Result<()> {
        let Self { host, read, write, source, sink } = self;
        tokio::try_join!(say(*host, write, source, mine), hear(read, sink, theirs))?;
        Ok(())
    }

    /// The ending; what was received in all, and of that wrong.
    async fn finish(mut self, plan: &Plan, first: bool) -> (u64, u64, Ending) {
        let result = match (plan.finish, first) {
            (Finish::Close, true) | (Finish::WriteOn, true) => Ok(Ending::Closed),
            (Finish::Close, false) => self.hear_end().await,
            (Finish::Both, _) => self.shut_and_hear_end().await,
            (Finish::HalfClose, true) => self.shut_and_hear_end().await,
            (Finish::HalfClose, false) => self.answer_after_end(&plan.afterwards).await,
            (Finish::CloseSending, true) => self.say(&plan.afterwards).await.map(|()| Ending::Closed),
            (Finish::CloseSending, false) => self.hear_end().await,
            (Finish::Abort, true) => return self.abort(),
            (Finish::AbortSending, true) => match self.say(&plan.afterwards).await {
                Ok(()) => return self.abort(),
                Err(error) => Err(error),
            },
            (Finish::Abort | Finish::AbortSending, false) => self.await_error().await,
            (Finish::Unread, true) => {
                hear(&mut self.read, &mut self.sink, UNREAD as u64 / 2).await.map(|()| Ending::Closed)
            }
            (Finish::Unread, false) => {
                let bytes = &self.source.next()[..UNREAD];
                match self.write.write_all(bytes).await {
                    Ok(()) => self.await_error().await,
                    Err(error) => Err(error),
                }
            }
            (Finish::WriteOn, false) => match self.hear_end().await {
                Ok(Ending::Eof) => self.write_on().await,
                other => other,
            },
        };
        let ending = result.unwrap_or_else(|error| Ending::of(&error));
        (self.sink.received, self.sink.wrong, ending)
    }

    /// Reads on until the other side's end.
    async fn hear_end(&mut self) -> io::Result<Ending> {
        let mut buffer = vec![0; WRITE];
        loop {
            match self.read.read(&mut buffer).await? {
                0 => return Ok(Ending::Eof),
                count => self.sink.check(&buffer[..count]),
            };
        }
    }

    async fn shut_and_hear_end(&mut self) -> io::Result<Ending> {
        self.write.shutdown().await?;
        self.hear_end().await
    }

    async fn answer_after_end(&mut self, answer: &[Write]) -> io::Result<Ending> {
        let ending = self.hear_end().await?;
        self.say(answer).await?;
        Ok(ending)
    }

    async fn say(&mut self, writes: &[Write]) -> io::Result<()> {
        say(self.host, &mut self.write, &mut self.source, writes).await
    }

    fn abort(self) -> (u64, u64, Ending) {
        let stream = self.read.unsplit(self.write);
        let ending = match self.host.reset_on_close(&stream) {
            Ok(()) => Ending::Closed,
            Err(error) => Ending::of(&error),
        };
        (self.sink.received, self.sink.wrong, ending)
    }

    /// Waits for an error, reads what comes before it, and writes now and then, so that one comes. It may come from the read
    /// or from the write; it is the first one of the connection in both cases.
    async fn await_error(&mut self) -> io::Result<Ending> {
        let until = Instant::now() + PATIENCE;
        let mut buffer = vec![0; WRITE];
        while Instant::now() < until {
            tokio::select! {
                biased;
                read = self.read.read(&mut buffer) => match read? {
                    0 => return Ok(Ending::Eof),
                    count => { self.sink.check(&buffer[..count]); }
                },
                () = self.host.sleep(PING) => self.write.write_all(b"?").await?,
            }
        }
        Ok(Ending::Silent)
    }

    /// Writes until that fails.
    async fn write_on(&mut self) -> io::Result<Ending> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            self.write.write_all(b"?").await?;
            self.host.sleep(PING).await;
        }
        Ok(Ending::Silent)
    }
}

async fn say<H: Host, W>(host: &H, write: &mut W, source: &mut Source, writes: &[Write]) -> io::Result<()>
where
    W: AsyncWrite + Unpin,
{
    for Write { pause, size } in writes {
        if !pause.is_zero() {
            host.sleep(*pause).await;
        }
        write.write_all(&source.next()[..*size]).await?;
        source.advance(*size);
    }
    Ok(())
}

async fn hear<R>(read: &mut R, sink: &mut Sink, mut bytes: u64) -> io::Result<()>
where
    R: AsyncRead + Unpin,
{
    let mut buffer = vec![0; WRITE];
    while bytes > 0 {
        let most = usize::try_from(bytes).unwrap_or(WRITE).min(WRITE);
        match read.read(&mut buffer[..most]).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                sink.check(&buffer[..count]);
                bytes -= count as u64; // usize is at most 64 bits
            }
        }
    }
    Ok(())
}
