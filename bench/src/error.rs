//! Errors and the exit codes that go with them: 2 when the input was wrong, 1 for the rest.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

/// The user's input is wrong: the message names what, and the way out, in one line.
#[derive(Debug)]
pub struct BadInput(pub String);

impl fmt::Display for BadInput {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for BadInput {}

/// A [`BadInput`] as [`anyhow::Error`].
pub fn bad_input(message: impl Into<String>) -> anyhow::Error {
    BadInput(message.into()).into()
}

/// Prints a text on stderr, as `eprint!`, which would panic when nobody reads it any more.
pub fn tell(text: impl fmt::Display) {
    let _unread = write!(io::stderr(), "{text}");
}

/// Prints the error with its causes on one line, and gives the exit code.
pub fn report(error: &anyhow::Error) -> ExitCode {
    tell(format_args!("corelane-bench: {error:#}\n"));
    if error.downcast_ref::<BadInput>().is_some() { ExitCode::from(2) } else { ExitCode::FAILURE }
}
