use super::super::fixture::{report, row};
use super::*;
use crate::cli::{Bed, Engine, Workload};
use crate::compare::bed::LinkSettings;
use crate::compare::beside::Beside;
use crate::compare::knee::Knee;
use crate::compare::lossy::Links;
use crate::compare::report::Failure;
use crate::compare::row::Row;
use crate::compare::settings::EngineSettings;

fn sample() -> Comparison {
    let rates = [1000.0, 1100.0, 1200.0, 1300.0, 1400.0];
    let mut rows = Vec::new();
    for engine in [Engine::Epoll, Engine::IoUring, Engine::Corelane] {
        rows.push(row(engine, Workload::Echo, 1, &rates));
        rows.push(row(engine, Workload::Echo, 16, &rates));
        rows.push(row(engine, Workload::Bulk, 1, &rates));
    }
    report(rows)
}

/// Every element is closed where it should be, no quote is left open, and every id is there once.
fn check(html: &str) {
    let (mut open, mut ids): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    let style = html.find("<style>").expect("a style sheet")..html.find("</style>").expect("its end");
    let html = [&html[..style.start + 7], &html[style.end..]].concat();
    for piece in html.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').unwrap_or_else(|| panic!("a tag without an end: <{piece}"));
        assert!(!text.contains(['"', '\'']) || !text.contains('>'), "a quote that nobody escaped: {text}");
        assert_eq!(tag.matches('"').count() % 2, 0, "<{tag}>");
        let name = tag.split([' ', '/']).next().unwrap_or_default();
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed), "</{closed}> after {open:?}");
        } else if !(tag.ends_with('/') || ["!DOCTYPE", "meta"].contains(&name)) {
            open.push(name);
        }
        if let Some(id) = tag.split("id=\"").nth(1).and_then(|rest| rest.split('"').next()) {
            assert!(!ids.contains(&id), "{id} twice");
            ids.push(id);
        }
    }
    assert!(open.is_empty(), "{open:?}");
    for reference in html.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(ids.contains(&reference), "nothing is at #{reference}");
    }
}

#[test]
fn the_page_is_well_formed_and_needs_nothing_from_elsewhere() {
    let html = render(&sample());
    check(&html);
    for word in ["<script", "src=", "url(", "@import", "http://", "https://", "javascript:"] {
        assert!(!html.contains(word), "{word}");
    }
    assert!(html.contains(POLICY));
}

#[test]
fn every_drawing_has_a_title_and_a_description() {
    let html = render(&sample());
    let drawings = html.matches("role=\"img\"").count();
    // Throughput of echo and of bulk; latency of echo on 1 and on 16; the cores of these two and of bulk.
    assert_eq!(drawings, 7);
    assert_eq!(html.matches("<desc id=").count(), drawings);
    assert_eq!(html.matches("<title id=").count(), drawings);
}

#[test]
fn a_report_without_rows_is_a_page_too() {
    check(&render(&report(Vec::new())));
}

fn failed(reason: String) -> Failure {
    Failure {
        bed: None,
        engine: Engine::Bio,
        workload: Workload::Echo,
        mtu: None,
        pipeline: 1,
        connections: 1,
        size: 64,
        beside: Beside::default(),
        rounds: 1,
        reason,
    }
}

#[test]
fn hostile_text_stays_text() {
    let hostile =
        || "\"'><script>alert(1)</script><img src=x onerror=alert(2)>&lt;\0\u{202e}--></style>".to_owned();
    let mut report = sample();
    let machine = &mut report.machine;
    for text in [
        &mut machine.kernel,
        &mut machine.cpu,
        &mut machine.governor,
        &mut machine.transparent_huge_pages,
        &mut machine.rustc,
        &mut machine.version,
    ] {
        *text = hostile();
    }
    machine.mitigations = vec![hostile()];
    machine.kernel_command_line = vec![hostile()];
    machine.dpdk = Some(hostile());
    machine.veth =
        vec![LinkSettings { engines: hostile(), mtu: 1500, queues: 1, client_offloads: vec![hostile()] }];
    report.arguments = vec![hostile()];
    report.settings.client = hostile();
    report.knees = vec![Knee {
        bed: Bed::Veth,
        engine: Engine::Epoll,
        workload: Workload::Echo,
        connections: 16,
        size: 64,
        closed_loop: 1.0,
        p99_bound_us: 1.0,
        rate: None,
        limit: Some(hostile()),
        refused: Some(hostile()),
        points: Vec::new(),
        failures: vec![hostile()],
    }];
    report.settings.congestion = Some(hostile());
    report.settings.left_out = vec![hostile()];
    report.settings.common = vec![hostile()];
    report.settings.engines = vec![EngineSettings { engine: Engine::Bio, settings: vec![hostile()] }];
    report.settings.notes = vec![hostile()];
    report.failures = vec![failed(hostile())];
    for row in &mut report.rows {
        row.connection_errors = 1;
        row.headroom.refused = Some(hostile());
        row.headroom.warnings = vec![hostile()];
        row.first_connection_error = Some(hostile());
        if let Some(commands) = &mut row.commands {
            commands.server = hostile();
            commands.client = Some(hostile());
        }
    }
    report.lossy = Some(Links { congestion: hostile(), failures: vec![hostile()], ..Links::default() });
    let html = render(&report);
    check(&html);
    assert!(!html.contains("<script") && !html.contains("<img") && !html.contains('\0'));
    assert_eq!(html.matches("</style>").count(), 1);
    let texts = 6 + 3 + 2 + 5 + 3 + 2 + 1 + 2 + 3 * 9 + 2 * 9;
    assert!(html.matches("&lt;script&gt;alert(1)").count() >= texts, "all of it is still there to be read");
}

