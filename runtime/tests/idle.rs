//! Workers that sleep as soon as they can.

use std::thread;
use std::time::Duration;

use corelane::Builder;
use corelane::net::{TcpListener, TcpStream};
use corelane_sim::{LinkConfig, cross_thread_pair};

#[test]
fn every_frame_wakes_a_sleeping_worker() {
    const ROUNDS: usize = 2000;
    let (ours, theirs) = cross_thread_pair(&LinkConfig::default()).unwrap();
    let (ready, listening) = std::sync::mpsc::channel();
    let server = thread::spawn(move || {
        let builder = Builder::new().nic(ours).address("10.0.0.2/24").spin(Duration::ZERO);
        let mut runtime = builder.build().unwrap();
        runtime.block_on(async {
            let mut listener = TcpListener::bind("10.0.0.2:7").await.unwrap();
            ready.send(()).unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            while let Some(chunk) = stream.recv_chunk().await.unwrap() {
                stream.send(chunk).await.unwrap();
            }
        });
        assert!(runtime.shutdown(Duration::from_secs(60)));
    });
    listening.recv().unwrap();
    let builder = Builder::new().nic(theirs).address("10.0.0.1/24").spin(Duration::ZERO);
    let mut runtime = builder.build().unwrap();
    let stats = runtime.block_on(async {
        let mut stream = TcpStream::connect("10.0.0.2:7").await.unwrap();
        stream.set_nodelay(true).unwrap();
        for round in 0..ROUNDS as u32 {
            let sent = round.to_be_bytes();
            stream.write_all(&sent).await.unwrap();
            let mut answer = [0; 4];
            stream.read_exact(&mut answer).await.unwrap();
            assert_eq!(answer, sent);
        }
        corelane::stats::snapshot().unwrap()
    });
    assert!(stats.sleeps > 0, "it slept in between");
    // A frame that wakes nobody is found when it is sent again. A busy machine may cause a few of these by itself.
    assert!(stats.stack.tcp_retrans_segs < 10, "{} frames did not wake", stats.stack.tcp_retrans_segs);
    assert!(runtime.shutdown(Duration::from_secs(60)));
    server.join().unwrap();
}
