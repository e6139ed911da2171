//! From the text of a script to its events.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::cursor::Cursor;
use super::lines::{Line, lines};
use super::syntax::{
    Action, Call, Comparison, Ecn, Event, Expr, FLAGS, Header, Icmp, Marks, Operator, Outcome, Source,
    TcpPacket, When,
};
use super::tcp_option::TcpOption;

/// Reads a script; an error tells its line.
pub(super) fn parse(text: &str) -> Result<Source, (Line, String)> {
    let mut source = Source::default();
    for line in lines(text)? {
        let taken = match line.text.strip_prefix("--") {
            Some(setting) => header_line(&mut source.header, line.number, setting),
            None => event(&line).map(|event| source.events.push(event)),
        };
        taken.map_err(|what| (line, what))?;
    }
    Ok(source)
}

fn header_line(header: &mut Header, line: usize, text: &str) -> Result<(), String> {
    let help = "give --mtu=N, --tso=1, --tolerance_usecs=N, --peer_isn=N or --sysctl=NAME=VALUE";
    let (name, value) = text.split_once('=').ok_or(help)?;
    let mut cursor = Cursor::new(value);
    match name {
        "mtu" => header.mtu = cursor.number()?,
        "tso" => header.tso = cursor.number::<u8>()? != 0,
        "tolerance_usecs" => header.tolerance = Duration::from_micros(u64::from(cursor.number::<u32>()?)),
        "peer_isn" => header.peer_isn = cursor.number()?,
        "sysctl" => {
            let (name, value) = value.split_once('=').ok_or(help)?;
            header.sysctls.push((line, name.trim().to_string(), value.trim().to_string()));
        }
        _ => return Err(format!("unknown setting '{name}': {help}")),
    }
    Ok(())
}

fn event(line: &Line) -> Result<Event, String> {
    let mut cursor = Cursor::new(&line.text);
    let (when, end) = when(&mut cursor)?;
    let action = action(&mut cursor, end)?;
    if !cursor.is_at_end() {
        return Err(format!("'{}' is more than was expected", cursor.rest()));
    }
    let only_expected = matches!(when, When::Any | When::Between(..) | When::AfterBetween(..));
    if only_expected && !matches!(action, Action::Expect(_)) {
        return Err("only a segment that the stack sends can have no exact time".to_string());
    }
    Ok(Event { line: line.number, text: line.text.clone(), when, action })
}

/// When it happens, and when a call that blocks comes back: with `+` both count from the event before.
fn when(cursor: &mut Cursor<'_>) -> Result<(When, Option<When>), String> {
    let is_relative = cursor.eat("+");
    if cursor.eat("*") {
        return Ok((When::Any, None));
    }
    let of = |time| if is_relative { When::After(time) } else { When::At(time) };
    let start = cursor.seconds()?;
    if cursor.eat("~") {
        if is_relative {
            cursor.expect("+")?;
        }
        let end = cursor.seconds()?;
        if end < start {
            return Err("the time range is backwards".to_string());
        }
        let range = if is_relative { When::AfterBetween(start, end) } else { When::Between(start, end) };
        return Ok((range, None));
    }
    if !cursor.eat("...") {
        return Ok((of(start), None));
    }
    cursor.eat("+");
    let end = cursor.seconds()?;
    if end < start {
        return Err("the call ends before it starts".to_string());
    }
    Ok((of(start), Some(of(end))))
}

fn action(cursor: &mut Cursor<'_>, end: Option<When>) -> Result<Action, String> {
    if cursor.eat("%{") {
        return assertion(cursor);
    }
    let is_inbound = cursor.eat("<");
    if is_inbound || cursor.eat(">") {
        if end.is_some() {
            return Err("only a call can block".to_string());
        }
        if cursor.eat_word("icmp") {
            return if is_inbound { icmp(cursor) } else { Err("icmp only arrives".to_string()) };
        }
        let packet = tcp_packet(cursor)?;
        if is_inbound && packet.options.is_none() {
            return Err("<...> is only for segments that the stack sends".to_string());
        }
        return Ok(if is_inbound { Action::Inject(packet) } else { Action::Expect(packet) });
    }
    call(cursor, end).map(Action::Call)
}