#[test]
fn a_broken_figure_is_no_panic() {
    let mut report = sample();
    for (row, value) in report.rows.iter_mut().zip([0.0, -1.0, 1e300, 1e-300].into_iter().cycle()) {
        row.requests_per_second.median = value;
        row.requests_per_second.interval.low = -value;
        row.gbit_per_second.median = value;
        row.cpu.busy = value;
        row.measurements.truncate(1);
        for point in &mut row.measurements[0].report.latency_percentiles_us {
            point.1 = value;
        }
    }
    report.rows[0].measurements.clear();
    report.unix_time = u64::MAX;
    let html = render(&report);
    check(&html);
    assert!(!html.contains("NaN"), "{html}");
}

#[test]
fn what_is_against_a_row_stands_right_below_it() {
    let mut report = sample();
    report.rows[4].byte_errors = 7;
    report.machine.optimised = false;
    let html = render(&report);
    let row = html.split("<tbody>").last().expect("the table of all rows");
    let at = row.find("7 wrong bytes").expect("the warning");
    let before = row[..at].rfind("<th scope=\"row\">").expect("its row");
    assert!(row[before..at].contains("io_uring</th>"), "{}", &row[before..at]);
    assert!(html.contains("Warnings stand at 9 of 9 rows"), "they are short: {html}");
    assert!(html.contains("built without optimisation"));
}

#[test]
fn rows_of_one_size_are_shown_together() {
    let mut report = sample();
    let mut large: Vec<_> = report.rows.iter().filter(|row| row.connections == 16).cloned().collect();
    large.iter_mut().for_each(|row| row.size = 1024);
    report.rows.append(&mut large);
    let names: Vec<_> = Group::all(&report).into_iter().map(|group| (group.name, group.rows.len())).collect();
    let expected = [("echo of 64 B", 6), ("bulk", 3), ("echo of 1024 B", 3)];
    assert_eq!(names, expected.map(|(name, rows)| (name.to_owned(), rows)));
    let html = render(&report);
    check(&html);
    assert!(html.contains("<a href=\"#sizes\">"), "{html}");
}

#[test]
fn memory_is_never_beside_the_kernel() {
    let mut report = sample();
    report.rows[8].bed = Bed::Memory;
    report.rows[7].bed = Bed::Memory;
    let names: Vec<_> = Group::all(&report).into_iter().map(|group| (group.name, group.rows.len())).collect();
    let expected = [("echo of 64 B", 5), ("bulk", 2), ("echo of 64 B, in memory", 1), ("bulk, in memory", 1)];
    assert_eq!(names, expected.map(|(name, rows)| (name.to_owned(), rows)));
}

#[test]
fn each_of_several_beds_has_its_own_group_with_its_peers() {
    let rates = [100_000.0, 110_000.0];
    let mut rows: Vec<_> =
        [Engine::Epoll, Engine::Tokio, Engine::Corelane, Engine::Corelane, Engine::Smoltcp]
            .map(|engine| row(engine, Workload::Echo, 16, &rates))
            .into();
    rows[3].bed = Bed::Vhost;
    rows[4].bed = Bed::Memory;
    rows.push(row(Engine::Epoll, Workload::Crr, 16, &rates));
    rows.push(row(Engine::Epoll, Workload::Echo, 128, &rates));
    for engine in [Engine::Epoll, Engine::Corelane] {
        rows.push(Row { mtu: Some(9000), ..row(engine, Workload::Bulk, 1, &rates) });
    }
    rows.last_mut().expect("corelane").bed = Bed::Vhost;
    let mut report = report(rows);
    report.settings.beds = vec![Bed::Veth, Bed::Vhost, Bed::Memory];
    let names: Vec<_> = Group::all(&report).into_iter().map(|group| (group.name, group.rows.len())).collect();
    let expected = [
        ("echo of 64 B, veth", 4),
        ("crr of 64 B, veth", 1),
        ("echo of 64 B, vhost", 2),
        ("bulk, MTU 9000, vhost", 2),
        ("echo of 64 B, in memory", 1),
    ];
    assert_eq!(names, expected.map(|(name, rows)| (name.to_owned(), rows)));
    let html = render(&report);
    check(&html);
    assert!(html.contains("Bed veth, vhost, memory, 5 rounds") && html.contains("epoll (memory: smoltcp)"));
}
