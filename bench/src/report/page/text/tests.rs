use super::*;

#[test]
fn what_html_would_read_is_escaped() {
    let text = r#"<script>alert("1" & '2')</script>"#;
    let escaped = "&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;";
    assert_eq!(Text(text).to_string(), escaped);
    assert_eq!(Text("&lt;").to_string(), "&amp;lt;", "once is not enough for what is escaped already");
    assert_eq!(Text("µs, 99.9 %").to_string(), "µs, 99.9 %");
}

#[test]
fn what_html_forbids_or_hides_is_replaced() {
    assert_eq!(Text("a\0b\u{1b}[31m\u{7f}").to_string(), "a\u{fffd}b\u{fffd}[31m\u{fffd}");
    assert_eq!(Text("two\nlines\tand").to_string(), "two lines and");
    assert_eq!(Text("user\u{202e}txt.exe").to_string(), "user\u{fffd}txt.exe");
}
