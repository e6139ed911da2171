use super::*;

fn text(tokens: &TokenStream) -> String {
    tokens.to_string().split_whitespace().collect()
}

#[test]
fn settings_become_calls() {
    let settings = settings(quote!(cores = 2, driver = "tap", address = "10.0.0.2/24")).unwrap();
    assert_eq!(text(&settings), r#".workers(2).driver("tap").address("10.0.0.2/24")"#);
    assert_eq!(text(&super::settings(quote!(cores = [0, 2],)).unwrap()), ".cores(&[0,2])");
    assert_eq!(text(&super::settings(quote!()).unwrap()), "");
}

#[test]
fn wrong_settings_are_told_with_the_way_out() {
    for (arguments, told) in [
        (quote!(core = 2), "use cores, address"),
        (quote!(cores = "2"), "a number of cores"),
        (quote!(driver = 2), "give a text"),
    ] {
        let error = settings(arguments).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
    assert!(settings(quote!(cores)).is_err());
}

#[test]
fn a_main_keeps_its_attributes_and_its_type() {
    let main = main(
        quote!(),
        quote!(
            #[doc = "x"]
            pub async fn main() -> io::Result<()> {
                body().await
            }
        ),
    )
    .unwrap();
    assert_eq!(
        text(&main),
        r#"#[doc="x"]pubfnmain()->io::Result<()>{::corelane::attributes::main(::corelane::attributes::Main::new(),async{body().await})}"#
    );
}

#[test]
fn a_main_that_is_not_async_runs_inside_the_worker() {
    let main = text(
        &main(
            quote!(cores = 1),
            quote!(
                fn main() {
                    work()
                }
            ),
        )
        .unwrap(),
    );
    assert!(main.starts_with("fnmain(){::corelane::attributes::main_inside("), "{main}");
    assert!(main.ends_with(".workers(1),||{work()})}"), "{main}");
}

#[test]
fn a_test_takes_its_peer() {
    let with = text(
        &test(
            quote!(),
            quote!(
                async fn t(peer: Peer) {}
            ),
        )
        .unwrap(),
    );
    assert!(with.ends_with("fnt(){::corelane::testing::run(move|peer:Peer|asyncmove{})}"), "{with}");
    let without = text(
        &test(
            quote!(),
            quote!(
                async fn t() {}
            ),
        )
        .unwrap(),
    );
    assert!(without.contains("move|_:::corelane::testing::Peer|"), "{without}");
}

#[test]
fn what_is_not_async_or_takes_too_much_is_refused() {
    for (result, told) in [
        (
            main(
                quote!(),
                quote!(
                    async fn main(x: u8) {}
                ),
            ),
            "no arguments",
        ),
        (
            main(
                quote!(),
                quote!(
                    async fn main<T>() {}
                ),
            ),
            "generic",
        ),
        (
            test(
                quote!(),
                quote!(
                    fn t() {}
                ),
            ),
            "write `async fn`",
        ),
        (
            test(
                quote!(),
                quote!(
                    async fn t(a: Peer, b: Peer) {}
                ),
            ),
            "one argument",
        ),
        (
            test(
                quote!(x = 1),
                quote!(
                    async fn t() {}
                ),
            ),
            "no settings",
        ),
    ] {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}
