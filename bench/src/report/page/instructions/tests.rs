use super::super::super::fixture::row;
use super::*;
use crate::cli::{Engine, Workload};

#[test]
fn only_what_was_counted_is_shown() {
    let not_counted = row(Engine::CorelaneStack, Workload::Echo, 16, &[1000.0; 5]);
    let other = row(Engine::Corelane, Workload::Echo, 16, &[1000.0; 5]);
    assert_eq!(section(&[Group { name: "echo".to_owned(), rows: vec![&not_counted, &other] }]), "");
    let mut counted = not_counted;
    counted.costs.instructions = Some(5041.4);
    let html = section(&[Group { name: "echo".to_owned(), rows: vec![&counted, &other] }]);
    assert!(html.contains("corelane-stack: 5041 (5041 instructions)"), "{html}");
    assert!(!html.contains(">corelane<"), "{html}");
}
