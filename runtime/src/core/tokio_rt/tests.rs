use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::test_support::worker_with;
use crate::{Clock, Worker, spawn_local};

fn idle_worker() -> Worker {
    let mut worker = worker_with(Clock::system());
    worker.set_spin(Duration::ZERO); // it sleeps whenever it can
    worker
}

/// Where the kernel tells of the calling thread.
fn this_thread() -> PathBuf {
    Path::new("/proc").join(std::fs::read_link("/proc/thread-self").unwrap()).join("stat")
}

/// Waits until a thread sleeps in the kernel.
fn until_asleep(thread: &Path) {
    loop {
        let stat = std::fs::read_to_string(thread).unwrap();
        // The state stands behind the name, which is in parentheses.
        if stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('S')) {
            return;
        }
        std::thread::yield_now();
    }
}

#[test]
fn timers_of_tokio_end_the_sleep() {
    let mut worker = idle_worker();
    let start = Instant::now();
    worker.block_on(async { tokio::time::sleep(Duration::from_millis(20)).await });
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(20) && took < Duration::from_secs(5), "{took:?}");
    assert!(worker.inner.sleeps.get() > 0, "it slept");
}

#[test]
fn our_timers_end_the_sleep_in_time() {
    let mut worker = idle_worker();
    let late = worker.block_on(async {
        let mut shortest = Duration::MAX;
        // The best of some: another process may have the core.
        for _ in 0..50 {
            let start = Instant::now();
            crate::time::sleep(Duration::from_micros(2_100)).await;
            shortest = shortest.min(start.elapsed());
        }
        shortest
    });
    assert!(late >= Duration::from_micros(2_100) && late < Duration::from_micros(2_900), "{late:?}");
}

#[test]
fn tasks_of_tokio_wake_ours_and_the_other_way_round() {
    let mut worker = idle_worker();
    let local = Rc::new(7);
    let sum = worker.block_on(async move {
        let (ask, asked) = tokio::sync::oneshot::channel();
        let (answer, answered) = tokio::sync::oneshot::channel();
        let theirs = tokio::spawn(async move { answer.send(asked.await.unwrap() + 1).unwrap() });
        let ours = spawn_local(async move { ask.send(1).unwrap() });
        let pinned = tokio::task::spawn_local(async move { *local });
        ours.await.unwrap();
        theirs.await.unwrap();
        answered.await.unwrap() + pinned.await.unwrap()
    });
    assert_eq!(sum, 9);
}

#[test]
fn sockets_of_the_kernel_work_in_a_task_of_ours() {
    let mut worker = idle_worker();
    let echoed = worker.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = spawn_local(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut word = [0; 5];
            stream.read_exact(&mut word).await.unwrap();
            stream.write_all(&word).await.unwrap();
        });
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(b"hello").await.unwrap();
        let mut word = Vec::new();
        stream.read_to_end(&mut word).await.unwrap();
        server.await.unwrap();
        word
    });
    assert_eq!(echoed, b"hello");
}

#[test]
fn sockets_of_the_kernel_engine_end_the_sleep() {
    use crate::net::{TcpListener, TcpStream};

    let mut worker = Worker::kernel(Clock::system()).unwrap();
    worker.set_spin(Duration::ZERO);
    worker.block_on(async {
        let mut listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // The client is another thread: nothing but the kernel wakes the worker.
        let worker_thread = this_thread();
        let client = std::thread::spawn(move || {
            use std::io::{Read, Write};
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            for _ in 0..20 {
                until_asleep(&worker_thread);
                stream.write_all(b"ping").unwrap();
                stream.read_exact(&mut [0; 4]).unwrap();
            }
        });
        let (mut stream, _): (TcpStream, _) = listener.accept().await.unwrap();
        // Echoes in a task of tokio's, until the client has gone.
        let echo = tokio::spawn(async move {
            let mut buf = [0; 4];
            while stream.read_exact(&mut buf).await.is_ok() {
                stream.write_all(&buf).await.unwrap();
            }
        });
        echo.await.unwrap();
        client.join().unwrap();
    });
    assert!(worker.inner.sleeps.get() > 0);
}

#[test]
fn another_thread_wakes_a_worker_that_sleeps_in_tokio() {
    let mut worker = idle_worker();
    let handle = worker.handle();
    let (send, receive) = tokio::sync::oneshot::channel();
    let other = std::thread::spawn(move || {
        let task = handle.spawn_on(0, async { tokio::time::sleep(Duration::from_millis(5)).await });
        send.send(task.unwrap()).ok().unwrap();
    });
    worker.block_on(async { receive.await.unwrap().await.unwrap() });
    other.join().unwrap();
}

#[test]
fn a_task_of_tokio_that_never_waits_does_not_starve_ours() {
    let mut worker = idle_worker();
    worker.block_on(async {
        let busy = tokio::spawn(async {
            loop {
                tokio::task::yield_now().await;
            }
        });
        crate::time::sleep(Duration::from_millis(5)).await;
        busy.abort();
    });
}

#[test]
fn a_shutdown_waits_for_the_tasks_of_tokio() {
    let mut worker = idle_worker();
    worker.handle().shutdown(Duration::from_secs(60));
    let sleep = async { tokio::time::sleep(Duration::from_millis(10)).await };
    let task = worker.enter(|| tokio::spawn(sleep));
    worker.block_on(async {});
    assert!(task.is_finished(), "block_on returns only then");
}

#[test]
fn a_worker_that_ends_drops_the_tasks_of_tokio() {
    let mut worker = idle_worker();
    let (send, mut receive) = tokio::sync::oneshot::channel::<()>();
    worker.block_on(async move {
        tokio::spawn(async move {
            let _held = send;
            std::future::pending::<()>().await;
        });
        crate::yield_now().await;
    });
    assert!(receive.try_recv().is_err());
    drop(worker);
    assert_eq!(receive.try_recv(), Err(tokio::sync::oneshot::error::TryRecvError::Closed));
}

#[test]
fn a_further_descriptor_ends_the_sleep() {
    use std::io::Write;
    use std::os::fd::AsFd;

    let worker = idle_worker();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let long = Duration::from_secs(600);
    worker.enter(|| {
        let start = Instant::now();
        // Readable before, and only during the sleep.
        writer.write_all(b"x").unwrap();
        worker.inner.tokio.sleep(long, Some(reader.as_fd())).unwrap();
        std::io::Read::read(&mut &reader, &mut [0; 8]).unwrap();
        let sleeper = this_thread();
        let other = std::thread::spawn(move || {
            until_asleep(&sleeper);
            writer.write_all(b"x").unwrap();
            writer
        });
        worker.inner.tokio.sleep(long, Some(reader.as_fd())).unwrap();
        assert!(start.elapsed() < long);
        drop(other.join().unwrap());
    });
}
