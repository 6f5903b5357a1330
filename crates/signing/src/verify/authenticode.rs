//! An Authenticode message over a Windows Installer package.

use container::authenticode::{IndirectData, MAX_NESTED, MAX_NESTED_DEPTH, NESTED_SIGNATURE, Subject};
use container::cms::{Attributes, SignedData};
use container::der::{CONTEXT_0, CONTEXT_0_PRIMITIVE, CONTEXT_1, Encoding};
use container::digest::Digest;

use super::facts::{SignatureFacts, Trust, Unreadable};
use super::signer::{Rules, judge};

use crate::certificate::CODE_SIGNING;
use crate::cms::authenticode::{OPUS_INFO, SEALING, TIMESTAMP};

/// Reads and judges a message over a package. `digests` are the package's, one for each algorithm that the message and its nested signatures
/// name (see [`container::authenticode::named_algorithms`]); what is over another is said to be not checked.
pub fn authenticode(cms: &[u8], digests: &[Digest], trust: Trust<'_>) -> Result<SignatureFacts, Unreadable> {
    Ok(read(&SignedData::read(Encoding::Ber, cms)?, digests, trust, MAX_NESTED_DEPTH))
}

fn read(data: &SignedData<'_>, digests: &[Digest], trust: Trust<'_>, depth: usize) -> SignatureFacts {
    let mut facts = SignatureFacts::nothing_yet();
    let not_ours = "is not one of a Windows Installer package";
    let content = match IndirectData::read(data) {
        Ok(content) => content,
        Err(error) => {
            facts.error("signature-content", format!("{not_ours}: {error}"));
            return facts.finish();
        }
    };
    if content.subject == Subject::Msi {
        judge_digest(&content, digests, &mut facts);
    } else {
        facts.error("signature-content", format!("{not_ours}: it names another kind of file"));
    }
    let rules = Rules {
        content: content.value.content,
        timestamp: TIMESTAMP,
        usages: &[CODE_SIGNING],
        purpose: "code signing",
    };
    judge(data, &rules, trust, &mut facts);
    for info in &data.signers {
        // What cannot be read has been said.
        let (signed, unsigned) =
            (info.signed_attributes().unwrap_or_default(), info.unsigned_attributes().unwrap_or_default());
        opus(&signed, &mut facts);
        facts.sealed |= SEALING.iter().any(|kind| signed.has(*kind) || unsigned.has(*kind));
        nested(&unsigned, digests, trust, depth, &mut facts);
    }
    facts.finish()
}

/// Holds the digest that the message names against the package's.
fn judge_digest(content: &IndirectData<'_>, digests: &[Digest], facts: &mut SignatureFacts) {
    let algorithm = match content.algorithm() {
        Ok(algorithm) => algorithm,
        Err(name) => {
            return facts.unchecked(format!("it is over the file's {name} digest, which is not computed here"));
        }
    };
    match digests.iter().find(|digest| digest.algorithm() == algorithm) {
        Some(digest) if digest[..] == *content.digest => {}
        Some(_) => facts.error(
            "signature-digest",
            format!(
                "is over another file: the {} digest does not match, the package was changed after it was signed",
                algorithm.name()
            ),
        ),
        None => {
            facts.unchecked(format!("it is over the file's {} digest, which was not computed", algorithm.name()));
        }
    }
}

/// Judges the signatures inside a signature.
fn nested(unsigned: &Attributes<'_>, digests: &[Digest], trust: Trust<'_>, depth: usize, facts: &mut SignatureFacts) {
    for value in unsigned.values(NESTED_SIGNATURE) {
        match SignedData::from_content_info(value) {
            Ok(inner) if depth > 0 && facts.nested.len() < MAX_NESTED => {
                facts.nested.push(read(&inner, digests, trust, depth - 1));
            }
            Ok(_) => return facts.error("signature-nested", "has more nested signatures than are looked at"),
            Err(error) => {
                facts.error("signature-nested", format!("has a nested signature that cannot be read: {error}"));
            }
        }
    }
}

/// The name and address, where they can be read; other signers write them in several ways.
fn opus(attributes: &Attributes<'_>, facts: &mut SignatureFacts) {
    for part in attributes.values(OPUS_INFO).flat_map(|value| value.values().all("SpcSpOpusInfo").unwrap_or_default()) {
        let Ok(choice) = part.values().take("SpcSpOpusInfo") else { continue };
        match part.tag {
            CONTEXT_0 if choice.tag == CONTEXT_0_PRIMITIVE => facts.description = Some(utf16(choice.content)),
            CONTEXT_0 => facts.description = Some(String::from_utf8_lossy(choice.content).into_owned()),
            CONTEXT_1 => facts.url = Some(String::from_utf8_lossy(choice.content).into_owned()),
            _ => {}
        }
    }
    for text in [&mut facts.description, &mut facts.url].into_iter().flatten() {
        *text = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    }
}

fn utf16(bytes: &[u8]) -> String {
    let units: Vec<u16> =
        bytes.chunks_exact(2).map(|pair| pair.iter().fold(0, |n, &b| n << 8 | u16::from(b))).collect();
    String::from_utf16_lossy(&units)
}
