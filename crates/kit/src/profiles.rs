//! Configuration profiles (`.mobileconfig`) for the Macs of one tenant: three files, because two of them can only be installed by
//! a management system that the user has approved, and the token's can be tried by hand.
//!
//! | file | payload | keys |
//! |---|---|---|
//! | `token` | `com.apple.ManagedClient.preferences` | the token, for a package without one: domain = bundle id |
//! | `login-items` | `com.apple.servicemanagement` | the daemon's label and team: a user cannot switch it off |
//! | `full-disk-access` | `com.apple.TCC.configuration-profile-policy` | `SystemPolicyAllFiles` by code requirement |
//!
//! Identifiers and UUIDs are derived from tenant, application and kind, never from the token: a profile with the same ones replaces
//! the one before it, so a new token goes to the devices as an update. They are unsigned; management systems sign them.
//!
//! Source: Apple's schema of payloads (`device-management`, `mdm/profiles`).

use installer::{Token, guid};
use plist::{Dictionary, Value};

use crate::folder::{Folder, KitError};
use crate::macos::{Macos, Program};

/// The managed preference with the token. The agent contract names it.
pub(crate) const TOKEN_KEY: &str = "EnrollmentToken";

/// Which profiles were written, by their file names.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Written {
    /// The token's.
    pub token: Option<String>,
    /// The login items'.
    pub(crate) login_items: Option<String>,
    /// Full disk access's.
    pub(crate) full_disk_access: Option<String>,
}

impl Written {
    /// Whether there is one at all.
    #[must_use]
    pub(crate) const fn is_any(&self) -> bool {
        self.token.is_some() || self.login_items.is_some() || self.full_disk_access.is_some()
    }
}

/// Writes those profiles that can be made into `place` of the folder.
pub fn write(
    folder: &mut Folder,
    place: &str,
    pkg: &Macos,
    tenant: &str,
    token: Option<&Token>,
) -> Result<Written, KitError> {
    let mut put = |kind: &str, about: &str, content: Dictionary| {
        let name = format!("{}-{kind}.mobileconfig", pkg.stem());
        let path = format!("{place}/{name}");
        let bytes = profile(pkg, tenant, kind, about, content)
            .map_err(|error| KitError::Document { path: path.clone(), problem: error.to_string() })?;
        folder.write(&path, &bytes).map(|()| name)
    };
    Ok(Written {
        token: token
            .map(|token| put("token", "the enrollment token", preferences(&pkg.application.id, token)))
            .transpose()?,
        login_items: match pkg.team().filter(|_| !pkg.labels.is_empty()) {
            Some(team) => Some(put("login-items", "keeps its service running", login_items(&pkg.labels, team))?),
            None => None,
        },
        full_disk_access: match &pkg.program {
            Some(program) => {
                let content = full_disk_access(program, &pkg.application.id);
                Some(put("full-disk-access", "lets it read every file", content)?)
            }
            None => None,
        },
    })
}

/// One profile around one payload.
fn profile(
    pkg: &Macos,
    tenant: &str,
    kind: &str,
    about: &str,
    content: Dictionary,
) -> Result<zeroize::Zeroizing<Vec<u8>>, plist::Error> {
    let id = &pkg.application.id;
    let uuid = |part: &str| {
        let parts = ["configuration profile", tenant, id, kind, part];
        guid::derive(&parts.map(str::as_bytes)).trim_matches(['{', '}']).to_owned()
    };
    let name = format!("{}: {about}", pkg.product);
    let mut payload = dictionary([
        ("PayloadDisplayName", name.clone().into()),
        ("PayloadIdentifier", format!("{id}.{kind}.payload").into()),
        ("PayloadUUID", uuid("payload").into()),
        ("PayloadVersion", 1_u64.into()),
    ]);
    payload.extend(content);
    let profile = dictionary([
        ("PayloadContent", Value::Array(vec![payload.into()])),
        ("PayloadDisplayName", name.into()),
        ("PayloadIdentifier", format!("{id}.{kind}").into()),
        ("PayloadScope", "System".into()),
        ("PayloadType", "Configuration".into()),
        ("PayloadUUID", uuid("profile").into()),
        ("PayloadVersion", 1_u64.into()),
    ]);
    xml(profile)
}

/// A property list as XML.
pub(crate) fn xml(dictionary: Dictionary) -> Result<zeroize::Zeroizing<Vec<u8>>, plist::Error> {
    let mut out = zeroize::Zeroizing::new(Vec::new());
    Value::Dictionary(dictionary).to_writer_xml(&mut *out)?;
    out.push(b'\n');
    Ok(out)
}

fn preferences(bundle_id: &str, token: &Token) -> Dictionary {
    let settings = dictionary([(TOKEN_KEY, token.expose().into())]);
    let forced = dictionary([("mcx_preference_settings", settings.into())]);
    let domain = dictionary([("Forced", Value::Array(vec![forced.into()]))]);
    dictionary([
        ("PayloadType", "com.apple.ManagedClient.preferences".into()),
        ("PayloadContent", dictionary([(bundle_id, domain.into())]).into()),
    ])
}

fn login_items(labels: &[String], team: &str) -> Dictionary {
    let rule = |label: &String| {
        let rule = [
            ("RuleType", "Label".into()),
            ("RuleValue", label.as_str().into()),
            ("TeamIdentifier", team.into()),
            ("Comment", "the agent's service".into()),
        ];
        Value::Dictionary(dictionary(rule))
    };
    dictionary([
        ("PayloadType", "com.apple.servicemanagement".into()),
        ("Rules", Value::Array(labels.iter().map(rule).collect())),
    ])
}

fn full_disk_access(program: &Program, bundle_id: &str) -> Dictionary {
    let identity = |(identifier, kind): (&str, &str)| {
        let identity = dictionary([
            ("Identifier", identifier.into()),
            ("IdentifierType", kind.into()),
            ("CodeRequirement", program.requirement.as_str().into()),
            ("StaticCode", false.into()),
            ("Allowed", true.into()),
            ("Comment", "the agent reads every file that it watches".into()),
        ]);
        Value::Dictionary(identity)
    };
    // "Nonbundled binaries must be identified by installation path." A program that we have wrapped is one, and lies in a bundle: which of the
    // two the system goes by is not documented, so both are there.
    let (by_path, by_bundle) = ((program.path.as_str(), "path"), (bundle_id, "bundleID"));
    let identities = if program.is_application { vec![by_bundle] } else { vec![by_path, by_bundle] };
    let identities = identities.into_iter().map(identity).collect();
    let services = dictionary([("SystemPolicyAllFiles", Value::Array(identities))]);
    dictionary([("PayloadType", "com.apple.TCC.configuration-profile-policy".into()), ("Services", services.into())])
}

pub(crate) fn dictionary<'a>(pairs: impl IntoIterator<Item = (&'a str, Value)>) -> Dictionary {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
