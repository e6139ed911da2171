//! Measures the engines side by side: one server and one client process at a time, engines
//! interleaved in rounds, so that a slow minute of the machine hits all of them alike.

pub mod bed;
pub mod beside;
mod choice;
pub mod costs;
mod costs_table;
pub mod cpu;
mod distance;
mod engines;
pub mod headroom;
mod hugepages;
mod instructions;
pub mod interval;
pub mod knee;
pub mod lossy;
pub mod machine;
pub mod measure;
mod memory;
mod netns;
mod open_table;
pub mod plan;
mod progress;
pub mod ratio;
pub mod report;
pub mod rounds;
pub mod row;
pub mod settings;
pub mod sweep;
mod table;
mod vhost;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;

use crate::cli::CompareArgs;
use crate::error::{bad_input, tell};
use crate::report::page;
use crate::sys::Stop;
use crate::{load, process};
use bed::Beds;
use plan::Plan;
use progress::Progress;
use report::Comparison;

/// `corelane-bench compare`. Exit code 1 when a measurement failed or an answer was wrong.
pub fn run(args: &CompareArgs) -> anyhow::Result<ExitCode> {
    let stop = Stop::install().context("taking SIGINT and SIGTERM")?;
    let mut plan = Plan::new(args)?;
    process::check_core("--server-cpu", plan.server_cpu)?;
    process::check_core("--client-cpu", plan.client_cpu)?;
    // Before the work: a wrong path must not cost the whole run.
    let files = args.json.as_deref().map(Files::create).transpose()?;
    let beds = Beds::make(&mut plan)?;
    tell(&plan);

    let progress = Progress::new(plan.stages(), plan.estimate());
    let mut series = rounds::run(&plan, &beds, &progress, &stop)?;
    plan.left_out.extend(costs::count(&plan, &beds, &mut series, &progress, &stop)?);
    plan.left_out.extend(instructions::count(&plan, &mut series, &progress, &stop)?);
    let sweep = sweep::run(&plan, &beds, &series, &progress, &stop)?;
    let links = lossy::run(&plan, &progress, &stop)?;
    drop(progress);
    series.extend(sweep.series);
    let comparison = Comparison { lossy: links, ..Comparison::new(&plan, &beds, &series, sweep.knees) };
    drop(beds); // before the long output: nothing of ours stays on the host

    let mut out = io::stdout().lock();
    let tables = [
        table::render(&comparison),
        costs_table::render(&comparison),
        open_table::render(&comparison),
        lossy::render(comparison.lossy.as_ref()),
    ];
    let tables = tables.into_iter().filter(|table| !table.is_empty());
    write!(out, "{}{}", tables.collect::<Vec<_>>().join("\n"), table::footer(&comparison))?;
    if let Some(files) = files {
        files.write(&comparison, &mut out)?;
    }
    Ok(if comparison.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The report, and the page of it beside it.
struct Files {
    json: (File, PathBuf),
    /// `None` where the report goes to a pipe or a device, beside which there is no place for a page.
    html: Option<(File, PathBuf)>,
}

impl Files {
    fn create(path: &Path) -> anyhow::Result<Self> {
        let beside = path.with_extension("html");
        if beside == path {
            let path = path.display();
            return Err(bad_input(format!(
                "--json {path}: the page goes there: give a name that ends in .json"
            )));
        }
        let json = load::create(path)?;
        let html = json.metadata()?.is_file().then(|| load::create(&beside)).transpose()?;
        Ok(Self { json: (json, path.to_owned()), html: html.map(|file| (file, beside)) })
    }

    fn write(self, comparison: &Comparison, out: &mut impl Write) -> anyhow::Result<()> {
        let (mut file, path) = self.json;
        writeln!(file, "{}", serde_json::to_string(comparison)?)?;
        writeln!(out, "written to {}", path.display())?;
        if let Some((mut file, path)) = self.html {
            file.write_all(page::render(comparison).as_bytes())?;
            writeln!(out, "and as a page to {}", path.display())?;
        }
        Ok(())
    }
}
