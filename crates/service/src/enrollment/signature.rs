//! Signed requests: HTTP message signatures (RFC 9421) over method, authority, path, query and the digest of the body (RFC 9530).
//!
//! One label, one algorithm, five components, no parameters on them: whatever else a field may say by the RFC is refused. The digest is
//! compared with the body, which libraries for signatures do not do by themselves.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Uri};
use sha2::{Digest, Sha256};

use super::jwk::DevicePublicKey;

/// What must be signed, in any order.
const COMPONENTS: [&str; 5] = ["@method", "@authority", "@path", "@query", "content-digest"];
/// The longest field.
const MAX_FIELD_BYTES: usize = 2048;

/// A signature that is yet to be verified.
pub(super) struct Signed {
    /// The key that it names.
    pub(super) key_id: String,
    /// The nonce that it was made with.
    pub(super) nonce: String,
    base: String,
    signature: Vec<u8>,
}

/// Reads the fields of a request and compares the digest.
///
/// # Errors
/// The sentence that says what is wrong.
pub(super) fn read(method: &str, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Result<Signed, &'static str> {
    let field = |name: &str| -> Result<&str, &'static str> {
        let mut all = headers.get_all(name).iter();
        let one = all.next().and_then(|value| value.to_str().ok()).filter(|value| value.len() <= MAX_FIELD_BYTES);
        match (one, all.next()) {
            (Some(value), None) => Ok(value.trim()),
            _ => Err("the request must have one each of content-digest, signature-input and signature"),
        }
    };
    let digest = field("content-digest")?;
    let right = format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(body)));
    if digest != right {
        return Err("content-digest must be the sha-256 of the body");
    }
    let parameters = field("signature-input")?.strip_prefix("dev=").ok_or("signature-input must have the label dev")?;
    let (components, rest) = components(parameters)?;
    let parameter = |name: &str| {
        let mut found = rest.split(';').filter_map(|one| one.trim().split_once('=')).filter(|(key, _)| *key == name);
        found.next().map(|(_, value)| value.trim_matches('"').to_owned())
    };
    if parameter("alg").is_some_and(|name| name != "ecdsa-p256-sha256") {
        return Err("the algorithm must be ecdsa-p256-sha256");
    }
    if parameter("tag").as_deref() != Some("agent-1") {
        return Err("the tag must be agent-1");
    }
    let authority = headers.get("host").and_then(|value| value.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    let mut base = String::new();
    for component in &components {
        let value = match *component {
            "@method" => method,
            "@authority" => &authority,
            "@path" => uri.path(),
            "@query" => "?",
            _ => digest,
        };
        let query = if *component == "@query" { uri.query().unwrap_or_default() } else { "" };
        base.push_str(&format!("\"{component}\": {value}{query}\n"));
    }
    base.push_str(&format!("\"@signature-params\": {parameters}"));
    let signature = field("signature")?.strip_prefix("dev=:").and_then(|text| text.strip_suffix(':'));
    let signature = signature.and_then(|text| STANDARD.decode(text).ok()).ok_or("signature must be dev=:BASE64:")?;
    Ok(Signed {
        key_id: parameter("keyid").ok_or("signature-input must have a keyid")?,
        nonce: parameter("nonce").ok_or("signature-input must have a nonce")?,
        base,
        signature,
    })
}

/// The components, each once, and the parameters behind them.
fn components(parameters: &str) -> Result<(Vec<&str>, &str), &'static str> {
    const WRONG: &str =
        "signature-input must cover @method, @authority, @path, @query and content-digest, each once and nothing else";
    let (list, rest) = parameters.strip_prefix('(').and_then(|text| text.split_once(')')).ok_or(WRONG)?;
    let names: Option<Vec<&str>> =
        list.split(' ').map(|name| name.strip_prefix('"').and_then(|name| name.strip_suffix('"'))).collect();
    let names = names.ok_or(WRONG)?;
    let has_all = COMPONENTS.iter().all(|wanted| names.contains(wanted));
    if has_all && names.len() == COMPONENTS.len() { Ok((names, rest)) } else { Err(WRONG) }
}

impl Signed {
    /// Has this key made it?
    pub(super) fn is_by(&self, key: &DevicePublicKey) -> bool {
        key.id == self.key_id && key.has_signed(self.base.as_bytes(), &self.signature)
    }
}
