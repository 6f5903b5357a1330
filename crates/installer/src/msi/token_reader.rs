//! The one program that a package runs, a DLL with up to three custom actions, and the public keys of an issuer that is known.
//!
//! ```text
//! Binary  TokenReader             payloads/token-reader, a DLL of this package's architecture
//! CustomAction CheckStateFolder     immediate: ends the installation where a user has made a junction of the state folder or the one above
//! CustomAction RemoveStateFolder    commit, as the system: what a removal leaves of the state folder, which no table reaches
//!
//! File    issuer-keys.json        beside the agent, which checks tokens with it
//! Binary  IssuerKeys              the same bytes, for the token reader and who else reads the package without its cabinet
//! CustomAction ReadEnrollmentToken  immediate: verifies ENROLLMENTTOKEN, or sets it from the slot, before anything asks for it
//! ```
//!
//! A package without issuer keys has not the second half.

use std::fs;

use sha2::{Digest, Sha256};

use crate::claims::IssuerKeys;
use crate::format::{BuildError, Job};
use crate::product::{Arch, Product};

use super::ids::REMOVE_STATE_ACTION;
use super::tables::{Field, NULL, Tables, row};

/// The action, and the name that the DLL exports.
pub(super) const ACTION: &str = "ReadEnrollmentToken";
/// The DLL's key in the table Binary.
pub(super) const READER: &str = "TokenReader";
/// The keys' key in the table Binary.
pub(super) const KEYS: &str = "IssuerKeys";
/// When the action runs: a first installation, an upgrade, a repair; not a removal. A token that is there already, from a command line or
/// a transform, is verified like every other one.
pub(super) const CONDITION: &str = r#"NOT (ENROLLMENTSTATE ~= "enrolled") AND NOT (REMOVE ~= "ALL")"#;
/// The action that looks for junctions, the name that the DLL exports, and when it runs.
pub(super) const CHECK_STATE_ACTION: &str = "CheckStateFolder";
pub(super) const CHECK_STATE_CONDITION: &str = r#"NOT (REMOVE ~= "ALL")"#;
/// "Custom Action Type 1": a function of a DLL in the table Binary, run at once, and its failure is the installation's.
const DLL_IN_BINARY: i32 = 1;
/// The same as a commit action (0x600) that runs as the system (0x800) and whose failure does not count (0x40): everything else of the
/// removal has been done.
const DLL_AT_COMMIT: i32 = DLL_IN_BINARY | 0x600 | 0x800 | 0x40;
/// No custom action of ours is larger.
const MAX_BYTES: u64 = 8 << 20;

/// A row of the table Binary: its key and its stream.
pub(super) type Binary = (&'static str, Vec<u8>);

/// Adds the rows, and gives what their streams hold.
pub(super) fn add(tables: &mut Tables, job: &Job<'_>) -> Result<Vec<Binary>, BuildError> {
    let mut binaries = vec![(READER, token_reader(job.product, job.agent.arch)?)];
    binaries.extend(job.product.issuer_keys().map(|keys| (KEYS, keys.to_vec())));
    for (key, bytes) in &binaries {
        tables.add("Binary", row![*key, Field::Binary(Sha256::digest(bytes).into())]);
    }
    let mut actions = vec![(CHECK_STATE_ACTION, DLL_IN_BINARY), (REMOVE_STATE_ACTION, DLL_AT_COMMIT)];
    actions.extend(job.product.issuer_keys().map(|_| (ACTION, DLL_IN_BINARY)));
    for (action, kind) in actions {
        tables.add("CustomAction", row![action, kind, READER, action, NULL]);
    }
    Ok(binaries)
}

/// The one that was signed for this build, else the vendor's own copy, else ours.
pub(super) fn token_reader(product: &Product, arch: Arch) -> Result<Vec<u8>, BuildError> {
    if let Some(signed) = product.own_program(arch) {
        return Ok(signed.to_vec());
    }
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
    if found > MAX_BYTES {
        return Err(BuildError::TooLarge { what: "the token reader", found, limit: MAX_BYTES });
    }
    fs::read(path).map_err(failed)
}

/// The installed copy's path in the payload.
pub(super) fn keys_path(folder: &str) -> String {
    format!("{folder}/{}", IssuerKeys::FILE_NAME)
}
