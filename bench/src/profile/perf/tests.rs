use super::*;

#[test]
fn a_report_is_read_line_by_line() {
    let text = "# comment\n\n    35.63%  [.] corelane_netstack::stack::Stack::receive\n     6.92%  [.] <a::B as c::D>::e\n     0.84%  [k] clear_page_erms\n";
    let shares = parse(text);
    let names: Vec<&str> = shares.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["corelane_netstack::stack::Stack::receive", "<a::B as c::D>::e", "clear_page_erms (kernel)"]
    );
    assert_eq!(shares.iter().map(|(_, share)| *share).collect::<Vec<_>>(), [35.63, 6.92, 0.84]);
}
