//! What a request costs, as it is shown.

use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;

use super::costs::CoreTime;
use super::report::Comparison;
use super::row::Row;
use super::table;

const HEADER: [&str; 15] = [
    "bed",
    "workload",
    "bytes",
    "conns",
    "engine",
    "server us/req: user",
    "system",
    "softirq",
    "client us/req: user/system/softirq",
    "switches/req: waits/others",
    "system calls/req",
    "copied B/req",
    "instructions/req",
    "allocations/req",
    "server B/conn",
];

/// One line a row of the closed loop; a row of the open loop costs what its rate does.
pub fn render(comparison: &Comparison) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(HEADER);
    for row in comparison.rows.iter().filter(|row| row.offered.is_none()) {
        table.add_row(cells(row));
    }
    table::finish(table)
}

fn cells(row: &Row) -> Vec<String> {
    let costs = &row.costs;
    let dash = || "-".to_owned();
    let figures = vec![
        format!("{:.2}", costs.server_us.user),
        format!("{:.2}", costs.server_us.system),
        format!("{:.2}", costs.server_us.softirq),
        costs.client_us.map_or_else(dash, core_time),
        format!("{:.3}/{:.3}", costs.voluntary_switches, costs.involuntary_switches),
        costs.system_calls.map_or_else(dash, |calls| format!("{calls:.3}")),
        costs.copied_bytes.map_or_else(dash, |bytes| format!("{bytes:.1}")),
        costs.instructions.map_or_else(dash, |count| format!("{count:.0}")),
        costs.allocations.map_or_else(dash, |count| format!("{count:.3}")),
        costs.connection_bytes.map_or_else(dash, |bytes| format!("{bytes:.0}")),
    ];
    table::place(row).into_iter().chain(figures).collect()
}

fn core_time(time: CoreTime) -> String {
    format!("{:.2}/{:.2}/{:.2}", time.user, time.system, time.softirq)
}
