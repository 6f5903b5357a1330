//! Signed messages for installers, and what is in them by the `cms` crate.

use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::SignedData;
use der::{Decode, Encode, Reader as _, SliceReader};
use installer::signature::{Imprint, SignImprint, SignatureBytes, SignatureError};

use super::agents::cms as message;
use super::agents::der::{OCTET_STRING, oid, sequence, tlv};

/// Signs with the throwaway key of the agents' signatures.
pub struct Signer {
    /// Bytes of a signed attribute that makes the message longer.
    padding: usize,
    certificates: Vec<Vec<u8>>,
    /// Further signed attributes.
    pub further: Vec<Vec<u8>>,
}

impl Signer {
    pub fn new(padding: usize) -> Self {
        Self { padding, certificates: vec![message::certificate()], further: Vec::new() }
    }
}

impl SignImprint for Signer {
    fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
    }

    fn rsa_len(&self) -> usize {
        256
    }

    fn max_cms_len(&self) -> usize {
        self.padding + 4000
    }

    fn sign_imprint(&self, imprint: &Imprint) -> Result<SignatureBytes, SignatureError> {
        let padding = message::attribute("1.2.3.4.5", &tlv(OCTET_STRING, &[&vec![7; self.padding]]));
        let mut further = self.further.clone();
        further.push(padding);
        Ok(match imprint {
            Imprint::Msi { sha256 } => {
                let cms = message::authenticode("1.3.6.1.4.1.311.2.1.4", &indirect_data(sha256), &further);
                SignatureBytes { cms, rsa: None }
            }
            Imprint::Header { bytes } => SignatureBytes { cms: bytes.iter().copied().take(64).collect(), rsa: None },
            Imprint::Toc { sha1 } => {
                SignatureBytes { cms: message::detached(sha1, &further), rsa: Some(vec![0x5A; 256]) }
            }
        })
    }
}

/// SpcIndirectDataContent of an MSI: the subject interface package of Windows Installer, and a digest.
fn indirect_data(digest: &[u8]) -> Vec<u8> {
    let guid = [0xF1, 0x10, 0x0C, 0, 0, 0, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0x46];
    let integer = |n: u8| [2, 1, n];
    let numbers = [integer(1), integer(0), integer(0), integer(0), integer(0), integer(0)];
    let [version, rest @ ..] = &numbers;
    let mut parts: Vec<&[u8]> = vec![version];
    let guid = tlv(OCTET_STRING, &[&guid]);
    parts.push(&guid);
    parts.extend(rest.iter().map(|number| number.as_slice()));
    let kind = sequence(&[&oid("1.3.6.1.4.1.311.2.1.30"), &sequence(&parts)]);
    let algorithm = sequence(&[&oid("2.16.840.1.101.3.4.2.1"), &[5, 0]]);
    sequence(&[&kind, &sequence(&[&algorithm, &tlv(OCTET_STRING, &[digest])])])
}

/// The parts of a message, each as DER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    pub algorithms: Vec<u8>,
    pub content: Vec<u8>,
    pub certificates: Vec<Vec<u8>>,
    pub signers: Vec<u8>,
}

/// Takes a message apart; up to seven zeros may follow it.
pub fn parts(stream: &[u8]) -> Parts {
    let mut reader = SliceReader::new(stream).unwrap();
    let info = ContentInfo::decode(&mut reader).unwrap();
    let rest = reader.read_slice(reader.remaining_len()).unwrap();
    assert!(rest.len() < 8 && rest.iter().all(|byte| *byte == 0), "{} bytes behind the message", rest.len());
    let data = SignedData::from_der(&info.content.to_der().unwrap()).unwrap();
    let certificates = data.certificates.as_ref().unwrap().0.iter();
    let certificates = certificates.map(|choice| match choice {
        CertificateChoices::Certificate(certificate) => certificate.to_der().unwrap(),
        CertificateChoices::Other(_) => panic!("not a certificate"),
    });
    let certificates = certificates.collect();
    Parts {
        algorithms: data.digest_algorithms.to_der().unwrap(),
        content: data.encap_content_info.to_der().unwrap(),
        certificates,
        signers: data.signer_infos.to_der().unwrap(),
    }
}
