//! The streams behind the traits of tokio, futures-io and hyper.

mod support;

/// tokio's helpers, without tokio's runtime.
#[cfg(feature = "tokio-io")]
mod tokio_io {
    use corelane::net::TcpStream;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader, copy};

    use crate::support::engines::on_both;

    #[test]
    fn copy_echoes() {
        let sent: Vec<u8> = (0..100_000u32).map(|i| (i % 251) as u8).collect();
        on_both(
            |mut listener| async move {
                let (mut read, mut write) = listener.accept().await.unwrap().0.into_split();
                assert_eq!(copy(&mut read, &mut write).await.unwrap(), 100_000);
                AsyncWriteExt::shutdown(&mut write).await.unwrap();
            },
            move |server| {
                let sent = sent.clone();
                async move {
                    let (read, mut write) = TcpStream::connect(server).await.unwrap().into_split();
                    let wanted = sent.clone();
                    let writer = corelane::spawn_local(async move {
                        AsyncWriteExt::write_all(&mut write, &sent).await.unwrap();
                        AsyncWriteExt::shutdown(&mut write).await.unwrap();
                    });
                    let mut received = Vec::new();
                    AsyncReadExt::read_to_end(&mut BufReader::new(read), &mut received).await.unwrap();
                    writer.await.unwrap();
                    assert!(received == wanted);
                }
            },
        );
    }
}

#[cfg(feature = "futures-io")]
mod futures_io {
    use std::future::poll_fn;
    use std::io::IoSlice;
    use std::pin::Pin;

    use corelane::net::TcpStream;
    use futures_io::{AsyncRead, AsyncWrite};

    use crate::support::engines::on_both;

    #[test]
    fn the_traits_read_write_and_close() {
        on_both(
            |mut listener| async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                let parts = [IoSlice::new(b"a "), IoSlice::new(b""), IoSlice::new(b"vector")];
                let written = poll_fn(|cx| Pin::new(&mut stream).poll_write_vectored(cx, &parts)).await;
                assert_eq!(written.unwrap(), 8);
                poll_fn(|cx| Pin::new(&mut stream).poll_flush(cx)).await.unwrap();
                poll_fn(|cx| Pin::new(&mut stream).poll_close(cx)).await.unwrap();
            },
            |server| async move {
                let mut stream = TcpStream::connect(server).await.unwrap();
                let (mut text, mut buf) = (Vec::new(), [0; 3]);
                loop {
                    match poll_fn(|cx| Pin::new(&mut stream).poll_read(cx, &mut buf)).await.unwrap() {
                        0 => break,
                        n => text.extend_from_slice(&buf[..n]),
                    }
                }
                assert_eq!(text, b"a vector");
            },
        );
    }

    /// More than the kernel takes at once, and more than there is room for.
    #[test]
    fn a_long_vector_is_written_in_its_order() {
        const PART: usize = 700;
        const PARTS: usize = 3000;
        on_both(
            |mut listener| async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut received = Vec::new();
                stream.read_to_end(&mut received).await.unwrap();
                assert_eq!(received.len(), PART * PARTS);
                for (number, part) in received.chunks(PART).enumerate() {
                    assert!(part.iter().all(|byte| *byte == number as u8), "part {number}");
                }
            },
            |server| async move {
                let mut stream = TcpStream::connect(server).await.unwrap();
                let bytes: Vec<u8> =
                    (0..PARTS).flat_map(|number| std::iter::repeat_n(number as u8, PART)).collect();
                let mut sent = 0;
                while sent < bytes.len() {
                    let parts: Vec<IoSlice<'_>> = bytes[sent..].chunks(PART).map(IoSlice::new).collect();
                    sent +=
                        poll_fn(|cx| Pin::new(&mut stream).poll_write_vectored(cx, &parts)).await.unwrap();
                }
            },
        );
    }
}

#[cfg(feature = "hyper")]
mod hyper_rt {
    use std::convert::Infallible;
    use std::future::poll_fn;
    use std::pin::Pin;
    use std::time::Duration;

    use corelane::net::{LocalTimer, TcpListener, TcpStream};
    use corelane::spawn_local;
    use hyper::body::{Body, Incoming};
    use hyper::service::service_fn;
    use hyper::{Request, Response};

    use crate::support::engines::on_both;
    use crate::support::{Hosts, SERVER};

