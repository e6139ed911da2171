//! The lines of a script, without comments, each event on one.

/// A line that says something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// From 1 on; of the first, where it is continued.
    pub(super) number: usize,
    pub(super) text: String,
}

/// Splits a script: `//`, `#` and `/* */` are comments; what starts with white space, or stands inside of `%{ }%`,
/// continues the line before.
pub(super) fn lines(text: &str) -> Result<Vec<Line>, (Line, String)> {
    let mut lines: Vec<Line> = Vec::new();
    let mut in_comment: Option<usize> = None;
    for (index, raw) in text.lines().enumerate() {
        let number = index + 1;
        let said = without_comments(raw, number, &mut in_comment);
        let said = said.trim_end();
        if said.trim_start().is_empty() || said.starts_with('#') {
            continue;
        }
        let goes_on = |line: &Line| line.text.contains("%{") && !line.text.contains("}%");
        match lines.last_mut() {
            Some(line) if said.starts_with(char::is_whitespace) || goes_on(line) => {
                line.text.push(' ');
                line.text.push_str(said.trim_start());
            }
            _ => lines.push(Line { number, text: said.trim_start().to_string() }),
        }
    }
    match in_comment {
        None => Ok(lines),
        Some(number) => {
            Err((Line { number, text: "/*".to_string() }, "the comment does not end".to_string()))
        }
    }
}

/// `in_comment`: the line of the `/*` that is open.
fn without_comments(raw: &str, number: usize, in_comment: &mut Option<usize>) -> String {
    let mut said = String::new();
    let mut rest = raw;
    loop {
        if in_comment.is_some() {
            let Some((_, behind)) = rest.split_once("*/") else { return said };
            *in_comment = None;
            rest = behind;
        }
        let (line, block) = (rest.find("//"), rest.find("/*"));
        match block.filter(|block| line.is_none_or(|line| *block < line)) {
            Some(block) => {
                said.push_str(&rest[..block]);
                *in_comment = Some(number);
                rest = &rest[block + 2..];
            }
            None => {
                said.push_str(&rest[..line.unwrap_or(rest.len())]);
                return said;
            }
        }
    }
}

#[cfg(test)]
mod tests;
