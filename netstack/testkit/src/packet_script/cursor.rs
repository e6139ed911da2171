//! Reads one line of a script from left to right.

/// A place in a line. White space before each item is skipped.
pub(super) struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Cursor<'a> {
        Cursor { rest: text }
    }

    /// What follows.
    pub(super) fn rest(&mut self) -> &'a str {
        self.rest = self.rest.trim_start();
        self.rest
    }

    pub(super) fn is_at_end(&mut self) -> bool {
        self.rest().is_empty()
    }

    /// Whether `text` follows; then it is taken.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        match self.rest().strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes `text`.
    pub(super) fn expect(&mut self, text: &str) -> Result<(), String> {
        if self.eat(text) { Ok(()) } else { Err(format!("expected '{text}' before '{}'", self.rest())) }
    }

    /// The characters that `is_part` holds for, at least one.
    fn take_while(&mut self, what: &str, is_part: impl Fn(char) -> bool) -> Result<&'a str, String> {
        let rest = self.rest();
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        if end == 0 {
            return Err(format!("expected {what} before '{rest}'"));
        }
        self.rest = &rest[end..];
        Ok(&rest[..end])
    }

    /// Whether the word `word` follows, and not only a longer one; then it is taken.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let rest = self.rest();
        let follows = rest.strip_prefix(word).filter(|rest| !rest.starts_with(is_word_part));
        if let Some(rest) = follows {
            self.rest = rest;
        }
        follows.is_some()
    }

    /// Letters, digits and underscores.
    pub(super) fn word(&mut self) -> Result<&'a str, String> {
        self.take_while("a word", is_word_part)
    }

    /// Up to the next white space.
    pub(super) fn blob(&mut self) -> Result<&'a str, String> {
        self.take_while("something", |c| !c.is_whitespace())
    }

    /// A number, decimal or with `0x`, that fits `T`.
    pub(super) fn number<T: TryFrom<i64>>(&mut self) -> Result<T, String> {
        let is_negative = self.eat("-");
        let digits = self.take_while("a number", |c| c.is_ascii_alphanumeric())?;
        let value = match digits.strip_prefix("0x") {
            Some(hex) => i64::from_str_radix(hex, 16),
            None => digits.parse::<i64>(),
        };
        let value = value.map_err(|e| format!("'{digits}': {e}"))?;
        T::try_from(if is_negative { -value } else { value }).map_err(|_| format!("{value} does not fit"))
    }

    /// Bytes in hexadecimal digits.
    pub(super) fn hex(&mut self) -> Result<Vec<u8>, String> {
        let digits = self.take_while("hexadecimal digits", |c| c.is_ascii_hexdigit())?;
        if digits.len() % 2 != 0 {
            return Err(format!("'{digits}': an odd number of hexadecimal digits"));
        }
        let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).map_err(|e| e.to_string());
        (0..digits.len()).step_by(2).map(byte).collect()
    }

    /// A time in seconds.
    pub(super) fn seconds(&mut self) -> Result<std::time::Duration, String> {
        let rest = self.rest();
        // `0.1...0.2` is a time and an ellipsis.
        let whole = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let fraction = rest[whole..].strip_prefix('.').filter(|tail| !tail.starts_with('.'));
        let digits =
            fraction.map_or(0, |tail| 1 + tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len()));
        let end = whole + digits;
        let text = &rest[..end];
        if end == 0 || text == "." {
            return Err(format!("expected a time before '{rest}'"));
        }
        self.rest = &rest[end..];
        let seconds: u64 =
            if whole == 0 { Ok(0) } else { text[..whole].parse() }.map_err(|e| format!("'{text}': {e}"))?;
        let fraction = text[whole..].trim_start_matches('.');
        if fraction.len() > 9 {
            return Err(format!("'{text}': finer than a nanosecond"));
        }
        let nanos: u32 = format!("{fraction:0<9}").parse().map_err(|e| format!("'{text}': {e}"))?;
        Ok(std::time::Duration::new(seconds, nanos))
    }
}

fn is_word_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
