//! Signatures as the formats see them: what has to be signed, and where the answer goes. Who signs, and with which key,
//! is not known here: a [`SignImprint`] is an argument.

use container::digest::Digest;

/// The form of a signature inside an installer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureForm {
    /// Authenticode, in a Windows Installer package.
    Authenticode,
    /// CMS and plain RSA over the checksum of the table of contents, in a flat package.
    Xar,
    /// OpenPGP over the header, in an RPM package.
    OpenPgp,
}

/// What a fresh signature of an installer has to be over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imprint {
    /// Authenticode of a Windows Installer package: the SHA-256 of `MsiDigitalSignatureEx` (where there is one) and all streams.
    Msi {
        /// The digest.
        sha256: [u8; 32],
    },
    /// A product archive: the SHA-1 checksum of the XAR's table of contents as it is stored.
    Toc {
        /// The checksum.
        sha1: [u8; 20],
    },
    /// An RPM package: its header, whose digest an OpenPGP signature ends with words of its own.
    Header {
        /// The header's bytes.
        bytes: Vec<u8>,
    },
}

/// What a signature that is there must be over, computed from the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imprints {
    /// Authenticode of a Windows Installer package: the digest as in [`Imprint::Msi`], in each algorithm that the signature and those inside it
    /// name and that is computed here; where that is none, SHA-256.
    Msi(Vec<Digest>),
    /// A product archive: the SHA-1 checksum of the XAR's table of contents as it is stored.
    Toc {
        /// The checksum.
        sha1: [u8; 20],
    },
    /// An RPM package: its header, as in [`Imprint::Header`].
    Header {
        /// The header's bytes.
        bytes: Vec<u8>,
    },
}

/// A signature as it stands in an installer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The signed message (CMS, DER; padding behind it is allowed). Of an RPM package: the OpenPGP packet.
    pub cms: Vec<u8>,
    /// What it must be over, computed from the content that is there.
    pub imprint: Imprints,
    /// A XAR's second signature, RSA over the same checksum, with its certificates (DER, leaf first).
    pub rsa: Option<RsaSignature>,
    /// Whether the content agrees with itself below the signature: an MSI's `MsiDigitalSignatureEx`, a XAR's stored checksum.
    /// Each has the name of what was looked at and, if wrong, what was found.
    pub defects: Vec<String>,
    /// What such a signature leaves uncovered that another would cover: no defect, but worth knowing.
    pub notes: Vec<String>,
}

/// The plain signature of a XAR.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RsaSignature {
    /// PKCS #1 v1.5 over the checksum.
    pub bytes: Vec<u8>,
    /// Certificates, leaf first, DER.
    pub certificates: Vec<Vec<u8>>,
}

/// A fresh signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureBytes {
    /// The signed message (CMS, DER). For an RPM package: the OpenPGP packet.
    pub cms: Vec<u8>,
    /// For a XAR: PKCS #1 v1.5 over the checksum.
    pub rsa: Option<Vec<u8>>,
}

/// What becomes of signatures that an installer has when it is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// They are in the way: the installer is refused.
    Refuse,
    /// All of them are left behind, nested ones as well.
    Replace,
}

/// The signer did not sign.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct SignatureError {
    /// Why, as a sentence.
    pub message: String,
    /// The next step, when there is one.
    pub hint: Option<&'static str>,
    /// Whether nothing that was given is wrong: a service did not answer.
    pub is_machine: bool,
}

impl SignatureError {
    /// What was given is wrong.
    pub fn wrong(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, is_machine: false }
    }
}

/// Signs imprints.
pub trait SignImprint: Sync {
    /// The certificates, leaf first, DER. A XAR names them in what it signs.
    fn certificates(&self) -> &[Vec<u8>];

    /// How many bytes a plain RSA signature has; 0 when the key is not RSA.
    fn rsa_len(&self) -> usize;

    /// How many bytes `SignatureBytes::cms` has at most: a XAR's table of contents says so before it is signed.
    fn max_cms_len(&self) -> usize;

    /// Signs.
    fn sign_imprint(&self, imprint: &Imprint) -> Result<SignatureBytes, SignatureError>;
}
