use super::*;

#[test]
fn a_key_names_one_value_only() {
    let mut table = Table::new();
    let expected = table.next_key();
    let first = table.insert("first");
    assert_eq!(first, expected);
    assert_eq!(table.remove(first), Some("first"));
    let expected = table.next_key();
    let second = table.insert("second");
    assert_eq!(second, expected);
    assert_eq!(second.slot, first.slot, "the slot is used again");
    assert!(table.get(first).is_none() && table.get_mut(first).is_none() && table.remove(first).is_none());
    assert_eq!(table.get(second), Some(&"second"));
    assert_eq!(table.iter().map(|(key, _)| key).collect::<Vec<_>>(), [second]);
    assert_eq!(table.drain().collect::<Vec<_>>(), ["second"]);
    assert_eq!(table.len(), 0);
}

#[test]
fn generations_leave_the_highest_bit() {
    let mut table = Table { entries: Slab::new(), generation: GENERATIONS - 1 };
    let last = table.insert(1);
    let next = table.insert(2);
    assert_eq!((last.generation, next.generation), (GENERATIONS, 0));
}
