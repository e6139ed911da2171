//! A network namespace where our programs meet the kernel over a TAP device.
#![allow(dead_code, reason = "each test file uses its part")]

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// The kernel's address on the TAP device, and ours.
pub const KERNEL: &str = "10.77.0.1";
pub const OURS: &str = "10.77.0.2";

const TAP: &str = "cl0";

/// Longer than anything here takes; what hangs fails by it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A network namespace that goes with its owner.
struct Namespace(String);

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = ip(&["netns", "del", &self.0]);
    }
}

fn ip(arguments: &[&str]) -> std::io::Result<Output> {
    Command::new("ip").args(arguments).output()
}

fn ip_ok(arguments: &[&str]) {
    let output = ip(arguments).unwrap();
    assert!(output.status.success(), "ip {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Runs `body` in a network namespace of its own with a TAP device, by starting this test once more in there.
pub fn in_namespace(test: &str, body: impl FnOnce()) {
    const INSIDE: &str = "CORELANE_TEST_INSIDE";
    if env::var_os(INSIDE).is_some() {
        return body();
    }
    if !Path::new("/dev/net/tun").exists() {
        println!("SKIPPED: there is no /dev/net/tun");
        return;
    }
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("clrun{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    match ip(&["netns", "add", &name]) {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            let why = String::from_utf8_lossy(&output.stderr).trim().to_string();
            println!("SKIPPED: no network namespace can be made (root is needed): {why}");
            return;
        }
        Err(error) => {
            println!("SKIPPED: `ip` of iproute2 cannot be run: {error}");
            return;
        }
    }
    let namespace = Namespace(name);
    let name = namespace.0.as_str();
    let address = format!("{KERNEL}/24");
    ip_ok(&["-n", name, "link", "set", "lo", "up"]);
    ip_ok(&["-n", name, "tuntap", "add", "dev", TAP, "mode", "tap"]);
    ip_ok(&["-n", name, "address", "add", &address, "dev", TAP]);
    ip_ok(&["-n", name, "link", "set", TAP, "up"]);
    let status = Command::new("ip")
        .args(["netns", "exec", name])
        .arg(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(INSIDE, "1")
        .status()
        .unwrap();
    assert!(status.success(), "{test} failed inside the namespace");
}

/// Whether a program can be run; if not, says that the test is skipped.
pub fn have(program: &str) -> bool {
    let found =
        Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        println!("SKIPPED: {program} is not installed");
    }
    found
}

/// An example, as cargo has built it beside this test; `None`, said, when it was not built with these features.
pub fn example(name: &str) -> Option<PathBuf> {
    let mut path = env::current_exe().unwrap();
    path.pop(); // deps
    path.pop();
    path.push("examples");
    path.push(name);
    if path.exists() {
        return Some(path);
    }
    println!("SKIPPED: the example {name} was not built: it needs a feature (cargo test --all-features)");
    None
}

/// A program that runs until it is dropped.
pub struct Program {
    child: Child,
    /// The rest of what it prints, when it ends.
    rest: Option<thread::JoinHandle<String>>,
}

impl Program {
    /// Starts a server, and waits until it says that it listens.
    pub fn start(command: &mut Command) -> Program {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let (tell, told) = mpsc::channel();
        let rest = thread::spawn(move || {
            let mut line = String::new();
            while out.read_line(&mut line).is_ok_and(|n| n > 0) {
                if line.starts_with("listening") {
                    let _ = tell.send(line.clone());
                    break;
                }
                line.clear();
            }
            let mut rest = String::new();
            let _ = out.read_to_string(&mut rest);
            rest
        });
        let program = Program { child, rest: Some(rest) };
        told.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{command:?} doesn't listen"));
        program
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(rest) = self.rest.take() {
            let _ = rest.join();
        }
    }
}

/// Runs `client` against an example that serves, first on our own stack on the TAP device, then on the kernel's sockets. It is told
/// the address.
pub fn serve(example: &Path, port: u16, arguments: &[&str], client: impl Fn(&str)) {
    let port = port.to_string();
    let native: &[&str] = &["--driver", "tap", "--interface", TAP];
    for (flags, address) in [(native, OURS), (&["--engine", "kernel"], KERNEL)] {
        let ours = format!("{address}/24");
        let mut command = Command::new(example);
        command.args(flags).args(["--address", &ours, "--port", &port]).args(arguments);
        let _server = Program::start(&mut command);
        client(address);
    }
}

/// A configuration for `#[corelane::main]`; the file goes with its owner.
pub struct Configuration(PathBuf);

impl Configuration {
    /// Our own stack on the TAP device.
    pub fn native() -> Configuration {
        Configuration::new(&format!(
            "[device]\ndriver = \"tap\"\ninterface = \"{TAP}\"\n[network]\naddresses = [\"{OURS}/24\"]\n"
        ))
    }

    /// The kernel's sockets.
    pub fn kernel() -> Configuration {
        Configuration::new("[runtime]\nengine = \"kernel\"\n")
    }

    fn new(text: &str) -> Configuration {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("corelane-bed-{}-{}.toml", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = env::temp_dir().join(name);
        fs::write(&path, text).unwrap();
        Configuration(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Configuration {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Runs a client to its end: what it printed.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}: {out}{error}", output.status);
    out.into_owned()
}

/// What curl gets.
pub fn curl(arguments: &[&str]) -> String {
    run(Command::new("curl").args(["-sS", "--fail-with-body", "--max-time", "30"]).args(arguments))
}

/// A connection of the kernel's that doesn't wait for ever.
pub fn connect(address: &str) -> std::net::TcpStream {
    let address: SocketAddr = address.parse().unwrap();
    let stream = std::net::TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}
