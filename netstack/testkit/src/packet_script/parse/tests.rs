use super::*;
use crate::packet_script::syntax::{ACK, SYN};
use crate::packet_script::wire::notation;

fn one(text: &str) -> Event {
    let source = parse(text).unwrap_or_else(|(line, what)| panic!("{}: {what}", line.text));
    source.events.into_iter().next().expect("an event")
}

fn error(text: &str) -> String {
    parse(text).expect_err("it can't be read").1
}

#[test]
fn times() {
    let at = |text: &str| one(&format!("{text} > . 1:1(0) ack 1")).when;
    let ms = Duration::from_millis;
    assert_eq!(at("1"), When::At(ms(1000)));
    assert_eq!(at(".25"), When::At(ms(250)));
    assert_eq!(at("+0.001"), When::After(ms(1)));
    assert_eq!(at("+.1~+.3"), When::AfterBetween(ms(100), ms(300)));
    assert_eq!(at("1~1.5"), When::Between(ms(1000), ms(1500)));
    assert_eq!((at("*"), at("+*")), (When::Any, When::Any));
    let Action::Call(call) = one("+.1...0.5 read(4, ..., 9) = 9").action else { panic!("a call") };
    assert_eq!(call.end, Some(When::After(ms(500))));
    assert!(error("* < . 1:1(0) ack 1").contains("no exact time"));
    assert!(error("2~1 > . 1:1(0) ack 1").contains("backwards"));
    assert!(error("2...1 read(4, ..., 9) = 9").contains("ends before"));
    assert!(error("x > . 1:1(0) ack 1").contains("expected a time"));
}

#[test]
fn segments() {
    let Action::Expect(packet) = one("0 > S. 0:0(0) ack 1 win 7 <mss 1460,sackOK,TS val 1 ecr 2>").action
    else {
        panic!("a segment")
    };
    assert_eq!((packet.flags, packet.ack, packet.window), (SYN | ACK, Some(1), Some(7)));
    let options = [TcpOption::Mss(1460), TcpOption::SackOk, TcpOption::Timestamps { value: 1, echo: 2 }];
    assert_eq!(packet.options.as_deref(), Some(&options[..]));
    for text in [
        "S 0:0(0) win 100 <mss 1460,nop,wscale 7>",
        "FPEWU. 1:11(10) ack 3 win 8 urg 9 <...>",
        "R 4294967295:4294967295(0)",
        "- 1:1(0)",
        "5001>8080 . 1:1(0) ack 1 <sack 1:2 3:4>",
        "[ce] . 1:1(0) ack 1 <FO 0011,kind 9 00,raw 1234,eol,FO *>",
    ] {
        let Action::Expect(packet) = one(&format!("0 > {text}")).action else { panic!("a segment") };
        assert_eq!(notation(&packet, true), text);
    }
    assert!(error("0 > . 1:2(0) ack 1").contains("are not 0 bytes"));
    assert!(error("0 > . 1:1(0)").contains("go together"));
    assert!(error("0 > S 1:1(0) ack 1").contains("go together"));
    assert!(error("0 > X 1:1(0)").contains("unknown flag 'X'"));
    assert!(error("0 < . 1:1(0) ack 1 <...>").contains("only for segments that the stack sends"));
    assert!(error("0 > . 1:1(0) ack 1 <mss 99999>").contains("does not fit"));
    assert!(error("0 > . 1:1(0) ack 1 more").contains("more than was expected"));
    assert!(error("0 > [blue] . 1:1(0) ack 1").contains("unknown mark"));
}

#[test]
fn icmp_errors() {
    let event = one("0 < icmp unreachable frag_needed mtu 1200 [1:1461(1460)]");
    assert_eq!(event.action, Action::Icmp(Icmp { kind: 3, code: 4, mtu: 1200, ports: None, seq: 1 }));
    let event = one("0 < icmp time_exceeded ttl_exceeded [8080>5001 7:8(1)]");
    assert_eq!(
        event.action,
        Action::Icmp(Icmp { kind: 11, code: 0, mtu: 0, ports: Some((8080, 5001)), seq: 7 })
    );
    assert!(error("0 < icmp redirect x [1:1(0)]").contains("unknown ICMP type"));
    assert!(error("0 > icmp unreachable host_unreachable [1:1(0)]").contains("only arrives"));
}

#[test]
fn calls() {
    let Action::Call(call) = one("0 setsockopt(4, SOL_SOCKET, SO_LINGER, {onoff=1, linger=0}, 8) = 0").action
    else {
        panic!("a call")
    };
    assert_eq!(
        call.arguments[3],
        Expr::Struct(vec![("onoff".to_string(), Expr::Number(1)), ("linger".to_string(), Expr::Number(0)),])
    );
    let Action::Call(call) = one("0 read(4, ..., 9) = -1 EAGAIN (Resource temporarily unavailable)").action
    else {
        panic!("a call")
    };
    assert_eq!(call.result, Outcome::Errno("EAGAIN".to_string()));
    assert!(error("0 read(4, ..., 9)").contains("expected '='"));
    assert!(error("0 read(4, \"x, 9) = 0").contains("quotation mark"));
}

#[test]
fn assertions() {
    let event = one("0 %{ assert a == 1 }%");
    let Action::Assert(comparisons) = event.action else { panic!("an assertion") };
    assert_eq!(comparisons.len(), 1);
    let Action::Assert(comparisons) = one("0 %{ a <= 1 && b != c; d > 2 and e == f }%").action else {
        panic!("an assertion")
    };
    let operators: Vec<Operator> = comparisons.iter().map(|c| c.operator).collect();
    assert_eq!(operators, [Operator::LessOrEqual, Operator::NotEqual, Operator::Greater, Operator::Equal]);
    assert!(error("0 %{ }%").contains("nothing is compared"));
    assert!(error("0 %{ a ~ 1 }%").contains("expected a comparison"));
}
