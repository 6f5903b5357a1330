//! Writing `Scripts`: the small archive that holds the scripts and the token.

use std::io::{self, Write};

use container::cpio::{DIRECTORY, Header, REGULAR, Writer};
use flate2::{Compression, GzBuilder};
use zeroize::Zeroizing;

use super::names::TOKEN_NAME;
use crate::token::Token;

/// One file of `Scripts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ScriptFile {
    pub(super) name: String,
    pub(super) permissions: u32,
    pub(super) content: Vec<u8>,
}

impl ScriptFile {
    pub(super) fn new(name: &str, permissions: u32, content: impl Into<Vec<u8>>) -> Self {
        Self { name: name.to_owned(), permissions, content: content.into() }
    }
}

/// The archive of these files and, last, the token. All of it lies in memory that is wiped.
pub(super) fn pack(files: &[ScriptFile], token: Option<&Token>, mtime: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let count = u32::try_from(files.len()).unwrap_or(u32::MAX).saturating_add(u32::from(token.is_some()));
    // room for everything at once: a vector that grows leaves copies of a secret behind
    let room = files.iter().map(|file| file.content.len() + 256).sum::<usize>() + Token::MAX_BYTES + 2048;
    let mut plain = Zeroizing::new(Vec::with_capacity(room));
    let mut archive = Writer::new(&mut *plain, mtime);
    archive.entry(&Header { name: ".", mode: DIRECTORY | 0o755, links: count.saturating_add(2), size: 0 })?;
    for file in files {
        put(&mut archive, &file.name, file.permissions, &file.content)?;
    }
    if let Some(token) = token {
        put(&mut archive, TOKEN_NAME, 0o600, token.expose().as_bytes())?;
    }
    archive.finish()?;
    let mut packed = Zeroizing::new(Vec::with_capacity(plain.len() + 64));
    // no name, no time; 3 is Unix
    let mut gzip = GzBuilder::new().operating_system(3).write(&mut *packed, Compression::default());
    gzip.write_all(&plain)?;
    gzip.finish()?;
    Ok(packed)
}

fn put<W: Write>(archive: &mut Writer<W>, name: &str, permissions: u32, content: &[u8]) -> io::Result<()> {
    let header =
        Header { name: &format!("./{name}"), mode: REGULAR | permissions, links: 1, size: content.len() as u64 };
    archive.entry(&header)?;
    archive.write_all(content)
}
