//! What it costs: load generator, baselines, reports.

fn main() {}
