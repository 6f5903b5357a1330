//! Public keys, read (RFC 4880 §11.1): what is published of a key, with what it says of itself.

use container::reader::{Malformed, Problem};

use super::key::Key;
use super::packet::{Packet, packets};
use super::signature::{self, Signature};

/// A primary key.
const PUBLIC_KEY: u8 = 6;
/// A subkey.
const PUBLIC_SUBKEY: u8 = 14;
/// A user's name and address.
const USER_ID: u8 = 13;

/// A longer user ID is not shown.
const MAX_USER_ID_BYTES: usize = 1024;

/// Keys that signatures are checked with.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    keys: Vec<Key>,
}

impl Keyring {
    /// Reads one or several key blocks, armored or not.
    pub fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let bytes = super::armor::open(bytes)?;
        let packets = packets(&bytes)?;
        let mut keys: Vec<Key> = Vec::new();
        let mut rest = packets.as_slice();
        while let Some((first, after)) = rest.split_first() {
            if first.tag != PUBLIC_KEY {
                let problem =
                    Problem::Value { field: "packet's tag", found: first.tag.into(), expected: "6, a public key" };
                return Err(Malformed { structure: "openpgp key block", offset: first.offset, problem });
            }
            let len = after.iter().position(|packet| packet.tag == PUBLIC_KEY).unwrap_or(after.len());
            let (block, next) = after.split_at(len);
            keys.extend(key_block(first, block)?);
            rest = next;
        }
        if keys.is_empty() {
            let problem = Problem::Missing { what: "a public key" };
            return Err(Malformed { structure: "openpgp key block", offset: Malformed::NOWHERE, problem });
        }
        Ok(Self { keys })
    }

    /// The keys, each primary key before its subkeys.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Some keys.
    #[must_use]
    pub const fn new(keys: Vec<Key>) -> Self {
        Self { keys }
    }

    /// Adds the keys of another.
    pub fn extend(&mut self, other: Self) {
        self.keys.extend(other.keys);
    }
}

/// What follows a primary key: its signatures, user IDs and subkeys.
fn key_block(first: &Packet<'_>, block: &[Packet<'_>]) -> Result<Vec<Key>, Malformed> {
    /// What the signatures that follow are about.
    enum About<'p> {
        Primary,
        User(&'p [u8]),
        Subkey(usize),
        Other,
    }
    let mut primary = Key::from_packet(first)?;
    let mut subkeys: Vec<Key> = Vec::new();
    let mut about = About::Primary;
    for packet in block {
        match packet.tag {
            USER_ID => {
                if primary.user_id.is_empty() && packet.body.len() <= MAX_USER_ID_BYTES {
                    let text = String::from_utf8_lossy(packet.body);
                    primary.user_id = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
                }
                about = About::User(packet.body);
            }
            PUBLIC_SUBKEY => {
                subkeys.push(Key::from_packet(packet)?);
                about = About::Subkey(subkeys.len() - 1);
            }
            // A signature of another version says nothing to us.
            signature::TAG => {
                let Ok(signature) = Signature::from_packet(packet) else { continue };
                match &about {
                    About::Primary => primary.certify(&signature, None),
                    About::User(user) => primary.certify(&signature, Some(user)),
                    About::Subkey(at) => {
                        if let Some(subkey) = subkeys.get_mut(*at) {
                            subkey.bind(&primary, &signature);
                        }
                    }
                    About::Other => {}
                }
            }
            _ => about = About::Other,
        }
    }
    for subkey in &mut subkeys {
        subkey.user_id.clone_from(&primary.user_id);
        subkey.certified.revoked |= primary.certified.revoked;
    }
    Ok([vec![primary], subkeys].concat())
}
