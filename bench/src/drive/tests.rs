use std::time::Instant;

use corelane::net::{TcpListener, TcpStream};
use corelane::{Builder, spawn_local};

use super::*;

/// As many echoes over the kernel's loopback as were asked for; what the meter says of them.
fn echo(rest: Rest, pause: Duration) -> (Duration, Duration) {
    let mut runtime = Builder::new().engine("kernel").build().expect("a runtime");
    let mut meter = Meter::default();
    let began = Instant::now();
    let echoes = block_on(&mut runtime, rest, &mut meter, || false, async {
        let mut listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        spawn_local(async move {
            let (mut stream, _) = listener.accept().await.expect("a client");
            while let Ok(Some(chunk)) = stream.recv_chunk().await {
                stream.send(chunk).await.expect("sent");
            }
        });
        let mut stream = TcpStream::connect(address).await?;
        for _ in 0..20 {
            time::sleep(pause).await; // the idle time that is measured
            stream.write_all(b"hello").await?;
            let mut answer = [0; 5];
            stream.read_exact(&mut answer).await?;
            assert_eq!(&answer, b"hello");
        }
        std::io::Result::Ok(20)
    });
    assert_eq!(echoes.expect("no error"), 20);
    (meter.busy(), began.elapsed())
}

#[test]
fn tasks_and_their_sockets_run_whether_it_spins_or_sleeps() {
    for rest in [Rest::Spin, Rest::Sleep] {
        let (busy, took) = echo(rest, Duration::ZERO);
        assert!(busy > Duration::ZERO && busy <= took, "{rest:?}: {busy:?} of {took:?}");
    }
}

#[test]
fn turns_without_work_are_not_busy() {
    let (busy, took) = echo(Rest::Spin, Duration::from_millis(5));
    assert!(took >= Duration::from_millis(100));
    assert!(busy < took / 2, "{busy:?} of {took:?}");
}

#[test]
fn a_nap_ends_when_another_thread_wakes_the_future() {
    const HOUR: Duration = Duration::from_secs(3600);
    let mut runtime = Builder::new().engine("kernel").build().expect("a runtime");
    let woken = Arc::new(Woken::default());
    woken.wake_by_ref();
    nap(&mut runtime, &woken, HOUR); // woken before it began
    assert!(woken.take() && !woken.take());
    let waker = woken.clone();
    let thread = std::thread::spawn(move || waker.wake_by_ref());
    nap(&mut runtime, &woken, HOUR);
    thread.join().expect("no panic");
    assert!(woken.take());
}

#[test]
fn it_spins_before_each_nap_and_naps_get_longer_while_nothing_comes() {
    const MICROSECOND: u64 = 1000;
    let mut idle = Idle::new(Rest::Sleep);
    assert_eq!(idle.after(0, false), None);
    assert_eq!(idle.after(199 * MICROSECOND, false), None);
    assert_eq!(idle.after(200 * MICROSECOND, false), Some(NAP));
    // The work of the nap is not in the account, that of the time after it is.
    assert_eq!(idle.after(1300 * MICROSECOND, false), None);
    assert_eq!(idle.after(1350 * MICROSECOND, true), None);
    assert_eq!(idle.after(1400 * MICROSECOND, false), None);
    assert_eq!(idle.after(1600 * MICROSECOND, false), Some(NAP), "there was work since the last one");
    let mut now = 2000 * MICROSECOND;
    for nap in [2, 4, 8, 16, 16] {
        assert_eq!(idle.after(now, false), None);
        now += 200 * MICROSECOND;
        assert_eq!(idle.after(now, false), Some(Duration::from_millis(nap)));
    }
    let mut spinning = Idle::new(Rest::Spin);
    assert_eq!((spinning.after(0, false), spinning.after(u64::MAX, false)), (None, None));
}
