//! The digest that a signed stamp needs, without hashing the cabinet for each.
//!
//! ```text
//! digest = SHA-256( DSE ‖ 00.cab ‖ all other streams by name ‖ class id )
//!                   └── kept ──┘   └─ some kilobytes, each time ─┘
//! ```
//!
//! DSE, itself a digest, covers the names and sizes of all streams and is hashed first. A token changes no names, and the sizes follow from its
//! length; so tokens of one length have one DSE, and the state of the hash after DSE and cabinet is kept for each DSE that came by. The first
//! token of a length costs one pass over the cabinet, every other one of that length does not.

use std::collections::BTreeMap;
use std::sync::Mutex;

use container::ReadAt;
use container::authenticode::{self, Leaf};
use container::cfb::MSI_CLSID;
use container::cfb::layout::{Bulk, SECTOR, Stream};
use container::digest;
use sha2::{Digest, Sha256};

use crate::format::StampError;

/// States that are kept, 100 bytes each. Tokens of one issuer differ by some bytes in length.
const MAX_STATES: usize = 1024;

/// The states of the hash after DSE and cabinet, by DSE.
#[derive(Default)]
pub(super) struct Digests(Mutex<BTreeMap<[u8; 32], Sha256>>);

impl Digests {
    /// DSE and the digest to sign, for a package of this cabinet, which is read from `base` if need be, and these streams.
    pub(super) fn compute(
        &self,
        base: &dyn ReadAt,
        bulk: &[Bulk],
        streams: &[Stream<'_>],
    ) -> Result<([u8; 32], [u8; 32]), StampError> {
        let front = bulk.iter().map(|bulk| Leaf::plain(&bulk.name, bulk.len_bytes));
        let rest = streams.iter().map(|stream| Leaf::plain(stream.name, stream.data.len() as u64));
        let leaves: Vec<Leaf<'_>> = front.chain(rest).collect();
        let mut hasher = Sha256::new();
        authenticode::prehash(&mut hasher, MSI_CLSID, &leaves);
        let dse: [u8; 32] = hasher.finalize().into();

        let mut content = contents(bulk, streams);
        content.sort_by(|(a, _), (b, _)| authenticode::compare(a, b));
        let leading = content.iter().take_while(|(_, content)| matches!(content, Content::Kept { .. })).count();
        let (kept, rest) = content.split_at(leading);
        let mut hasher = match self.state(&dse) {
            Some(hasher) => hasher,
            None => {
                let mut hasher = Sha256::new_with_prefix(dse);
                feed(&mut hasher, base, kept)?;
                self.keep(&dse, &hasher);
                hasher
            }
        };
        feed(&mut hasher, base, rest)?;
        hasher.update(MSI_CLSID);
        Ok((dse, hasher.finalize().into()))
    }

    fn state(&self, dse: &[u8; 32]) -> Option<Sha256> {
        self.0.lock().ok()?.get(dse).cloned()
    }

    fn keep(&self, dse: &[u8; 32], hasher: &Sha256) {
        let Ok(mut states) = self.0.lock() else { return };
        if states.len() >= MAX_STATES {
            states.pop_first();
        }
        states.insert(*dse, hasher.clone());
    }
}

/// Where a stream's bytes are.
#[derive(Debug, Clone, Copy)]
enum Content<'s> {
    /// In the base, from here to there.
    Kept { start: u64, end: u64 },
    /// Here.
    New(&'s [u8]),
}

/// All streams, by name. The bulk ones lie one after the other behind the header.
fn contents<'s>(bulk: &'s [Bulk], streams: &[Stream<'s>]) -> Vec<(&'s [u16], Content<'s>)> {
    let mut at = SECTOR as u64;
    let mut all: Vec<(&[u16], Content<'_>)> = Vec::new();
    for bulk in bulk {
        all.push((&bulk.name, Content::Kept { start: at, end: at + bulk.len_bytes }));
        at += bulk.len_bytes.next_multiple_of(SECTOR as u64);
    }
    all.extend(streams.iter().map(|stream| (stream.name, Content::New(stream.data))));
    all
}

fn feed(hasher: &mut Sha256, base: &dyn ReadAt, content: &[(&[u16], Content<'_>)]) -> Result<(), container::Error> {
    for (_, content) in content {
        match content {
            Content::Kept { start, end } => digest::feed(hasher, base, "cabinet", *start, *end)?,
            Content::New(bytes) => hasher.update(bytes),
        }
    }
    Ok(())
}
