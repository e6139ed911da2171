//! Whole connections between two hosts.

mod support;

use std::io;

use corelane::net::{TcpListener, TcpStream};
use corelane::spawn_local;
use support::{Hosts, SERVER};

/// Echoes `connections` connections, then ends.
async fn echo(connections: usize) -> io::Result<()> {
    let mut listener = TcpListener::bind(SERVER).await?;
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let (mut stream, _) = listener.accept().await?;
        tasks.push(spawn_local(async move {
            while let Some(chunk) = stream.recv_chunk().await? {
                stream.send(chunk).await?;
            }
            io::Result::Ok(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    Ok(())
}

/// Bytes that tell where they are.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i as u32).wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect()
}

#[test]
fn bytes_come_back() {
    let mut hosts = Hosts::new();
    let server = hosts.serve(echo(1));
    hosts.connect(async {
        let mut stream = TcpStream::connect(SERVER).await.unwrap();
        for line in ["hello", "again"] {
            stream.write_all(line.as_bytes()).await.unwrap();
            let mut answer = vec![0; line.len()];
            stream.read_exact(&mut answer).await.unwrap();
            assert_eq!(answer, line.as_bytes());
        }
    });
    hosts.join(server).unwrap();
    hosts.assert_clean();
}

#[test]
fn a_megabyte_comes_back_while_it_is_sent() {
    let mut hosts = Hosts::new();
    let server = hosts.serve(echo(1));
    hosts.connect(async {
        let (mut read, mut write) = TcpStream::connect(SERVER).await.unwrap().into_split();
        let sent = pattern(1 << 20);
        let writer = spawn_local({
            let sent = sent.clone();
            async move { write.write_all(&sent).await }
        });
        let mut received = Vec::new();
        read.read_to_end(&mut received).await.unwrap();
        writer.await.unwrap().unwrap();
        assert!(received == sent, "{} bytes of {}", received.len(), sent.len());
    });
    hosts.join(server).unwrap();
    hosts.assert_clean();
}

#[test]
fn many_connections_at_once() {
    const MANY: usize = 200;
    let mut hosts = Hosts::new();
    let server = hosts.serve(echo(MANY));
    hosts.connect(async {
        let clients: Vec<_> = (0..MANY)
            .map(|n| {
                spawn_local(async move {
                    let mut stream = TcpStream::connect(SERVER).await?;
                    for round in 0..5 {
                        let sent = pattern(n + round + 1);
                        stream.write_all(&sent).await?;
                        let mut answer = vec![0; sent.len()];
                        stream.read_exact(&mut answer).await?;
                        assert_eq!(answer, sent);
                    }
                    io::Result::Ok(())
                })
            })
            .collect();
        for client in clients {
            client.await.unwrap().unwrap();
        }
    });
    hosts.join(server).unwrap();
    hosts.assert_clean();
}
