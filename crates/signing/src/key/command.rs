//! A private key behind a command: any key service that has a command line, without a shell between.
//!
//! ```text
//! --sign-command "sign-with-kms --key release {algorithm}"
//!
//! standard input    the SHA-256 digest, 32 bytes as they are (not in hexadecimal digits); SHA-1 has 20
//! standard output   the signature as it is: RSA PKCS #1 v1.5 over that digest;
//!                   ECDSA in DER, or r and s one after the other (IEEE P1363); Ed25519 over the 32 bytes
//! {algorithm}       rsa-pkcs1-sha256, ecdsa-p256-sha256, ecdsa-p384-sha256 or ed25519-sha256;
//!                   also in the environment as STAMPWRIGHT_SIGN_ALGORITHM
//! ```
//!
//! A command that has `{algorithm}` among its words is asked for `rsa-pkcs1-sha1` as well, once for each pkg. It may refuse
//! by ending with another status than 0; the plain signature is then made over SHA-256.
//!
//! The words of a command are separated by spaces. A part in "…" or '…' is taken as it stands, spaces and all, and belongs
//! to its word; there is no other quoting, no variable and no escape, so a backslash is a backslash.

use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};

use super::{KeyError, PrivateKey};
use crate::algorithm::KeyKind;

/// The placeholder of the algorithm's name.
const ALGORITHM: &str = "{algorithm}";
/// What the plain signature of a pkg is asked for.
const SHA1_NAME: &str = "rsa-pkcs1-sha1";
/// No signature is this long.
const MAX_ANSWER_BYTES: u64 = 8192;

/// A command in its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    words: Vec<String>,
    hidden_env: Vec<String>,
}

impl Words {
    /// Takes a command apart by the rule of this module.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut words = Vec::new();
        let mut word: Option<String> = None;
        let mut quote = None;
        for c in text.chars() {
            match (quote, c) {
                (Some(open), c) if c == open => quote = None,
                (None, '"' | '\'') => {
                    quote = Some(c);
                    word.get_or_insert_default();
                }
                (None, ' ' | '\t') => words.extend(word.take()),
                (_, c) => word.get_or_insert_default().push(c),
            }
        }
        if quote.is_some() {
            return Err(KeyError::CommandLine("has a quotation mark that is not closed"));
        }
        words.extend(word);
        match words.first() {
            Some(program) if !program.is_empty() => Ok(Self { words, hidden_env: Vec::new() }),
            _ => Err(KeyError::CommandLine("is empty")),
        }
    }

    /// The same, but the command does not get these environment variables: they have secrets in them.
    #[must_use]
    pub fn without_env(mut self, names: &[&str]) -> Self {
        self.hidden_env = names.iter().map(|name| (*name).to_owned()).collect();
        self
    }

    /// Whether a word has this placeholder.
    #[must_use]
    pub fn has(&self, placeholder: &str) -> bool {
        self.words.iter().any(|word| word.contains(placeholder))
    }

    /// The first word.
    #[must_use]
    pub fn program(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// The command with its placeholders filled in.
    #[must_use]
    pub fn command(&self, placeholders: &[(&str, &std::ffi::OsStr)]) -> Command {
        let mut command = Command::new(self.program());
        command.args(self.words.iter().skip(1).map(|word| filled(word, placeholders)));
        for name in &self.hidden_env {
            command.env_remove(name);
        }
        command
    }
}

/// One word with its placeholders filled in; a path that is not UTF-8 stays what it is.
fn filled(word: &str, placeholders: &[(&str, &std::ffi::OsStr)]) -> std::ffi::OsString {
    for (name, value) in placeholders {
        if let Some((before, after)) = word.split_once(name) {
            let mut out = filled(before, placeholders);
            out.push(value);
            out.push(filled(after, placeholders));
            return out;
        }
    }
    word.into()
}

/// A private key that a command signs with.
#[derive(Debug, Clone)]
pub struct CommandKey {
    words: Words,
}

impl CommandKey {
    /// The command, not run yet.
    pub fn new(text: &str) -> Result<Self, KeyError> {
        Ok(Self { words: Words::parse(text)? })
    }

    /// The same, but the command does not get these environment variables.
    #[must_use]
    pub fn without_env(self, names: &[&str]) -> Self {
        Self { words: self.words.without_env(names) }
    }

