//! How it was measured, and on what.

use super::engine::look;
use super::text::Text;
use crate::compare::report::Comparison;

/// The sections on the method and on the machine.
pub fn sections(report: &Comparison) -> String {
    format!("{}{}{}", method(report), settings(report), machine(report))
}

fn method(report: &Comparison) -> String {
    let settings = &report.settings;
    let mut html = String::from("<section id=\"method\"><h2>How it was measured</h2>\n");
    html.push_str(&list(&[
        ("Called as", format!("corelane-bench {}", report.arguments.join(" "))),
        ("Bed", settings.bed_names()),
        (
            "Rounds",
            format!(
                "{} of {} s, each after {} s of warm-up",
                settings.rounds, settings.seconds, settings.warmup
            ),
        ),
        ("Order", "in each round every engine once; who comes first changes from round to round".to_owned()),
        ("Server", format!("on core {}", settings.server_cpu)),
        ("Client", format!("{}, on core {}", settings.client, settings.client_cpu)),
        ("Congestion control", settings.congestion.clone().unwrap_or_else(|| "the system's".to_owned())),
    ]));
    for (title, lines) in [("Notes", &settings.notes), ("Left out", &settings.left_out)] {
        if !lines.is_empty() {
            let items: String = lines.iter().map(|line| format!("<li>{}</li>", Text(line))).collect();
            html.push_str(&format!("<h3>{title}</h3>\n<ul>{items}</ul>\n"));
        }
    }
    html.push_str("</section>\n");
    html
}

/// How the engines are set, and what the processes of each row were started with.
fn settings(report: &Comparison) -> String {
    let settings = &report.settings;
    let common: String = settings.common.iter().map(|line| format!("<li>{}</li>", Text(line))).collect();
    let mut html = format!(
        "<section id=\"settings\"><h2>Settings of each engine</h2>\n<ul>{common}</ul>\n<dl class=\"engines\">"
    );
    for engine in &settings.engines {
        let class = look(engine.engine).class;
        let words = engine.settings.join("; ");
        html.push_str(&format!(
            "<dt class=\"e-{class}\"><i class=\"dot\"></i>{}</dt><dd>{}</dd>",
            engine.engine,
            Text(words)
        ));
    }
    html.push_str("</dl>\n<details><summary>The commands of each row</summary>\n<dl class=\"commands\">");
    for row in &report.rows {
        let Some(commands) = &row.commands else { continue };
        html.push_str(&format!(
            "<dt>{}</dt><dd><code>{}</code></dd>",
            Text(row.long_name()),
            Text(&commands.server)
        ));
        if let Some(client) = &commands.client {
            html.push_str(&format!("<dd><code>{}</code></dd>", Text(client)));
        }
    }
    html.push_str("</dl></details></section>\n");
    html
}

fn machine(report: &Comparison) -> String {
    let machine = &report.machine;
    let cores = if machine.cores == 1 { "core" } else { "cores" };
    let is_virtual = if machine.virtual_machine { ", a virtual machine" } else { "" };
    let optimised = if machine.optimised { "" } else { ", without optimisation" };
    let tuning = machine.kernel_command_line.join(" ");
    let mut html = String::from("<section id=\"machine\"><h2>The machine</h2>\n");
    html.push_str(&list(&[
        ("Processor", format!("{}, {} {cores}{is_virtual}", machine.cpu, machine.cores)),
        ("Memory", format!("{} MiB", machine.memory_mib)),
        ("Kernel", format!("Linux {}", machine.kernel)),
        (
            "Of its command line",
            if tuning.is_empty() { "nothing that moves figures".to_owned() } else { tuning },
        ),
        ("Frequency governor", machine.governor.clone()),
        ("Transparent huge pages", machine.transparent_huge_pages.clone()),
        ("corelane", machine.full_version()),
        ("Compiler", format!("{}{optimised}", machine.rustc)),
        ("DPDK", machine.dpdk.clone().unwrap_or_else(|| "not built in".to_owned())),
    ]));
    if !machine.mitigations.is_empty() {
        let items: String =
            machine.mitigations.iter().map(|line| format!("<li>{}</li>", Text(line))).collect();
        html.push_str(&format!("<h3>Mitigations</h3>\n<ul>{items}</ul>\n"));
    }
    for link in &machine.veth {
        let offloads = link.client_offloads.join(", ");
        html.push_str(&format!("<h3>The veth pair of {}</h3>\n", Text(&link.engines)));
        html.push_str(&list(&[
            ("MTU", link.mtu.to_string()),
            ("Queues", link.queues.to_string()),
            ("Offloads at the client", if offloads.is_empty() { "unknown".to_owned() } else { offloads }),
        ]));
    }
    html.push_str("</section>\n");
    html
}

fn list(items: &[(&str, String)]) -> String {
    let items: String =
        items.iter().map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>", Text(value))).collect();
    format!("<dl>{items}</dl>\n")
}