fn tcp_packet(cursor: &mut Cursor<'_>) -> Result<TcpPacket, String> {
    let mut packet = TcpPacket { marks: marks(cursor)?, options: Some(Vec::new()), ..TcpPacket::default() };
    packet.ports = ports(cursor)?;
    for letter in cursor.blob()?.chars().filter(|letter| *letter != '-') {
        let flag = FLAGS.iter().find(|(name, _)| *name == letter);
        packet.flags |= flag.ok_or_else(|| format!("unknown flag '{letter}'"))?.1;
    }
    packet.seq = cursor.number()?;
    cursor.expect(":")?;
    let end: u32 = cursor.number()?;
    cursor.expect("(")?;
    let len: u16 = cursor.number()?;
    cursor.expect(")")?;
    packet.len = usize::from(len);
    if end != packet.seq.wrapping_add(u32::from(len)) {
        return Err(format!("from {} to {end} are not {len} bytes", packet.seq));
    }
    if cursor.eat_word("ack") {
        packet.ack = Some(cursor.number()?);
    }
    let has_ack = packet.flags & super::syntax::ACK != 0;
    if has_ack != packet.ack.is_some() {
        return Err("'.' among the flags and 'ack N' go together".to_string());
    }
    if cursor.eat_word("win") {
        packet.window = Some(cursor.number()?);
    }
    if cursor.eat_word("urg") {
        packet.urgent = Some(cursor.number()?);
    }
    if cursor.eat("<") {
        packet.options = options(cursor)?;
    }
    Ok(packet)
}

fn options(cursor: &mut Cursor<'_>) -> Result<Option<Vec<TcpOption>>, String> {
    if cursor.eat("...") {
        return cursor.expect(">").map(|()| None);
    }
    let mut options = vec![TcpOption::parse(cursor)?];
    while !cursor.eat(">") {
        cursor.expect(",")?;
        options.push(TcpOption::parse(cursor)?);
    }
    Ok(Some(options))
}

fn marks(cursor: &mut Cursor<'_>) -> Result<Marks, String> {
    let mut marks = Marks::default();
    if !cursor.eat("[") {
        return Ok(marks);
    }
    loop {
        match cursor.word()? {
            "noecn" => marks.ecn = Some(Ecn::NotEct),
            "ect0" => marks.ecn = Some(Ecn::Ect0),
            "ect1" => marks.ecn = Some(Ecn::Ect1),
            "ce" => marks.ecn = Some(Ecn::Ce),
            "garbled" => marks.is_garbled = true,
            "badsum" => marks.has_bad_sum = true,
            "from" => marks.from = Some(address(cursor)?),
            mark => return Err(format!("unknown mark '{mark}'")),
        }
        if cursor.eat("]") {
            return Ok(marks);
        }
        cursor.expect(",")?;
    }
}

fn address(cursor: &mut Cursor<'_>) -> Result<Ipv4Addr, String> {
    let mut octets = [0; 4];
    for (index, octet) in octets.iter_mut().enumerate() {
        if index > 0 {
            cursor.expect(".")?;
        }
        *octet = cursor.number()?;
    }
    Ok(Ipv4Addr::from(octets))
}

fn ports(cursor: &mut Cursor<'_>) -> Result<Option<(u16, u16)>, String> {
    // Flags never start with a digit; in ICMP's brackets a number with a colon does.
    let digits = cursor.rest().trim_start_matches(|c: char| c.is_ascii_digit());
    if digits.len() == cursor.rest().len() || !digits.starts_with('>') {
        return Ok(None);
    }
    let source = cursor.number()?;
    cursor.expect(">")?;
    Ok(Some((source, cursor.number()?)))
}

