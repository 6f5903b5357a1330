//! HTTP message signatures (RFC 9421) with the digest of the body (RFC 9530): how a device proves who it is, request by request.
//!
//! The proof survives a proxy that takes TLS apart, which a client certificate does not, and there is no password that could be stolen.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};

use crate::error::Result;
use crate::key::DeviceKey;

/// What is signed, in this order (RFC 9421 §2.2).
const COMPONENTS: &str = r#"("@method" "@authority" "@path" "@query" "content-digest")"#;

/// What a request says.
pub(super) struct Message<'a> {
    pub(super) method: &'a str,
    pub(super) authority: &'a str,
    pub(super) path: &'a str,
    pub(super) body: &'a [u8],
    pub(super) created: u64,
    pub(super) nonce: &'a str,
}

/// The three fields that a signed request carries.
#[derive(Debug)]
pub(super) struct Fields {
    pub(super) content_digest: String,
    pub(super) signature_input: String,
    pub(super) signature: String,
}

/// Signs a request.
pub(super) fn sign(key: &DeviceKey, message: &Message<'_>) -> Result<Fields> {
    let content_digest = format!("sha-256=:{}:", STANDARD.encode(digest(&SHA256, message.body)));
    let parameters = format!(
        r#"{COMPONENTS};created={};keyid="{}";alg="ecdsa-p256-sha256";nonce="{}";tag="agent-1""#,
        message.created,
        key.thumbprint(),
        message.nonce
    );
    let base = base(message, &content_digest, &parameters);
    let signature = STANDARD.encode(key.sign(base.as_bytes())?);
    Ok(Fields { content_digest, signature_input: format!("dev={parameters}"), signature: format!("dev=:{signature}:") })
}

/// The signature base (RFC 9421 §2.5). `@query` of a request without one is `?` (§2.2.7).
fn base(message: &Message<'_>, content_digest: &str, parameters: &str) -> String {
    let (path, query) = message.path.split_once('?').unwrap_or((message.path, ""));
    format!(
        "\"@method\": {}\n\"@authority\": {}\n\"@path\": {path}\n\"@query\": ?{query}\n\"content-digest\": {content_digest}\n\
         \"@signature-params\": {parameters}",
        message.method, message.authority
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_is_what_the_specification_writes() {
        let message = Message {
            method: "POST",
            authority: "api.example.com",
            path: "/v1/enrollments",
            body: b"{\"hello\": \"world\"}",
            created: 1_618_884_473,
            nonce: "n",
        };
        // The digest of RFC 9530 appendix B.1's body form, by sha256sum and base64.
        let digest = format!("sha-256=:{}:", STANDARD.encode(digest(&SHA256, message.body)));
        assert_eq!(digest, "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:");
        let expected = "\"@method\": POST\n\"@authority\": api.example.com\n\"@path\": /v1/enrollments\n\"@query\": ?\n\
                        \"content-digest\": sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:\n\"@signature-params\": ()";
        assert_eq!(base(&message, &digest, "()"), expected);
    }
}
