//! The lines of the log. A token never gets here whole: its length and digest are all that is written.

use std::fs::OpenOptions;
use std::io::Write;

use sha2::{Digest, Sha256};

/// What a start found.
pub(crate) struct Report<'a> {
    /// The account that the service runs as.
    pub(crate) account: String,
    /// The command line as it came.
    pub(crate) argv: &'a [String],
    /// The token, if there was one.
    pub(crate) token: Option<&'a [u8]>,
}

impl Report<'_> {
    /// The line that a start writes.
    pub(crate) fn started(&self) -> String {
        let argv: Vec<String> = self.argv.iter().map(|argument| quoted(argument)).collect();
        let token = match self.token {
            None => "null".to_owned(),
            Some(token) => {
                let digest: String = Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect();
                format!(r#"{{"length":{},"sha256":"{digest}"}}"#, token.len())
            }
        };
        let account = quoted(&self.account);
        format!(r#"{{"event":"started","account":{account},"argv":[{}],"token":{token}}}"#, argv.join(","))
    }
}

/// The line that an enrollment writes.
pub(crate) fn enrolled(outcome: &Result<(), String>) -> String {
    match outcome {
        Ok(()) => r#"{"event":"enrolled"}"#.to_owned(),
        Err(complaint) => format!(r#"{{"event":"failed","complaint":{}}}"#, quoted(complaint)),
    }
}

/// The line that an orderly end writes.
pub(crate) fn stopped(reason: &str) -> String {
    format!(r#"{{"event":"stopped","reason":{}}}"#, quoted(reason))
}

/// Appends a line to the log.
pub(crate) fn append(log: &str, line: &str) -> Result<(), String> {
    let file = OpenOptions::new().create(true).append(true).open(log);
    file.and_then(|mut file| writeln!(file, "{line}")).map_err(|error| format!("cannot write {log}: {error}"))
}

/// A JSON string (RFC 8259 §7).
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\u{0}'..='\u{1f}' => quoted.push_str(&format!("\\u{:04x}", u32::from(letter))),
            _ => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}