/// `icmp unreachable frag_needed mtu 1000 [1:1461(1460)]`
fn icmp(cursor: &mut Cursor<'_>) -> Result<Action, String> {
    let (kind, codes): (u8, &[&str]) = match cursor.word()? {
        "unreachable" => (
            3,
            &[
                "net_unreachable",
                "host_unreachable",
                "protocol_unreachable",
                "port_unreachable",
                "frag_needed",
            ],
        ),
        "source_quench" => (4, &[]),
        "time_exceeded" => (11, &["ttl_exceeded", "frag_time_exceeded"]),
        kind => return Err(format!("unknown ICMP type '{kind}'")),
    };
    let mut icmp = Icmp { kind, code: 0, mtu: 0, ports: None, seq: 0 };
    if !codes.is_empty() {
        let name = cursor.word()?;
        let code = codes.iter().position(|code| *code == name);
        icmp.code = code.ok_or_else(|| format!("unknown ICMP code '{name}'"))? as u8; // of a short list
    }
    if cursor.eat_word("mtu") {
        icmp.mtu = cursor.number()?;
    }
    cursor.expect("[")?;
    icmp.ports = ports(cursor)?;
    icmp.seq = cursor.number()?;
    cursor.expect(":")?;
    cursor.number::<u32>()?;
    cursor.expect("(")?;
    cursor.number::<u16>()?;
    cursor.expect(")")?;
    cursor.expect("]")?;
    Ok(Action::Icmp(icmp))
}

fn call(cursor: &mut Cursor<'_>, end: Option<When>) -> Result<Call, String> {
    let name = cursor.word()?.to_string();
    let arguments = arguments(cursor)?;
    cursor.expect("=")?;
    let value: i64 = cursor.number()?;
    let result = if value == -1 { Outcome::Errno(cursor.word()?.to_string()) } else { Outcome::Value(value) };
    if cursor.rest().starts_with('(') {
        cursor.blob()?; // the text of the error, up to the end of the line
        while !cursor.is_at_end() {
            cursor.blob()?;
        }
    }
    Ok(Call { name, arguments, result, end })
}

fn arguments(cursor: &mut Cursor<'_>) -> Result<Vec<Expr>, String> {
    cursor.expect("(")?;
    list(cursor, ")", expr)
}

/// Items up to `close`, with commas between them.
fn list<T>(
    cursor: &mut Cursor<'_>,
    close: &str,
    item: fn(&mut Cursor<'_>) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let mut items = Vec::new();
    while !cursor.eat(close) {
        if !items.is_empty() {
            cursor.expect(",")?;
        }
        items.push(item(cursor)?);
    }
    Ok(items)
}

fn expr(cursor: &mut Cursor<'_>) -> Result<Expr, String> {
    if cursor.eat("...") {
        return Ok(Expr::Ellipsis);
    }
    if cursor.eat("[") {
        return list(cursor, "]", expr).map(Expr::List);
    }
    if cursor.eat("{") {
        return list(cursor, "}", field).map(Expr::Struct);
    }
    if cursor.eat("\"") {
        let (text, _) = cursor.rest().split_once('"').ok_or("a quotation mark is missing")?;
        cursor.expect(text)?;
        cursor.expect("\"")?;
        return Ok(Expr::Text(text.to_string()));
    }
    if cursor.rest().starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        return cursor.number().map(Expr::Number);
    }
    let mut word = cursor.word()?.to_string();
    if cursor.rest().starts_with('(') {
        return Ok(Expr::Apply(word, arguments(cursor)?));
    }
    while cursor.eat("|") {
        word = format!("{word}|{}", cursor.word()?);
    }
    Ok(Expr::Word(word))
}

fn field(cursor: &mut Cursor<'_>) -> Result<(String, Expr), String> {
    let name = cursor.word()?.to_string();
    cursor.expect("=")?;
    Ok((name, expr(cursor)?))
}

/// `%{ A == 1 and B < 2 }%`; `assert` may stand before each comparison, `;` or `&&` in the place of `and`.
fn assertion(cursor: &mut Cursor<'_>) -> Result<Action, String> {
    let mut comparisons = Vec::new();
    loop {
        while cursor.eat_word("assert") || cursor.eat_word("and") || cursor.eat("&&") || cursor.eat(";") {}
        if cursor.eat("}%") {
            break;
        }
        comparisons.push(comparison(cursor)?);
    }
    if comparisons.is_empty() {
        Err("nothing is compared".to_string())
    } else {
        Ok(Action::Assert(comparisons))
    }
}

fn comparison(cursor: &mut Cursor<'_>) -> Result<Comparison, String> {
    let left = cursor.word()?.to_string();
    let operators = [
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ];
    let operator = operators.iter().find(|(text, _)| cursor.eat(text)).map(|(_, operator)| *operator);
    let operator = operator.ok_or_else(|| format!("expected a comparison after '{left}'"))?;
    Ok(Comparison { left, operator, right: cursor.word()?.to_string() })
}

#[cfg(test)]
mod tests;
