use super::*;

const TARGET: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 3), 7);

fn answer(syn: &Segment) -> Segment {
    let ack = Some(syn.end());
    Segment { control: TcpControl::Syn, ack, ..Segment::new(syn.to, syn.from, 5) }
}

#[test]
fn each_syn_has_an_address_and_a_port_of_its_own() {
    let from = |n| syn(n, TARGET).from;
    assert_eq!(from(0), SocketAddrV4::new(FIRST, 1024));
    assert_eq!(from(99_999).port(), 1024);
    assert_eq!(from(100_000), SocketAddrV4::new(FIRST, 1025));
    let [198, second, ..] = from(99_999).ip().octets() else { panic!("{}", from(99_999)) };
    assert!(matches!(second, 18 | 19));
}

#[test]
fn answers_are_counted_for_the_syn_that_they_answer() {
    let mut answers = Answers { counts: vec![0; 150_000], wrong: 0 };
    for n in [0, 0, 7, 149_999] {
        answers.count(&answer(&syn(n, TARGET)));
    }
    assert_eq!([0, 1, 7, 149_999].map(|n: usize| answers.counts[n]), [2, 0, 1, 1]);
    let other = Segment { to: "10.0.0.1:1024".parse().expect("one"), ..answer(&syn(0, TARGET)) };
    answers.count(&other);
    assert_eq!(answers.wrong, 0, "it is not for the flood");
    answers.count(&Segment { ack: Some(1234), ..answer(&syn(3, TARGET)) });
    answers.count(&Segment { control: TcpControl::Rst, ..answer(&syn(3, TARGET)) });
    answers.count(&answer(&syn(150_000, TARGET)));
    assert_eq!((answers.wrong, answers.counts[3]), (3, 0), "what was never sent has no answer");
}
