//! The custom actions themselves: one that finds the token, and two that look after the agent's folder.

mod ffi;
mod session;
mod state;

use std::fs::File;
use std::os::windows::fs::FileExt;
use std::panic::catch_unwind;

use crate::compound::{self, Source};
use crate::{Refusal, jws, slot};

use session::{Session, Stream};

/// The property that carries the token; hidden in the package's own list of hidden properties.
const PROPERTY: &str = "ENROLLMENTTOKEN";
/// What the action is called in the log.
const ACTION: &str = "token reader";
const SIGNATURE: &str = "\u{5}DigitalSignature";
const SIGNATURE_STREAM: Stream = Stream {
    query: "SELECT `Data` FROM `_Streams` WHERE `Name`=?",
    name: SIGNATURE,
    most_bytes: 1 << 20,
    missing: Refusal::NoSignature,
    unreadable: Refusal::Wrong("the signature's stream cannot be read, or is longer than any"),
};
/// In the signed part. A transform can exchange it: docs/security.md says who can apply one.
const ISSUER_KEYS: Stream = Stream {
    query: "SELECT `Data` FROM `Binary` WHERE `Name`=?",
    name: "IssuerKeys",
    most_bytes: jws::KEYS_MOST_BYTES,
    missing: Refusal::NoIssuerKeys,
    unreadable: Refusal::Wrong("the package's issuer keys cannot be read, or are longer than any"),
};

/// The entry point that the package's CustomAction row names. Always ERROR_SUCCESS: an installation that needs a token and has none
/// is refused by the package, with a message that a person can read.
#[unsafe(no_mangle)]
pub(crate) extern "system" fn ReadEnrollmentToken(install: u32) -> u32 {
    if catch_unwind(|| read(&Session::new(install, ACTION))).is_err() {
        // What could not be looked at counts as none. Logging may be what failed; this one attempt cannot do more harm.
        let _ = catch_unwind(|| Session::new(install, ACTION).set_property(PROPERTY, ""));
        let _ = catch_unwind(|| Session::new(install, ACTION).log("it failed; ENROLLMENTTOKEN counts as empty"));
    }
    ffi::ERROR_SUCCESS
}

fn read(session: &Session) {
    if session.has_property(PROPERTY) {
        match given(session) {
            Ok(()) => {
                return session.log("ENROLLMENTTOKEN has a value already, which its issuer signed and which counts");
            }
            Err(refusal) if session.set_property(PROPERTY, "") => {
                session.log(&format!("the value of ENROLLMENTTOKEN counts as none: {refusal}"));
            }
            Err(_) => return session.log("Windows Installer did not take a property; ENROLLMENTTOKEN stays as it is"),
        }
    }
    let mut refusal = match take(session, "the open package", session.stream(&SIGNATURE_STREAM)) {
        Ok(()) => return,
        Err(refusal) => refusal,
    };
    // The file that the installation was started with; a repair has the cached copy open, which is the same.
    if let Some(file) = session.property("OriginalDatabase").and_then(|path| File::open(path).ok()) {
        match take(session, "the file OriginalDatabase", compound::stream(&mut OnDisk(file), SIGNATURE)) {
            Ok(()) => return,
            Err(Refusal::NoSignature) => {}
            Err(other) => refusal = other,
        }
    }
    session.log(&format!("{refusal}; ENROLLMENTTOKEN stays empty"));
}

/// Whether the token that is there already, from a command line, a transform or the package's own table, is one that the package takes.
fn given(session: &Session) -> Result<(), Refusal> {
    let token = session.property(PROPERTY).ok_or(Refusal::Wrong("it cannot be read"))?;
    verify(session, &token)
}

/// Whether an issuer that the package lists has signed this token for the package's product.
fn verify(session: &Session, token: &str) -> Result<(), Refusal> {
    let keys = session.stream(&ISSUER_KEYS)?;
    let product =
        session.property("ProductName").ok_or(Refusal::Wrong("the package does not say its product's name"))?;
    jws::verify(token, &keys, &product)
}

/// Sets the property from a signature, if there is a token in its slot that an issuer has signed for this product.
fn take(session: &Session, whence: &str, signature: Result<Vec<u8>, Refusal>) -> Result<(), Refusal> {
    let signature = signature?;
    let token = slot::token(&signature)?;
    verify(session, token)?;
    if !session.set_property(PROPERTY, token) {
        return Err(Refusal::Wrong("Windows Installer did not take the property"));
    }
    session.log(&format!(
        "a token of {} bytes that its issuer signed is in the signature's slot of {whence}; ENROLLMENTTOKEN is set",
        token.len()
    ));
    Ok(())
}

struct OnDisk(File);

impl Source for OnDisk {
    fn read_at(&mut self, mut offset: u64, mut buffer: &mut [u8]) -> bool {
        while !buffer.is_empty() {
            let Ok(n) = self.0.seek_read(buffer, offset) else { return false };
            let rest = std::mem::take(&mut buffer);
            match rest.get_mut(n..) {
                Some(rest) if n > 0 => buffer = rest,
                _ => return false,
            }
            offset = offset.saturating_add(n as u64);
        }
        true
    }
}
