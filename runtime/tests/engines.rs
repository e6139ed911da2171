//! The same application on our own stack and on the kernel's sockets.

mod support;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use corelane::net::{Keepalive, Shutdown, State, TcpListener, TcpSocket, TcpStream, pool};
use corelane::stats::{self, SocketOwner};
use corelane::time::{sleep, timeout};
use corelane::{Chunk, Clock, Worker, spawn_local, yield_now};
use support::engines::{on_both, on_the_kernel};

const SECOND: Duration = Duration::from_secs(1);

/// Bytes that tell where they are.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i as u32).wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect()
}

async fn accept(mut listener: TcpListener) -> TcpStream {
    listener.accept().await.unwrap().0
}

/// Sends back the buffers that arrive.
async fn echo(mut stream: TcpStream) {
    while let Some(chunk) = stream.recv_chunk().await.unwrap() {
        stream.send(chunk).await.unwrap();
    }
}

#[test]
fn a_megabyte_comes_back_while_it_is_sent() {
    on_both(
        |listener| async { echo(accept(listener).await).await },
        |server| async move {
            let (mut read, mut write) = TcpStream::connect(server).await.unwrap().into_split();
            let sent = pattern(1 << 20);
            let writer = spawn_local({
                let sent = sent.clone();
                async move { write.write_all(&sent).await }
            });
            let mut received = Vec::new();
            read.read_to_end(&mut received).await.unwrap();
            writer.await.unwrap().unwrap();
            assert!(received == sent, "{} bytes of {}", received.len(), sent.len());
        },
    );
}

#[test]
fn many_connections_at_once() {
    const MANY: usize = 200;
    on_both(
        |mut listener| async move {
            let mut tasks = Vec::new();
            for _ in 0..MANY {
                tasks.push(spawn_local(echo(listener.accept().await.unwrap().0)));
            }
            for task in tasks {
                task.await.unwrap();
            }
        },
        |server| async move {
            let clients: Vec<_> = (0..MANY)
                .map(|n| {
                    spawn_local(async move {
                        let mut stream = TcpStream::connect(server).await.unwrap();
                        for round in 0..5 {
                            let sent = pattern(n + round + 1);
                            stream.write_all(&sent).await.unwrap();
                            let mut answer = vec![0; sent.len()];
                            stream.read_exact(&mut answer).await.unwrap();
                            assert_eq!(answer, sent);
                        }
                    })
                })
                .collect();
            for client in clients {
                client.await.unwrap();
            }
        },
    );
}

