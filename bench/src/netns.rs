//! Network namespaces that go away with the value that stands for them, and those of killed runs too.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::error::tell;

/// Namespaces of this program start so; the process id and a label follow.
const PREFIX: &str = "clbench";

/// As the kernel shows this program in /proc/PID/comm.
const COMM: &str = "corelane-bench";

/// Where iproute2 keeps the names.
const NAMES: &str = "/run/netns";

/// A network namespace of this process. It goes away with this value.
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes one, with nothing in it. `label` starts with a letter, and no other one of this process has it.
    ///
    /// # Errors
    /// Without CAP_SYS_ADMIN, or without iproute2.
    pub fn make(label: &str) -> anyhow::Result<Self> {
        let name = format!("{PREFIX}{}{label}", std::process::id());
        run("ip", &["netns", "add", &name])?;
        Ok(Self { name })
    }

    /// As `ip netns` calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The command that runs another one in it.
    pub fn inside(&self) -> Vec<String> {
        ["ip", "netns", "exec", &self.name].map(str::to_owned).to_vec()
    }

    /// Runs a command in it.
    ///
    /// # Errors
    /// As [`run`].
    pub fn run(&self, command: &[&str]) -> anyhow::Result<()> {
        run("ip", &[&["netns", "exec", &self.name], command].concat())
    }

    /// Runs `ip` for it.
    ///
    /// # Errors
    /// As [`run`].
    pub fn ip(&self, arguments: &[&str]) -> anyhow::Result<()> {
        run("ip", &[&["-n", &self.name], arguments].concat())
    }

    /// Whether it is there.
    #[cfg(test)]
    pub fn exists(name: &str) -> bool {
        Path::new(NAMES).join(name).exists()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let name = &self.name;
        if Path::new(NAMES).join(name).exists()
            && let Err(error) = run("ip", &["netns", "del", name])
        {
            tell(format_args!("{error:#}: remove it with `ip netns del {name}`\n"));
        }
    }
}

/// In a process group of its own: Ctrl-C must not cut the cleaning up short.
pub fn command(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).process_group(0);
    command
}

/// Runs a command to its end.
///
/// # Errors
/// It is missing, or it failed: with the last line that it said.
pub fn run(program: &str, args: &[&str]) -> anyhow::Result<()> {
    let output = command(program, args).output().map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            anyhow::anyhow!("{program} is missing: install it with `apt-get install iproute2`")
        } else {
            anyhow::anyhow!("{program}: {error}")
        }
    })?;
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().last().unwrap_or_default();
    anyhow::ensure!(output.status.success(), "`{program} {}` failed: {said}", args.join(" "));
    Ok(())
}

/// Whether this process is in a namespace that `ip netns` has made: a name is the file of its namespace.
pub fn is_inside() -> bool {
    has_name(Path::new("/proc/self/ns/net"), Path::new(NAMES))
}

/// Whether a file in the folder `names` is the same as `namespace`. What can't be read is none.
fn has_name(namespace: &Path, names: &Path) -> bool {
    let identity = |path: &Path| fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
    let (Some(ours), Ok(names)) = (identity(namespace), fs::read_dir(names)) else { return false };
    names.flatten().any(|name| identity(&name.path()) == Some(ours))
}

/// Removes the namespaces of runs that were killed before they could do it.
pub fn remove_stale() {
    let Ok(names) = fs::read_dir(NAMES) else { return };
    for name in names.flatten().filter_map(|entry| entry.file_name().into_string().ok()) {
        if owner(&name).is_some_and(|pid| !is_alive(pid)) {
            // What can't be removed stands in nobody's way: the names have process ids.
            let _best_effort = run("ip", &["netns", "del", &name]);
        }
    }
}

/// The process that made the namespace `name`, if this program made it.
fn owner(name: &str) -> Option<u32> {
    let rest = name.strip_prefix(PREFIX)?;
    let (pid, _label) = rest.split_at(rest.find(|letter: char| letter.is_ascii_lowercase())?);
    pid.bytes().all(|digit| digit.is_ascii_digit()).then(|| pid.parse().ok())?
}

/// Whether process `pid` is a run of this program.
fn is_alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == COMM)
}

#[cfg(test)]
mod tests;
