//! What the workers count, in a file.
#![allow(dead_code, reason = "each example uses its part")]

use std::fmt::Write;
use std::fs;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use corelane::time::interval;
use corelane::{Handle, JoinHandle, spawn_local};

/// Runs a server, and writes what all workers count to `path`, if there is one, meanwhile: one task does it for all.
pub async fn beside(path: Option<PathBuf>, server: impl Future<Output = ()>) {
    let writer = start(path);
    server.await;
    if let Some(writer) = writer {
        writer.cancel(); // or the shutdown would wait for it
    }
}

fn start(path: Option<PathBuf>) -> Option<JoinHandle<()>> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    let (path, handle) = (path?, Handle::current()?);
    let first = !TAKEN.swap(true, Ordering::Relaxed);
    first.then(|| spawn_local(write_every_second(handle, path)))
}

/// Writes every second, for ever.
async fn write_every_second(handle: Handle, path: PathBuf) {
    let mut seconds = interval(Duration::from_secs(1));
    loop {
        seconds.tick().await;
        if let Err(error) = write(&handle, &path).await {
            eprintln!("--stats {}: {error}", path.display());
            return;
        }
    }
}

/// Writes levels and counts of all workers to `path`: a line `worker name value` each.
pub async fn write(handle: &Handle, path: &Path) -> io::Result<()> {
    let mut text = String::new();
    for (worker, snapshot) in handle.stats().await.iter().enumerate() {
        for (name, value) in snapshot.levels().chain(snapshot.counts()) {
            let _ = writeln!(text, "{worker} {name} {value}"); // a String takes everything
        }
    }
    // Renamed into place: who reads it finds a whole one.
    let new = path.with_extension("new");
    fs::write(&new, text)?;
    fs::rename(new, path)
}