    fn failed(&self, problem: impl ToString) -> KeyError {
        KeyError::Command { program: self.words.program().to_owned(), problem: problem.to_string() }
    }

    /// Runs the command for one digest.
    fn run(&self, name: &str, digest: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut command = self.words.command(&[(ALGORITHM, name.as_ref())]);
        command.env("STAMPWRIGHT_SIGN_ALGORITHM", name);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().map_err(|error| self.failed(error))?;
        let answer = Self::answer(&mut child, digest);
        let status = child.wait().map_err(|error| self.failed(error))?;
        if !status.success() {
            return Err(self.failed(format!("ended with {status}")));
        }
        let answer = answer.map_err(|error| self.failed(error))?;
        match answer.len() as u64 {
            0 => Err(self.failed("answered nothing, must answer the signature on standard output")),
            1..=MAX_ANSWER_BYTES => Ok(answer),
            _ => Err(self.failed("answered more than any signature has")),
        }
    }

    fn answer(child: &mut Child, digest: &[u8]) -> io::Result<Vec<u8>> {
        if let Some(mut input) = child.stdin.take() {
            match input.write_all(digest) {
                // It may know what to sign without reading to the end; its answer is checked anyway.
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
                _ => {}
            }
        }
        let mut answer = Vec::new();
        if let Some(output) = child.stdout.take() {
            output.take(MAX_ANSWER_BYTES + 1).read_to_end(&mut answer)?;
        }
        Ok(answer)
    }
}

impl PrivateKey for CommandKey {
    fn public_key(&self) -> Option<Vec<u8>> {
        None
    }

    fn sign(&self, kind: KeyKind, digest: &[u8; 32]) -> Result<Vec<u8>, KeyError> {
        self.run(kind.signature_name(), digest)
    }

    fn sign_sha1(&self, digest: &[u8; 20]) -> Result<Option<Vec<u8>>, KeyError> {
        // Without the placeholder the command has one algorithm, and that is not this one.
        Ok(if self.words.has(ALGORITHM) { self.run(SHA1_NAME, digest).ok() } else { None })
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn words_and_quotes() {
        let words = |text| Words::parse(text).map(|words| words.words).map_err(|error| error.to_string());
        assert_eq!(words("  a  b\tc ").unwrap(), ["a", "b", "c"]);
        assert_eq!(
            words(r#""C:\Program Files\x.exe" --a='b c'"" '' $HOME `id`"#).unwrap(),
            [r"C:\Program Files\x.exe", "--a=b c", "", "$HOME", "`id`"]
        );
        assert_eq!(words(" ").unwrap_err(), "the signing command is empty");
        assert!(words("a 'b").unwrap_err().contains("not closed"));
    }

    #[test]
    fn placeholders_are_filled_in_once() {
        let words = Words::parse("x --in={in} {in}{out} {none}").unwrap();
        let command = words.command(&[("{in}", OsStr::new("{out} 1")), ("{out}", OsStr::new("b"))]);
        assert_eq!(command.get_args().collect::<Vec<_>>(), ["--in={out} 1", "{out} 1b", "{none}"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_command_that_fails_or_says_nothing_is_named() {
        let key =
            |text| CommandKey::new(text).unwrap().sign(KeyKind::P256, &[7; 32]).map_err(|error| error.to_string());
        assert_eq!(key("cat").unwrap(), [7; 32]);
        assert_eq!(key("echo -n {algorithm}").unwrap(), b"ecdsa-p256-sha256");
        let sha1 = |text| CommandKey::new(text).unwrap().sign_sha1(&[7; 20]).unwrap();
        assert_eq!(sha1("echo -n {algorithm}").as_deref(), Some(&b"rsa-pkcs1-sha1"[..]));
        assert_eq!((sha1("cat"), sha1("false {algorithm}")), (None, None));
        assert!(key("false").unwrap_err().starts_with("the signing command false: ended with"));
        assert!(key("true").unwrap_err().contains("answered nothing"));
        assert!(key("head -c 9000 /dev/zero").unwrap_err().contains("more than any signature"));
        assert!(key("/no/such/program").unwrap_err().contains("No such file"));
    }
}
