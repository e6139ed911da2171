//! What is printed.

use std::io::{self, Write};

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};

use super::args::ProfileArgs;
use super::callgrind::Counts;
use super::perf::Shares;

/// An empty table whose columns behind the first are numbers.
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(header);
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}

/// Instructions by function.
///
/// # Errors
/// Nobody reads stdout any more.
pub fn print_counts(args: &ProfileArgs, counts: &Counts) -> anyhow::Result<()> {
    let total = counts.total();
    let mut table = table(&["function", "instructions", "of all", "with those above"]);
    let mut above = 0.0;
    for (name, count) in counts.functions.iter().take(args.top) {
        above += count;
        let percent = |part: f64| format!("{:.1} %", 100.0 * part / total);
        table.add_row([name.clone(), format!("{count:.1}"), percent(*count), percent(above)]);
    }
    let mut out = io::stdout();
    writeln!(
        out,
        "{}: instructions of a request, both ends, by function without those that it calls\n",
        args.echo()
    )?;
    writeln!(out, "{table}\n")?;
    writeln!(
        out,
        "all: {total:.0} a request, {:.0} an end (with the client's part: it makes and checks every byte)",
        total / 2.0
    )?;
    writeln!(
        out,
        "allocations: {:.3} a request, both ends (calls of malloc, calloc, realloc, posix_memalign)",
        counts.allocations
    )?;
    Ok(())
}

/// Shares of the time by function.
///
/// # Errors
/// Nobody reads stdout any more.
pub fn print_shares(args: &ProfileArgs, shares: &Shares) -> anyhow::Result<()> {
    let mut table = table(&["function", "time", "with those above"]);
    let mut above = 0.0;
    for (name, share) in shares.iter().take(args.top) {
        above += share;
        table.add_row([name.clone(), format!("{share:.1} %"), format!("{above:.1} %")]);
    }
    let mut out = io::stdout();
    writeln!(
        out,
        "{}: share of the time, both ends, by function without those that it calls\n",
        args.echo()
    )?;
    writeln!(out, "{table}")?;
    Ok(())
}
