//! Products whose issuer is known: its public keys, and the custom action that takes a token from beside the package's signature.
//!
//! ```text
//! File    issuer-keys.json        beside the agent, which checks tokens with it
//! Binary  IssuerKeys              the same bytes, for the token reader and who else reads the package without its cabinet
//! Binary  TokenReader             payloads/token-reader, a DLL of this package's architecture
//! CustomAction ReadEnrollmentToken, immediate: sets ENROLLMENTTOKEN, if nothing else has, before anything asks for it
//! ```
//!
//! A package without issuer keys has none of it and runs no code.

use std::fs;

use sha2::{Digest, Sha256};

use crate::claims::IssuerKeys;
use crate::format::{BuildError, Job};
use crate::product::{Arch, Product};

use super::tables::{Field, NULL, Tables, row};

/// The action, and the name that the DLL exports.
pub(super) const ACTION: &str = "ReadEnrollmentToken";
/// The DLL's key in the table Binary.
pub(super) const READER: &str = "TokenReader";
/// The keys' key in the table Binary.
pub(super) const KEYS: &str = "IssuerKeys";
/// When the action runs: a first installation, an upgrade, a repair; not a removal, and not where a command line or the package
/// itself has given a token already.
pub(super) const CONDITION: &str =
    r#"NOT ENROLLMENTTOKEN AND NOT (ENROLLMENTSTATE ~= "enrolled") AND NOT (REMOVE ~= "ALL")"#;
/// "Custom Action Type 1": a function of a DLL in the table Binary, run at once, and its failure is the installation's.
const DLL_IN_BINARY: i32 = 1;
/// No custom action of ours is larger.
const MOST_BYTES: u64 = 8 << 20;

/// A row of the table Binary: its key and its stream.
pub(super) type Binary = (&'static str, Vec<u8>);

/// Adds the rows, and gives what their streams hold.
pub(super) fn add(tables: &mut Tables, job: &Job<'_>) -> Result<Vec<Binary>, BuildError> {
    let Some(keys) = job.product.issuer_keys() else { return Ok(Vec::new()) };
    let binaries = vec![(READER, token_reader(job.product, job.agent.arch)?), (KEYS, keys.to_vec())];
    for (key, bytes) in &binaries {
        tables.add("Binary", row![*key, Field::Binary(Sha256::digest(bytes).into())]);
    }
    tables.add("CustomAction", row![ACTION, DLL_IN_BINARY, READER, ACTION, NULL]);
    Ok(binaries)
}

/// The vendor's own copy, else ours.
fn token_reader(product: &Product, arch: Arch) -> Result<Vec<u8>, BuildError> {
    let Some(path) = product.token_reader(arch) else {
        return Ok(match arch {
            Arch::Arm64 => include_bytes!("../../../../payloads/token-reader/prebuilt/arm64.dll").to_vec(),
            Arch::X64 | Arch::Universal => {
                include_bytes!("../../../../payloads/token-reader/prebuilt/x64.dll").to_vec()
            }
        });
    };
    let failed = |source| BuildError::Read { path: path.to_path_buf(), source };
    let found = fs::metadata(path).map_err(failed)?.len();
    if found > MOST_BYTES {
        return Err(BuildError::TooLarge { what: "the token reader", found, limit: MOST_BYTES });
    }
    fs::read(path).map_err(failed)
}

/// The installed copy's path in the payload.
pub(super) fn keys_path(folder: &str) -> String {
    format!("{folder}/{}", IssuerKeys::FILE_NAME)
}
