use super::*;

fn texts(script: &str) -> Vec<(usize, String)> {
    lines(script).expect("lines").into_iter().map(|line| (line.number, line.text)).collect()
}

#[test]
fn comments_and_empty_lines_say_nothing() {
    let script = "# a\n\n0 close(3) = 0 // b\n/* c\n1 close(4) = 0\n*/2 close(5) = 0 /* d */\n";
    assert_eq!(texts(script), [(3, "0 close(3) = 0".to_string()), (6, "2 close(5) = 0".to_string())]);
    assert!(lines("0 close(3) = 0\n/* for ever\n").is_err_and(|(line, _)| line.number == 2));
}

#[test]
fn events_go_on_where_white_space_or_an_assertion_says_so() {
    let script = "0 > S. 0:0(0) ack 1\n   <mss 1>\n+0 %{\na == 1\nand b == 2 }%\n1 close(3) = 0\n";
    let expected = ["0 > S. 0:0(0) ack 1 <mss 1>", "+0 %{ a == 1 and b == 2 }%", "1 close(3) = 0"];
    assert_eq!(texts(script).into_iter().map(|(_, text)| text).collect::<Vec<_>>(), expected);
}
