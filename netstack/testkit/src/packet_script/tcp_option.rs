//! TCP options in the notation of scripts and as bytes.

use std::fmt;

use super::cursor::Cursor;

/// One option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TcpOption {
    Nop,
    Eol,
    Mss(u16),
    WindowScale(u8),
    SackOk,
    /// Blocks: first number, one past the last.
    Sack(Vec<(u32, u32)>),
    Timestamps {
        value: u32,
        echo: u32,
    },
    /// RFC 7413; empty: a request. `None`: `FO *`, the cookie that the stack sent, or any that it sends.
    FastOpen(Option<Vec<u8>>),
    /// `kind 30 0011`: any other.
    Other(u8, Vec<u8>),
    /// `raw 0200`: bytes as they are, for what no parser should see.
    Raw(Vec<u8>),
}

impl TcpOption {
    /// Reads one option of a list.
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<TcpOption, String> {
        let name = cursor.word()?;
        Ok(match name {
            "nop" => TcpOption::Nop,
            "eol" => TcpOption::Eol,
            "mss" => TcpOption::Mss(cursor.number()?),
            "wscale" => TcpOption::WindowScale(cursor.number()?),
            "sackOK" => TcpOption::SackOk,
            "sack" => TcpOption::Sack(parse_blocks(cursor)?),
            "TS" => {
                cursor.expect("val")?;
                let value = cursor.number()?;
                cursor.expect("ecr")?;
                TcpOption::Timestamps { value, echo: cursor.number()? }
            }
            "FO" if cursor.eat("*") => TcpOption::FastOpen(None),
            "FO" if cursor.rest().starts_with([',', '>']) => TcpOption::FastOpen(Some(Vec::new())),
            "FO" => TcpOption::FastOpen(Some(cursor.hex()?)),
            "kind" => TcpOption::Other(
                cursor.number()?,
                if cursor.rest().starts_with([',', '>']) { Vec::new() } else { cursor.hex()? },
            ),
            "raw" => TcpOption::Raw(cursor.hex()?),
            _ => return Err(format!("unknown TCP option '{name}'")),
        })
    }

    /// Its bytes, appended to `bytes`.
    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        let mut put = |kind: u8, body: &[u8]| {
            bytes.extend([kind, body.len() as u8 + 2]); // bounded by what a header holds, or it is refused there
            bytes.extend(body);
        };
        match self {
            TcpOption::Nop => bytes.push(1),
            TcpOption::Eol => bytes.push(0),
            TcpOption::Mss(mss) => put(2, &mss.to_be_bytes()),
            TcpOption::WindowScale(shift) => put(3, &[*shift]),
            TcpOption::SackOk => put(4, &[]),
            TcpOption::Sack(blocks) => {
                let numbers = blocks.iter().flat_map(|(start, end)| [start, end]);
                put(5, &numbers.flat_map(|n| n.to_be_bytes()).collect::<Vec<u8>>());
            }
            TcpOption::Timestamps { value, echo } => {
                put(8, &[value.to_be_bytes(), echo.to_be_bytes()].concat());
            }
            TcpOption::FastOpen(cookie) => put(34, cookie.as_deref().unwrap_or_default()),
            TcpOption::Other(kind, body) => put(*kind, body),
            TcpOption::Raw(raw) => bytes.extend(raw),
        }
    }

    /// Reads the options of a header. What no option can be is one `Raw`.
    pub(super) fn decode(mut bytes: &[u8]) -> Vec<TcpOption> {
        let mut options = Vec::new();
        while let Some((&kind, rest)) = bytes.split_first() {
            if kind < 2 {
                options.push(if kind == 1 { TcpOption::Nop } else { TcpOption::Eol });
                bytes = rest;
                continue;
            }
            let body = rest.first().and_then(|&len| bytes.get(2..usize::from(len).max(1)));
            let Some(body) = body else {
                options.push(TcpOption::Raw(bytes.to_vec()));
                break;
            };
            options.push(TcpOption::from_body(kind, body));
            bytes = &bytes[2 + body.len()..];
        }
        // The padding behind the last option.
        if let Some(end) = options.iter().position(|option| *option == TcpOption::Eol)
            && options[end..].iter().all(|option| *option == TcpOption::Eol)
        {
            options.truncate(end + 1);
        }
        options
    }

    fn from_body(kind: u8, body: &[u8]) -> TcpOption {
        let number = |bytes: &[u8]| bytes.iter().fold(0, |n: u32, b| n << 8 | u32::from(*b));
        match (kind, body.len()) {
            (2, 2) => TcpOption::Mss(number(body) as u16), // two bytes
            (3, 1) => TcpOption::WindowScale(body[0]),
            (4, 0) => TcpOption::SackOk,
            (5, len) if len % 8 == 0 => {
                let block = |pair: &[u8]| (number(&pair[..4]), number(&pair[4..]));
                TcpOption::Sack(body.chunks(8).map(block).collect())
            }
            (8, 8) => TcpOption::Timestamps { value: number(&body[..4]), echo: number(&body[4..]) },
            (34, _) => TcpOption::FastOpen(Some(body.to_vec())),
            _ => TcpOption::Other(kind, body.to_vec()),
        }
    }
}

fn parse_blocks(cursor: &mut Cursor<'_>) -> Result<Vec<(u32, u32)>, String> {
    let mut blocks = Vec::new();
    while !cursor.rest().starts_with([',', '>']) {
        let start = cursor.number()?;
        cursor.expect(":")?;
        blocks.push((start, cursor.number()?));
    }
    Ok(blocks)
}

impl fmt::Display for TcpOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
        match self {
            TcpOption::Nop => f.write_str("nop"),
            TcpOption::Eol => f.write_str("eol"),
            TcpOption::Mss(mss) => write!(f, "mss {mss}"),
            TcpOption::WindowScale(shift) => write!(f, "wscale {shift}"),
            TcpOption::SackOk => f.write_str("sackOK"),
            TcpOption::Sack(blocks) => {
                f.write_str("sack")?;
                blocks.iter().try_for_each(|(start, end)| write!(f, " {start}:{end}"))
            }
            TcpOption::Timestamps { value, echo } => write!(f, "TS val {value} ecr {echo}"),
            TcpOption::FastOpen(None) => f.write_str("FO *"),
            TcpOption::FastOpen(Some(cookie)) if cookie.is_empty() => f.write_str("FO"),
            TcpOption::FastOpen(Some(cookie)) => write!(f, "FO {}", hex(cookie)),
            TcpOption::Other(kind, body) => write!(f, "kind {kind} {}", hex(body)),
            TcpOption::Raw(bytes) => write!(f, "raw {}", hex(bytes)),
        }
    }
}

#[cfg(test)]
mod tests;
