use super::*;

/// A function of `lines` lines, from `fn` to its brace.
fn long(head: &str, lines: usize) -> String {
    format!("{head} {{\n{}}}\n", "    work();\n".repeat(lines - 2))
}

fn names(text: &str) -> Vec<(String, usize)> {
    functions(&Source::new("a.rs", text)).into_iter().map(|f| (f.name, f.lines)).collect()
}

#[test]
fn a_function_at_the_limit_passes_and_one_line_more_fails() {
    let text = long("fn short()", 70) + &long("fn long()", 71);
    let complaints = check(&[Source::new("a.rs", &text)], 70, &[]);
    assert_eq!(complaints, ["a.rs: fn long has 71 lines, the limit is 70: split it"]);
}

#[test]
fn the_count_starts_at_fn_not_at_its_docs() {
    let text = "/// One\n/// two\n#[inline]\npub fn f() {\n}\n";
    assert_eq!(names(text), [("f".to_owned(), 2)]);
}

#[test]
fn methods_defaults_and_nested_functions_are_found() {
    let text = "impl<T> Show for Table<T> { fn row(&self) { fn inner() {} } }
        trait Show { fn head(&self); fn foot(&self) {} }
        mod m { async fn free() {} }
        impl Show for &str { fn row(&self) {} }";
    let found: Vec<_> = names(text).into_iter().map(|(name, _)| name).collect();
    assert_eq!(found, ["Table::row", "inner", "Show::foot", "free", "impl::row"]);
}

#[test]
fn functions_inside_macro_calls_are_found() {
    let text = format!("proptest! {{ #[test] {} }}", long("fn any(x in 0..9u8, f in any::<fn(u8)>())", 80));
    assert_eq!(names(&text), [("any".to_owned(), 80)]);
    let text = "macro_rules! make { ($name:ident) => { fn $name() -> u8 {\n1\n} fn declared(); { } }; }";
    assert_eq!(names(text), [("name".to_owned(), 3)]);
}

#[test]
fn text_that_only_looks_like_a_function_is_not_one() {
    assert_eq!(names("const A: &str = \"fn f() {\"; /* fn g() { */ type F = fn(u8) -> u8;"), []);
}

#[test]
fn an_exception_lets_its_function_pass_and_no_other() {
    let text = long("fn listed()", 80) + &long("fn other()", 80);
    let complaints = check(&[Source::new("a.rs", &text)], 70, &[("a.rs", "listed", 80)]);
    assert_eq!(complaints, ["a.rs: fn other has 80 lines, the limit is 70: split it"]);
}

#[test]
fn the_list_of_exceptions_only_shrinks() {
    let complain = |lines, exception: Exception| {
        let source = Source::new("a.rs", &long("fn f()", lines));
        check(&[source], 70, &[exception]).join("\n")
    };
    assert!(complain(81, ("a.rs", "f", 80)).contains("grew from 80 to 81"));
    assert!(complain(79, ("a.rs", "f", 80)).contains("write 79"));
    assert!(complain(70, ("a.rs", "f", 80)).contains("take it off"));
    assert!(complain(70, ("a.rs", "g", 80)).contains("is gone"));
    assert!(complain(70, ("b.rs", "f", 80)).contains("is gone"));
    assert_eq!(complain(80, ("a.rs", "f", 80)), "");
}
