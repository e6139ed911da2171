use super::*;

fn file(text: &str) -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("corelane-main-{}-{}.toml", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn attributes_say_what_no_file_says() {
    let main = Main::new()
        .engine("kernel")
        .workers(2)
        .driver("tap")
        .interface("tap0")
        .address("10.0.0.2/24")
        .gateway("10.0.0.1");
    let config = main.settings(None, &[3, 5, 7]).unwrap();
    assert_eq!(config.runtime.cores, [3, 5]);
    assert_eq!(config.runtime.engine, "kernel");
    assert_eq!((config.device.driver.as_str(), config.device.interface.as_deref()), ("tap", Some("tap0")));
    assert_eq!(config.network.addresses, ["10.0.0.2/24"]);
    assert_eq!(config.network.gateway.as_deref(), Some("10.0.0.1"));
}

#[test]
fn the_file_wins_and_attributes_fill_in() {
    let path = file("[device]\ndriver = \"xdp\"\n[network]\naddresses = [\"10.1.0.2/24\"]\n");
    let main = Main::new().cores(&[1]).driver("tap").interface("eth0").address("10.0.0.2/24");
    let config = main.settings(Some(path.clone()), &[0, 1]).unwrap();
    std::fs::remove_file(path).unwrap();
    assert_eq!((config.device.driver.as_str(), config.device.interface.as_deref()), ("xdp", Some("eth0")));
    assert_eq!(config.network.addresses, ["10.1.0.2/24"]);
    assert_eq!(config.runtime.cores, [1]);
}

#[test]
fn the_environment_s_file_goes_before_the_attribute_s() {
    let path = file("[network]\naddresses = [\"10.1.0.2/24\"]\n");
    let main = Main::new().config("/nowhere/at/all.toml");
    assert_eq!(main.settings(Some(path.clone()), &[0]).unwrap().network.addresses, ["10.1.0.2/24"]);
    std::fs::remove_file(path).unwrap();
    let error = Main::new().config("/nowhere/at/all.toml").settings(None, &[0]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert!(error.to_string().contains("/nowhere/at/all.toml"), "{error}");
}

#[test]
fn more_cores_than_there_are_is_told() {
    for workers in [0, 3] {
        let error = Main::new().workers(workers).settings(None, &[0, 1]).unwrap_err().to_string();
        assert!(error.contains("may use 2"), "{error}");
    }
}

#[test]
fn tasks_are_dropped_and_what_was_written_is_delivered() {
    use crate::net::{TcpListener, TcpStream};
    use corelane_sim::{LinkConfig, cross_thread_pair};

    const BYTES: usize = 50_000;
    let (ours, theirs) = cross_thread_pair(&LinkConfig { queues: 2, ..LinkConfig::default() }).unwrap();
    let (ready, listening) = std::sync::mpsc::channel();
    let host = std::thread::spawn(move || {
        let mut runtime = Builder::new().nic(theirs).address("10.0.0.2/24").queues(2).build().unwrap();
        let received = runtime.block_on_all(move || {
            let ready = ready.clone();
            async move {
                let mut listener = TcpListener::bind("10.0.0.2:7").await.unwrap();
                ready.send(()).unwrap();
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut all = Vec::new();
                stream.read_to_end(&mut all).await.map(|_| all.len())
            }
        });
        let finished = runtime.shutdown(Duration::from_secs(60));
        (received.unwrap().into_iter().map(Result::unwrap).collect::<Vec<_>>(), finished)
    });
    for _ in 0..2 {
        listening.recv().unwrap();
    }
    let mut runtime = Builder::new().nic(ours).address("10.0.0.1/24").queues(2).build().unwrap();
    let begin = std::time::Instant::now();
    let written = runtime.block_on_all(|| async {
        crate::spawn_local(std::future::pending::<()>());
        let mut stream = TcpStream::connect("10.0.0.2:7").await.unwrap();
        stream.write_all(&[7; BYTES]).await.unwrap();
    });
    assert_eq!(written.unwrap().len(), 2);
    assert!(finish(runtime), "all was delivered");
    assert!(begin.elapsed() < DELIVERY, "the tasks that never end were not waited for");
    assert_eq!(host.join().unwrap(), (vec![BYTES, BYTES], true));
}
