//! The porting table: each program is its original with at most five lines changed, PORTING.md shows which, and both run.

mod bed;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use bed::{Configuration, KERNEL, OURS, Program, connect, curl, example, have, in_namespace, run};

/// Lines that may differ.
const LIMIT: usize = 5;

/// The programs: `examples/porting/NAME.rs` is the port of `tests/porting/NAME.rs`.
const PROGRAMS: [&str; 4] = ["axum", "hyper_client", "codec", "mio"];

fn file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The lines that only one of them has, as diff(1) shows them, by the longest common subsequence.
fn diff<'a>(old: &'a str, new: &'a str) -> Vec<(char, &'a str)> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    // common[i][j]: how many lines old[i..] and new[j..] have in common.
    let mut common = vec![vec![0; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            let skip = common[i + 1][j].max(common[i][j + 1]);
            common[i][j] = if old[i] == new[j] { common[i + 1][j + 1] + 1 } else { skip };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || i < old.len() && common[i + 1][j] >= common[i][j + 1] {
            lines.push(('-', old[i]));
            i += 1;
        } else {
            lines.push(('+', new[j]));
            j += 1;
        }
    }
    lines
}

/// How many lines were changed: one that was replaced counts once.
fn changed(diff: &[(char, &str)]) -> usize {
    let count = |sign| diff.iter().filter(|(s, _)| *s == sign).count();
    count('-').max(count('+'))
}

#[test]
fn a_diff_is_what_differs() {
    assert_eq!(diff("a\nb\nc", "a\nx\nc\nd"), [('-', "b"), ('+', "x"), ('+', "d")]);
    assert_eq!(changed(&diff("a\nb\nc", "a\nx\nc\nd")), 2);
    assert_eq!(diff("a\nb", "a\nb"), []);
    assert_eq!(changed(&diff("a\nb", "")), 2);
}

#[test]
fn ports_change_at_most_five_lines() {
    for name in PROGRAMS {
        let (original, port) =
            (file(&format!("tests/porting/{name}.rs")), file(&format!("examples/porting/{name}.rs")));
        let diff = diff(&original, &port);
        assert!(
            original.lines().count() > 2 * LIMIT && changed(&diff) > 0,
            "{name} is no program that was ported"
        );
        assert!(changed(&diff) <= LIMIT, "{name}: {} lines are changed: {diff:#?}", changed(&diff));
    }
}

#[test]
fn the_table_shows_these_changes() {
    let table = file("PORTING.md");
    for name in PROGRAMS {
        let (original, port) =
            (file(&format!("tests/porting/{name}.rs")), file(&format!("examples/porting/{name}.rs")));
        let lines: String =
            diff(&original, &port).iter().map(|(sign, line)| format!("{sign}{line}\n")).collect();
        let block = format!("```diff\n{lines}```\n");
        assert!(table.contains(&block), "PORTING.md: the diff of {name} is now\n{block}");
    }
}

/// A program with what it runs on: the port on our own stack and on the kernel's sockets, and the original; and where each
/// serves.
fn programs(name: &str) -> Option<[(PathBuf, Option<Configuration>, &'static str); 3]> {
    let port = example(&format!("porting_{name}"))?;
    let original = example(&format!("porting_{name}_original"))?;
    Some([
        (port.clone(), Some(Configuration::native()), OURS),
        (port, Some(Configuration::kernel()), KERNEL),
        (original, None, KERNEL),
    ])
}

fn command(path: &Path, configuration: Option<&Configuration>) -> Command {
    let mut command = Command::new(path);
    command.env_remove("CORELANE_CONFIG");
    command.envs(configuration.map(|configuration| ("CORELANE_CONFIG", configuration.path())));
    command
}

#[test]
fn the_axum_app_runs_on_all() {
    let Some(programs) = programs("axum").filter(|_| have("curl")) else { return };
    in_namespace("the_axum_app_runs_on_all", || {
        for (path, configuration, address) in programs {
            let _server = Program::start(&mut command(&path, configuration.as_ref()));
            assert_eq!(curl(&[&format!("http://{address}:3000/")]), "Hello, World!\n");
            assert_eq!(curl(&[&format!("http://{address}:3000/sum/40/2")]), r#"{"sum":42}"#);
        }
    });
}

#[test]
fn the_hyper_client_runs_on_all() {
    let Some(programs) = programs("hyper_client") else { return };
    let Some(server) = example("porting_axum_original") else { return };
    in_namespace("the_hyper_client_runs_on_all", || {
        let _server = Program::start(&mut Command::new(server));
        for (path, configuration, _) in programs {
            let mut client = command(&path, configuration.as_ref());
            assert_eq!(
                run(client.arg(format!("http://{KERNEL}:3000/"))),
                "200 OK: Hello, World!\n".repeat(3)
            );
        }
    });
}

#[test]
fn the_codec_server_runs_on_all() {
    let Some(programs) = programs("codec") else { return };
    in_namespace("the_codec_server_runs_on_all", || {
        for (path, configuration, address) in programs {
            let _server = Program::start(&mut command(&path, configuration.as_ref()));
            let mut stream = connect(&format!("{address}:7000"));
            for piece in ["one\ntw", "o\n"] {
                stream.write_all(piece.as_bytes()).unwrap();
            }
            let mut lines = BufReader::new(stream).lines();
            assert_eq!(lines.next().unwrap().unwrap(), "eno");
            assert_eq!(lines.next().unwrap().unwrap(), "owt");
        }
    });
}

#[test]
fn the_mio_server_runs_on_all() {
    const BYTES: usize = 3_000_000;
    let Some(programs) = programs("mio") else { return };
    in_namespace("the_mio_server_runs_on_all", || {
        for (path, configuration, address) in programs {
            let _server = Program::start(&mut command(&path, configuration.as_ref()));
            // A second connection while the first is open, and more than any buffer holds: both directions fill up.
            let mut other = connect(&format!("{address}:7000"));
            let mut stream = connect(&format!("{address}:7000"));
            let sent: Vec<u8> = (0..BYTES).map(|i| (i % 251) as u8).collect();
            let (mut writer, expected) = (stream.try_clone().unwrap(), sent.clone());
            let writing = thread::spawn(move || writer.write_all(&sent).unwrap());
            let mut received = vec![0; BYTES];
            stream.read_exact(&mut received).unwrap();
            writing.join().unwrap();
            assert!(received == expected, "{}", path.display());
            other.write_all(b"ping").unwrap();
            let mut pong = [0; 4];
            other.read_exact(&mut pong).unwrap();
            assert_eq!(&pong, b"ping");
        }
    });
}

/// What `#[corelane::main]` says when it has nothing to run on.
#[test]
fn a_program_without_a_configuration_says_what_is_missing() {
    let Some(path) = example("porting_axum") else { return };
    let output = Command::new(&path).env_remove("CORELANE_CONFIG").output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.contains("network.addresses") && error.contains("CORELANE_CONFIG=FILE"), "{error}");
    let output = Command::new(&path).env("CORELANE_CONFIG", "/nowhere/at/all.toml").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nowhere/at/all.toml"));
}