    async fn text(mut body: Incoming) -> Vec<u8> {
        let mut text = Vec::new();
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            text.extend_from_slice(&frame.unwrap().into_data().unwrap());
        }
        text
    }

    async fn answer(request: Request<Incoming>) -> Result<Response<String>, Infallible> {
        let path = request.uri().path().to_string();
        let len = text(request.into_body()).await.len();
        Ok(Response::new(format!("{path} {len}")))
    }

    #[test]
    fn requests_of_any_size_are_answered_on_one_connection() {
        on_both(
            |mut listener| async move {
                let (stream, _) = listener.accept().await.unwrap();
                let mut http = hyper::server::conn::http1::Builder::new();
                http.timer(LocalTimer).header_read_timeout(Duration::from_secs(30));
                http.serve_connection(stream, service_fn(answer)).await.unwrap();
            },
            |server| async move {
                let stream = TcpStream::connect(server).await.unwrap();
                let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
                let connection = spawn_local(connection);
                for len in [0, 1, 70_000] {
                    let request = Request::post("/len").header("host", server.to_string());
                    let response = sender.send_request(request.body("x".repeat(len)).unwrap()).await.unwrap();
                    assert_eq!(response.status(), 200);
                    assert_eq!(text(response.into_body()).await, format!("/len {len}").as_bytes());
                }
                drop(sender);
                connection.await.unwrap().unwrap();
            },
        );
    }

    #[test]
    fn a_client_that_says_nothing_is_hung_up_on() {
        let mut hosts = Hosts::new();
        let server = hosts.serve(async {
            let mut listener = TcpListener::bind(SERVER).await.unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            let mut http = hyper::server::conn::http1::Builder::new();
            http.timer(LocalTimer).header_read_timeout(Duration::from_secs(30));
            http.serve_connection(stream, service_fn(answer)).await.unwrap_err().is_timeout()
        });
        let took = hosts.connect(async {
            let mut stream = TcpStream::connect(SERVER).await.unwrap();
            stream.write_all(b"GET / HT").await.unwrap();
            let start = corelane::time::now();
            let _ = stream.read(&mut [0; 64]).await; // an answer, the end or a RST
            corelane::time::now() - start
        });
        assert!(took >= Duration::from_secs(29) && took < Duration::from_secs(32), "{took:?}");
        assert!(hosts.join(server));
    }
}

/// Lines out of the received chunks, without a copy.
#[cfg(all(feature = "tokio-io", feature = "futures-io"))]
mod buffered {
    use std::future::poll_fn;
    use std::pin::Pin;

    use corelane::net::{ChunkReader, TcpListener, TcpStream};
    use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};

    use crate::support::{Hosts, SERVER};

    #[test]
    fn tokio_s_lines_come_from_chunks_and_go_back() {
        let mut hosts = Hosts::new();
        let server = hosts.serve(async {
            let mut listener = TcpListener::bind(SERVER).await?;
            let mut reader = ChunkReader::new(listener.accept().await?.0);
            let (mut count, mut line) = (0, String::new());
            while reader.read_line(&mut line).await? > 0 {
                AsyncWriteExt::write_all(&mut reader, line.to_uppercase().as_bytes()).await?;
                line.clear();
                count += 1;
            }
            AsyncWriteExt::shutdown(&mut reader).await?;
            assert!(reader.buffer().is_empty());
            std::io::Result::Ok(count)
        });
        let answer = hosts.connect(async {
            let mut stream = TcpStream::connect(SERVER).await.unwrap();
            // A line that is longer than a segment, and one without an end.
            stream.write_all(format!("one\n{}\nthree", "x".repeat(5_000)).as_bytes()).await.unwrap();
            stream.shutdown(corelane::net::Shutdown::Write).unwrap();
            let mut answer = Vec::new();
            TcpStream::read_to_end(&mut stream, &mut answer).await.unwrap();
            answer
        });
        assert_eq!(answer, format!("ONE\n{}\nTHREE", "X".repeat(5_000)).as_bytes());
        assert_eq!(hosts.join(server).unwrap(), 3);
        hosts.assert_clean();
    }

    #[test]
    fn what_is_not_consumed_stays() {
        let mut hosts = Hosts::new();
        let server = hosts.serve(async {
            let mut listener = TcpListener::bind(SERVER).await.unwrap();
            let (read, _write) = listener.accept().await.unwrap().0.into_split();
            let mut reader = ChunkReader::new(read);
            for expected in [&b"abcdef"[..], b"cdef"] {
                let bytes = poll_fn(|cx| {
                    futures_io::AsyncBufRead::poll_fill_buf(Pin::new(&mut reader), cx).map_ok(<[u8]>::to_vec)
                });
                assert_eq!(bytes.await.unwrap(), expected);
                futures_io::AsyncBufRead::consume(Pin::new(&mut reader), 2);
            }
            let mut two = [0; 1];
            let read = poll_fn(|cx| futures_io::AsyncRead::poll_read(Pin::new(&mut reader), cx, &mut two));
            assert_eq!((read.await.unwrap(), &two), (1, b"e"));
            assert_eq!(reader.buffer(), b"f");
            reader.advance(100);
            assert_eq!(AsyncReadExt::read(&mut reader, &mut [0; 8]).await.unwrap(), 0, "the end");
            let (_, rest) = reader.into_parts();
            assert!(rest.is_none());
        });
        hosts.connect(async {
            let mut stream = TcpStream::connect(SERVER).await.unwrap();
            stream.write_all(b"abcdef").await.unwrap();
        });
        hosts.join(server);
        hosts.assert_clean();
    }
}
