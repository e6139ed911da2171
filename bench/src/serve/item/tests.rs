use super::*;

#[test]
fn every_connection_has_an_item_and_all_bodies_have_one_length() {
    let first = Item::of(0);
    assert_eq!(first.path(), "/items/1000");
    assert_eq!(
        String::from_utf8(first.body()).expect("text"),
        r#"{"id":1000,"name":"item 1000","price_in_cents":2000,"in_stock":true,"tags":["benchmark","json"]}"#
    );
    assert_eq!(Item::of(999).body().len(), first.body().len());
    assert_eq!(Item::of(1000).body(), first.body(), "they start again");
}