#[test]
fn one_direction_ends_and_the_other_goes_on() {
    on_both(
        |listener| async {
            let mut stream = accept(listener).await;
            let mut question = String::new();
            stream.read_to_string(&mut question).await.unwrap();
            assert_eq!(question, "question");
            assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0, "the end stays");
            stream.write_all(b"answer").await.unwrap();
        },
        |server| async move {
            let mut stream = TcpStream::connect(server).await.unwrap();
            stream.write_all(b"question").await.unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            assert_eq!(stream.write(b"more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert_eq!(answer, "answer");
        },
    );
}

#[test]
fn a_cancelled_call_loses_nothing() {
    on_both(
        |mut listener| async move {
            assert!(timeout(Duration::from_millis(1), listener.accept()).await.is_err());
            let mut stream = accept(listener).await;
            let mut buf = [0; 10];
            assert!(timeout(Duration::from_millis(5), stream.read(&mut buf)).await.is_err());
            assert!(timeout(Duration::from_millis(5), stream.recv_chunk()).await.is_err());
            stream.write_all(b"go").await.unwrap();
            let peeked = stream.peek(&mut buf).await.unwrap();
            assert_eq!(&buf[..peeked], b"late");
            assert_eq!(&stream.recv_chunk().await.unwrap().unwrap()[..], b"late");
        },
        |server| async move {
            sleep(Duration::from_millis(5)).await;
            let mut stream = TcpStream::connect(server).await.unwrap();
            let mut go = [0; 2];
            stream.read_exact(&mut go).await.unwrap();
            stream.write_all(b"late").await.unwrap();
            assert_eq!(stream.read(&mut go).await.unwrap(), 0);
        },
    );
}

#[test]
fn a_full_window_holds_the_writer_until_the_reader_reads() {
    const TOTAL: usize = 16 << 20; // more than both buffers together
    on_both(
        |listener| async {
            let mut stream = accept(listener).await;
            sleep(Duration::from_millis(300)).await;
            let mut received = Vec::new();
            stream.read_to_end(&mut received).await.unwrap();
            assert!(received == pattern(TOTAL));
        },
        |server| async move {
            let mut stream = TcpStream::connect(server).await.unwrap();
            let start = corelane::time::now();
            stream.write_all(&pattern(TOTAL)).await.unwrap();
            assert!(corelane::time::now() - start >= Duration::from_millis(200));
        },
    );
}

#[test]
fn a_chunk_is_sent_whole_or_given_back() {
    on_both(
        |listener| async {
            let mut stream = accept(listener).await;
            let mut received = Vec::new();
            stream.read_to_end(&mut received).await.unwrap();
            for (number, chunk) in received.chunks(1001).enumerate() {
                assert!(chunk.len() == 1001 && chunk.iter().all(|byte| *byte == number as u8), "{number}");
            }
            assert!(received.len() > 1001);
        },
        |server| async move {
            let mut stream = TcpStream::connect(server).await.unwrap();
            stream.set_send_buffer_size(Some(9000)).unwrap();
            let pool = pool().unwrap();
            for number in 0..=u8::MAX {
                let mut chunk = Chunk::copy_from(&pool, &[number; 1001]).unwrap();
                while let Err(refused) = stream.try_send(chunk) {
                    assert_eq!(refused.error.kind(), ErrorKind::WouldBlock);
                    assert_eq!(refused.chunk.len(), 1001, "all of it");
                    chunk = refused.chunk;
                    yield_now().await;
                    sleep(Duration::from_micros(50)).await;
                }
            }
            // What was taken is delivered, though the stream is dropped, and the end comes after it.
        },
    );
}

#[test]
fn resets_and_refusals_are_told() {
    on_both(
        |mut listener| async move {
            for _ in 0..3 {
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.write_all(b"!").await.unwrap();
                let error = stream.read(&mut [0; 1]).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            }
        },
        |server| async move {
            let mut aborted = TcpStream::connect(server).await.unwrap();
            aborted.read_exact(&mut [0; 1]).await.unwrap();
            aborted.abort();
            let mut unread = TcpStream::connect(server).await.unwrap();
            unread.peek(&mut [0; 1]).await.unwrap();
            unread.set_linger(Some(SECOND)).unwrap();
            assert_eq!(unread.close().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
            let mut hasty = TcpStream::connect(server).await.unwrap();
            hasty.read_exact(&mut [0; 1]).await.unwrap();
            hasty.set_linger(Some(Duration::ZERO)).unwrap();
            drop(hasty);
            let nobody = SocketAddr::new(server.ip(), 9);
            let refused = TcpStream::connect(nobody).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
            assert!(refused.to_string().starts_with(&format!("can't connect to {nobody}: ")), "{refused}");
            let elsewhere = TcpStream::connect_from("192.0.2.7:0", server).await.unwrap_err();
            assert_eq!(elsewhere.kind(), ErrorKind::AddrNotAvailable);
            let elsewhere = TcpListener::bind("192.0.2.7:80").await.unwrap_err();
            assert_eq!(elsewhere.kind(), ErrorKind::AddrNotAvailable);
            assert!(elsewhere.to_string().starts_with("can't listen on 192.0.2.7:80: "), "{elsewhere}");
        },
    );
}

#[test]
fn options_are_told_as_they_were_set() {
    on_both(
        |listener| async {
            let mut stream = accept(listener).await;
            assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
        },
        |server| async move {
            let stream = TcpStream::connect(server).await.unwrap();
            assert_eq!(stream.options().unwrap(), Default::default());
            stream.set_nodelay(true).unwrap();
            stream.set_tcp_cork(true).unwrap();
            stream.set_tcp_cork(false).unwrap();
            stream.set_keepalive(Some(Keepalive::WEB)).unwrap();
            stream.set_linger(Some(SECOND)).unwrap();
            stream.set_tcp_user_timeout(Some(SECOND * 30)).unwrap();
            stream.set_send_buffer_size(Some(65_536)).unwrap();
            stream.set_tos(0x10).unwrap();
            stream.set_ttl(Some(5)).unwrap();
            stream.set_ttl(None).unwrap();
            stream.set_tcp_congestion(Some(corelane::net::CongestionControl::Reno)).unwrap();
            let set = stream.options().unwrap();
            assert_eq!((set.nodelay, set.cork, set.keepalive), (true, false, Some(Keepalive::WEB)));
            assert_eq!((set.linger, set.user_timeout), (Some(SECOND), Some(SECOND * 30)));
            assert_eq!((set.send_buffer, set.tos, set.ttl), (Some(65_536), 0x10, None));
            assert_eq!(stream.set_ttl(Some(0)).unwrap_err().kind(), ErrorKind::InvalidInput);
            stream.set_tcp_congestion(None).unwrap();
            stream.set_recv_buffer_size(10_000).unwrap();
            assert_eq!(stream.recv_buffer_size().unwrap(), 10_000);
            stream.set_quickack(true).unwrap();
            assert!(stream.quickack().unwrap());
            assert!(corelane::net::default_keepalive().unwrap().time >= SECOND);
            assert!(stream.take_error().unwrap().is_none());
            stream.close().await.unwrap();
        },
    );
}

#[test]
fn a_sockets_options_count_for_what_it_opens_and_accepts() {
    on_both(
        |listener| async move {
            let own = TcpSocket::new();
            own.set_keepalive(Some(Keepalive::NAT)).unwrap();
            own.set_nodelay(true).unwrap();
            own.bind(SocketAddr::new(listener.local_addr().unwrap().ip(), 8765)).unwrap();
            let mut own = own.listen(5).unwrap();
            let (mut first, _) = { listener }.accept().await.unwrap();
            first.write_all(b"!").await.unwrap();
            let (stream, peer) = own.accept().await.unwrap();
            assert_eq!(stream.peer_addr().unwrap(), peer);
            assert_eq!(stream.keepalive().unwrap(), Some(Keepalive::NAT));
            assert!(stream.nodelay().unwrap());
        },
        |server| async move {
            let mut first = TcpStream::connect(server).await.unwrap();
            first.read_exact(&mut [0; 1]).await.unwrap();
            let own = TcpSocket::new();
            own.set_keepalive(Some(Keepalive::WEB)).unwrap();
            let mut stream = own.connect(SocketAddr::new(server.ip(), 8765)).await.unwrap();
            assert_eq!(stream.keepalive().unwrap(), Some(Keepalive::WEB));
            assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
        },
    );
}

#[test]
fn close_waits_for_the_delivery() {
    on_both(
        |mut listener| async move {
            for _ in 0..20 {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut text = Vec::new();
                stream.read_to_end(&mut text).await.unwrap();
                assert_eq!(text.len(), 100_000);
            }
        },
        |server| async move {
            for _ in 0..20 {
                let mut stream = TcpStream::connect(server).await.unwrap();
                stream.set_linger(Some(SECOND * 20)).unwrap();
                stream.write_all(&[1; 100_000]).await.unwrap();
                stream.close().await.unwrap();
            }
        },
    );
}

#[test]
fn a_close_that_is_not_acknowledged_times_out() {
    on_the_kernel(
        |listener| async move {
            let mut stream = accept(listener).await;
            sleep(Duration::from_millis(300)).await;
            let mut received = Vec::new();
            stream.read_to_end(&mut received).await.unwrap();
            assert!(!received.is_empty());
        },
        |server| async move {
            let mut stream = TcpStream::connect(server).await.unwrap();
            stream.set_linger(Some(Duration::from_millis(50))).unwrap();
            // Until the peer's window and our buffer are full.
            while let Ok(n) = timeout(Duration::from_millis(20), stream.write(&[7; 65_536])).await {
                n.unwrap();
            }
            assert_eq!(stream.close().await.unwrap_err().kind(), ErrorKind::TimedOut);
        },
    );
}

#[test]
fn shutdown_read_ends_a_read_that_waits() {
    on_both(
        |listener| async {
            let mut stream = accept(listener).await;
            assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
        },
        |server| async move {
            let stream = TcpStream::connect(server).await.unwrap();
            let stream = std::rc::Rc::new(std::cell::RefCell::new(stream));
            let reading = spawn_local({
                let stream = stream.clone();
                async move {
                    std::future::poll_fn(|cx| stream.borrow_mut().poll_read(cx, &mut [0; 1])).await.unwrap()
                }
            });
            sleep(Duration::from_millis(2)).await;
            assert!(!reading.is_finished());
            stream.borrow().shutdown(Shutdown::Read).unwrap();
            assert_eq!(reading.await.unwrap(), 0);
        },
    );
}

#[test]
fn a_connection_tells_of_itself() {
    on_both(
        |listener| async {
            let local = listener.local_addr().unwrap();
            let mut stream = accept(listener).await;
            assert_eq!(stream.local_addr().unwrap(), local);
            let mut question = [0; 5];
            stream.read_exact(&mut question).await.unwrap();
            let sockets = stats::sockets().unwrap();
            let ours = sockets.iter().find(|line| line.local == local && line.peer.is_some()).unwrap();
            assert_eq!((ours.state, ours.recv_queue), (State::Established, 0));
            assert!(matches!(ours.owner, SocketOwner::Socket(_)));
            stream.write_all(b"answer").await.unwrap();
        },
        |server| async move {
            let mut stream = TcpStream::connect(server).await.unwrap();
            assert_eq!(stream.peer_addr().unwrap(), server);
            stream.write_all(b"hello").await.unwrap();
            let mut answer = [0; 6];
            stream.read_exact(&mut answer).await.unwrap();
            let info = stream.tcp_info().unwrap();
            // The server has closed it, or is about to.
            assert!(matches!(info.state, State::Established | State::CloseWait), "{info:?}");
            assert!(info.bytes_received >= 6 && info.bytes_acked >= 5, "{info:?}");
            assert!(info.snd_mss >= 500 && info.snd_cwnd >= info.snd_mss, "{info:?}");
            assert_eq!(stats::snapshot().unwrap().stack.tcp_active_opens, 1);
        },
    );
}

#[test]
fn a_socket_of_the_kernel_works_only_on_its_worker() {
    let here = Worker::kernel(Clock::system()).unwrap();
    let there = Worker::kernel(Clock::system()).unwrap();
    let listener = here.enter(|| TcpListener::listen("127.0.0.1:0", 1)).unwrap();
    let error = there.enter(|| listener.local_addr()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let address = here.enter(|| listener.local_addr()).unwrap();
    there.enter(|| drop(listener)); // its owner is told to close it
    let mut here = here;
    here.turn();
    assert_eq!(std::net::TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}
