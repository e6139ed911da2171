//! The examples, asked by clients of the kernel's side: curl, wrk, openssl, a WebSocket client.

mod bed;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;

use bed::{KERNEL, OURS, PATIENCE, connect, curl, example, have, in_namespace, run, serve};

/// Every example, with both of its ends in one process.
#[test]
fn all_run_in_memory() {
    let names = [
        "axum_json",
        "chat",
        "client_get",
        "client_pool",
        "echo",
        "http_cores",
        "http_hello",
        "tcp_proxy",
        "tls_hello",
        "ws_echo",
    ];
    for name in names {
        let Some(path) = example(name) else { continue };
        let out = run(Command::new(path).args(["--driver", "sim"]));
        assert!(out.contains("everything finished: true"), "{name}: {out}");
    }
}

#[test]
fn curl_keeps_notes_in_the_json_api() {
    let Some(path) = example("axum_json").filter(|_| have("curl")) else { return };
    in_namespace("curl_keeps_notes_in_the_json_api", || {
        serve(&path, 80, &[], |address| {
            let url = format!("http://{address}/notes");
            let json = ["-H", "content-type: application/json", "-d", r#"{"text":"milk"}"#, &url];
            assert_eq!(curl(&json), r#"{"id":1,"text":"milk"}"#);
            assert_eq!(curl(&[&format!("{url}/1")]), r#"{"id":1,"text":"milk"}"#);
            assert_eq!(curl(&[&url]), r#"[{"id":1,"text":"milk"}]"#);
            curl(&["-X", "DELETE", &format!("{url}/1")]);
            assert_eq!(curl(&[&url]), "[]");
            assert_eq!(curl(&["--http2-prior-knowledge", &url]), "[]");
        });
    });
}

#[test]
fn wrk_loads_the_json_api_without_an_error() {
    let Some(path) = example("axum_json").filter(|_| have("wrk")) else { return };
    in_namespace("wrk_loads_the_json_api_without_an_error", || {
        serve(&path, 80, &[], |address| {
            let out = run(Command::new("wrk").args(["-t1", "-c16", "-d1s", &format!("http://{address}/")]));
            assert!(!out.contains("Socket errors") && !out.contains("Non-2xx"), "{out}");
            let requests = out
                .lines()
                .find_map(|line| line.trim().split_once(" requests in").map(|(n, _)| n.to_string()));
            let requests: u64 = requests.unwrap_or_else(|| panic!("{out}")).parse().unwrap();
            assert!(requests > 0, "{out}");
        });
    });
}

#[test]
fn a_web_socket_echoes() {
    let Some(path) = example("ws_echo") else { return };
    in_namespace("a_web_socket_echoes", || {
        use tokio_tungstenite::tungstenite::{Message, client};
        serve(&path, 80, &[], |address| {
            let stream = connect(&format!("{address}:80"));
            let (mut socket, _) = client(format!("ws://{address}/echo"), stream).unwrap();
            for sent in ["hello", "", &"x".repeat(200_000)] {
                socket.send(Message::text(sent)).unwrap();
                assert_eq!(socket.read().unwrap().into_text().unwrap().as_str(), sent);
            }
            socket.send(Message::Ping(b"there?".to_vec().into())).unwrap();
            assert_eq!(socket.read().unwrap(), Message::Pong(b"there?".to_vec().into()));
            socket.close(None).unwrap();
            while socket.read().is_ok() {} // the server's answer, then the end
        });
    });
}

#[test]
fn curl_and_openssl_trust_the_certificate() {
    let Some(path) = example("tls_hello").filter(|_| have("curl")) else { return };
    in_namespace("curl_and_openssl_trust_the_certificate", || {
        let certificate = std::env::temp_dir().join(format!("corelane-tls-{}.pem", std::process::id()));
        let file = certificate.to_str().unwrap();
        serve(&path, 443, &["--certificate", file], |address| {
            assert_eq!(
                curl(&["--cacert", file, &format!("https://{address}/")]),
                "Hello from corelane, behind TLS\n"
            );
            if Command::new("openssl").arg("version").stdout(Stdio::null()).status().is_ok() {
                let address = format!("{address}:443");
                let arguments = ["s_client", "-verify_return_error", "-CAfile", file, "-connect", &address];
                let mut openssl = Command::new("openssl")
                    .args(arguments)
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .stderr(Stdio::null())
                    .spawn()
                    .unwrap();
                // Left open: at its end s_client would hang up before the answer comes.
                let mut stdin = openssl.stdin.take().unwrap();
                stdin.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
                let output = openssl.wait_with_output().unwrap();
                drop(stdin);
                let out = String::from_utf8_lossy(&output.stdout);
                assert!(out.contains("Verify return code: 0 (ok)") && out.contains("behind TLS"), "{out}");
            } else {
                println!("SKIPPED: openssl is not installed");
            }
            std::fs::remove_file(&certificate).unwrap();
        });
    });
}

#[test]
fn the_proxy_forwards_both_ways() {
    let Some(path) = example("tcp_proxy") else { return };
    in_namespace("the_proxy_forwards_both_ways", || {
        let upstream = TcpListener::bind((KERNEL, 8080)).unwrap();
        let (tell, told) = mpsc::channel();
        // Detached: it ends with the process.
        thread::spawn(move || {
            loop {
                let (mut stream, from) = upstream.accept().unwrap();
                let mut all = Vec::new();
                stream.read_to_end(&mut all).unwrap();
                stream.write_all(&all).unwrap();
                tell.send((all.len(), from.ip().to_string())).unwrap();
            }
        });
        serve(&path, 80, &["--upstream", &format!("{KERNEL}:8080")], |address| {
            let sent: Vec<u8> = (0..3_000_000u32).map(|i| (i % 251) as u8).collect();
            let mut stream = connect(&format!("{address}:80"));
            stream.write_all(&sent).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let mut received = Vec::new();
            stream.read_to_end(&mut received).unwrap();
            assert!(received == sent, "{} bytes", received.len());
            assert_eq!(told.recv_timeout(PATIENCE).unwrap(), (sent.len(), address.to_string()));
        });
    });
}

#[test]
fn two_guests_chat() {
    let Some(path) = example("chat") else { return };
    in_namespace("two_guests_chat", || {
        serve(&path, 7000, &[], |address| {
            let mut first = connect(&format!("{address}:7000"));
            // The first is in the room when the second one's coming is told.
            first.write_all(b"is anybody here?\n").unwrap();
            let mut heard = BufReader::new(first.try_clone().unwrap()).lines();
            let mut second = connect(&format!("{address}:7000"));
            assert!(heard.next().unwrap().unwrap().ends_with(": enters"));
            second.write_all(b"hel").unwrap();
            second.write_all(b"lo\nand ").unwrap();
            second.write_all(b"goodbye\n").unwrap();
            assert!(heard.next().unwrap().unwrap().ends_with(": hello"));
            assert!(heard.next().unwrap().unwrap().ends_with(": and goodbye"));
            drop(second);
            assert!(heard.next().unwrap().unwrap().ends_with(": leaves"));
        });
    });
}

#[test]
fn the_pool_asks_a_server_of_the_kernel() {
    let Some(path) = example("client_pool") else { return };
    in_namespace("the_pool_asks_a_server_of_the_kernel", || {
        let server = TcpListener::bind((KERNEL, 8080)).unwrap();
        // Detached: it ends with the process.
        thread::spawn(move || {
            for stream in server.incoming() {
                thread::spawn(move || answer_requests(stream.unwrap()));
            }
        });
        let (address, server) = (format!("{OURS}/24"), format!("{KERNEL}:8080"));
        let flags = ["--driver", "tap", "--interface", "cl0", "--address", &address, "--server", &server];
        let out = run(Command::new(&path).args(flags).args(["--requests", "50", "--tasks", "3"]));
        assert_eq!(out.trim(), "50 answers, 250 bytes, 3 connections");
    });
}

/// An HTTP server by hand, for requests without a body.
fn answer_requests(stream: std::net::TcpStream) {
    let mut write = stream.try_clone().unwrap();
    let lines = BufReader::new(stream).lines();
    for line in lines.map_while(Result::ok) {
        if line.is_empty() {
            write.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").unwrap();
        }
    }
}

#[test]
fn curl_asks_one_core() {
    let Some(path) = example("http_cores").filter(|_| have("curl")) else { return };
    in_namespace("curl_asks_one_core", || {
        // A TAP device has one queue, and the kernel engine one worker by default.
        serve(&path, 80, &[], |address| {
            for _ in 0..3 {
                assert_eq!(curl(&[&format!("http://{address}/")]), "Hello from worker 0\n");
            }
            assert_eq!(curl(&[&format!("http://{address}/cores")]), "[3]");
        });
    });
}
