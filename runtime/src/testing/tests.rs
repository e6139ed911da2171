use std::time::Duration;

use super::{Peer, run};
use crate::net::{TcpListener, TcpStream};
use crate::time::{now, sleep};

#[test]
fn an_hour_takes_no_time() {
    let before = std::time::Instant::now();
    let slept = run(|_| async {
        let start = now();
        sleep(Duration::from_secs(3600)).await;
        now() - start
    });
    assert!(slept >= Duration::from_secs(3600) && slept < Duration::from_secs(3601), "{slept:?}");
    assert!(before.elapsed() < Duration::from_secs(60));
}

#[test]
fn both_hosts_talk_and_tasks_end_on_either() {
    let word = run(|peer: Peer| async move {
        let server = peer.spawn(async {
            let mut listener = TcpListener::bind("10.0.0.2:7").await.unwrap();
            let (mut stream, from) = listener.accept().await.unwrap();
            let mut word = [0; 4];
            stream.read_exact(&mut word).await.unwrap();
            (word, from.ip().to_string())
        });
        let mut stream = TcpStream::connect("10.0.0.2:7").await.unwrap();
        stream.write_all(b"word").await.unwrap();
        server.await.unwrap()
    });
    assert_eq!(word, (*b"word", "10.0.0.1".to_string()));
}

#[test]
#[should_panic(expected = "can't happen")]
fn waiting_for_ever_is_told() {
    run(|_| std::future::pending::<()>());
}

#[test]
#[should_panic(expected = "the test's own words")]
fn a_panic_is_the_test_s() {
    run(|_| async { panic!("the test's own words") });
}
